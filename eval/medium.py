"""What an evaluation is about, in data: the unit of rates, the metrics, where curves are compared.

Everything behind it (cache, comparison, tables, plots, report) takes a `Medium`, and knows nothing of images or
clips. How the two are read, coded and measured is in `material.py`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

Range = tuple[float | None, float | None]
UNBOUNDED: Range = (None, None)


@dataclass(frozen=True)
class Metric:
    """A measure of quality. key: its name in scores; distance: lower is better; decibels: taken as -10 log10 of the
    distance (of 1 - score where it is none) for Bjontegaard deltas and plots, because differences near 0 count.

    window: on the scale of plots, for a second BD-rate where this is the main metric. in_deltas: whether it is fit for
    Bjontegaard deltas; in_equal: whether tables show it at equal rates.
    limits: of scores, None where there is none; made_for: what it was made to judge; trained: names of the codecs that
    were trained or tuned for it, whose scores are no proof.
    """

    key: str
    title: str
    unit: str
    digits: int
    decibels: bool = False
    distance: bool = False
    window: tuple[float, float] | None = None
    in_deltas: bool = True
    in_equal: bool = True
    limits: Range = UNBOUNDED
    made_for: str = ""
    trained: tuple[str, ...] = ()

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
    """metrics: the first is that of the headline BD-rates; ranked_by: keys of the metric that the worst items are
    looked for by, the first that is taken. equal_rates: where metrics are compared at one rate; timed_rate, shown_rate:
    near which codecs are timed, and shown in the report.
    """

    name: str
    item: str
    rate_unit: str
    rate_digits: int
    metrics: tuple[Metric, ...]
    ranked_by: tuple[str, ...]
    equal_rates: tuple[float, ...]
    timed_rate: float
    shown_rate: float

    @property
    def main(self) -> Metric:
        """The metric of the headline BD-rates."""
        return self.metrics[0]

    @property
    def ranking(self) -> Metric:
        """The metric by which the worst items come first."""
        fit = {m.key: m for m in self.in_deltas}
        return next((fit[key] for key in self.ranked_by if key in fit), next(iter(fit.values()), self.main))

    @property
    def keys(self) -> list[str]:
        """Of all metrics."""
        return [m.key for m in self.metrics]

    @property
    def in_deltas(self) -> list[Metric]:
        """The metrics that Bjontegaard deltas are taken of."""
        return [m for m in self.metrics if m.in_deltas]

    @property
    def in_equal(self) -> list[Metric]:
        """The metrics that tables show at equal rates."""
        return [m for m in self.metrics if m.in_equal]

    def metric(self, key: str) -> Metric:
        """The metric of this name."""
        return next(m for m in self.metrics if m.key == key)

    def of(self, metrics: Sequence[Metric]) -> Medium:
        """The same with these metrics."""
        return replace(self, metrics=tuple(metrics))


# Squared error is the smaller part of what our images are trained on, SSIMULACRA 2 the larger; libaom's tunes "iq"
# (what AVIF files get by default) and "ssimulacra2" were guided by the latter, libjxl and jpegli by butteraugli.
AVIF_IQ = ("avif420", "avif", "avif-slow")
PSNR_RGB = Metric(
    "psnr_rgb_db",
    "PSNR RGB",
    "dB",
    2,
    window=(30.0, 36.5),
    limits=(0, None),
    made_for="squared error of samples",
    trained=("codec", "avif-psnr"),
)
PSNR_Y = Metric(
    "psnr_y_db",
    "PSNR Y",
    "dB",
    2,
    in_equal=False,
    limits=(0, None),
    made_for="squared error of luma",
    trained=("codec", "avif-psnr"),
)
MS_SSIM = Metric("ms_ssim", "MS-SSIM", "", 4, decibels=True, limits=(0, 1), made_for="structure of grey images")
SSIMULACRA2 = Metric(
    "ssimulacra2",
    "SSIMULACRA 2",
    "points",
    1,
    limits=(None, 100),
    made_for="compressed images as people see them, from medium to high quality",
    trained=("codec", *AVIF_IQ, "avif-ssimulacra2"),
)
BUTTERAUGLI_3 = Metric(
    "butteraugli_3",
    "butteraugli 3-norm",
    "",
    3,
    distance=True,
    limits=(0, None),
    made_for="differences that can just be noticed, over the whole image",
    trained=("jpegxl", "jpegli"),
)
BUTTERAUGLI_MAX = Metric(
    "butteraugli_max",
    "butteraugli maximum",
    "",
    2,
    distance=True,
    in_equal=False,
    limits=(0, None),
    made_for="differences that can just be noticed, at the worst place",
    trained=("jpegxl", "jpegli"),
)
GMSD = Metric(
    "gmsd",
    "GMSD",
    "",
    4,
    distance=True,
    limits=(0, None),
    made_for="distortions of edges in grey images, and how unevenly they lie",
)
VMAF = Metric("vmaf", "VMAF", "", 1, limits=(0, 100), made_for="compressed video as people see it on a television")
LPIPS = Metric(
    "lpips",
    "LPIPS",
    "",
    4,
    distance=True,
    limits=(0, None),
    made_for="patches of 64 pixels with all kinds of distortions, by features of a network",
)

IMAGES = Medium(
    name="images",
    item="image",
    rate_unit="bpp",
    rate_digits=4,
    metrics=(PSNR_RGB, PSNR_Y, MS_SSIM, SSIMULACRA2, BUTTERAUGLI_3, BUTTERAUGLI_MAX, GMSD, VMAF, LPIPS),
    ranked_by=(SSIMULACRA2.key,),
    equal_rates=(0.25, 0.5, 1.0),
    timed_rate=0.5,
    shown_rate=0.25,  # coarse enough that codecs differ to the eye
)

# Our audio is trained on log-mel spectra, on the similarity of neurograms (vnsim, and with it ViSQOL) and on
# disturbances as PESQ counts them, and what repeats itself is priced.
VNSIM = Metric(
    "vnsim",
    "vnsim",
    "",
    3,
    window=(0.84, 0.92),
    limits=(0, 1),
    made_for="spectrograms of the full band, as ViSQOL compares them",
    trained=("codec",),
)
MEL = Metric(
    "mel_distance",
    "mel distance",
    "",
    3,
    decibels=True,
    distance=True,
    window=(2.5, 6.0),
    limits=(0, None),
    made_for="spectra in bands as ears have them",
    trained=("codec",),
)
PESQ_WB = Metric(
    "pesq_wb",
    "PESQ-WB",
    "MOS",
    2,
    limits=(1, 4.64),
    made_for="speech over telephones, up to 8 kHz",
    trained=("codec",),
)
ESTOI = Metric(
    "estoi",
    "ESTOI",
    "",
    3,
    in_deltas=False,
    in_equal=False,
    limits=(None, 1),
    made_for="how well speech is understood, up to 5 kHz",
)
VISQOL = Metric(
    "visqol_mos",
    "ViSQOL",
    "MOS",
    2,
    in_deltas=False,
    limits=(1, 4.73),
    made_for="coded audio of any kind",
    trained=("codec",),
)
ZIMTOHRLI = Metric(
    "zimtohrli_mos",
    "Zimtohrli",
    "MOS",
    2,
    in_deltas=False,
    limits=(1, 5),
    made_for="coded audio of any kind, by a model of the ear",
)
# what means of spectra do not hear; see `noise_metrics`
REPETITION = Metric(
    "repetition",
    "repetition",
    "",
    3,
    distance=True,
    in_deltas=False,
    limits=(0, 1),
    made_for="noise that a decoder repeats, which buzzes",
    trained=("codec",),
)
NARROWING_LOW = Metric(
    "narrowing_1_4_khz",
    "narrowing 1-4 kHz",
    "",
    3,
    distance=True,
    in_deltas=False,
    limits=(0, 2),
    made_for="how wide stereo stays",
)
NARROWING_HIGH = Metric(
    "narrowing_4_12_khz",
    "4-12 kHz",
    "",
    3,
    distance=True,
    in_deltas=False,
    limits=(0, 2),
    made_for="how wide stereo stays",
)

AUDIO = Medium(
    name="audio",
    item="clip",
    rate_unit="kbit/s",
    rate_digits=2,
    metrics=(VNSIM, MEL, PESQ_WB, ESTOI, VISQOL, ZIMTOHRLI, REPETITION, NARROWING_LOW, NARROWING_HIGH),
    ranked_by=(VNSIM.key,),
    equal_rates=(6.0, 9.0, 12.0, 16.0, 24.0, 32.0),
    timed_rate=12.0,
    shown_rate=12.0,
)

MEDIA = {medium.name: medium for medium in (IMAGES, AUDIO)}
