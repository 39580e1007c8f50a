"""Noise that is the same in every decoder: a hash of where it stands."""

from __future__ import annotations

import math

import torch
from torch import Tensor

_MIXER = 0x45D9F3B  # a multiplier of Mueller's 32-bit hash; products stay below 2^59
_MASK = 0xFFFFFFFF
_UNIT = math.sqrt(12) * 2.0**-32  # from 0 .. 2^32 to unit variance


def noise(seed: int, first: int, shape: tuple[int, int, int], device: torch.device) -> Tensor:
    """(rows, 1, frames, width) float32, uniform with mean 0 and variance 1, of frames from `first` on."""
    rows, frames, width = shape
    row = torch.arange(rows, device=device)[:, None, None]
    frame = torch.arange(first, first + frames, device=device)[None, :, None]
    column = torch.arange(width, device=device)[None, None]
    x = _mixed(_mixed(_mixed(row + (seed << 1)) ^ frame) ^ column)
    return ((x - (1 << 31)).float() * _UNIT)[:, None]


def _mixed(x: Tensor) -> Tensor:
    x = x & _MASK
    for _ in range(2):
        x = ((x >> 16) ^ x) * _MIXER & _MASK
    return (x >> 16) ^ x
