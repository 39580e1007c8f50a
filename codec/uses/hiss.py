"""Hiss taken off audio: a gain for each frequency and moment, from an estimate of the noise under the signal.

The noise is told from a lower quantile of the power at each frequency, which lies in the pauses of speech: Stahl 2000,
"Quantile based noise estimation for spectral subtraction and Wiener filtering". The gain is that of the least error of
log magnitudes: Ephraim and Malah 1985, with their decision-directed estimate of the signal's power (1984).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from codec.media import Samples

Doubles = npt.NDArray[np.float64]

WINDOW_S = 0.032
OVERLAP = 4  # windows at each sample
STRETCH_S = 30.0  # about so long noise is taken to stay the same
QUANTILE = 0.05
REMEMBERED = 0.98  # share of the last moment's signal in the estimate of the next one's
LEAST_SIGNAL = 10**-2.5  # power of the signal beside that of the noise: less makes single bins ring
LEAST_GAIN = 10**-1.5
LEAST_NOISE = 2.0**-24  # standard deviation, full scale is 1
MOST = 1e6  # power beside that of the noise


def without_hiss(samples: Samples, sample_rate: int, sigma: float | None) -> Samples:
    """(n, channels) float32 samples without stationary noise; each channel alone.

    sample_rate: Hz. sigma: standard deviation of the noise, which is white, full scale is 1; where None the noise is
    estimated, and of any spectrum.
    """
    cleaned = [_cleaned(channel.astype(np.float64), sample_rate, sigma) for channel in samples.T]
    return np.ascontiguousarray(np.stack(cleaned, 1).astype(np.float32))


def _cleaned(x: Doubles, sample_rate: int, sigma: float | None) -> Doubles:
    hop = max(round(WINDOW_S * sample_rate / OVERLAP), 1)
    size = hop * OVERLAP
    window = np.sqrt(np.hanning(size + 1)[:-1])
    padded = np.pad(x, (size, 2 * size))
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop]
    restored = np.zeros(len(padded))
    signal, first = np.ones(size // 2 + 1), 0
    stretches = max(round(len(x) / sample_rate / STRETCH_S), 1)
    for stretch in np.array_split(frames, stretches):
        spectra = np.fft.rfft(stretch * window)
        power = np.abs(spectra) ** 2
        if sigma is None:
            noise = np.quantile(power, QUANTILE, 0) / -np.log1p(-QUANTILE)  # of an exponential distribution's mean
        else:
            noise = np.full(power.shape[1], sigma**2 * (window**2).sum())
        relative = np.minimum(power / np.maximum(noise, LEAST_NOISE**2 * size), MOST)
        for moment, beside_noise in enumerate(relative):
            gain = _gain(beside_noise, signal)
            signal = gain**2 * beside_noise
            spectra[moment] *= gain
        for number, piece in enumerate(np.fft.irfft(spectra, size) * window, first):
            restored[number * hop : number * hop + size] += piece
        first += len(stretch)
    scaled: Doubles = restored[size : size + len(x)] * hop / (window**2).sum()
    return scaled


def _gain(power: Doubles, signal: Doubles) -> Doubles:
    """Of each bin. power: of what is heard, beside the noise's; signal: of what was kept a moment ago, likewise."""
    expected = np.maximum(REMEMBERED * signal + (1 - REMEMBERED) * np.maximum(power - 1, 0), LEAST_SIGNAL)
    wiener = expected / (1 + expected)
    gain: Doubles = np.clip(wiener * np.exp(_exponential_integral(wiener * power) / 2), LEAST_GAIN, 1)
    return gain


def _exponential_integral(x: Doubles) -> Doubles:
    """E1 of x >= 0, to 1e-4 of its value. Source: Abramowitz and Stegun, 5.1.53 and 5.1.56."""
    x = np.maximum(x, 1e-10)
    near = np.polyval([0.00107857, -0.00976004, 0.05519968, -0.24991055, 0.99999193, -0.57721566], x) - np.log(x)
    far = np.exp(-x) / x * np.polyval([1, 2.334733, 0.250621], x) / np.polyval([1, 3.330657, 1.681534], x)
    return np.where(x < 1, near, far)
