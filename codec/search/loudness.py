"""`disturbance` of clips in torch, with gradients, for training."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from codec.search.disturbance import (
    ADDED,
    ADDED_EXPONENT,
    ADDED_FLOOR,
    ADDED_RANGE,
    LEVEL,
    LOUD_FRAMES,
    LOUDNESS_UNIT,
    MASKED_SHARE,
    MOST,
    ROOT_FLOOR,
    SILENT_POWER,
    SYMMETRIC,
    TOTAL_WIDTH,
    WINDOW,
    bark,
)


def hann(length: int) -> Tensor:
    """(length,) float32 window on the CPU."""
    return torch.hann_window(length, dtype=torch.float32, device="cpu")


def power_spectra(x: Tensor, window: Tensor, hop: int) -> Tensor:
    """(B, frames, bins) of clips (B, samples) under a window (2 * bins - 2,)."""
    spectrum = torch.stft(x, len(window), hop, window=window, center=False, return_complex=True)
    return (spectrum.real**2 + spectrum.imag**2).transpose(1, 2)


class Loudness(nn.Module):
    """Compares clips (B, samples) at 48 kHz, samples >= WINDOW."""

    hann: Tensor
    audible: Tensor
    level: Tensor
    width: Tensor
    quiet: Tensor
    exponent: Tensor

    def __init__(self) -> None:
        super().__init__()
        bands = bark()
        self.register_buffer("hann", hann(WINDOW))
        for name, values in bands._asdict().items():
            self.register_buffer(name, torch.tensor(values, dtype=torch.float32, device="cpu"))

    def disturbance(self, x: Tensor, y: Tensor) -> Tensor:
        """(B,) points of PESQ's raw score, about, that y loses against x."""
        a, b = (power_spectra(audio, self.hann, WINDOW // 2) for audio in (x, y))
        gain = (LEVEL / ((a @ self.level).mean(1) + SILENT_POWER))[:, None, None]
        a, b = (gain * (power @ self.audible) for power in (a, b))
        loud_a, loud_b = self._loudness(a), self._loudness(b)
        heard = ((loud_b - loud_a).abs() - MASKED_SHARE * torch.minimum(loud_a, loud_b)).clamp_min(0) * self.width
        ratio = ((b.detach() + ADDED_FLOOR) / (a + ADDED_FLOOR)) ** ADDED_EXPONENT
        added = ratio.clamp_max(ADDED_RANGE[1]) * (ratio >= ADDED_RANGE[0])
        symmetric = TOTAL_WIDTH**0.5 * ((heard**2).sum(2) + ROOT_FLOOR).sqrt()
        forgiven = ((a.sum(2) + LOUD_FRAMES[0]) / LEVEL) ** LOUD_FRAMES[1]
        frames = (symmetric, (heard * added).sum(2))
        of_audio = [((f / forgiven).clamp_max(MOST).square().mean(1) + ROOT_FLOOR).sqrt() for f in frames]
        return SYMMETRIC * of_audio[0] + ADDED * of_audio[1]

    def _loudness(self, power: Tensor) -> Tensor:
        """Loudness of powers (B, frames, bands); none below the threshold in quiet."""
        over = (0.5 + 0.5 * power / self.quiet) ** self.exponent - 1
        return LOUDNESS_UNIT * (2 * self.quiet) ** self.exponent * over * (power > self.quiet)
