"""What a quality of 0..100 means: the nominal quantisation step, in files as a whole number of 1/256 octaves.

The curve gives small qualities more room, where the eye needs it: for images 0 is about 0.07 bits per pixel, 50 near
0.4 and 100 near 3; for audio 0 is about 4 kbit/s and 100 about 76, mono.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from codec.bitstream import constants


@dataclass(frozen=True)
class QualityCurve:
    """log2 of the step = worst - linear * quality - square * quality^2."""

    worst: float
    linear: float
    square: float

    def step_index(self, quality: float) -> int:
        """Whole 1/256 octaves of the nominal step at a quality."""
        log2_step = self.worst - self.linear * quality - self.square * quality**2
        return round(log2_step * constants.STEP_UNITS)

    def quality(self, step_index: int) -> float:
        """The quality that `step_index` comes from, within a tenth."""
        octaves = self.worst - step_index / constants.STEP_UNITS
        root = math.sqrt(self.linear**2 + 4 * self.square * max(octaves, 0.0))
        return 2 * max(octaves, 0.0) / (self.linear + root)

    @property
    def range(self) -> tuple[float, float]:
        """log2 of the nominal steps at qualities 100 and 0."""
        return self.step_index(constants.QUALITY_MAX) / constants.STEP_UNITS, self.worst


DEFAULT_QUALITY = 50.0
DEFAULT_EFFORT, EFFORT_MAX = 1, 9
REFINING_EFFORT = 2  # from here on latents are refined

LARGEST_BYTES, LARGEST_BPP, LARGEST_KBPS = 2**53, 2**16, 2**20  # targets beyond mean nothing

Metric = Literal["ssimulacra2", "psnr", "msssim"]  # what encoders of images may go by
METRICS: tuple[Metric, ...] = get_args(Metric)
WEIGHED_METRICS: tuple[Metric, ...] = ("ssimulacra2", "psnr")  # of these there are weights; refinement knows all
DEFAULT_METRIC: Metric = "ssimulacra2"

IMAGE = QualityCurve(worst=7.5, linear=0.044, square=0.00006)
IMAGE_PSNR = QualityCurve(worst=7.5, linear=0.0325, square=0.00015)  # with weights for squared error: the same sizes
AUDIO = QualityCurve(worst=9.4, linear=0.069, square=0.0)
