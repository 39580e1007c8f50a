"""Latents of images and audio as such, and the bits of each."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest

import codec
from codec.bitstream import constants
from codec.devices import CPU
from codec.image import decode as image_decode
from codec.image.encode import encode
from codec.media import ImageData, Pixels
from tests.clips import melody
from tests.conftest import Run, only_line


def stripes() -> Pixels:
    """What is coded without loss."""
    return np.tile(np.array([[[0]], [[255]]], np.uint8), (16, 24, 3))


def test_bits_of_latents_are_those_of_the_file(patch: Pixels) -> None:
    data = codec.compress(patch)
    found = codec.latents_of(data)
    spent = 8 * sum(len(stream.data) for stream in image_decode.image_file.read(data).streams)
    assert found.total_bits < spent < found.total_bits + 150  # kind, checksum, whole words of the coder
    assert found.media == "image"
    assert found.features.shape == found.y_hat.shape == found.bits.shape == (1, 5, 9, 320)
    assert found.z_hat.shape == found.z_bits.shape
    np.testing.assert_array_equal(found.y_hat, next(iter(image_decode.latents(data, CPU))))


def test_the_map_holds_all_bits(patch: Pixels) -> None:
    found = codec.latents_of(patch, 30)
    assert found.bits_map.shape == (1, 5, 9, len(found.groups))
    assert float(found.bits_map.sum()) == pytest.approx(found.total_bits, rel=1e-4)
    np.testing.assert_array_equal(codec.bits_map(patch, 30), found.bits_map)


def test_tiles_come_together(parrots: Pixels) -> None:
    small = ImageData(parrots[:100, :150].copy())
    data = encode(small, 50, CPU, tiles=lambda width, height: (1, 1))
    found = codec.latents_of(data)
    tiles = list(image_decode.latents(data, CPU))
    assert len(tiles) == 6
    assert found.y_hat.shape == (1, 7, 10, 320)
    np.testing.assert_array_equal(found.y_hat[:, 4:, 8:], tiles[-1])
    assert found.z_hat.shape[1:3] == (2, 3)


def test_audio_has_latents_of_all_channels_and_chunks() -> None:
    clip = melody(2.1, channels=2)
    data = codec.compress(clip, 20)
    found = codec.latents_of(data)
    assert found.media == "audio"
    assert found.y_hat.shape[:3] == (2, 1, 106)
    assert found.total_bits < 8 * len(data) < found.total_bits * 1.05 + 1000
    again = codec.latents_of(clip, 20)
    np.testing.assert_array_equal(again.y_hat, found.y_hat)
    np.testing.assert_array_equal(again.bits, found.bits)


def test_lossless_tiles_are_coded_as_latents() -> None:
    data = codec.compress(stripes(), lossless=True)
    found = codec.latents_of(data)
    assert image_decode.image_file.read(data).streams[0].data[0] == constants.TILE_LOSSLESS
    assert found.total_bits > 0
    assert codec.latents_of(stripes()).total_bits > 0


def test_features_come_in_order_with_errors_in_their_places(patch: Pixels) -> None:
    one, error, other = codec.features_many([patch, b"nothing", patch[:40]], workers=2)
    assert isinstance(error, codec.MediaError)
    assert isinstance(one, np.ndarray)
    assert isinstance(other, np.ndarray)
    assert one.shape == other.shape == (2 * 320 + 5,)
    assert not np.array_equal(one, other)


def test_the_command_writes_features_and_names_what_failed(run: Run, patch: Pixels, tmp_path: Path) -> None:
    codec.compress(patch, out=tmp_path / "a.lcc")
    (tmp_path / "b.png").write_bytes(b"nothing")
    done = run("features", "-r", tmp_path, "-o", tmp_path / "found.npz")
    assert done.returncode == 1
    assert b"b.png" in done.stderr
    found = np.load(tmp_path / "found.npz")
    assert list(found["names"]) == [str(tmp_path / "a.lcc")]
    (vector,) = codec.features_many([tmp_path / "a.lcc"])
    np.testing.assert_array_equal(found["features"][0], vector)
    assert "exists already" in only_line(run("features", tmp_path / "a.lcc", "-o", tmp_path / "found.npz"))
    assert "b.png" in only_line(run("features", tmp_path / "b.png", "-o", tmp_path / "other.npz"))
    assert not (tmp_path / "other.npz").exists()


def test_originals_have_no_latents() -> None:
    with pytest.raises(codec.MediaError, match="no latents"):
        codec.latents_of(io.BytesIO(codec.compress(b"abc", exact=True)))


def test_audio_of_no_samples_has_an_empty_map() -> None:
    found = codec.latents_of((np.zeros((0, 1), np.float32), 48_000))
    assert found.total_bits == 0
    assert found.bits_map.shape == (1, 1, 0, len(found.groups))
