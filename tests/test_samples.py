"""Samples of the prior, and what cut files lack drawn from it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import codec
from codec.bitstream.range_coder import Decoder, Encoder
from codec.bitstream.tables import TOTAL
from codec.devices import CPU
from codec.latents import decode as latents_decode
from codec.latents.drawing import Draw
from codec.media import Pixels
from codec.model import weights
from codec.model.registry import IMAGE
from tests.clips import melody
from tests.conftest import Run


def test_bits_of_samples_agree_with_their_entropy_and_with_the_coder() -> None:
    loaded = weights.installed(IMAGE.id, CPU)
    tables, record = loaded.tables.tables, list[tuple[np.ndarray, np.ndarray]]()
    log2_step = np.full(1, IMAGE.config.middle, np.float32)
    latents_decode._walk(loaded.model, Draw(tables, 3), (32, 48), log2_step, True, record)
    rows, symbols = (np.concatenate(parts) for parts in zip(*record, strict=True))
    entropies = [0.0]
    for row in range(1, len(tables.reach)):
        p = tables.row(row) / TOTAL
        entropies.append(float(-(p * np.log2(p)).sum()))
    bits, entropy = float(tables.bits(rows, symbols).sum()), float(np.array(entropies)[rows].sum())
    assert entropy > 1000
    assert bits == pytest.approx(entropy, rel=0.02)
    encoder = Encoder(loaded.tables)
    for of_pass in record:
        encoder.put(*of_pass)
    assert 8 * len(encoder.bytes()) == pytest.approx(bits, rel=0.01)


def test_bits_of_escapes_are_those_of_the_coder() -> None:
    loaded = weights.installed(IMAGE.id, CPU)
    rows = np.full(2000, 20, np.uint8)
    symbols = np.resize(np.array([0, 1, -900, 30000], np.int32), 2000)
    encoder = Encoder(loaded.tables)
    encoder.put(rows, symbols)
    data = encoder.bytes()
    assert 8 * len(data) == pytest.approx(float(loaded.tables.tables.bits(rows, symbols).sum()), rel=0.01)
    np.testing.assert_array_equal(Decoder(loaded.tables, data).take(rows), symbols)


def test_samples_repeat_and_seeds_differ() -> None:
    one, again, other = (np.asarray(codec.sample((40, 70), 50, seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert one.shape == (40, 70, 3)
    assert np.ptp(one) > 0
    assert not np.array_equal(one, other)


def test_audio_is_drawn_too() -> None:
    one, again = codec.sample(0.5, 20, 4), codec.sample(0.5, 20, 4)
    assert one.samples.shape == (24_000, 1)
    np.testing.assert_array_equal(one.samples, again.samples)
    assert np.ptp(one.samples) > 0


def test_what_is_known_is_kept_and_the_rest_is_drawn(patch: Pixels) -> None:
    whole = np.asarray(codec.complete(patch, 1.0))
    np.testing.assert_array_equal(whole, np.asarray(codec.complete(patch, 1.0, seed=9)))
    half, other = (np.asarray(codec.complete(patch, 0.5, seed)) for seed in (1, 2))
    assert not np.array_equal(half, other)
    errors = [np.mean((x.astype(float) - patch) ** 2) for x in (whole, half, np.asarray(codec.sample((75, 130))))]
    assert errors == sorted(errors)


def test_audio_is_completed() -> None:
    clip = melody(0.5)
    found = codec.complete(clip, 0.5, seed=1, quality=20)
    assert isinstance(found, codec.AudioData)
    assert found.samples.shape == clip.samples.shape


def test_a_cut_file_is_drawn_on_instead_of_averaged(run: Run, patch: Pixels, tmp_path: Path) -> None:
    data = codec.compress(patch)
    short = tmp_path / "short.lcc"
    short.write_bytes(data[: len(data) // 2])
    with pytest.warns(codec.IncompleteImage):
        drawn = np.asarray(codec.decompress_image(short, partial="draw"))
    with pytest.warns(codec.IncompleteImage):
        averaged = np.asarray(codec.decompress_image(short, partial=True))
    assert not np.array_equal(drawn, averaged)
    done = run("decompress", short, "--draw", "-o", tmp_path / "drawn.png")
    assert done.returncode == 3, done.stderr
    with Image.open(tmp_path / "drawn.png") as image:
        np.testing.assert_array_equal(np.asarray(image), drawn)


def test_there_are_no_such_samples(patch: Pixels) -> None:
    with pytest.raises(ValueError, match="seed -1: expected 0"):
        codec.sample((8, 8), seed=-1)
    with pytest.raises(ValueError, match="seed -1: expected 0"):
        codec.complete(patch, seed=-1)
    with pytest.raises(ValueError, match="height and width"):
        codec.sample((1, 2, 3))  # type: ignore[call-overload]
    with pytest.raises(ValueError, match="at most 86400"):
        codec.sample(1e9)
    for call in (lambda: codec.complete(patch, "x"), lambda: codec.interpolate(patch, patch, "x")):  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="is a str, not a number"):
            call()
