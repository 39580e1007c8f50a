"""The classical front end of audio (`mdct`) in torch."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from codec.model.mdct import FLOOR, companding, mdct_basis


class FrontEnd(nn.Module):
    """Audio (..., (T + 1) * hop) to coefficients (..., T, hop) and back; and their companding."""

    basis: Tensor
    power: Tensor
    scale: Tensor

    def __init__(self, hop: int) -> None:
        super().__init__()
        power, scale = companding(hop)
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
