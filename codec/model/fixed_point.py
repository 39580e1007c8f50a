"""Fixed-point arithmetic: every number between hyper-latents and a table row is an integer times a power of two.

Entropy coding needs the decoder to compute the very same probabilities as the encoder, on any machine. Floating-point
sums depend on their order; sums of integers do not. So a value here is an integer multiple of 2^-bits, carried in
float32: as long as every product and partial sum stays below 2^24 units, float32 holds it exactly and the order of
summation, threads, BLAS and GPU do not matter. `Integers.check` proves that from the weights of a layer, row by row.

Numpy only: the layers themselves are those of `fixed_layers` (torch) and `onnx_prior` (ONNX Runtime).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Arrays = dict[str, npt.NDArray[Any]]  # of a weights file

EXACT_LIMIT = 2**24  # float32 holds every integer up to here
WEIGHT_MAX = 127  # weights are signed bytes
LOG2_BITS = 8  # fixed-point bits of every base-2 logarithm
EXP2_BITS = 14  # fixed-point bits of the mantissas in EXP2
SCALE_FLOOR = 0.1  # added to an expected scale, in quantisation steps
SCALE_SHARE = 0.45  # logistic scale of a unit-variance latent
_LOG2_RANGE = 24  # |logarithms| below this; larger ones saturate
_SCALE_BITS = 6  # fixed-point bits of the table of expected scales, in and out

ROWS = 64  # table rows, one for each logistic scale
ROWS_PER_OCTAVE = 6
ROW_OF_UNIT_SCALE = 25.5  # row r stands for the scale 2^((r - 25.5) / 6); row 0 is certainly zero and costs nothing


@dataclass(frozen=True)
class Format:
    """A grid of values: integers in [low, high] times 2^-bits."""

    bits: int
    low: int
    high: int

    @property
    def magnitude(self) -> int:
        """Largest absolute integer of the grid."""
        return max(-self.low, self.high)


HIDDEN = Format(bits=6, low=0, high=1023)  # after a rectifier: 0 .. 16
STREAM = Format(bits=6, low=-2047, high=2047)  # sums and context: -32 .. 32
OUTPUT = Format(bits=6, low=-8191, high=8191)  # means and scales: -128 .. 128
QUALITY = Format(bits=9, low=-1023, high=1023)  # of `Gains.quality`: 1/256 octave of the step is one unit
SYMBOLS = Format(bits=0, low=-127, high=127)  # hyper-latents
STEERED = Format(bits=6, low=-192, high=192)  # log2 of a position's step over its channel's: up to 3 octaves
MEANS = Format(bits=6, low=-(2**20), high=2**20)  # means in quantisation steps
LATENTS = Format(bits=6, low=-(2**23), high=2**23)  # decoded latents in quantisation steps


class Integers(NamedTuple):
    """The stored form of a layer: weight int8 (rows, ...), exponent int8 (rows,), bias int32 (rows,).

    A row's weights are weight * 2^-exponent, its bias bias * 2^-(exponent + bits of its input).
    """

    weight: npt.NDArray[np.int8]
    exponent: npt.NDArray[np.int8]
    bias: npt.NDArray[np.int32]

    @classmethod
    def of(cls, arrays: Arrays, name: str) -> Integers:
        """Those of a layer of a weights file."""
        return cls(*(arrays[f"{name}.{part}"] for part in cls._fields))

    def largest_sums(self, source: Format) -> npt.NDArray[np.int64]:
        """(rows,) bounds of what sums may come to, in units of a row's bias."""
        rows = np.abs(self.weight.astype(np.int16)).reshape(len(self.weight), -1).sum(1, dtype=np.int64)
        bounds: npt.NDArray[np.int64] = rows * source.magnitude + np.abs(self.bias.astype(np.int64))
        return bounds

    def check(self, source: Format, target: Format) -> None:
        """Raises ValueError where a sum could leave float32's exact range, what rounding adds to it included."""
        half = np.maximum(np.exp2(self.exponent.astype(np.float64) + (source.bits - target.bits - 1)), 0.5)
        worst = self.largest_sums(source) + half
        if (worst >= EXACT_LIMIT).any():
            raise ValueError(f"integer sums reach {worst.max():.0f}, beyond the exact range of {EXACT_LIMIT}")


