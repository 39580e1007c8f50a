"""What an evaluation of pictures is about, in data: its rate, its metrics, where curves are compared.

Everything behind it (cache, comparison, tables, plots, report) takes a `Medium` and knows nothing of pictures, so that
sound is another row here with its own coders and metrics.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """A measure of quality; higher is better. key: its name in scores; decibels: taken as -10 log10(1 - score) for
    Bjontegaard deltas and plots, because differences near 1 count.
    """

    key: str
    title: str
    unit: str
    digits: int
    decibels: bool = False

    def scaled(self, score: float) -> float:
        """The score on the axis of plots and Bjontegaard deltas."""
        if not self.decibels:
            return score
        return -10 * math.log10(1 - score) if score < 1 else math.inf

    @property
    def scaled_unit(self) -> str:
        """The unit of `scaled`."""
        return "dB" if self.decibels else self.unit


@dataclass(frozen=True)
class Medium:
    """window: of the main metric, for the second BD-rate; equal_rates: where metrics are compared at one rate."""

    name: str
    item: str
    rate_unit: str
    metrics: tuple[Metric, ...]
    window: tuple[float, float]
    equal_rates: tuple[float, ...]
    compared_at_equal_rates: tuple[str, ...]
    shown_rates: tuple[float, float]

    @property
    def main(self) -> Metric:
        """The metric of the headline BD-rates."""
        return self.metrics[0]

    def metric(self, key: str) -> Metric:
        """The metric of this name."""
        return next(m for m in self.metrics if m.key == key)


PSNR_RGB = Metric("psnr_rgb_db", "PSNR RGB", "dB", 2)
PSNR_Y = Metric("psnr_y_db", "PSNR Y", "dB", 2)
MS_SSIM = Metric("ms_ssim", "MS-SSIM", "", 4, decibels=True)
SSIMULACRA2 = Metric("ssimulacra2", "SSIMULACRA 2", "points", 1)

IMAGES = Medium(
    name="images",
    item="picture",
    rate_unit="bpp",
    metrics=(PSNR_RGB, PSNR_Y, MS_SSIM, SSIMULACRA2),
    window=(30.0, 36.5),
    equal_rates=(0.25, 0.5, 1.0),
    compared_at_equal_rates=(PSNR_RGB.key, MS_SSIM.key, SSIMULACRA2.key),
    shown_rates=(0.0, 2.0),
)
