"""Golden files decode to the very same latents: under every thread count, by both arithmetics, and on CUDA."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch

import codec
from codec import media
from codec.audio import decode as audio_decode
from codec.bitstream import audio as audio_file
from codec.bitstream.audio_header import AudioHeader, MidSide
from codec.bitstream.range_coder import SYMBOL_MAX, Rows
from codec.devices import CPU, Device
from codec.image import decode as image_decode
from codec.latents import encode as latents_encode
from codec.latents.header import log2_steps_of
from codec.model import fixed_layers, weights
from codec.model.fixed_point import Floats
from codec.model.registry import AUDIO, IMAGE
from codec.search.lagrangian import ROUNDING_AUDIO
from tests import golden, worked_example
from tests.clips import RATE
from tests.golden import file
from tests.second_decoder import SecondDecoder

HASHES: dict[str, str] = json.loads(golden.HASHES.read_text())
TORCH = Device(engine="torch")
SECOND_ROUNDING = 1e-4  # of samples: float64 and float32 differ by 3e-5
FIRST_RESAMPLED = 4  # samples that resamplers begin with in ways of their own
PRINT_HASHES = """
from codec.devices import Device
from tests import golden
for name in golden.names():
    print(golden.latents_hash(golden.latents_of(golden.file(name), Device(engine="torch"))))
