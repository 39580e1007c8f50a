"""Distances between an original and what a decoder made of it; higher is better where nothing else is said. Pixels
are (H, W, 1 or 3) uint8.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from codec.eval.last import OfLast
from codec.media import Pixels

LUMA_601 = (0.299, 0.587, 0.114)  # ITU-R BT.601, full range, as JPEG has it
MS_SSIM_SMALLEST_SIDE = 161  # four halvings under a window of 11
SSIMULACRA2_SMALLEST_SIDE = 8
GMSD_CONSTANT = 170.0


def psnr_db(x: npt.NDArray[np.number], x_hat: npt.NDArray[np.number]) -> float:
    """Peak signal-to-noise ratio over all samples, for a peak of 255; infinite for equal arrays."""
    mse = np.mean((x.astype(np.float64) - x_hat.astype(np.float64)) ** 2)
    return float(10 * np.log10(255**2 / mse)) if mse else math.inf


def luma(pixels: Pixels) -> npt.NDArray[np.float64]:
    """(H, W) float64 luma of BT.601 in 0..255, not rounded."""
    y: npt.NDArray[np.float64] = rgb(pixels).astype(np.float64) @ np.array(LUMA_601)
    return y


def ms_ssim(x: Pixels, x_hat: Pixels) -> float | None:
    """MS-SSIM over RGB, in 0..1; None where a side is below 161 pixels. Source: Wang 2003."""
    if min(x.shape[:2]) < MS_SSIM_SMALLEST_SIDE:
        return None
    from codec.eval import ms_ssim as of_arrays  # loads SciPy

    return of_arrays.ms_ssim(rgb(x), rgb(x_hat))


def ssimulacra2(x: Pixels, x_hat: Pixels) -> float | None:
    """SSIMULACRA 2, at most 100; 70 is high and 50 medium quality; None where a side is below 8 pixels.

    Source: Sneyers 2022, github.com/cloudinary/ssimulacra2; the package `ssimulacra2`.
    """
    if min(x.shape[:2]) < SSIMULACRA2_SMALLEST_SIDE:
        return None
    from codec.eval import ssimulacra2 as of_arrays  # loads SciPy

    return of_arrays.ssimulacra2(rgb(x), rgb(x_hat))


def gmsd(x: Pixels, x_hat: Pixels) -> float:
    """Gradient magnitude similarity deviation of luma, 0 for equal images; lower is better.

    Halved first, Prewitt's gradients, constant 170 for 0..255. Source: Xue 2014, 10.1109/TIP.2013.2293423.
    """
    a, b = _edges_of_original(x), _edges(x_hat)
    similarity = (2 * a * b + GMSD_CONSTANT) / (a**2 + b**2 + GMSD_CONSTANT)
    return float(similarity.std())


def _edges(pixels: Pixels) -> npt.NDArray[np.float64]:
    return _gradient(_halved(luma(pixels)))


_edges_of_original = OfLast(_edges)


def _halved(plane: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    height, width = (side // 2 * 2 for side in plane.shape)
    halved: npt.NDArray[np.float64] = plane[:height, :width].reshape(height // 2, 2, width // 2, 2).mean((1, 3))
    return halved


def _gradient(plane: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Magnitude where all neighbours are inside."""
    right = (plane[:, 2:] - plane[:, :-2]) / 3
    down = (plane[2:] - plane[:-2]) / 3
    horizontal = right[:-2] + right[1:-1] + right[2:]
    vertical = down[:, :-2] + down[:, 1:-1] + down[:, 2:]
    magnitude: npt.NDArray[np.float64] = np.hypot(horizontal, vertical)
    return magnitude


def rgb(pixels: Pixels) -> Pixels:
    """(H, W, 3) of grey or RGB."""
    return np.ascontiguousarray(np.broadcast_to(pixels, (*pixels.shape[:2], 3)))
