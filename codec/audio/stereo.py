"""How two channels are coded: as left and right, or as sum and difference.

Where both have much in common the weaker of sum and difference takes a coarser step, as the stronger one masks its
errors. Where they have not, sum and difference would give both the mean of what each holds, as far as it is noise.
"""

from __future__ import annotations

import numpy as np

from codec.bitstream import constants
from codec.media import Samples
from codec.quality import AUDIO

WEAKER_OCTAVES = 1.75  # that the step of the weaker one is coarser by
ROOT_HALF = np.float32(np.sqrt(0.5))

Steps = tuple[int, int | None]  # indices: of left and right, and None; or of sum and difference


def mid_side(samples: Samples) -> Samples:
    """Sum and difference of left and right (n, 2), orthonormal: its own inverse."""
    left, right = samples[:, 0], samples[:, 1]
    return np.stack([left + right, left - right], 1) * ROOT_HALF


def ways(samples: Samples, step_index: int) -> tuple[Steps, Steps]:
    """The steps of left and right, and of sum and difference, of samples (n, 2) at a nominal one."""
    mid, side = (mid_side(samples) ** 2).sum(0)
    coarser = min(step_index + round(WEAKER_OCTAVES * constants.STEP_UNITS), AUDIO.step_index(0))
    return (step_index, None), (step_index, coarser) if mid >= side else (coarser, step_index)
