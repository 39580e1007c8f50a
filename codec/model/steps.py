"""Nominal step to the step of each latent channel, as coders agree on it: the numpy side of `gain` and `prior`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from codec.model import fixed_point
from codec.model.fixed_point import LOG2_BITS, OUTPUT, QUALITY, Floats, Integers

ANCHOR_SPACING = 4.0  # octaves; a power of two keeps the interpolation exact


@dataclass(frozen=True)
class Gains:
    """What quality means to a model.

    middle: log2 of the nominal step that its anchors centre on; log2_offset: (3, M) of channels at the anchors,
    coarsest first; log2_std, log2_norm: (M,) of latents; z_scale: the layer that gives scales of hyper-latents.
    """

    middle: float
    log2_offset: Floats
    log2_std: Floats
    log2_norm: Floats
    z_scale: Integers

    @classmethod
    def of(cls, arrays: dict[str, np.ndarray], middle: float) -> Gains:
        """From the arrays of a weights file."""
        log2_offset, log2_std, log2_norm = (
            arrays[name].astype(np.float32) * np.float32(2.0**-LOG2_BITS)
            for name in ("gain.log2_offset", "prior.log2_std", "prior.log2_norm")
        )
        return cls(middle, log2_offset, log2_std, log2_norm, Integers.of(arrays, "prior.z_scale"))

    def quality(self, log2_step: Floats) -> Floats:
        """(B,) quality as networks see it: half the octaves below the middle, about -1.6..1.6."""
        return (np.float32(self.middle) - log2_step) / np.float32(2)

    def log2_steps(self, log2_step: Floats) -> Floats:
        """(B, M) log2 of each channel's step at nominal ones (B,); on the grid of logarithms.

        Anchors stand at middle + 4, middle and middle - 4.
        """
        t = (np.float32(self.middle) - log2_step) / np.float32(ANCHOR_SPACING) + 1
        i = np.clip(np.floor(t), 0, 1).astype(np.intp)
        w = (t - i.astype(np.float32))[:, None]
        offset = self.log2_offset[i] * (1 - w) + self.log2_offset[i + 1] * w
        return fixed_point.snap_log2(log2_step[:, None] + offset)

    def z_log2_scale(self, log2_step: Floats) -> Floats:
        """(B, hyper_channels) log2 of the logistic scale of the hyper-latents at nominal steps (B,)."""
        return fixed_point.linear(self.z_scale, self.quality(log2_step)[:, None], QUALITY, OUTPUT)

    def to_steps(self, log2_steps: Floats) -> Floats:
        """(..., M) factor from feature units to quantisation steps of these logarithms."""
        return fixed_point.exp2(self.log2_norm - log2_steps)
