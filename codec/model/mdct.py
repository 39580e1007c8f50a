"""The classical front end of audio: the modified discrete cosine transform, and companding of its coefficients.

The MDCT (Princen, Johnson, Bradley 1987) with a sine window is orthonormal: hop coefficients a frame, each frame seeing
two hops of samples. Companding, sign(X) |X|^p, lets a plain squared error follow loudness: it shapes noise under the
signal.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from codec.bitstream.constants import SAMPLE_RATE
from codec.model.dct import Array

FLOOR = 1e-4  # amplitude below which companding turns linear; full scale is 1
REFERENCE = 0.1  # a coefficient's amplitude at which all frequencies agree ...
LEVEL = 50.0  # ... on this companded value


def mdct_basis(hop: int) -> Array:
    """Orthonormal (hop, 2 hop): rows are frequencies, columns windowed samples."""
    n, k = np.arange(2 * hop)[None], np.arange(hop)[:, None]
    window = np.sin(np.pi * (n + 0.5) / (2 * hop))
    basis: Array = np.sqrt(2 / hop) * window * np.cos(np.pi / hop * (n + 0.5 + hop / 2) * (k + 0.5))
    return basis


class FrontEnd(nn.Module):
    """Audio (..., (T + 1) * hop) to coefficients (..., T, hop) and back; and their companding.

    Lower frequencies are companded less, and finer, as the waveform matters where the ear follows it: to about 4 kHz.
    """

    basis: Tensor
    power: Tensor
    scale: Tensor

    def __init__(self, hop: int) -> None:
        super().__init__()
        frequency = (np.arange(hop) + 0.5) / hop * SAMPLE_RATE / 2
        power = 0.5 + 0.15 / (1 + (frequency / 3000) ** 2)
        weight = 0.15 + 0.85 / (1 + (frequency / 4000) ** 2)  # of squared errors
        scale = LEVEL * np.sqrt(weight) / REFERENCE**power
        for name, values in (("basis", mdct_basis(hop)), ("power", power), ("scale", scale)):
            self.register_buffer(name, torch.tensor(values, dtype=torch.float32), persistent=False)
        self.hop = hop

    def coefficients(self, x: Tensor) -> Tensor:
        """(..., T, hop) of samples."""
        return F.linear(x.unfold(-1, 2 * self.hop, self.hop), self.basis)

    def samples(self, c: Tensor) -> Tensor:
        """Audio of coefficients; its first and last hop are not complete."""
        frames = c @ self.basis
        left, right = frames[..., : self.hop].flatten(-2), frames[..., self.hop :].flatten(-2)
        return F.pad(left, (0, self.hop)) + F.pad(right, (self.hop, 0))

    def compand(self, c: Tensor) -> Tensor:
        """Coefficients companded."""
        return self.scale * c.sign() * ((c.abs() + FLOOR) ** self.power - FLOOR**self.power)

    def expand(self, h: Tensor) -> Tensor:
        """The inverse of `compand`."""
        return h.sign() * ((h.abs() / self.scale + FLOOR**self.power) ** (1 / self.power) - FLOOR)
