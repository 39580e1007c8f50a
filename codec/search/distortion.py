"""What refinement counts as error: squared error, MS-SSIM, or SSIMULACRA 2.

All compare images (1, H, W, C) in 0..255 and weigh pixels by importance (1, H, W, 1), 0 where there is no image;
they are differentiable and give (1,) values. `Measure` brings them to the scale of squared errors, so that bits are
worth what they are worth for PSNR.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from codec.quality import Metric
from codec.search import ms_ssim, ssimulacra2

# of squared error in each, which keeps what the others overlook (docs/effort.md)
SQUARED_SHARE: dict[Metric, float] = {"psnr": 1.0, "msssim": 0.1, "ssimulacra2": 0.4}

LEAST_ERROR = 1e-9  # of a comparison: where images are equal already
LEAST_SIMILARITY = 1e-6

Compare = Callable[[Tensor], Tensor]  # a copy with the image


class Measure:
    """The error of images x_hat for a metric, in units of squared error summed over pixels.

    x: the image; start: what decoders show of it without refinement; log2_step: (1,) nominal. SSIMULACRA 2 weighs what
    it weighed in training at that step, MS-SSIM as much as squared error does at the start.
    """

    def __init__(self, metric: Metric, x: Tensor, importance: Tensor, start: Tensor, log2_step: Tensor) -> None:
        x = x[..., : start.shape[3]]  # of one plane where decoders show grey
        self.x, self.importance, self.squared_share = x, importance, SQUARED_SHARE[metric]
        self.compare: Compare | None = None
        worth = 0.0
        if metric == "ssimulacra2":
            self.compare = ssimulacra2.Reference(x, importance, crop=True).distance
            worth = float(ssimulacra2.squared_error_of(log2_step) * importance.sum())
        elif metric == "msssim":
            self.compare = partial(dissimilarity, x, importance)
            worth = float(squared(x, importance, start) / self.compare(start).clamp_min(LEAST_ERROR))
        self.scale = (1 - self.squared_share) * worth

    def __call__(self, x_hat: Tensor) -> Tensor:
        error = self.squared_share * squared(self.x, self.importance, x_hat)
        if self.compare:
            with torch.autocast(x_hat.device.type, enabled=False):
                error = error + self.scale * self.compare(x_hat.float())
        return error


def squared(x: Tensor, importance: Tensor, x_hat: Tensor) -> Tensor:
    """Squared error, summed."""
    return (importance * (x_hat - x) ** 2).sum((1, 2, 3))


def dissimilarity(x: Tensor, importance: Tensor, x_hat: Tensor) -> Tensor:
    """-log of MS-SSIM, of as many scales as there is room for.

    As in the usual definition only whole windows count, so the outermost pixels are left to squared error.
    """
    planes = (side.permute(0, 3, 1, 2) for side in (x, x_hat, importance))
    return -ms_ssim.ms_ssim_of_any_size(*planes).clamp_min(LEAST_SIMILARITY).log()
