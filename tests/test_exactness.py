"""The promise of the format: latents are the same numbers on every machine."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from codec.bitstream.errors import ModelMismatch
from codec.bitstream.image import read, write
from codec.devices import CPU, Device
from codec.image import decode as image_decode
from codec.image import encode as image_encode
from codec.media import ImageData, Pixels, read_image
from codec.model import fixed_layers, fixed_point, weights, weights_file
from codec.model.fixed_point import STREAM, Floats
from codec.model.registry import IMAGE
from codec.model.walk import Positions
from tests.conftest import SHARED
from tests.second_decoder import SecondDecoder
from tests.second_decoder.fixed_point import EXP2

TORCH = Device(engine="torch")


def latents(data: bytes, device: Device = CPU) -> Floats:
    """(1, h, w, 320) latents of an untiled file, by the runtime."""
    (found,) = image_decode.latents(data, device)
    return found


def by_second_decoder(data: bytes) -> np.ndarray:
    """The same in numpy integers, in 1/64 of a step."""
    (found,) = SecondDecoder(IMAGE.path).latents(data)
    return found


@pytest.mark.parametrize("quality", [0, 33.3, 50, 77, 100])
def test_latents_equal_those_of_a_second_arithmetic(patch: Pixels, quality: float) -> None:
    data = image_encode.encode(ImageData(patch), quality, CPU)
    found = latents(data)[0].astype(np.float64) * 64
    assert (found == by_second_decoder(data)).all()
    assert np.abs(found).max() > 64  # the image is not all zeros


def test_latents_of_extreme_pixels_equal_those_of_a_second_arithmetic() -> None:
    noise = np.random.default_rng(0).integers(0, 2, (70, 64, 3), np.uint8) * 255
    data = image_encode.encode(ImageData(noise), 100, CPU)
    assert (latents(data)[0].astype(np.float64) * 64 == by_second_decoder(data)).all()


def test_latents_do_not_depend_on_the_number_of_threads(parrots: Pixels) -> None:
    data = image_encode.encode(ImageData(parrots), 60, CPU)
    one, two = (latents(data, Device(threads=threads)) for threads in (1, 2))
    assert (one == two).all()


@pytest.mark.parametrize(("writer", "reader"), [("1", "2"), ("2", "1")])
def test_a_file_written_with_some_threads_is_read_with_others(writer: str, reader: str, tmp_path: Path) -> None:
    from tests.conftest import PARROTS

    def codec(threads: str, *arguments: object) -> None:
        subprocess.run(
            [sys.executable, "-m", "codec.cli", *map(str, arguments), "--threads", threads],
            check=True,
            capture_output=True,
        )

    codec(writer, "compress", PARROTS, "-o", tmp_path / "a.lcc")
    codec(reader, "decompress", tmp_path / "a.lcc")
    # float transforms may differ in the last bit between thread counts, latents may not: the images are alike
    shown = read_image(tmp_path / "a.png").pixels.astype(int)
    here = image_decode.decode((tmp_path / "a.lcc").read_bytes(), CPU).image.pixels.astype(int)
    assert np.abs(shown - here).max() <= 1


@pytest.mark.parametrize("device", [CPU, TORCH], ids=str)
def test_entropy_nets_give_the_same_in_batches_and_alone(device: Device) -> None:
    model = weights.installed(IMAGE.id, device).model
    rng = np.random.default_rng(3)
    z = rng.integers(-20, 21, (3, 4, 5, model.config.prior.hyper_channels)).astype(np.float32)
    log2_step = model.config.middle - 2 * np.array([-1.0, 0.25, 1.5], np.float32)
    log2_steps = np.full((3, 1, 320), 4.0, np.float32)
    symbols = rng.integers(-3, 4, (3, 16 * 20, 320)).astype(np.float32)

    def walked(rows: slice) -> list[Floats]:
        seen: list[Floats] = []

        def choose(channels: slice, where: Positions, mean: Floats, log2_scale: Floats) -> Floats:
            seen.extend((mean, log2_scale))
            return symbols[rows, where, channels] + mean

        hyper = model.hyper_synthesis(z[rows], log2_step[rows], (16, 20))
        seen.append(model.walk(hyper, log2_steps[rows], (16, 20), choose))
        return seen

    together = walked(slice(0, 3))
    for i in range(3):
        for batched, alone in zip(together, walked(slice(i, i + 1)), strict=True):
            assert (batched[i] == alone[0]).all()


def test_reduced_matmul_precision_of_the_caller_changes_nothing(patch: Pixels) -> None:
    data = image_encode.encode(ImageData(patch), 50, CPU)
    expected = latents(data)
    torch.set_float32_matmul_precision("medium")
    try:
        assert (latents(data, TORCH) == expected).all()
    finally:
        torch.set_float32_matmul_precision("highest")


def test_autocast_of_the_caller_changes_nothing(patch: Pixels) -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = image_encode.encode(ImageData(patch), 50, CPU)
        shown = image_decode.decode(inside, CPU).image.pixels
    assert inside == image_encode.encode(ImageData(patch), 50, CPU)
    assert (shown == image_decode.decode(inside, CPU).image.pixels).all()


def test_every_installed_layer_keeps_its_bound() -> None:
    arrays = weights_file.arrays_of(IMAGE.path)
    layers = {n: m for n, m in IMAGE.build().named_modules() if isinstance(m, fixed_layers.FixedLayer)}
    assert len(layers) > 60
    for name, layer in layers.items():
        weight, exponent, bias = (arrays[f"{name}.{part}"].astype(np.int64) for part in fixed_point.Integers._fields)
        rounding = np.exp2(np.maximum(exponent + layer.source.bits - layer.target.bits - 1, -1))
        sums = np.abs(weight).reshape(len(weight), -1).sum(1) * layer.source.magnitude + np.abs(bias) + rounding
        assert sums.max() < 2**24, name


def test_weights_that_could_overflow_are_refused() -> None:
    layer = fixed_layers.Linear(512, 1, STREAM, STREAM)
    too_large = fixed_point.Integers(np.full((1, 512), 127, np.int8), np.zeros(1, np.int8), np.zeros(1, np.int32))
    with pytest.raises(ValueError, match="exact range"):
        layer.freeze(too_large)


def test_rounding_a_layer_keeps_the_bound_even_for_flat_rows() -> None:
    layer = fixed_layers.Linear(640, 4, STREAM, STREAM)
    with torch.no_grad():
        layer.weight.fill_(0.9)
    stored = layer.integers()
    assert (np.abs(stored.weight.astype(np.int64)).sum(1) * STREAM.magnitude < fixed_point.EXACT_LIMIT).all()
    layer.freeze(stored)
    assert torch.allclose(layer.weight, torch.tensor(0.9), rtol=0.05)


def test_powers_of_two_are_far_from_rounding_ties() -> None:
    for k in range(256):
        assert abs(2 ** (k / 256 + 14) % 1 - 0.5) > 1e-4
    assert [int(m * 2**14) for m in fixed_point.EXP2] == EXP2.tolist()


def test_expected_scales_are_far_from_rounding_ties() -> None:
    values = 64 * np.log2(0.45 * np.exp2(np.arange(-1024, 1024) / 64) + 0.1)
    assert np.abs(values % 1 - 0.5).min() > 1e-6


def test_other_weights_are_a_mismatch(patch: Pixels) -> None:
    container = read(image_encode.encode(ImageData(patch), 50, CPU))
    header = replace(container.header, digest=bytes(range(8)))
    with pytest.raises(ModelMismatch, match="0001020304050607"):
        image_decode.decode(write(replace(container, header=header)), CPU)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_latents_are_the_same_on_cuda(parrots: Pixels) -> None:
    cuda = Device("cuda", engine="torch")
    data = image_encode.encode(ImageData(parrots), 60, cuda)
    assert (latents(data, cuda) == latents(data)).all()


@pytest.mark.skipif(not SHARED.exists(), reason="the Kodak suite is not here")
@pytest.mark.parametrize("number", [1, 8, 13])
def test_kodak_latents_equal_those_of_a_second_arithmetic(number: int) -> None:
    data = image_encode.encode(read_image(SHARED / "kodak" / f"kodim{number:02d}.png"), 40, CPU)
    assert (latents(data)[0].astype(np.float64) * 64 == by_second_decoder(data)).all()
