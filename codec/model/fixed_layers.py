"""Fixed-point layers in torch: float, fake-quantised for training, or integer as decoders need them (`fixed_point`).

Their quantisation mode is float (plain floats, clamped to the formats' ranges), fake-quantised (rounded weights and
values, straight-through gradients) or integer (weights are integers: the product).
Idea: Ballé, Johnston, Minnen 2019, "Integer networks for data compression with latent-variable models".
"""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from codec.model.blocks import depthwise
from codec.model.fixed_point import EXACT_LIMIT, WEIGHT_MAX, Format, Integers


def snap(x: Tensor, grid: Format) -> Tensor:
    """Nearest grid value below or at x + half a unit, clamped."""
    return snap_(x.clone(), grid)


def snap_(x: Tensor, grid: Format) -> Tensor:
    """`snap` in place."""
    unit = 2.0**grid.bits
    return x.mul_(unit).add_(0.5).floor_().clamp_(grid.low, grid.high).mul_(1 / unit)


def clamp(x: Tensor, grid: Format) -> Tensor:
    """x kept inside the range of a grid, not rounded."""
    unit = 2.0**-grid.bits
    return F.hardtanh(x, grid.low * unit, grid.high * unit)  # one kernel backwards, where clamp takes three


class QuantMode:
    """How fixed-point layers behave; see the module head."""

    FLOAT, FAKE_QUANTISED, INTEGER = "float", "fake-quantised", "integer"


def _straight_through(snapped: Tensor, x: Tensor) -> Tensor:
    return x + (snapped - x).detach() if x.requires_grad else snapped


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
            return clamp(y, self.target)
        if self.quant_mode == QuantMode.INTEGER:
            return snap_(y, self.target)
        return _straight_through(snap(y.detach(), self.target), clamp(y, self.target))

    def integers(self) -> Integers:
        """The layer as integers, rounded from its weights."""
        w, b, exponent = self._rows(self.weight, self.bias)
        return Integers(w.numpy().astype(np.int8), exponent.numpy().astype(np.int8), b.numpy().astype(np.int32))

    def freeze(self, stored: Integers) -> None:
        """Takes stored integers as weights. Raises ValueError where a sum could leave float32's exact range."""
        if stored.weight.shape != tuple(self.weight.shape):
            raise ValueError(f"layer of shape {tuple(self.weight.shape)} cannot take weights of {stored.weight.shape}")
        stored.check(self.source, self.target)
        weight, exponent, bias = (np.asarray(a, np.float64) for a in stored)
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
