"""MS-SSIM with the numbers of the package `pytorch-msssim`, in half its time and without torch.

Source: Wang 2003, "Multiscale structural similarity for image quality assessment".
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from codec.eval.last import OfLast
from codec.eval.smoothing import Moments, Plane, bands, moments, smoothed
from codec.media import Pixels

PEAK = 255
C1, C2 = (0.01 * PEAK) ** 2, (0.03 * PEAK) ** 2
WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # finest scale first
# A Gaussian of sigma 1.5 to the last bit of the package, which has single precision: it makes differences in the sixth
# digit, because variances are small differences of large means.
HALF = (
    *(0.0010283803567290306, 0.0075987582094967365, 0.036000773310661316, 0.10936068743467331),
    *(0.21300552785396576, 0.26601171493530273),
)
WINDOW = (*HALF, *HALF[-2::-1])


def ms_ssim(x: Pixels, x_hat: Pixels) -> float:
    """The similarity in 0..1 of two images (H, W, C) uint8 with sides of at least 161 pixels, the mean of channels."""
    pairs = zip(_original(x), _scales(x_hat), strict=True)
    means = np.array([_means(original, copy) for original, copy in pairs])  # (scales, C, 2)
    factors = np.maximum(np.concatenate([means[:-1, :, 1], means[-1:, :, 0]]), 0)
    return float((factors ** np.array(WEIGHTS)[:, None]).prod(0).mean())


def _scales(pixels: Pixels) -> Iterator[Plane]:
    """The image as (C, H, W), halved from scale to scale."""
    planes = np.ascontiguousarray(pixels.transpose(2, 0, 1).astype(np.float64))
    yield planes
    for _ in WEIGHTS[1:]:
        planes = _halved(planes)
        yield planes


def _halved(planes: Plane) -> Plane:
    """Means of 2 x 2, with zeros before odd sides, as the package has them."""
    odd = [(side % 2, side % 2) for side in planes.shape[1:]]
    padded = np.pad(planes, [(0, 0), *odd]) if any(map(any, odd)) else planes
    height, width = (side // 2 * 2 for side in padded.shape[1:])
    rows = padded[:, :height:2] + padded[:, 1:height:2]
    halved: Plane = (rows[:, :, :width:2] + rows[:, :, 1:width:2]) / 4
    return halved


@OfLast
def _original(pixels: Pixels) -> list[Moments]:
    return [moments(planes, WINDOW, "nothing", "nothing") for planes in _scales(pixels)]


def _means(original: Moments, copy: Plane) -> Plane:
    """(C, 2): of each channel the means of similarity, and of contrast and structure alone."""
    sums = np.zeros((len(copy), 2))
    columns = bands(copy.shape[2], WINDOW, "nothing")
    for channel, plane in enumerate(copy):
        for rows in bands(len(plane), WINDOW, "nothing"):
            x, x_hat = original.planes[channel, rows.taken], plane[rows.taken]
            mean = original.mean[channel, rows.out]
            mean_hat = smoothed(x_hat, rows, columns)
            product, square = mean * mean_hat, mean_hat * mean_hat
            covariance = smoothed(x * x_hat, rows, columns) - product
            variances = original.variance[channel, rows.out] + smoothed(x_hat * x_hat, rows, columns) - square
            structure = (2 * covariance + C2) / (variances + C2)
            luminance = (2 * product + C1) / (mean * mean + square + C1)
            sums[channel] += np.vdot(luminance, structure), structure.sum()
    means: Plane = sums / original.mean[0].size
    return means
