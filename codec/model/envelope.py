"""The spectral envelope of audio: energies in bands as wide as the ear's, and what they do for a decoder.

Where quantisation leaves nothing of a band, noise of the right energy clips better than a hole; where it leaves
something, the right energy clips better than a weak copy. So energies are coded beside the coefficients.
Idea: gain and shape apart, and noise filling, as in Opus (RFC 6716) and USAC.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from codec.bitstream.constants import SAMPLE_RATE
from codec.model.dct import Array, dct_matrix

BANDS = 32
ENERGY_FLOOR = 1e-9  # of a coefficient's square: 90 dB below full scale
SILENCE = 4 * ENERGY_FLOOR  # energies up to here are decoded as none
UNITS_PER_OCTAVE = 32.0  # of energy; the middle step is then 2 dB
LOG2_ENERGIES = (-32.0, 16.0)  # beyond these nothing makes sense
GAIN_LIMIT = 4.0  # octaves of amplitude that a band is raised at most
LEFT_ABOVE, LEFT_BELOW = 0.25, 1.0  # octaves of amplitude that a band may be left away from its energy
CORRECTION = 0.15  # octaves of energy that networks may move a band: on clips unlike any they know they would run away


def band_edges(hop: int, bands: int = BANDS) -> list[int]:
    """Where bands begin and the last one ends, in frequencies of a frame: about as wide as ERBs, at least one."""

    def edges(share: float) -> list[int]:
        found = [0]
        while found[-1] < hop:
            hertz = found[-1] / hop * SAMPLE_RATE / 2
            width = share * (24.7 + hertz / 9.265) / (SAMPLE_RATE / 2) * hop
            found.append(found[-1] + max(1, round(width)))
        return [*found[:-1], hop]

    share = next(share for share in np.arange(0.5, 8, 0.01) if len(edges(share)) <= bands + 1)
    found = edges(float(share))
    while len(found) < bands + 1:  # split the widest
        k = int(np.argmax(np.diff(found)))
        found.insert(k + 1, (found[k] + found[k + 1]) // 2)
    return found


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
        edges = band_edges(hop)
        member = np.zeros((BANDS, hop))
        for band, (a, b) in enumerate(pairwise(edges)):
            member[band, a:b] = 1
        self.merged = merged
        self.register_buffer("spread", _float32(member), persistent=False)
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
