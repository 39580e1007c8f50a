"""Distances between a clip and what a decoder made of it. Samples are (n, channels) float32 at 48 kHz.

vnsim rises with the rate of every codec tried and hears the full band: the main metric. The log-mel distance does so
too, but it is what models are trained on. ViSQOL's MOS, made of vnsim by a support vector machine, mostly follows the
bandwidth and is for tables; PESQ and ESTOI are for speech and end at 8 and 5 kHz.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from codec.media import Samples, resample

if TYPE_CHECKING:
    from visqol import VisqolApi

os.environ.setdefault("NUMBA_NUM_THREADS", "1")  # for visqol, which is imported later

RATE = 48_000
SPEECH_RATE = 16_000
STEREO = 2
LEAST_SECONDS = 1.0  # below, nothing but the mel distance can be measured
MEL_SCALES = {2048: 160, 1024: 128, 512: 80}  # bands by the samples of a window
MEL_FLOOR = 1e-5
FRAMES_AT_ONCE = 4096

Floats = npt.NDArray[np.float32]


def mel_distance(x: Samples, x_hat: Samples) -> float:
    """Mean distance of log10 mel spectra of power, floored at 1e-5, over three window lengths; 0 for equal clips.

    Hann windows that advance by a quarter, mirrored at the ends; triangles on the mel scale of HTK, not normalised (as
    torchaudio's MelSpectrogram has them).
    """
    return float(np.mean([_mel_distance(x, x_hat, window) for window in MEL_SCALES]))


def _mel_distance(x: Samples, x_hat: Samples, window: int) -> float:
    total = count = 0.0
    for a, b in zip(_log_mel(x, window), _log_mel(x_hat, window), strict=True):
        total += float(np.abs(a - b).sum(dtype=np.float64))
        count += a.size
    return total / count


def _log_mel(x: Samples, window: int) -> Iterator[Floats]:
    """(channels, frames, bands) pieces of the spectra."""
    bands = mel_bands(window, MEL_SCALES[window])
    hann = np.hanning(window + 1)[:-1].astype(np.float32)
    padded = np.pad(x, ((window // 2, window // 2), (0, 0)), "reflect").T
    frames = np.lib.stride_tricks.sliding_window_view(padded, window, axis=1)[:, :: window // 4]
    for start in range(0, frames.shape[1], FRAMES_AT_ONCE):
        spectra = np.fft.rfft(frames[:, start : start + FRAMES_AT_ONCE] * hann)
        yield np.log10(np.maximum(np.abs(spectra) ** 2 @ bands, MEL_FLOOR))


@cache
def mel_bands(window: int, bands: int) -> Floats:
    """(window / 2 + 1, bands): what each band takes of each frequency, triangles of height 1 from 0 to 24 kHz."""
    highest = 2595 * np.log10(1 + RATE / 2 / 700)  # in mel
    edges = 700 * (10 ** (np.linspace(0, highest, bands + 2) / 2595) - 1)
    frequencies = np.fft.rfftfreq(window, 1 / RATE)[:, None]
    rising = (frequencies - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - frequencies) / (edges[2:] - edges[1:-1])
    return np.maximum(0, np.minimum(rising, falling)).astype(np.float32)


def visqol(x: Samples, x_hat: Samples) -> tuple[float, float]:
    """vnsim, 0 to 1, and ViSQOL's MOS for audio, 1 to 4.73; of the mean of both channels.

    Source: Chinen 2020, "ViSQOL v3"; the package visqol-python.
    """
    found = _visqol().measure_from_arrays(_mono(x), _mono(x_hat), RATE)
    return float(found.vnsim), float(found.moslqo)


@cache
def _visqol() -> VisqolApi:
    from visqol import VisqolApi

    api = VisqolApi()
    api.create(mode="audio")
    return api


def pesq_wb(x: Samples, x_hat: Samples, rate: int = RATE) -> float | None:
    """PESQ of wide-band speech, 1 to 4.64, of the mean of both channels; None where it hears no speech. rate: Hz.

    Source: ITU-T P.862.2; the package pesq.
    """
    from pesq import NoUtterancesError, pesq

    try:
        with np.errstate(all="ignore"):  # it divides by the power of silence
            return float(pesq(SPEECH_RATE, _speech(x, rate), _speech(x_hat, rate), "wb"))
    except NoUtterancesError:
        return None


def estoi(x: Samples, x_hat: Samples, rate: int = RATE) -> float:
    """Extended short-time objective intelligibility, at most 1. rate: Hz. Source: Jensen 2016; the package pystoi."""
    from pystoi import stoi

    return float(stoi(_speech(x, rate), _speech(x_hat, rate), SPEECH_RATE, extended=True))


def zimtohrli(x: Samples, x_hat: Samples) -> float:
    """Zimtohrli's MOS, 1 to 5: of the channel that is worse.

    Source: Alakuijala 2025, "Zimtohrli: An Efficient Psychoacoustic Audio Similarity Metric"; the package zimtohrli.
    """
    from zimtohrli import mos_from_signals

    return min(float(mos_from_signals(*sides)) for sides in zip(x.T, x_hat.T, strict=True))


def _mono(x: Samples) -> npt.NDArray[np.float64]:
    mean: npt.NDArray[np.float64] = x.mean(axis=1, dtype=np.float64)
    return mean


def _speech(x: Samples, rate: int) -> Floats:
    """(n,) at 16 kHz."""
    mono = _mono(x)[:, None].astype(np.float32)
    return resample(mono, rate, SPEECH_RATE)[:, 0]
