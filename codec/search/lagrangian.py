"""Lagrange multipliers: bits that a squared error of one step^2 is worth, in each place that weighs the two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from codec.model.config import BANDS, AudioConfig, ImageConfig
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


def _by_part(bits: Sequence[float], sizes: Sequence[int]) -> Array:
    """(M,) of parts of the channels, one after the other."""
    return np.repeat(np.array(bits, np.float32), sizes)


# of the choice of integers: and what contexts, eyes and ears lose by a wrong one
ROUNDING = Price(_by_part((7, 10, 8, 6.5, 5.5), ImageConfig().prior.groups))
ROUNDING_SQUARED = Price(9.0)  # the same where nothing but squared error counts
ROUNDING_REFINED = Price(20.0)  # the same after refinement, which has weighed bits against error already
_TO_THE_NEAREST = 1e6  # what decides of levels: rounded towards zero, quiet tones fade
ROUNDING_AUDIO = Price(
    _by_part((_TO_THE_NEAREST, 60), (BANDS, AudioConfig().prior.channels - BANDS)), own=True
)  # of energies, and of all else


def price_of_rounding(metric: Metric) -> Price:
    """Of the choice of integers, in an image that shall be good by a metric."""
    return ROUNDING_SQUARED if metric == "psnr" else ROUNDING
