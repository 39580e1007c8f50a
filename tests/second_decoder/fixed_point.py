"""Fixed-point arithmetic (SPEC, sections 6.1 to 6.3)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tests.second_decoder.streams import Ints


class Format(NamedTuple):
    """A fixed-point format: fractional bits and range."""

    bits: int
    low: int
    high: int

    def clamp(self, x: Ints) -> Ints:
        """The nearest values in the range."""
        return np.clip(x, self.low, self.high)


SYMBOLS = Format(0, -127, 127)
QUALITY = Format(9, -1023, 1023)
HIDDEN = Format(6, 0, 1023)
STREAM = Format(6, -2047, 2047)
OUTPUT = Format(6, -8191, 8191)
STEERED = Format(6, -192, 192)
MEANS = Format(6, -(2**20), 2**20)


def divide(x: Ints, bits: Ints) -> Ints:
    """x / 2^bits rounded half up; negative bits multiply."""
    half = (1 << np.maximum(bits, 1)) >> 1
    return np.where(bits > 0, (x + half) >> np.maximum(bits, 0), x << np.maximum(-bits, 0))


EXP2 = np.array([round(2 ** (14 + k / 256)) for k in range(256)])
EXPECTED = np.array([round(64 * np.log2(0.45 * 2 ** (k / 64) + 0.1)) for k in range(-1024, 1024)])


def exp2_times(x: Ints, exponent: Ints) -> Ints:
    """x * 2^(exponent / 256), rounded half up."""
    return divide(x * EXP2[exponent & 255], 14 - (exponent >> 8))


def rows_for(log2_scale: Ints) -> Ints:
    """The table row for a logarithm of a scale, 6 fractional bits."""
    rows: Ints = np.clip((6 * log2_scale + 1664) >> 6, 0, 63)
    return rows


def spread(x: Ints, growth: tuple[int, int]) -> Ints:
    """(rows, columns, u v c) to (u rows, v columns, c)."""
    rows, columns, channels = x.shape
    u, v = growth
    c = channels // (u * v)
    return x.reshape(rows, columns, u, v, c).swapaxes(1, 2).reshape(u * rows, v * columns, c)
