"""Spectral distances of clips (`heard`) in torch, with gradients, for training."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from codec.search.heard import (
    BLUR,
    CONVERGENCE_SHARE,
    EAR_FLOOR_DB,
    EAR_HOP,
    EAR_RANGE_DB,
    EAR_WINDOW,
    LOUDNESS_SHARE,
    MAGNITUDE_FLOOR,
    MEL_BANDS,
    MEL_FLOOR,
    OVERSHOOT_FLOOR,
    OVERSHOOT_SHARE,
    PRICE,
    PRICE_SLOPE,
    SILENT_POWER,
    STRUCTURE_SHARE,
    STRUCTURE_SOFTENING,
    TEXTURE_BINS,
    TEXTURE_FLOOR,
    TEXTURE_FRAMES,
    TEXTURE_SHARE,
    TEXTURE_WINDOW,
    ear_bands,
    mel_bands,
)
from codec.search.loudness import Loudness, hann, power_spectra


def price(octaves: Tensor) -> Tensor:
    """kbit/s that a unit of distance is worth at steps so many octaves finer than the middle one."""
    return PRICE * torch.exp2(PRICE_SLOPE * octaves)


def _constant(values: np.ndarray) -> Tensor:
    return torch.tensor(values, dtype=torch.float32, device="cpu")


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
    """Distances between clips (B, samples), of each pair."""

    ear: Tensor
    blur: Tensor

    def __init__(self) -> None:
        super().__init__()
        for window in MEL_BANDS:
            self.register_buffer(f"mel{window}", _constant(mel_bands(window)))
            self.register_buffer(f"hann{window}", hann(window))
        self.register_buffer("ear", _constant(ear_bands()))
        self.register_buffer(f"hann{EAR_WINDOW}", hann(EAR_WINDOW))
        self.register_buffer("blur", _constant(np.array(BLUR))[None, None])
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
