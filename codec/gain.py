"""Quality to quantisation steps: one model serves every quality.

The nominal step halves every 16 quality points; each latent channel moves around it by a learned offset in octaves,
interpolated between three anchors. Everything is a base-2 logarithm on the grid of `fixed`, so that the entropy nets
see the same steps on every machine. Idea: Cui 2021, "Asymmetric gained deep image compression".
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from codec import fixed

QUALITY_PER_OCTAVE = 16
QUALITY_MIDDLE = 50.0
ANCHOR_SPACING = 64.0  # in quality points; a power of two keeps the interpolation exact
ANCHOR_FIRST = QUALITY_MIDDLE - ANCHOR_SPACING


class Gain(nn.Module):
    """Quantisation step of each latent channel; `log2_step_worst` is the nominal one at quality 0."""

    def __init__(self, channels: int, log2_step_worst: float) -> None:
        super().__init__()
        self.log2_step_worst = log2_step_worst
        self.log2_offset = nn.Parameter(torch.zeros(3, channels))
        self.exact = False

    def freeze(self, log2_offset_q8: Tensor) -> None:
        """Takes the stored integer offsets, (3, channels) in 1/256 octave."""
        with torch.no_grad():
            self.log2_offset.copy_(log2_offset_q8.float() * 2.0**-fixed.LOG2_BITS)
        self.exact = True
        self.requires_grad_(False)

    def integers(self) -> Tensor:
        """(3, channels) int16 offsets in 1/256 octave."""
        return torch.round(self.log2_offset.detach() * 2.0**fixed.LOG2_BITS).to(torch.int16)

    def log2_nominal(self, quality: Tensor) -> Tensor:
        """(B,) log2 of the nominal step at qualities (B,) of 0..100."""
        return self.log2_step_worst - quality / QUALITY_PER_OCTAVE

    def log2_steps(self, quality: Tensor) -> Tensor:
        """(B, channels) log2 of each channel's step, on the grid once frozen."""
        t = (quality - ANCHOR_FIRST) / ANCHOR_SPACING
        i = t.floor().long().clamp(0, 1)
        w = (t - i)[:, None]
        offset = self.log2_offset[i] * (1 - w) + self.log2_offset[i + 1] * w
        log2_steps = self.log2_nominal(quality)[:, None] + offset
        return fixed.snap_log2(log2_steps) if self.exact else log2_steps


def centred(quality: Tensor) -> Tensor:
    """Quality as networks see it: (B,) of 0..100 to about -1.6..1.6."""
    return (quality - QUALITY_MIDDLE) / 32
