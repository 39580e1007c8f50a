"""The metrics of clips. Samples are (n, channels) float32 at 48 kHz."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version

from codec.audio.pairing import BANDS_HZ, narrowing
from codec.eval import audio_metrics
from codec.eval.measure import Measure, Packaged
from codec.eval.medium import (
    ESTOI,
    MEL,
    NARROWING_HIGH,
    NARROWING_LOW,
    PESQ_WB,
    REPETITION,
    VISQOL,
    VNSIM,
    ZIMTOHRLI,
)
from codec.eval.noise_metrics import LAGS, repetition
from codec.eval.results import Item
from codec.media import Samples

SPEECH, STEREO = "speech", "stereo"  # groups of clips


@cache
def _broken(module: str) -> bool:
    """Whether a module cannot be imported; one that was built for another machine is there and cannot."""
    try:
        import_module(module)
    except (ImportError, OSError):
        return True
    return False


class _Compiled(Packaged):
    media = "audio"

    def missing(self) -> str | None:
        return f"{self.package} is not installed here" if _broken(self.module) else None


class Visqol(_Compiled):
    """vnsim and the MOS that ViSQOL makes of it."""

    name, metrics, package, module = "visqol", (VNSIM, VISQOL), "visqol-python", "visqol"

    def scores(self, x: Samples, x_hat: Samples) -> dict[str, float | None]:
        vnsim, mos = audio_metrics.visqol(x, x_hat)
        return {VNSIM.key: vnsim, VISQOL.key: mos}


class Mel(Measure):
    """The distance of log-mel spectra."""

    name, media, metrics = "mel", "audio", (MEL,)

    def scores(self, x: Samples, x_hat: Samples) -> dict[str, float | None]:
        return {MEL.key: audio_metrics.mel_distance(x, x_hat)}

    def identity(self) -> str:
        return f"{[*audio_metrics.MEL_SCALES.items()]}, floor {audio_metrics.MEL_FLOOR}"


class _OfSpeech(_Compiled):
    def wants(self, item: Item, rate: float) -> bool:
        return item.group == SPEECH


class Pesq(_OfSpeech):
    """Wide-band PESQ."""

    name, metrics, package, module = "pesq", (PESQ_WB,), "pesq", "pesq"

    def scores(self, x: Samples, x_hat: Samples) -> dict[str, float | None]:
        return {PESQ_WB.key: audio_metrics.pesq_wb(x, x_hat)}


class Estoi(_OfSpeech):
    """Extended STOI."""

    name, metrics, package, module = "estoi", (ESTOI,), "pystoi", "pystoi"

    def scores(self, x: Samples, x_hat: Samples) -> dict[str, float | None]:
        return {ESTOI.key: audio_metrics.estoi(x, x_hat)}


class Zimtohrli(_Compiled):
    """Zimtohrli's MOS of the worse channel."""

    name, metrics, package, module = "zimtohrli", (ZIMTOHRLI,), "zimtohrli", "zimtohrli"

    def scores(self, x: Samples, x_hat: Samples) -> dict[str, float | None]:
        return {ZIMTOHRLI.key: audio_metrics.zimtohrli(x, x_hat)}


class Repetition(Measure):
    """How much more a copy is like itself a little later than the original."""

    name, media, metrics = "repetition", "audio", (REPETITION,)

    def scores(self, x: Samples, x_hat: Samples) -> dict[str, float | None]:
        return {REPETITION.key: repetition(x, x_hat)}

    def identity(self) -> str:
        return f"lags {LAGS}"


class Narrowing(Measure):
    """How far the correlation of left and right is from the original's, of clips with two channels."""

    name, media, metrics = "narrowing", "audio", (NARROWING_LOW, NARROWING_HIGH)

    def scores(self, x: Samples, x_hat: Samples) -> dict[str, float | None]:
        low, high = narrowing(x, x_hat)
        return {NARROWING_LOW.key: low, NARROWING_HIGH.key: high}

    def identity(self) -> str:
        return f"bands {BANDS_HZ}"

    def wants(self, item: Item, rate: float) -> bool:
        return STEREO in item.groups


AUDIO_MEASURES: tuple[type[Measure], ...] = (Visqol, Mel, Pesq, Estoi, Zimtohrli, Repetition, Narrowing)


def versions() -> dict[str, str]:
    """The packages behind the metrics that are installed."""
    found = {}
    for package in (Visqol.package, Pesq.package, Estoi.package, Zimtohrli.package):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
