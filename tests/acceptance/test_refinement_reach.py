"""What refinement, metrics and regions of interest gain with the weights of images."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import codec
from codec.eval.metrics import psnr_db
from codec.image import encode as image_encode
from codec.media import ImageData, Pixels
from codec.quality import Metric
from codec.search import ssimulacra2
from codec.search.distortion import dissimilarity, squared
from tests.golden import CPU
from tests.test_effort import cost, crop

pytestmark = pytest.mark.slow

__all__ = ["crop"]  # a fixture


@pytest.mark.parametrize(("tiles", "tried"), [((0, 0), (1, 3, 5)), ((1, 1), (1, 3))])
def test_refinement_costs_less_and_decodes(crop: Pixels, tiles: tuple[int, int], tried: tuple[int, ...]) -> None:
    costs = []
    for effort in tried:
        data = image_encode.encode(ImageData(crop), 55, CPU, effort=effort, tiles=lambda width, height: tiles)
        codec.verify(data, deep=True)
        costs.append(cost(data, crop, 55))
    assert costs[0] > max(costs[1:])


@pytest.mark.parametrize("metric", ["msssim", "ssimulacra2"])
def test_a_metric_is_served_by_refinement_that_goes_by_it(parrots: Pixels, metric: Metric) -> None:
    pixels = np.ascontiguousarray(parrots[128:320, 200:392])
    x = torch.from_numpy(pixels).float()[None]
    everywhere = torch.ones_like(x[..., :1])

    def judged(goes_by: Metric, size: int) -> tuple[float, float]:
        """What is missing to the image by the metric, and squared error, of a file of a size."""
        data = codec.compress(pixels, effort=2, target_size=size, metric=goes_by)
        x_hat = torch.from_numpy(codec.decompress(data, output="array")).float()[None]
        missing = ssimulacra2.distance(x, x_hat) if metric == "ssimulacra2" else dissimilarity(x, everywhere, x_hat)
        return float(missing), float(squared(x, everywhere, x_hat))

    size = len(codec.compress(pixels, 75, effort=2))
    by_error, by_metric = judged("psnr", size), judged(metric, size)
    assert by_metric[0] < 0.95 * by_error[0]
    assert by_metric[1] > by_error[1]


@pytest.mark.parametrize("effort", [1, 2])
def test_a_region_of_interest_is_better_in_a_file_of_the_same_size(parrots: Pixels, effort: int) -> None:
    pixels = np.ascontiguousarray(parrots[100:356, 100:420])
    mask = np.zeros(pixels.shape[:2], np.uint8)
    inside = slice(mask.shape[0] // 4, mask.shape[0] // 2), slice(mask.shape[1] // 4, mask.shape[1] // 2)
    mask[inside] = 255
    size = len(codec.compress(pixels, 40, effort=1))
    files = [codec.compress(pixels, effort=effort, target_size=size, roi=roi) for roi in (None, mask)]
    assert max(map(len, files)) <= size
    plain, region = (psnr_db(pixels[inside], codec.decompress(data, output="array")[inside]) for data in files)
    assert region > plain + 0.2
