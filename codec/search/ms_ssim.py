"""MS-SSIM of two images: structural similarity at five scales.

Source: Wang 2003, "Multiscale structural similarity for image quality assessment"; constants and borders as in the
package `pytorch-msssim`, which a test compares with.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

WINDOW, SIGMA = 11, 1.5  # pixels
K1, K2, PEAK = 0.01, 0.03, 255.0
WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # finest scale first
LEAST_IMPORTANCE = 1e-9  # in all: keeps images without any from dividing by zero
SMALLEST_SIDE = (WINDOW - 1) * 2 ** (len(WEIGHTS) - 1) + 1  # a window at the coarsest scale


def ms_ssim(x: Tensor, x_hat: Tensor) -> Tensor:
    """(B,) similarity in 0..1 of images (B, C, H, W) in 0..255, the mean of their channels; differentiable.

    Raises ValueError for sides below SMALLEST_SIDE.
    """
    if min(x.shape[2:]) < SMALLEST_SIDE:
        raise ValueError(f"MS-SSIM of {x.shape[3]} x {x.shape[2]} pixels; both sides must be at least {SMALLEST_SIDE}")
    return ms_ssim_of_any_size(x, x_hat, torch.ones_like(x[:, :1]))


def ms_ssim_of_any_size(x: Tensor, x_hat: Tensor, importance: Tensor) -> Tensor:
    """`ms_ssim`, with places weighed by importance (B, 1, H, W), of as many scales as windows fit; sides >= WINDOW."""
    means = []
    for scale in range(len(WEIGHTS)):
        if scale:
            if (min(x.shape[2:]) + 1) // 2 < WINDOW:
                break
            x, x_hat, importance = _halved(x), _halved(x_hat), _halved(importance)
        luminance, contrast = _terms(x, x_hat)
        inner = importance[:, :, WINDOW // 2 : -(WINDOW // 2), WINDOW // 2 : -(WINDOW // 2)]
        share = inner / inner.sum((2, 3), keepdim=True).clamp_min(LEAST_IMPORTANCE)
        means.append([(share * factor).sum((2, 3)).relu() for factor in (luminance * contrast, contrast)])
    factors = torch.stack([*(contrast for _, contrast in means[:-1]), means[-1][0]])  # (scales, B, C)
    weights = torch.tensor(WEIGHTS, dtype=torch.float32, device=x.device)[: len(factors), None, None]
    return (factors**weights).prod(0).mean(1)


def _terms(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Luminance, and contrast times structure, of every place where a whole window fits."""
    c1, c2 = (K1 * PEAK) ** 2, (K2 * PEAK) ** 2
    mean_x, mean_y = smoothed(x), smoothed(y)
    covariance = smoothed(x * y) - mean_x * mean_y
    variances = smoothed(x * x) - mean_x**2 + smoothed(y * y) - mean_y**2
    luminance = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
    return luminance, (2 * covariance + c2) / (variances + c2)


def smoothed(x: Tensor, length: int = WINDOW, sigma: float = SIGMA) -> Tensor:
    """(B, C, H, W) under a Gaussian window, wherever a whole one fits."""
    offsets = torch.arange(length, dtype=torch.float32, device=x.device) - length // 2
    window = torch.exp(-(offsets**2) / (2 * sigma**2))
    kernel = (window / window.sum()).expand(x.shape[1], 1, 1, length)
    rows = F.conv2d(x, kernel.transpose(2, 3), groups=x.shape[1])
    return F.conv2d(rows, kernel, groups=x.shape[1])


def _halved(x: Tensor) -> Tensor:
    odd = [side % 2 for side in x.shape[2:]]
    return F.avg_pool2d(x, 2, padding=odd)
