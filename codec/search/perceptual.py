"""Spectral distances of clips, with gradients: what the ear compares, beside the waveform.

Training pays for them, and encoders choose by them. Five views: log-mel spectra at three resolutions; magnitudes at the
same, where few strong lines count as much as many weak ones; how levels vary, so that noise does not become lines nor
lines noise; the local structure of a spectrogram in bands as wide as the ear's, after the neurogram similarity (NSIM)
of Hines 2015 and Chinen 2020 (ViSQOL v3); and loudness, see `codec.loudness`.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from codec.bitstream.constants import SAMPLE_RATE
from codec.search.loudness import Loudness, hann, power_spectra

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


def mel_bands(window: int, bands: int) -> Tensor:
    """(window / 2 + 1, bands) triangles on the mel scale up to half the sample rate, of height one."""
    top = 2595 * math.log10(1 + SAMPLE_RATE / 2 / 700)
    edges = 700 * (10 ** (np.linspace(0, top, bands + 2) / 2595) - 1)
    f = np.linspace(0, SAMPLE_RATE / 2, window // 2 + 1)[:, None]
    rising = (f - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - f) / (edges[2:] - edges[1:-1])
    triangles = np.maximum(np.minimum(rising, falling), 0)
    return torch.tensor(triangles, dtype=torch.float32, device="cpu")


def ear_bands(window: int = EAR_WINDOW) -> Tensor:
    """(window / 2 + 1, EAR_BANDS) power responses of fourth-order gammatone filters, spaced by ERB (Glasberg 1990)."""
    q, least = 9.26449, 24.7  # ERB = frequency / q + least
    low, high = EAR_LOWEST + q * least, SAMPLE_RATE / 2 + q * least
    centres = high * np.exp(np.arange(1, EAR_BANDS + 1) * (np.log(low / high) / EAR_BANDS)) - q * least
    width = 1.019 * (centres / q + least)
    f = np.linspace(0, SAMPLE_RATE / 2, window // 2 + 1)[:, None]
    return torch.tensor((1 + ((f - centres[::-1]) / width[::-1]) ** 2) ** -4.0, dtype=torch.float32, device="cpu")


def price(octaves: Tensor) -> Tensor:
    """kbit/s that a unit of distance is worth at steps so many octaves finer than the middle one."""
    return PRICE * torch.exp2(PRICE_SLOPE * octaves)


class Heard(NamedTuple):
    """(B,) distance: all that is heard, weighed; the rest: what figures show of it."""

    distance: Tensor
    mel: Tensor
    nsim: Tensor
    texture: Tensor
    disturbance: Tensor


class Views(NamedTuple):
    """(B,) distances. mel: mean absolute difference of the base-10 logarithms of mel spectra of power; convergence: the
    norm of the difference of magnitudes over the norm of those of x, where strong lines count (Arik 2018); texture:
    mean absolute difference of how levels vary over time and over frequency, which tells noise from lines that ring.
    """

    mel: Tensor
    convergence: Tensor
    texture: Tensor


def _textures(power: Tensor) -> Tensor:
    """(2, B, blocks, bands) standard deviations, in base-10 logarithms, of power spectra (B, frames, bins): of levels
    over time, which noise has and lines have not; and of their means over frequency, the other way round.
    """
    levels = torch.log10(power + MEL_FLOOR)[:, None]

    def over_time(x: Tensor) -> Tensor:
        return F.avg_pool2d(x, (TEXTURE_FRAMES, 1), (TEXTURE_FRAMES // 2, 1))

    def over_bins(x: Tensor) -> Tensor:
        return F.avg_pool2d(x, (1, TEXTURE_BINS))

    mean = over_time(levels)
    restless = over_bins(over_time(levels**2) - mean**2)
    ripple = over_bins(mean**2) - over_bins(mean) ** 2
    return (torch.stack([restless, ripple]).clamp_min(0) + TEXTURE_FLOOR).sqrt()[:, :, 0]


class Spectra(nn.Module):
    """Distances between clips (B, samples), per audio."""

    ear: Tensor
    blur: Tensor

    def __init__(self) -> None:
        super().__init__()
        for window, bands in MEL_BANDS.items():
            self.register_buffer(f"mel{window}", mel_bands(window, bands))
            self.register_buffer(f"hann{window}", hann(window))
        self.register_buffer("ear", ear_bands())
        self.register_buffer(f"hann{EAR_WINDOW}", hann(EAR_WINDOW))
        self.register_buffer("blur", torch.tensor(BLUR, dtype=torch.float32, device="cpu")[None, None])
        self.loudness = Loudness()

    def heard(self, x: Tensor, y: Tensor) -> Heard:
        """All of it; y is compared to x, samples >= LEAST_SAMPLES."""
        views, dissimilarity = self.views(x, y), self.dissimilarity(x, y)
        disturbance = self.loudness.disturbance(x, y)
        overshoot = (F.relu(y.abs() - 1) ** 2).mean(1).add(OVERSHOOT_FLOOR).sqrt()
        distance = (
            views.mel
            + STRUCTURE_SHARE * dissimilarity
            + CONVERGENCE_SHARE * views.convergence
            + TEXTURE_SHARE * views.texture
            + LOUDNESS_SHARE * disturbance
            + OVERSHOOT_SHARE * overshoot
        )
        return Heard(distance, views.mel, 1 - dissimilarity, views.texture, disturbance)

    def views(self, x: Tensor, y: Tensor) -> Views:
        """Distances of power spectra; y is compared to x."""
        mel, convergence = [], []
        texture = x.new_zeros(len(x))
        for window in MEL_BANDS:
            bands = getattr(self, f"mel{window}")
            a, b = (self._power(s, window, window // 4) for s in (x, y))
            log_a, log_b = (torch.log10((power @ bands).clamp_min(MEL_FLOOR)) for power in (a, b))
            mel.append((log_a - log_b).abs().mean((1, 2)))
            if window == TEXTURE_WINDOW:
                texture = (_textures(a) - _textures(b)).abs().mean((0, 2, 3))
            a, b = (power + MAGNITUDE_FLOOR for power in (a, b))
            difference = ((a.sqrt() - b.sqrt()) ** 2).sum((1, 2))
            convergence.append(((difference + MAGNITUDE_FLOOR) / (a.sum((1, 2)) + SILENT_POWER)).sqrt())
        return Views(torch.stack(mel).mean(0), torch.stack(convergence).mean(0), texture)

    def dissimilarity(self, x: Tensor, y: Tensor) -> Tensor:
        """(B,) 1 - the mean neurogram similarity; y is compared to x, samples >= 3840."""
        a, b = self._loudness(x), self._loudness(y)
        floor = torch.maximum(a.detach().amax(2), b.detach().amax(2))[:, :, None] - EAR_RANGE_DB
        a, b = torch.maximum(a, floor), torch.maximum(b, floor)
        mean_a, mean_b = self._blurred(a), self._blurred(b)
        variance_a, variance_b = ((self._blurred(s * s) - m * m).clamp_min(0) for s, m in ((a, mean_a), (b, mean_b)))
        covariance = self._blurred(a * b) - mean_a * mean_b
        soft = STRUCTURE_SOFTENING
        structure = (covariance + soft) / ((variance_a * variance_b + 1e-8).sqrt() + soft)
        lowest = a.detach().amin((1, 2), keepdim=True)
        mean_a, mean_b = mean_a - lowest, mean_b - lowest
        level = (2 * mean_a * mean_b + 1) / (mean_a**2 + mean_b**2 + 1)
        return 1 - (structure * level).mean((1, 2))

    def _power(self, x: Tensor, window: int, hop: int) -> Tensor:
        """(B, frames, window / 2 + 1)."""
        return power_spectra(x, getattr(self, f"hann{window}"), hop)

    def _loudness(self, x: Tensor) -> Tensor:
        """(B, frames, bands) dB of the root mean square of windowed frames behind gammatone filters."""
        power = self._power(x, EAR_WINDOW, EAR_HOP) @ self.ear
        decibels = 5 * torch.log10(power * (2 / EAR_WINDOW**2) + 1e-12)
        return decibels.clamp_min(EAR_FLOOR_DB)

    def _blurred(self, x: Tensor) -> Tensor:
        return F.conv2d(F.pad(x[:, None], (1, 1, 1, 1), mode="replicate"), self.blur)[:, 0]
