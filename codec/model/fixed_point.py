"""Fixed-point layers: networks whose every number is an integer times a power of two.

Entropy coding needs the decoder to compute the very same probabilities as the encoder, on any machine. Floating-point
sums depend on their order; sums of integers do not. So a value here is an integer multiple of 2^-bits, carried in a
float32 tensor: as long as every product and partial sum stays below 2^24 units, float32 holds it exactly and the order
of summation, threads, BLAS and GPU do not matter. `FixedLayer.freeze` proves that from the weights, row by row.

The same layers serve training. Their quantisation mode is float (plain floats, clamped to the formats' ranges),
fake-quantised (rounded weights and values, straight-through gradients) or integer (weights are integers: the product).
Idea: Ballé, Johnston, Minnen 2019, "Integer networks for data compression with latent-variable models".
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from codec.model.blocks import depthwise

EXACT_LIMIT = 2**24  # float32 holds every integer up to here
WEIGHT_MAX = 127  # weights are signed bytes
LOG2_BITS = 8  # fixed-point bits of every base-2 logarithm
EXP2_BITS = 14  # fixed-point bits of the mantissas in EXP2
SCALE_FLOOR = 0.1  # added to an expected scale, in quantisation steps
SCALE_SHARE = 0.45  # logistic scale of a unit-variance latent
_LOG2_RANGE = 24  # |logarithms| below this; larger ones saturate


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

    def snap(self, x: Tensor) -> Tensor:
        """Nearest grid value below or at x + half a unit, clamped."""
        return self.snap_(x.clone())

    def snap_(self, x: Tensor) -> Tensor:
        """`snap` in place: these passes over memory are a good part of the decoding time."""
        unit = 2.0**self.bits
        return x.mul_(unit).add_(0.5).floor_().clamp_(self.low, self.high).mul_(1 / unit)

    def clamp(self, x: Tensor) -> Tensor:
        """x kept inside the range of the grid, not rounded."""
        unit = 2.0**-self.bits
        return F.hardtanh(x, self.low * unit, self.high * unit)  # one kernel backwards, where clamp takes three


class QuantMode:
    """How fixed-point layers behave; see the module head."""

    FLOAT, FAKE_QUANTISED, INTEGER = "float", "fake-quantised", "integer"


def _straight_through(snapped: Tensor, x: Tensor) -> Tensor:
    return x + (snapped - x).detach() if x.requires_grad else snapped


class Integers(NamedTuple):
    """The stored form of a layer: weight int8 (rows, ...), exponent int8 (rows,), bias int32 (rows,).

    A row's weights are weight * 2^-exponent, its bias bias * 2^-(exponent + bits of its input).
    """

    weight: npt.NDArray[np.int8]
    exponent: npt.NDArray[np.int8]
    bias: npt.NDArray[np.int32]


class FixedLayer(nn.Module):
    """What the two kinds of layers share: weights by rows, their integers, and the bound."""

    def __init__(self, weight: Tensor, source: Format, target: Format) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight)
        self.bias = nn.Parameter(torch.zeros(weight.shape[0]))
        self.source, self.target = source, target
        self.quant_mode = QuantMode.FLOAT

    def _rows(self, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Integer-valued weights and biases, and the exponents, of each row: the finest that keep the bound."""
        rows = weight.detach().double().reshape(len(weight), -1)
        offset = bias.detach().double()
        largest = rows.abs().amax(1).clamp_min(2.0**-16)
        exponent = torch.floor(torch.log2(WEIGHT_MAX / largest)).clamp(-8, 20)
        for _ in range(8):
            w = torch.round(rows * torch.exp2(exponent)[:, None])
            b = torch.round(offset * torch.exp2(exponent + self.source.bits))
            reach = w.abs().sum(1) * self.source.magnitude + b.abs() + self._half(exponent)
            over = (reach >= EXACT_LIMIT) | (w.abs().amax(1) > WEIGHT_MAX)
            if not over.any():
                break
            exponent = exponent - over.double()
        return w.reshape(weight.shape), b, exponent

    def _half(self, exponent: Tensor) -> Tensor:
        """What rounding to the target adds to a sum, in the sum's units: half of the target's unit."""
        return torch.exp2(exponent + (self.source.bits - self.target.bits - 1)).clamp_min(0.5)

    def _effective(self) -> tuple[Tensor, Tensor]:
        if self.quant_mode != QuantMode.FAKE_QUANTISED:
            return self.weight, self.bias
        w, b, exponent = self._rows(self.weight, self.bias)
        unit = torch.exp2(-exponent)
        snapped = (w * unit.reshape(-1, *[1] * (w.dim() - 1))).float()
        return _straight_through(snapped, self.weight), _straight_through(
            (b * unit * 2.0**-self.source.bits).float(), self.bias
        )

    def _finish(self, y: Tensor) -> Tensor:
        if self.quant_mode == QuantMode.FLOAT:
            return self.target.clamp(y)
        if self.quant_mode == QuantMode.INTEGER:
            return self.target.snap_(y)
        return _straight_through(self.target.snap(y.detach()), self.target.clamp(y))

    def integers(self) -> Integers:
        """The layer as integers, rounded from its weights."""
        w, b, exponent = self._rows(self.weight, self.bias)
        return Integers(w.numpy().astype(np.int8), exponent.numpy().astype(np.int8), b.numpy().astype(np.int32))

    def freeze(self, stored: Integers) -> None:
        """Takes stored integers as weights. Raises ValueError where a sum could leave float32's exact range."""
        weight, exponent, bias = (np.asarray(a, np.float64) for a in stored)
        if weight.shape != tuple(self.weight.shape) or bias.shape != weight.shape[:1] or exponent.shape != bias.shape:
            raise ValueError(f"layer of shape {tuple(self.weight.shape)} cannot take weights of {weight.shape}")
        worst = np.abs(weight).reshape(len(weight), -1).sum(1) * self.source.magnitude + np.abs(bias)
        worst = worst + self._half(torch.from_numpy(exponent)).numpy()
        if (worst >= EXACT_LIMIT).any():
            raise ValueError(f"integer sums reach {worst.max():.0f}, beyond the exact range of {EXACT_LIMIT}")
        unit = 2.0**-exponent
        with torch.no_grad():
            self.weight.copy_(torch.from_numpy(weight * unit.reshape(-1, *[1] * (weight.ndim - 1))))
            self.bias.copy_(torch.from_numpy(bias * unit * 2.0**-self.source.bits))
        self.quant_mode = QuantMode.INTEGER
        self.requires_grad_(False)


