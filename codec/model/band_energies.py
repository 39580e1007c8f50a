"""The spectral envelope of audio (`envelope`) in torch."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from codec.model.config import BANDS
from codec.model.dct import Array, dct_matrix
from codec.model.envelope import (
    CORRECTION,
    ENERGY_FLOOR,
    GAIN_LIMIT,
    LEFT_ABOVE,
    LEFT_BELOW,
    LOG2_ENERGIES,
    SILENCE,
    UNITS_PER_OCTAVE,
    spread,
)


class Envelope(nn.Module):
    """Energies of (B, rows, frames, hop) coefficients over `merged` frames, as features (B, rows, latents, BANDS).

    Features are a DCT over bands of the logarithm of mean energies, in 1 / UNITS_PER_OCTAVE octaves around their mean.
    """

    spread: Tensor
    dct: Tensor
    mean: Tensor

    def __init__(self, hop: int, merged: int, mean: Array) -> None:
        """mean: (BANDS,) of the logarithms."""
        super().__init__()
        self.merged = merged
        self.register_buffer("spread", _float32(spread(hop)), persistent=False)
        self.register_buffer("dct", _float32(dct_matrix(BANDS)), persistent=False)
        self.register_buffer("mean", _float32(mean))

    def energies(self, c: Tensor) -> Tensor:
        """(B, rows, latents, BANDS) mean squares of uncompanded coefficients."""
        b, rows, frames, hop = c.shape
        squares = (c * c).view(b, rows, frames // self.merged, self.merged, hop).mean(3)
        return squares @ (self.spread / self.spread.sum(1, keepdim=True)).T

    def forward(self, c: Tensor) -> Tensor:
        """Features of uncompanded coefficients."""
        octaves = torch.log2(self.energies(c) + ENERGY_FLOOR) - self.mean
        return octaves @ self.dct.T * UNITS_PER_OCTAVE

    def near(self, features: Tensor, known: Tensor) -> Tensor:
        """Features with every band at most CORRECTION octaves from known ones."""
        octaves = (features - known) @ self.dct / UNITS_PER_OCTAVE
        return known + F.hardtanh(octaves, -CORRECTION, CORRECTION) @ self.dct.T * UNITS_PER_OCTAVE

    def log2_energies(self, features: Tensor) -> Tensor:
        """(B, rows, latents, BANDS) log2 of mean squares, ENERGY_FLOOR added."""
        return F.hardtanh(features @ self.dct / UNITS_PER_OCTAVE + self.mean, *LOG2_ENERGIES)

    def decoded(self, features: Tensor) -> Tensor:
        """(B, rows, latents, BANDS) mean squares; exactly none near silence."""
        return F.relu(torch.exp2(self.log2_energies(features)) - SILENCE)

    def amplitudes(self, wanted: Tensor) -> Tensor:
        """(B, rows, frames, hop) root mean squares of energies, constant over bands and latents."""
        return self._everywhere((wanted + ENERGY_FLOOR**2).sqrt())

    def missing(self, c: Tensor, wanted: Tensor) -> Tensor:
        """(B, rows, latents, BANDS) mean squares that `matched` cannot make up for, however it raises coefficients."""
        return F.relu(wanted - self.energies(c) * 4**GAIN_LIMIT)

    def matched(self, c: Tensor, wanted: Tensor, share: Tensor) -> Tensor:
        """Coefficients with their bands moved towards wanted energies, by a share (BANDS,) of the way, and never left
        far from them; none where none is wanted.
        """
        found = torch.log2(self.energies(c) + ENERGY_FLOOR)
        octaves = (torch.log2(wanted + ENERGY_FLOOR) - found) / 2
        moved = torch.maximum(torch.minimum(octaves * share, octaves + LEFT_ABOVE), octaves - LEFT_BELOW)
        present = wanted / (wanted + ENERGY_FLOOR)
        return c * self._everywhere(torch.exp2(moved.clamp_max(GAIN_LIMIT)) * present)

    def _everywhere(self, x: Tensor) -> Tensor:
        """(B, rows, frames, hop) of (B, rows, latents, BANDS)."""
        return (x @ self.spread).repeat_interleave(self.merged, 2)


def _float32(values: Array) -> Tensor:
    return torch.tensor(values, dtype=torch.float32)
