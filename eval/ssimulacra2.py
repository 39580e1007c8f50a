"""SSIMULACRA 2 with the numbers of the package `ssimulacra2`, in a fifth of its time.

Constants, the scales' weights and the final polynomial are the package's; a test compares with it. Different are: what
depends on the original alone is computed once; sRGB is linearised by a table; and maps are summed in strips, as
`smoothing` has them. As in the package, which turns images before it pads them, the Gaussian finds images mirrored
above and below, and zeros left and right.
Source: Sneyers 2022, github.com/cloudinary/ssimulacra2.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from ssimulacra2 import ssimulacra2 as package

from codec.eval.last import OfLast
from codec.eval.smoothing import REACH, Band, Moments, Plane, Window, bands, moments, smoothed
from codec.media import Pixels

SMALLEST_SCALE = 8  # pixels of a side
GAUSSIAN = np.exp(-(np.arange(-REACH, REACH + 1) ** 2) / (2 * 1.5**2))
WINDOW: Window = tuple((GAUSSIAN / GAUSSIAN.sum()).tolist())

LINEAR: Plane = package.srgb_to_linear(np.arange(256))
OPSIN: Plane = package.kOpsinAbsorbanceMatrix.reshape(3, 3)
BIAS: Plane = package.kOpsinAbsorbanceBias[:, None, None]


def ssimulacra2(x: Pixels, x_hat: Pixels) -> float:
    """The score of a copy `x_hat` of `x`, both (H, W, 3) uint8 with sides of at least 8 pixels; 100 is the best."""
    sums = package.Msssim()
    for original, copy in zip(_original(x), _scales(x_hat), strict=True):
        means = _means(original, copy)
        scale = package.MsssimScale()
        scale.avg_ssim, scale.avg_edgediff = means[:, :2].ravel(), means[:, 2:].ravel()
        sums.scales.append(scale)
    return float(sums.score())


def _scales(pixels: Pixels) -> Iterator[Plane]:
    """The image in positive XYB, (3, H, W), halved from scale to scale."""
    linear = np.ascontiguousarray(LINEAR[pixels].transpose(2, 0, 1))
    for scale in range(package.kNumScales):
        if scale:
            linear = _halved(linear)
        if min(linear.shape[1:]) < SMALLEST_SCALE:
            return
        yield _positive_xyb(linear)


def _positive_xyb(linear: Plane) -> Plane:
    """(3, H, W) of linear RGB."""
    mixed = (OPSIN @ linear.reshape(3, -1)).reshape(linear.shape)
    mixed += BIAS
    np.cbrt(np.maximum(mixed, 0, out=mixed), out=mixed)
    mixed -= np.cbrt(BIAS)
    l, m, s = mixed  # noqa: E741 - cones of the eye: long, medium and short waves
    y = (l + m) / 2
    return np.stack([(l - m) * (14 / 2) + 0.42, y + 0.01, s - y + 0.55])


def _halved(planes: Plane) -> Plane:
    """Means of 2 x 2; of what is there at odd edges."""
    odd = [(0, side % 2) for side in planes.shape[1:]]
    padded = np.pad(planes, [(0, 0), *odd], mode="edge") if any(more for _, more in odd) else planes
    rows = padded[:, ::2] + padded[:, 1::2]
    halved: Plane = (rows[:, :, ::2] + rows[:, :, 1::2]) / 4
    return halved


@OfLast
def _original(pixels: Pixels) -> list[Moments]:
    return [moments(planes, WINDOW, "zeros", "mirror") for planes in _scales(pixels)]


def _means(original: Moments, copy: Plane) -> Plane:
    """(3, 6): of each channel the mean and the 4-norm of the SSIM map, of artefacts and of lost detail."""
    sums = np.zeros((3, 6))
    columns = bands(copy.shape[2], WINDOW, "zeros")
    for channel in range(3):
        for rows in bands(copy.shape[1], WINDOW, "mirror"):
            sums[channel] += _strip_sums(
                original.planes[channel, rows.taken],
                original.mean[channel, rows.out],
                original.variance[channel, rows.out],
                copy[channel, rows.taken],
                rows,
                columns,
            )
    means: Plane = sums / copy[0].size
    means[:, 1::2] **= 1 / 4
    return means


def _strip_sums(x: Plane, mean: Plane, variance: Plane, x_hat: Plane, rows: Band, columns: list[Band]) -> list[float]:
    """The sums of values and of fourth powers over the rows of one strip."""
    mean_hat = smoothed(x_hat, rows, columns)
    numerator = 2 * (smoothed(x * x_hat, rows, columns) - mean * mean_hat) + package.kC2
    denominator = variance + (smoothed(x_hat * x_hat, rows, columns) - mean_hat * mean_hat) + package.kC2
    luminance = 1 - (mean - mean_hat) ** 2
    structure = np.maximum(1 - luminance * numerator / denominator, 0)
    inner = slice(rows.out.start - rows.taken.start, rows.out.stop - rows.taken.start)
    edges = (1 + np.abs(x_hat[inner] - mean_hat)) / (1 + np.abs(x[inner] - mean)) - 1
    sums = []
    for values in (structure, np.maximum(edges, 0), np.maximum(-edges, 0)):
        squares = values * values
        sums += [float(values.sum()), float(np.vdot(squares, squares))]
    return sums
