"""What the weights of images reach: the scale of qualities, seams and price of tiles, of padding, of effort 1."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import codec
from codec.bitstream.constants import STEP_UNITS
from codec.eval.metrics import psnr_db
from codec.image import decode as image_decode
from codec.image import encode as image_encode
from codec.media import ImageData, Pixels
from codec.model.registry import IMAGE
from codec.quality import WEIGHED_METRICS
from codec.search import lagrangian, ssimulacra2
from tests.golden import CPU

pytestmark = pytest.mark.slow


def test_higher_quality_is_a_larger_and_nearer_file(parrots: Pixels) -> None:
    crop = parrots[:256, :256]
    files = [codec.compress(crop, quality) for quality in range(0, 101, 20)]
    distances = [psnr_db(crop, codec.decompress(data, output="array")) for data in files]
    assert sorted({len(f) for f in files}) == [len(f) for f in files]
    assert sorted(set(distances)) == distances


def test_the_scale_of_qualities_is_as_documented(parrots: Pixels) -> None:
    # this image is an easy one: it needs about half of the mean of the Kodak suite
    low, middle, high = (len(codec.compress(parrots, q)) * 8 / (512 * 768) for q in (0, 50, 100))
    assert 0.02 < low < 0.08
    assert 0.15 < middle < 0.4
    assert 1.2 < high < 3


@pytest.mark.parametrize("quality", [10, 50, 90])
def test_a_quality_is_about_the_same_size_with_weights_for_eyes_and_for_squared_error(
    parrots: Pixels, quality: float
) -> None:
    eyes, psnr = (len(codec.compress(parrots, quality, metric=metric)) for metric in WEIGHED_METRICS)
    assert 0.75 < psnr / eyes < 1.33  # of single images; the mean of several is within some hundredths


@pytest.mark.parametrize("quality", [10, 40])
def test_images_for_squared_error_have_their_integers_chosen_by_it(
    parrots: Pixels, quality: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cost() -> float:
        """Bits, and squared error at the slope of a uniform quantiser."""
        data = codec.compress(parrots, quality, metric="psnr")
        error = parrots.astype(float) - codec.decompress(data, output="array")
        step = IMAGE.curve_of(bytes.fromhex(codec.info(data).weights)).step_index(quality) / STEP_UNITS
        return 8 * len(data) + lagrangian.LAMBDA * float((error**2).sum()) / 4**step

    by_error = cost()
    monkeypatch.setattr(lagrangian, "ROUNDING_SQUARED", lagrangian.Price(16.0))
    assert by_error < cost()


@pytest.mark.parametrize("quality", [10, 60])
def test_tiles_leave_no_seams(parrots: Pixels, quality: float) -> None:
    data = image_encode.encode(ImageData(parrots), quality, CPU, tiles=lambda width, height: (2, 2))
    shown = image_decode.decode(data, CPU).image.pixels
    assert codec.info(data).tiles == 24
    error = shown.astype(float) - parrots
    for axis in (0, 1):
        steps = np.abs(np.diff(error, axis=axis)).mean((1 - axis, 2))  # across each line between pixels
        seams = steps[127::128]
        elsewhere = np.delete(steps, np.arange(127, len(steps), 128))
        assert seams.max() <= elsewhere.max()


def test_tiles_cost_little_and_give_the_same_quality(parrots: Pixels) -> None:
    tiled = image_encode.encode(ImageData(parrots), 50, CPU, tiles=lambda width, height: (4, 4))
    whole = image_encode.encode(ImageData(parrots), 50, CPU)
    assert len(tiled) < len(whole) * 1.08  # tiles of 256 x 256; ours are sixteen times as large
    distances = [psnr_db(parrots, image_decode.decode(data, CPU).image.pixels) for data in (tiled, whole)]
    assert distances[0] == pytest.approx(distances[1], abs=0.1)


@pytest.mark.parametrize("quality", [5, 50, 95])
def test_padding_costs_at_most_a_hundredth(parrots: Pixels, quality: float) -> None:
    for height, width in ((512, 768), (256, 384)):
        aligned = len(codec.compress(np.ascontiguousarray(parrots[:height, :width]), quality))
        for cut in (1, 7, 15):
            cropped = np.ascontiguousarray(parrots[: height - cut, : width - cut])
            few_symbols = 8  # bytes: that fall otherwise beside an edge; of 700 they are a hundredth by themselves
            assert len(codec.compress(cropped, quality)) <= aligned * 1.01 + few_symbols


def test_effort_saves_bits_for_less_than_they_are_worth(parrots: Pixels) -> None:
    def reached(quality: float, effort: int) -> tuple[float, float]:
        """Logarithm of bytes, and SSIMULACRA 2."""
        data = codec.compress(parrots, quality, effort=effort)
        pair = (torch.tensor(x).float()[None] for x in (parrots, codec.decompress(data, output="array")))
        return math.log(len(data)), float(ssimulacra2.score(ssimulacra2.distance(*pair)))

    (fewer, lower), (more, higher) = reached(37, 0), reached(43, 0)
    size, score = reached(43, 1)
    assert fewer < size < more - 0.02
    # level by SSIMULACRA 2: what is saved is saved by butteraugli and squared error
    assert score > lower + (higher - lower) * (size - fewer) / (more - fewer) - 0.2
