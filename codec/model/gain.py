"""Nominal step to the step of each latent channel: one model serves every quality.

A signal is coded at one nominal quantisation step, given as its base-2 logarithm; each latent channel moves around it
by a learned offset in octaves, interpolated between three anchors. Logarithms lie on the grid of `fixed` once frozen,
so that the entropy nets see the same steps on every machine.
Idea: Cui 2021, "Asymmetric gained deep image compression".
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from codec.model.fixed_point import LOG2_BITS
from codec.model.prior import snap_log2
from codec.model.steps import ANCHOR_SPACING


class Gain(nn.Module):
    """Quantisation step of each latent channel; `middle` is the log2 of the nominal step that training centres on."""

    def __init__(self, channels: int, middle: float) -> None:
        super().__init__()
        self.middle = middle
        self.log2_offset = nn.Parameter(torch.zeros(3, channels))  # coarsest anchor first
        self.exact = False

    def freeze(self, log2_offset_q8: Tensor) -> None:
        """Takes the stored integer offsets, (3, channels) in 1/256 octave."""
        with torch.no_grad():
            self.log2_offset.copy_(log2_offset_q8.float() * 2.0**-LOG2_BITS)
        self.exact = True
        self.requires_grad_(False)

    def integers(self) -> Tensor:
        """(3, channels) int16 offsets in 1/256 octave."""
        return torch.round(self.log2_offset.detach() * 2.0**LOG2_BITS).to(torch.int16)

    def quality(self, log2_step: Tensor) -> Tensor:
        """(B,) quality as networks see it: half the octaves below the middle, about -1.6..1.6."""
        return (self.middle - log2_step) / 2

    def log2_steps(self, log2_step: Tensor) -> Tensor:
        """(B, channels) log2 of each channel's step at nominal ones (B,); on the grid once frozen.

        Anchors stand at middle + 4, middle and middle - 4.
        """
        t = (self.middle - log2_step) / ANCHOR_SPACING + 1
        i = t.floor().long().clamp(0, 1)
        w = (t - i)[:, None]
        offset = self.log2_offset[i] * (1 - w) + self.log2_offset[i + 1] * w
        log2_steps = log2_step[:, None] + offset
        return snap_log2(log2_steps) if self.exact else log2_steps
