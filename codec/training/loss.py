"""The objectives that images are trained for, and the balance between signals that all media share.

"psnr" prices squared error. "eyes" prices for the most part what people see of errors, by SSIMULACRA 2, keeps a share
of squared error, which knows colours and flat areas better, and prices the steps across the grid of blocks that are
larger than those beside it where the original is even.
"""

from __future__ import annotations

from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

from codec.search import ssimulacra2
from codec.search.lagrangian import LAMBDA
from codec.training.relaxation import Pass

SOFTENING = 0.02  # bits a pixel: keeps empty crops from weighing without end

Objective = Literal["eyes", "psnr"]
OBJECTIVES: tuple[Objective, ...] = get_args(Objective)

SQUARED_SHARE = 0.2  # of "eyes"; refinement, which follows each image into what the metric overlooks, keeps more

BLOCK = 8  # pixels
SEAM_PRICE = 8.0  # squared errors a pixel that a grey level of excess step on the grid counts as
EVEN = 3.0  # grey levels: where neighbours differ by less in the original, steps of blocks are seen
SEAM_RUN = 8  # pixels along a seam that are judged together
LEAST_SQUARE = 1e-3  # grey levels^2: keeps the gradient of the root finite


def squared_error(x: Tensor, x_hat: Tensor) -> Tensor:
    """(B,) a pixel, summed over its samples."""
    return ((x_hat - x) ** 2).sum(3).mean((1, 2))


def rate_distortion(x: Tensor, coded: Pass, log2_step: Tensor, objective: Objective = "psnr") -> Tensor:
    """(B,) bits a pixel, plus distortion at the price of nominal steps (B,), of images (B, H, W, 3)."""
    bpp = (coded.y_bits + coded.z_bits) / (x.shape[1] * x.shape[2])
    distortion = squared_error(x, coded.x_hat)
    if objective == "eyes":
        seen = ssimulacra2.squared_error_of(log2_step) * ssimulacra2.distance(x, coded.x_hat, crop=True)
        distortion = SQUARED_SHARE * distortion + (1 - SQUARED_SHARE) * seen + SEAM_PRICE * seams(x, coded.x_hat)
    return bpp + LAMBDA * torch.exp2(-2 * log2_step) * distortion


def seams(x: Tensor, x_hat: Tensor) -> Tensor:
    """(B,) steps on the grid of blocks beyond those beside it, and beyond what x itself has there.

    Grey levels, mean over the grid.

    Only where x is even: elsewhere nobody sees the grid. Luma stands for all samples.
    """
    luma, copied = x.mean(3), x_hat.mean(3)
    return (_seams_across(luma, copied) + _seams_across(luma.transpose(1, 2), copied.transpose(1, 2))) / 2


def _seams_across(x: Tensor, x_hat: Tensor) -> Tensor:
    """`seams` of vertical grid lines of (B, H, W)."""
    lines = (x.shape[2] - 1) // BLOCK - 1
    starts = [BLOCK - 1 + k for k in (0, -2, -1, 1, 2)]  # of the steps on the grid, then of those beside it

    def at_lines(side: Tensor) -> Tensor:
        """(5, B, H, lines) steps."""
        steps = side[:, :, 1:] - side[:, :, :-1]
        return torch.stack([steps[:, :, start::BLOCK][:, :, :lines] for start in starts])

    def runs(values: Tensor) -> Tensor:
        """Means along lines."""
        return F.avg_pool1d(values.transpose(1, 2), SEAM_RUN).transpose(1, 2)

    of_x, of_copy = at_lines(x), at_lines(x_hat)
    even = (of_x.abs().amax(0) < EVEN).float()
    share = runs(even)

    def excess(steps: Tensor) -> Tensor:
        on, beside = steps[0].square(), steps[1:].square().mean(0)
        on, beside = (runs(even * side) / share.clamp_min(1 / SEAM_RUN) for side in (on, beside))
        return F.relu((on + LEAST_SQUARE).sqrt() - (beside + LEAST_SQUARE).sqrt())

    return (share * F.relu(excess(of_copy) - excess(of_x))).mean((1, 2))


def balanced(costs: Tensor, softening: float) -> Tensor:
    """Mean logarithm of costs (B,): a percent counts the same at every rate and in every signal, as in BD-rates."""
    return torch.log(softening + costs).mean()
