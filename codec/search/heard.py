"""What is heard of errors, in numpy: the distance by which encoders choose; training has it with gradients.

Here are also its bands and weights. Five views: log-mel spectra at three resolutions; magnitudes at the same, where few
strong lines count as much as many weak ones; how levels vary, so that noise does not become lines nor lines noise; the
local structure of a spectrogram in bands as wide as the ear's, after the neurogram similarity (NSIM) of Hines 2015 and
Chinen 2020 (ViSQOL v3); and loudness, see `codec.search.disturbance`.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import numpy.typing as npt

from codec.bitstream.constants import SAMPLE_RATE
from codec.search.disturbance import disturbance, power_spectra

Array = npt.NDArray[np.float64]

MEL_BANDS = {2048: 160, 1024: 128, 512: 80}  # by samples of a window; hops are a quarter
MEL_FLOOR = 1e-5  # of power
MAGNITUDE_FLOOR = 1e-9  # of power: keeps gradients of square roots finite
SILENT_POWER = 1e-3  # of a whole spectrogram: below it nothing converges
TEXTURE_WINDOW = 512  # samples; hops are a quarter
TEXTURE_FRAMES = 32  # 85 ms
TEXTURE_BINS = 8  # 750 Hz
TEXTURE_FLOOR = 1e-3  # added to variances: keeps gradients of square roots finite
LEAST_SAMPLES = TEXTURE_WINDOW + TEXTURE_FRAMES * TEXTURE_WINDOW // 4
EAR_BANDS = 32
EAR_WINDOW = 3840  # 80 ms
EAR_HOP = 960  # 20 ms
EAR_LOWEST = 50.0  # Hz
EAR_FLOOR_DB = -45.0  # of amplitude, as 10 log10: so 90 dB below full scale
EAR_RANGE_DB = 45.0  # below a frame's loudest band
STRUCTURE_SOFTENING = 0.003  # of variances, dB^2: where nothing moves nothing is compared
PRICE = 48.0  # kbit/s that a unit of distance is worth at the middle step ...
PRICE_SLOPE = 0.95  # ... and octaves that this price rises by for each octave that the step falls
STRUCTURE_SHARE = 1.5  # of neurogram dissimilarity in the distance
CONVERGENCE_SHARE = 0.75  # of spectral convergence
TEXTURE_SHARE = 1.5  # of the difference in texture
LOUDNESS_SHARE = 0.6  # of what PESQ would take off
OVERSHOOT_SHARE = 4.0  # of the root mean square of what lies beyond full scale
OVERSHOOT_FLOOR = 1e-10  # of power: keeps gradients finite
BLUR = ((0.0113, 0.0838, 0.0113), (0.0838, 0.6195, 0.0838), (0.0113, 0.0838, 0.0113))  # a Gaussian over 3 x 3


@cache
def mel_bands(window: int) -> Array:
    """(window / 2 + 1, bands) triangles on the mel scale up to half the sample rate, of height one."""
    top = 2595 * math.log10(1 + SAMPLE_RATE / 2 / 700)
    edges = 700 * (10 ** (np.linspace(0, top, MEL_BANDS[window] + 2) / 2595) - 1)
    f = np.linspace(0, SAMPLE_RATE / 2, window // 2 + 1)[:, None]
    rising = (f - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - f) / (edges[2:] - edges[1:-1])
    triangles: Array = np.maximum(np.minimum(rising, falling), 0)
    return triangles


@cache
def ear_bands() -> Array:
    """(EAR_WINDOW / 2 + 1, EAR_BANDS) power responses of fourth-order gammatones, spaced by ERB (Glasberg 1990)."""
    q, least = 9.26449, 24.7  # ERB = frequency / q + least
    low, high = EAR_LOWEST + q * least, SAMPLE_RATE / 2 + q * least
    centres = high * np.exp(np.arange(1, EAR_BANDS + 1) * (np.log(low / high) / EAR_BANDS)) - q * least
    width = 1.019 * (centres / q + least)
    f = np.linspace(0, SAMPLE_RATE / 2, EAR_WINDOW // 2 + 1)[:, None]
    responses: Array = (1 + ((f - centres[::-1]) / width[::-1]) ** 2) ** -4.0
    return responses


def price(octaves: float) -> float:
    """kbit/s that a unit of distance is worth at steps so many octaves finer than the middle one."""
    return float(PRICE * 2 ** (PRICE_SLOPE * octaves))


def distance(x: npt.ArrayLike, y: npt.ArrayLike) -> float:
    """All that is heard, weighed, where y (n,) stands for x (n,); silence follows clips shorter than LEAST_SAMPLES."""
    a, b = (np.asarray(side, np.float64) for side in (x, y))
    beyond = max(LEAST_SAMPLES - len(a), 0)
    a, b = np.pad(a, (0, beyond)), np.pad(b, (0, beyond))
    overshoot = math.sqrt(float(np.mean(np.maximum(np.abs(b) - 1, 0) ** 2)) + OVERSHOOT_FLOOR)
    return (
        _views(a, b)
        + STRUCTURE_SHARE * _dissimilarity(a, b)
        + LOUDNESS_SHARE * disturbance(a, b)
        + OVERSHOOT_SHARE * overshoot
    )


def _views(x: Array, y: Array) -> float:
    """Weighed distances of power spectra: of mel bands, of magnitudes (Arik 2018), of textures."""
    mel = convergence = texture = 0.0
    for window in MEL_BANDS:
        a, b = (power_spectra(side, window, window // 4) for side in (x, y))
        log_a, log_b = (np.log10(np.maximum(power @ mel_bands(window), MEL_FLOOR)) for power in (a, b))
        mel += float(np.abs(log_a - log_b).mean()) / len(MEL_BANDS)
        if window == TEXTURE_WINDOW:
            texture = float(np.mean([np.abs(i - j).mean() for i, j in zip(_textures(a), _textures(b), strict=True)]))
        a, b = a + MAGNITUDE_FLOOR, b + MAGNITUDE_FLOOR
        difference = float(((np.sqrt(a) - np.sqrt(b)) ** 2).sum()) + MAGNITUDE_FLOOR
        convergence += math.sqrt(difference / (float(a.sum()) + SILENT_POWER)) / len(MEL_BANDS)
    return mel + CONVERGENCE_SHARE * convergence + TEXTURE_SHARE * texture


def _textures(power: Array) -> tuple[Array, Array]:
    """(blocks, bands) standard deviations, in base-10 logarithms, of power spectra (frames, bins): of levels over time,
    which noise has and lines have not; and of their means over frequency, the other way round.
    """
    levels = np.log10(power + MEL_FLOOR)
    mean = _over_time(levels)
    restless = _over_bins(_over_time(levels**2) - mean**2)
    ripple = _over_bins(mean**2) - _over_bins(mean) ** 2
    return np.sqrt(np.maximum(restless, 0) + TEXTURE_FLOOR), np.sqrt(np.maximum(ripple, 0) + TEXTURE_FLOOR)


def _over_time(x: Array) -> Array:
    """Means over blocks of TEXTURE_FRAMES that overlap by half."""
    half = TEXTURE_FRAMES // 2
    halves = x[: len(x) // half * half].reshape(-1, half, x.shape[1]).mean(1)
    out: Array = (halves[:-1] + halves[1:]) / 2
    return out


def _over_bins(x: Array) -> Array:
    """Means over TEXTURE_BINS."""
    whole = x.shape[1] // TEXTURE_BINS * TEXTURE_BINS
    out: Array = x[:, :whole].reshape(len(x), -1, TEXTURE_BINS).mean(2)
    return out


def _dissimilarity(x: Array, y: Array) -> float:
    """1 - the mean neurogram similarity; samples >= EAR_WINDOW."""
    a, b = (_neurogram(side) for side in (x, y))
    floor = np.maximum(a.max(1), b.max(1))[:, None] - EAR_RANGE_DB
    a, b = np.maximum(a, floor), np.maximum(b, floor)
    mean_a, mean_b = _blurred(a), _blurred(b)
    variance_a, variance_b = (np.maximum(_blurred(s * s) - m * m, 0) for s, m in ((a, mean_a), (b, mean_b)))
    covariance = _blurred(a * b) - mean_a * mean_b
    soft = STRUCTURE_SOFTENING
    structure = (covariance + soft) / (np.sqrt(variance_a * variance_b + 1e-8) + soft)
    mean_a, mean_b = mean_a - a.min(), mean_b - a.min()
    level = (2 * mean_a * mean_b + 1) / (mean_a**2 + mean_b**2 + 1)
    return 1 - float((structure * level).mean())


def _neurogram(x: Array) -> Array:
    """(frames, bands) dB of the root mean square of windowed frames behind gammatone filters."""
    power = power_spectra(x, EAR_WINDOW, EAR_HOP) @ ear_bands()
    out: Array = np.maximum(5 * np.log10(power * (2 / EAR_WINDOW**2) + 1e-12), EAR_FLOOR_DB)
    return out


def _blurred(x: Array) -> Array:
    padded = np.pad(x, 1, "edge")
    rows, columns = x.shape
    out = np.zeros_like(x)
    for i, weights in enumerate(BLUR):
        for j, weight in enumerate(weights):
            out += weight * padded[i : i + rows, j : j + columns]
    return out
