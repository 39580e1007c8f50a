"""Noise that is the same in every decoder: a hash of where it stands."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from codec.model.fixed_point import Floats

_MIXER = 0x45D9F3B  # a multiplier of Mueller's 32-bit hash; products stay below 2^59
_MASK = 0xFFFFFFFF
_UNIT = math.sqrt(12) * 2.0**-32  # from 0 .. 2^32 to unit variance


def noise(seed: int, first: int, shape: tuple[int, int, int]) -> Floats:
    """(rows, 1, frames, width) float32, uniform with mean 0 and variance 1, of frames from `first` on."""
    rows, frames, width = shape
    row = np.arange(rows)[:, None, None]
    frame = np.arange(first, first + frames)[None, :, None]
    column = np.arange(width)[None, None]
    x = _mixed(_mixed(_mixed(row + (seed << 1)) ^ frame) ^ column)
    return ((x - (1 << 31)).astype(np.float32) * np.float32(_UNIT))[:, None]


def _mixed(x: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    x = x & _MASK
    for _ in range(2):
        x = ((x >> 16) ^ x) * _MIXER & _MASK
    return (x >> 16) ^ x
