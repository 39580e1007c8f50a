"""Distances between an original and what a decoder made of it; higher is better. Pixels are (H, W, 1 or 3) uint8.

SSIMULACRA 2 in Python costs a second an image of Kodak's size, so the two perceptual metrics can be left out where
nobody compares them: see `measured`.
"""

from __future__ import annotations

import io
import math
from importlib.metadata import version

import numpy as np
import numpy.typing as npt
from PIL import Image

from codec.eval.medium import MS_SSIM, PSNR_RGB, PSNR_Y, SSIMULACRA2
from codec.media import Pixels

PACKAGES = ("pytorch-msssim", "ssimulacra2")
LUMA_601 = (0.299, 0.587, 0.114)  # ITU-R BT.601, full range, as JPEG has it
MS_SSIM_SMALLEST_SIDE = 161  # four halvings under a window of 11
SSIMULACRA2_SMALLEST_SIDE = 8
PERCEPTUAL_RATES_BPP = (0.08, 2.0)  # where they are measured; well beyond the equal rates that are compared


def psnr_db(x: npt.NDArray[np.number], x_hat: npt.NDArray[np.number]) -> float:
    """Peak signal-to-noise ratio over all samples, for a peak of 255; infinite for equal arrays."""
    mse = np.mean((x.astype(np.float64) - x_hat.astype(np.float64)) ** 2)
    return float(10 * np.log10(255**2 / mse)) if mse else math.inf


def luma(pixels: Pixels) -> npt.NDArray[np.float64]:
    """(H, W) float64 luma of BT.601 in 0..255, not rounded."""
    y: npt.NDArray[np.float64] = rgb(pixels).astype(np.float64) @ np.array(LUMA_601)
    return y


def ms_ssim(x: Pixels, x_hat: Pixels) -> float | None:
    """MS-SSIM over RGB, in 0..1; None where a side is below 161 pixels. Source: Wang 2003; `pytorch-msssim`."""
    if min(x.shape[:2]) < MS_SSIM_SMALLEST_SIDE:
        return None
    import pytorch_msssim
    import torch

    with torch.inference_mode():
        planes = [torch.from_numpy(rgb(p).copy()).permute(2, 0, 1)[None].float() for p in (x, x_hat)]
        return float(pytorch_msssim.ms_ssim(*planes, data_range=255))


def ssimulacra2(x: Pixels, x_hat: Pixels) -> float | None:
    """SSIMULACRA 2, at most 100; 70 is high and 50 medium quality; None where a side is below 8 pixels.

    Source: Sneyers 2022, github.com/cloudinary/ssimulacra2; the package `ssimulacra2`.
    """
    if min(x.shape[:2]) < SSIMULACRA2_SMALLEST_SIDE:
        return None
    from ssimulacra2 import compute_ssimulacra2

    files = []
    for pixels in (x, x_hat):
        file = io.BytesIO()
        Image.fromarray(rgb(pixels)).save(file, "BMP")
        files.append(file)
    return float(compute_ssimulacra2(*files))


def measured(x: Pixels, x_hat: Pixels, rate_bpp: float) -> dict[str, float | None]:
    """All scores by key; the perceptual ones are None outside PERCEPTUAL_RATES_BPP and for very small images.

    Raises ValueError where the sizes differ.
    """
    if x.shape[:2] != x_hat.shape[:2]:
        raise ValueError(f"{x.shape} against {x_hat.shape}: the decoder changed the size")
    low, high = PERCEPTUAL_RATES_BPP
    perceptual = low <= rate_bpp <= high
    return {
        PSNR_RGB.key: psnr_db(rgb(x), rgb(x_hat)),
        PSNR_Y.key: psnr_db(luma(x), luma(x_hat)),
        MS_SSIM.key: ms_ssim(x, x_hat) if perceptual else None,
        SSIMULACRA2.key: ssimulacra2(x, x_hat) if perceptual else None,
    }


def versions() -> dict[str, str]:
    """The packages behind the metrics. Raises importlib.metadata.PackageNotFoundError."""
    return {package: version(package) for package in PACKAGES}


def rgb(pixels: Pixels) -> Pixels:
    """(H, W, 3) of grey or RGB."""
    return np.ascontiguousarray(np.broadcast_to(pixels, (*pixels.shape[:2], 3)))