def set_quant_mode(module: nn.Module, quant_mode: str) -> None:
    """Sets how every fixed-point layer below a module behaves."""
    for layer in module.modules():
        if isinstance(layer, FixedLayer):
            layer.quant_mode = quant_mode


class Linear(FixedLayer):
    """Matrix product over the last axis: (..., c_in) -> (..., c_out)."""

    def __init__(self, c_in: int, c_out: int, source: Format, target: Format, zero: bool = False) -> None:
        weight = torch.empty(c_out, c_in)
        nn.init.zeros_(weight) if zero else nn.init.uniform_(weight, -1 / math.sqrt(c_in), 1 / math.sqrt(c_in))
        super().__init__(weight, source, target)

    def forward(self, x: Tensor) -> Tensor:
        weight, bias = self._effective()
        if self.quant_mode == QuantMode.INTEGER and not _float32_is_exact(x.device):
            return self._finish(F.linear(x.double(), weight.double(), bias.double()).float())
        return self._finish(F.linear(x, weight, bias))


class Depthwise(FixedLayer):
    """Each channel of (B, H, W, C) filtered alone, zeros beyond the edges; kernel (height, width), both odd."""

    def __init__(self, channels: int, kernel: tuple[int, int], source: Format, target: Format) -> None:
        reach = 1 / math.sqrt(kernel[0] * kernel[1])
        super().__init__(nn.init.uniform_(torch.empty(channels, *kernel), -reach, reach), source, target)
        self.kernel = kernel

    def forward(self, x: Tensor) -> Tensor:
        weight, bias = self._effective()
        rows, cols = self.kernel
        if self.quant_mode != QuantMode.INTEGER:
            return self._finish(depthwise(x, weight, bias))
        # Shifted multiply-adds: library convolutions may take Winograd or FFT, which are not exact.
        height, width = x.shape[1:3]
        padded = F.pad(x, (0, 0, cols // 2, cols // 2, rows // 2, rows // 2))
        y = bias.expand(x.shape).clone()
        taps = weight.permute(1, 2, 0).contiguous()
        for i in range(rows):
            for j in range(cols):
                y.addcmul_(padded[:, i : i + height, j : j + width], taps[i, j])
        return self._finish(y)


def _float32_is_exact(device: torch.device) -> bool:
    """Whether matrix products of float32 are computed as such: not while TF32 or bfloat16 stand in for them."""
    try:
        if torch.get_float32_matmul_precision() != "highest":
            return False
    except RuntimeError:  # set through torch's newer interface, which the older one refuses to read
        return False
    backends = {"cpu": "mkldnn", "cuda": "cuda"}
    if device.type not in backends:
        return False
    matmul = getattr(getattr(torch.backends, backends[device.type]), "matmul", None)
    return getattr(matmul, "fp32_precision", "none") in ("none", "ieee")


# --- base-2 logarithms and powers: every step size is 2^(k / 256) -------------------------------------------------


def _table(values: list[float]) -> Tensor:
    """Constants; typed and placed whatever the caller's defaults are."""
    return torch.tensor(values, dtype=torch.float32, device="cpu")


# Mantissas 2^(k / 256), rounded to EXP2_BITS; a test shows that no entry is near a tie, so any libm gives these.
EXP2 = _table([round(2 ** (k / 2**LOG2_BITS + EXP2_BITS)) * 2.0**-EXP2_BITS for k in range(2**LOG2_BITS)])
_POWERS = _table([2.0**k for k in range(-_LOG2_RANGE, _LOG2_RANGE)])


def snap_log2(x: Tensor) -> Tensor:
    """x floored to the grid of logarithms."""
    return torch.floor(x * 2.0**LOG2_BITS) * 2.0**-LOG2_BITS


def exp2(x: Tensor) -> Tensor:
    """2^x from the table, for x on the grid of logarithms, |x| < 24: the same float32 everywhere."""
    whole = torch.floor(x)
    index = ((x - whole) * 2**LOG2_BITS).long()
    power = (whole.long() + _LOG2_RANGE).clamp(0, 2 * _LOG2_RANGE - 1)
    return EXP2.to(x.device)[index] * _POWERS.to(x.device)[power]


def multiply(x: Tensor, factor: Tensor, target: Format) -> Tensor:
    """x * factor on target's grid; carried in float64, where a product of two float32 is exact."""
    return target.snap_(x.double() * factor.double()).float()


def expected_log2_scale(log2_ratio: Tensor) -> Tensor:
    """log2 of the logistic scale expected of a latent whose standard deviation is 2^log2_ratio steps (free floats)."""
    return torch.log2(SCALE_SHARE * torch.exp2(log2_ratio) + SCALE_FLOOR)


_SCALE_BITS = 6  # fixed-point bits of the table below, in and out
_SCALES = _table(
    [
        round(2**_SCALE_BITS * math.log2(SCALE_SHARE * 2 ** (k / 2**_SCALE_BITS) + SCALE_FLOOR)) * 2.0**-_SCALE_BITS
        for k in range(-16 * 2**_SCALE_BITS, 16 * 2**_SCALE_BITS)
    ]
)


def expected_log2_scale_table(log2_ratio: Tensor) -> Tensor:
    """`expected_log2_scale` on a grid of 1/64 octave, from a table: the same everywhere."""
    index = torch.floor(log2_ratio * 2**_SCALE_BITS).long() + 16 * 2**_SCALE_BITS
    return _SCALES.to(log2_ratio.device)[index.clamp(0, len(_SCALES) - 1)]