# Mantissas 2^(k / 256), rounded to EXP2_BITS; a test shows that no entry is near a tie, so any libm gives these.
EXP2 = np.array([round(2 ** (k / 2**LOG2_BITS + EXP2_BITS)) * 2.0**-EXP2_BITS for k in range(2**LOG2_BITS)], np.float32)
_POWERS = np.exp2(np.arange(-_LOG2_RANGE, _LOG2_RANGE)).astype(np.float32)
_SCALES = np.array(
    [
        round(2**_SCALE_BITS * math.log2(SCALE_SHARE * 2 ** (k / 2**_SCALE_BITS) + SCALE_FLOOR)) * 2.0**-_SCALE_BITS
        for k in range(-16 * 2**_SCALE_BITS, 16 * 2**_SCALE_BITS)
    ],
    np.float32,
)


def snap_log2(x: Floats) -> Floats:
    """x floored to the grid of logarithms."""
    out: Floats = np.floor(x * np.float32(2.0**LOG2_BITS)) * np.float32(2.0**-LOG2_BITS)
    return out


def exp2(x: Floats) -> Floats:
    """2^x from the table, for x on the grid of logarithms, |x| < 24: the same float32 everywhere."""
    units = (x * np.float32(2.0**LOG2_BITS)).astype(np.int32)
    whole = np.clip((units >> LOG2_BITS) + _LOG2_RANGE, 0, 2 * _LOG2_RANGE - 1)
    out: Floats = EXP2[units & (2**LOG2_BITS - 1)] * _POWERS[whole]
    return out


def multiply(x: Floats, factor: Floats, target: Format) -> Floats:
    """x * factor on target's grid; carried in float64, where a product of two float32 is exact."""
    y = np.multiply(x, factor, dtype=np.float64)
    y *= 2.0**target.bits
    y += 0.5
    np.floor(y, out=y)
    np.clip(y, target.low, target.high, out=y)
    out: Floats = y.astype(np.float32)
    out *= np.float32(2.0**-target.bits)
    return out


def expected_log2_scale(log2_ratio: Floats) -> Floats:
    """log2 of the logistic scale expected of a latent whose standard deviation is 2^log2_ratio steps.

    From a table on a grid of 1/64 octave: the same everywhere.
    """
    index = np.floor(log2_ratio * np.float32(2.0**_SCALE_BITS)).astype(np.int32) + 16 * 2**_SCALE_BITS
    out: Floats = _SCALES[np.clip(index, 0, len(_SCALES) - 1)]
    return out


def rows_of(log2_scale: Floats, certain: bool = True) -> npt.NDArray[np.uint8]:
    """Table row (uint8) of each scale; nearest, saturating. log2_scale on a grid of 1/64, so exact.

    certain: whether the smallest scales have row 0, under which symbols are zero and take no bits; else row 1.
    """
    row = np.floor(log2_scale * np.float32(ROWS_PER_OCTAVE) + np.float32(ROW_OF_UNIT_SCALE + 0.5))
    out: npt.NDArray[np.uint8] = np.clip(row, 0 if certain else 1, ROWS - 1).astype(np.uint8)
    return out


def linear(layer: Integers, x: Floats, source: Format, target: Format) -> Floats:
    """(..., rows) of inputs (..., columns) on source's grid: a layer that is too small for an engine."""
    unit = np.exp2(-layer.exponent.astype(np.float64))
    y = x.astype(np.float64) @ (layer.weight * unit[:, None]).T + layer.bias * unit * 2.0**-source.bits
    y = np.clip(np.floor(y * 2.0**target.bits + 0.5), target.low, target.high) * 2.0**-target.bits
    out: Floats = y.astype(np.float32)
    return out
