"""What an evaluation is about, in data: the unit of rates, the metrics, where curves are compared.

Everything behind it (cache, comparison, tables, plots, report) takes a `Medium`, and knows nothing of images or
clips. How the two are read, coded and measured is in `material.py`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """A measure of quality. key: its name in scores; distance: lower is better; decibels: taken as -10 log10 of the
    distance (of 1 - score where it is none) for Bjontegaard deltas and plots, because differences near 0 count.

    window: on the scale of plots, for a second BD-rate where this is the main metric. in_deltas: whether it is fit for
    Bjontegaard deltas.
    """

    key: str
    title: str
    unit: str
    digits: int
    decibels: bool = False
    distance: bool = False
    window: tuple[float, float] | None = None
    in_deltas: bool = True

    def scaled(self, score: float) -> float:
        """The score on the axis of plots and Bjontegaard deltas, where higher is better."""
        if not self.decibels:
            return -score if self.distance else score
        distance = score if self.distance else 1 - score
        return -10 * math.log10(distance) if distance > 0 else math.inf

    @property
    def scaled_unit(self) -> str:
        """The unit of `scaled`."""
        return "dB" if self.decibels else self.unit


@dataclass(frozen=True)
class Medium:
    """metrics: the first is that of the headline BD-rates; equal_rates: where metrics are compared at one rate;
    timed_rate, shown_rate: near which codecs are timed, and shown in the report.
    """

    name: str
    item: str
    rate_unit: str
    rate_digits: int
    metrics: tuple[Metric, ...]
    equal_rates: tuple[float, ...]
    compared_at_equal_rates: tuple[str, ...]
    timed_rate: float
    shown_rate: float

    @property
    def main(self) -> Metric:
        """The metric of the headline BD-rates."""
        return self.metrics[0]

    @property
    def in_deltas(self) -> list[Metric]:
        """The metrics that Bjontegaard deltas are taken of."""
        return [m for m in self.metrics if m.in_deltas]

    def metric(self, key: str) -> Metric:
        """The metric of this name."""
        return next(m for m in self.metrics if m.key == key)


PSNR_RGB = Metric("psnr_rgb_db", "PSNR RGB", "dB", 2, window=(30.0, 36.5))
PSNR_Y = Metric("psnr_y_db", "PSNR Y", "dB", 2)
MS_SSIM = Metric("ms_ssim", "MS-SSIM", "", 4, decibels=True)
SSIMULACRA2 = Metric("ssimulacra2", "SSIMULACRA 2", "points", 1)

IMAGES = Medium(
    name="images",
    item="image",
    rate_unit="bpp",
    rate_digits=4,
    metrics=(PSNR_RGB, PSNR_Y, MS_SSIM, SSIMULACRA2),
    equal_rates=(0.25, 0.5, 1.0),
    compared_at_equal_rates=(PSNR_RGB.key, MS_SSIM.key, SSIMULACRA2.key),
    timed_rate=0.5,
    shown_rate=0.25,  # coarse enough that codecs differ to the eye
)

VNSIM = Metric("vnsim", "vnsim", "", 3, window=(0.84, 0.92))
MEL = Metric("mel_distance", "mel distance", "", 3, decibels=True, distance=True, window=(2.5, 6.0))
PESQ_WB = Metric("pesq_wb", "PESQ-WB", "MOS", 2)
ESTOI = Metric("estoi", "ESTOI", "", 3, in_deltas=False)
VISQOL = Metric("visqol_mos", "ViSQOL", "MOS", 2, in_deltas=False)
ZIMTOHRLI = Metric("zimtohrli_mos", "Zimtohrli", "MOS", 2, in_deltas=False)
# what means of spectra do not hear; see `noise_metrics`
REPETITION = Metric("repetition", "repetition", "", 3, distance=True, in_deltas=False)
NARROWING_LOW = Metric("narrowing_1_4_khz", "narrowing 1-4 kHz", "", 3, distance=True, in_deltas=False)
NARROWING_HIGH = Metric("narrowing_4_12_khz", "4-12 kHz", "", 3, distance=True, in_deltas=False)

AUDIO = Medium(
    name="audio",
    item="clip",
    rate_unit="kbit/s",
    rate_digits=2,
    metrics=(VNSIM, MEL, PESQ_WB, ESTOI, VISQOL, ZIMTOHRLI, REPETITION, NARROWING_LOW, NARROWING_HIGH),
    equal_rates=(6.0, 9.0, 12.0, 16.0, 24.0, 32.0),
    compared_at_equal_rates=(
        VNSIM.key,
        MEL.key,
        PESQ_WB.key,
        VISQOL.key,
        ZIMTOHRLI.key,
        REPETITION.key,
        NARROWING_LOW.key,
        NARROWING_HIGH.key,
    ),
    timed_rate=12.0,
    shown_rate=12.0,
)