"""


@pytest.fixture(scope="module")
def second() -> SecondDecoder:
    return SecondDecoder(IMAGE.path, IMAGE.path_for("psnr"), AUDIO.path)


def test_every_feature_has_its_golden_file() -> None:
    assert sorted(HASHES) == sorted([*golden.images(), golden.FOR_PSNR, *golden.clips()])
    assert {p.stem for p in golden.FOLDER.glob("*.lcc")} == set(HASHES)


@pytest.mark.parametrize("name", golden.names())
@pytest.mark.parametrize("device", [Device(threads=1), Device(threads=2), TORCH], ids=str)
def test_golden_latents_are_the_same_by_every_engine(name: str, device: Device) -> None:
    assert golden.latents_hash(golden.latents_of(file(name), device)) == HASHES[name]


@pytest.mark.parametrize("name", golden.names())
def test_golden_files_are_to_the_second_decoder_what_they_are_to_the_codec(name: str, second: SecondDecoder) -> None:
    found = second.decode(file(name))
    assert golden.latents_hash(found.latents) == HASHES[name]
    if name not in golden.clips():
        bit_depth = codec.info(file(name)).bit_depth
        pixels = image_decode.decode(file(name), CPU, bit_depth=bit_depth).image.pixels
        one = 1 if bit_depth == 8 else 257
        assert np.abs(found.signal.astype(int) - pixels.astype(int)).max() <= one
    else:
        samples = audio_decode.decode(file(name), CPU).audio.samples
        assert found.signal.shape == samples.shape
        begin = FIRST_RESAMPLED if codec.info(file(name)).sample_rate != RATE else 0
        assert np.allclose(found.signal[begin:], samples[begin:], rtol=0, atol=SECOND_ROUNDING)


@pytest.mark.parametrize("name", golden.names())
def test_golden_latents_are_the_same_in_float64(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fixed_layers, "_float32_is_exact", lambda device: False)
    assert golden.latents_hash(golden.latents_of(file(name), TORCH)) == HASHES[name]


@pytest.mark.parametrize("threads", ["1", "2", "3"])
def test_golden_latents_of_torch_do_not_depend_on_threads(threads: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PRINT_HASHES],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads},
    )
    assert done.stdout.split() == [HASHES[name] for name in golden.names()]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("name", golden.names())
def test_golden_latents_are_the_same_on_cuda(name: str) -> None:
    assert golden.latents_hash(golden.latents_of(file(name), Device("cuda", engine="torch"))) == HASHES[name]


@pytest.mark.parametrize("name", golden.names())
def test_golden_pixels_and_samples_are_the_same_but_for_roundings(name: str) -> None:
    assert golden.roundings(file(name), golden.FOLDER / f"{name}.npz") <= 1


@pytest.mark.parametrize("name", golden.images())
def test_golden_extras_are_exactly_those_of_the_source(name: str) -> None:
    source, _, units = golden.images()[name]
    info = codec.info(file(name))
    found = image_decode.decode(file(name), CPU, bit_depth=source.bit_depth).image
    assert (found.icc, found.exif, found.xmp) == (source.icc, source.exif, source.xmp)
    assert found.extras == source.extras
    assert (found.alpha is None) == (source.alpha is None)
    if source.alpha is not None:
        assert (found.alpha == source.alpha).all()
    assert (info.tiles > 1) == (units != (0, 0))
    assert (info.width, info.height) == source.pixels.shape[1::-1]
    assert media.to_pillow(found).size == (info.width, info.height)


@pytest.mark.parametrize("name", golden.clips())
def test_golden_clips_have_length_tags_and_metadata_of_the_source(name: str) -> None:
    source, _ = golden.clips()[name]
    found = audio_decode.decode(file(name), CPU).audio
    assert (found.samples.shape, found.sample_rate) == (source.samples.shape, source.sample_rate)
    assert (found.tags, found.bit_depth, found.metadata) == (source.tags, source.bit_depth, source.metadata)


def test_golden_clips_have_what_they_are_named_for() -> None:
    found = {name: audio_file.read(file(name)) for name in golden.clips()}
    assert {name: bool(f.header.pairs) for name, f in found.items() if f.header.channels == 2} == {
        "audio-mid-side": True,
        "audio-left-right": False,
        "audio-silence": False,
    }
    assert {name: len(f.chunks) for name, f in found.items() if len(f.chunks) != 1} == {
        "audio-two-chunks": 2,
        "audio-later": 2,
        "audio-empty": 0,
    }
    assert [name for name in found if audio_file.later_of(io.BytesIO(file(name))).tags] == [golden.LATER]


@pytest.mark.parametrize("step_index", [385, 2431])
def test_the_wildest_clips_are_the_same_to_both_decoders(step_index: int, second: SecondDecoder) -> None:
    """Symbols up to the last escape, at the ends of the scale of qualities: every clamp is met."""
    loaded = weights.installed(AUDIO.id, CPU)
    header = AudioHeader(AUDIO.id, loaded.digest, step_index, RATE, 2, (MidSide(0, step_index, 1408),))
    rng = np.random.default_rng(step_index)

    def anything(residual: Floats, rows: Rows, price: Floats) -> Floats:
        return SYMBOL_MAX * rng.integers(-1, 2, residual.shape).astype(np.float32)

    h = 1e3 * rng.standard_normal((2, 1, 9, sum(AUDIO.config.prior.groups)), np.float32)
    log2_steps = log2_steps_of(header)
    name = header.bytes() + bytes(4)
    (stream,) = latents_encode.encode(
        loaded.model, loaded.tables, h, log2_steps, name, anything, price=ROUNDING_AUDIO
    ).parts
    data = audio_file.begin(header) + audio_file.chunk(9, stream) + audio_file.end(8000, [len(stream) + 1])
    assert golden.latents_hash(golden.latents_of(data)) == golden.latents_hash(second.latents(data))
    assert np.isfinite(audio_decode.decode(data, CPU).audio.samples).all()


def test_the_worked_example_of_the_specification_is_traced_from_its_file() -> None:
    assert worked_example.BEGIN + worked_example.text() + worked_example.END in worked_example.SPEC.read_text()


DAMAGED = [
    "quality-50",
    "extras",
    "tiles",
    "tiles-wide",
    "noise",
    "deep-alpha-grey",
    "audio-two-chunks",
    "audio-mid-side",
]


@pytest.mark.parametrize("name", DAMAGED)
def test_what_is_known_of_a_cut_or_damaged_file_is_what_the_second_decoder_knows(
    name: str, second: SecondDecoder
) -> None:
    data = file(name)
    rng = np.random.default_rng(len(data))
    compared = 0
    for _ in range(12):
        at = int(rng.integers(len(data)))
        changed = data[:at] if rng.integers(3) else data[:at] + bytes([data[at] ^ 255]) + data[at + 1 :]
        try:
            found = golden.latents_of(changed, partial=True)
        except codec.CodecError:
            with pytest.raises(ValueError, match=r"."):
                second.prefix(changed)
            continue
        for here, there in zip(found, second.prefix(changed), strict=True):
            assert (here == there).all(), at
            compared += 1
    assert compared
