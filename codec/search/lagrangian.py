"""Lagrange multipliers: bits that a squared error of one step^2 is worth, in each place that weighs the two."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from codec.model.config import BANDS, AudioConfig
from codec.model.walk import Array
from codec.quality import Metric

LAMBDA = 6.5  # in training and refinement, of nominal steps: the slope of a uniform quantiser, tuned


@dataclass(frozen=True)
class Price:
    """What a squared error of one step is worth where integers are chosen.

    bits: for all channels, or (M,). own: whether steps are those that latents have, not the nominal ones.
    """

    bits: float | Array
    own: bool = False

    def of(self, squared_steps: Array) -> Array:
        """Bits of latents' own steps, from (B, n, M) squares of these as shares of the nominal ones'."""
        return self.bits * (squared_steps**0 if self.own else squared_steps)


# of the choice of integers: and what contexts, eyes and ears lose by a wrong one
ROUNDING = Price(16.0)
ROUNDING_SQUARED = Price(9.0)  # the same where nothing but squared error counts
ROUNDING_REFINED = Price(20.0)  # the same after refinement, which has weighed bits against error already
_OF_ENERGIES, _OF_COEFFICIENTS = 12.0, 20.0
ROUNDING_AUDIO = Price(
    np.repeat(np.array([_OF_ENERGIES, _OF_COEFFICIENTS], np.float32), [BANDS, AudioConfig().prior.channels - BANDS]),
    own=True,
)


def price_of_rounding(metric: Metric) -> Price:
    """Of the choice of integers, in an image that shall be good by a metric."""
    return ROUNDING_SQUARED if metric == "psnr" else ROUNDING
