"""Blocks of the transforms. Everything is (B, H, W, C); audio has H = 1."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def zeroed(layer: nn.Linear) -> nn.Linear:
    """The layer with weights and bias at zero, so that its block starts as the identity."""
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def space_to_depth(x: Tensor, factor: tuple[int, int]) -> Tensor:
    """Space to depth: (B, H, W, C) to (B, H / f0, W / f1, f0 * f1 * C)."""
    b, h, w, c = x.shape
    x = x.reshape(b, h // factor[0], factor[0], w // factor[1], factor[1], c).permute(0, 1, 3, 2, 4, 5)
    return x.reshape(b, h // factor[0], w // factor[1], -1)


def depth_to_space(x: Tensor, factor: tuple[int, int]) -> Tensor:
    """Depth to space, the inverse of `merge`: (B, H, W, f0 * f1 * C) to (B, H * f0, W * f1, C)."""
    b, h, w, c = x.shape
    x = x.reshape(b, h, w, factor[0], factor[1], c // math.prod(factor)).permute(0, 1, 3, 2, 4, 5)
    return x.reshape(b, h * factor[0], w * factor[1], -1)


def depthwise(x: Tensor, weight: Tensor, bias: Tensor, stride: tuple[int, int] = (1, 1)) -> Tensor:
    """Each channel of (B, H, W, C) filtered alone by weight (C, rows, columns); zeros beyond the edges."""
    rows, cols = weight.shape[1:]
    padding = ((rows - stride[0] + 1) // 2, (cols - stride[1] + 1) // 2)

    def convolve(x: Tensor) -> Tensor:
        y = F.conv2d(x.permute(0, 3, 1, 2), weight[:, None], bias, stride, padding, groups=x.shape[3])
        return y.permute(0, 2, 3, 1)

    if (rows, cols) == (3, 3) or x.device.type != "cpu":
        return convolve(x)
    with torch.autocast("cpu", enabled=False):  # bfloat16 has no fast kernel on CPUs but for 3x3
        return convolve(x.float())


class Depthwise(nn.Module):
    """Trainable `depthwise`."""

    def __init__(self, channels: int, kernel: tuple[int, int], stride: tuple[int, int] = (1, 1)) -> None:
        super().__init__()
        reach = 1 / math.sqrt(math.prod(kernel))
        self.weight = nn.Parameter(torch.empty(channels, *kernel).uniform_(-reach, reach))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.stride = stride

    def forward(self, x: Tensor, unit: Tensor | float = 1.0) -> Tensor:
        """x: (B, H, W, C); unit: (C, 1, 1) factor on each channel."""
        return depthwise(x, self.weight * unit, self.bias, self.stride)


class Plain(nn.Linear):
    """A matrix product kept in float32 under autocast: eight bits of mantissa are too coarse for a DC of 800."""

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            return super().forward(x.float())


class Conditioning(NamedTuple):
    """What all blocks of a stack are conditioned on.

    quality: (B,) of `Gain.quality`; unit: (C, 1, 1) that brings features to a spread of one; limit: (B, 1, 1, C) factor
    on a block's output.
    """

    quality: Tensor
    unit: Tensor
    limit: Tensor

    @classmethod
    def at(cls, log2_step: Tensor, quality: Tensor, log2_norm: Tensor) -> Conditioning:
        """From (B,) nominal steps and (C,) norms of the features.

        With g = step / 4 and n = norm, the limit is g n^2 / (g + n^2) / n: a correction never exceeds the channel's own
        spread nor, by much, the quantisation step. Without it training at useful learning rates diverges.
        """
        g = torch.exp2(log2_step)[:, None] / 4
        n = torch.exp2(log2_norm)[None]
        limit = (g * n**2 / (g + n**2) / n)[:, None, None]
        return cls(quality, torch.exp2(-log2_norm)[:, None, None], limit)


class ResidualBlock(nn.Module):
    """x + limit * net(x * unit): the identity at the start; conditioned on quality by a factor per channel.

    Depthwise, then up to twice the channels and down again: the shape that is fast on CPUs. Were its input not brought
    to a spread of one, the strongest coefficient would be thirty times detail, and a step of training that moves what
    it feeds would shut rectifiers for good.
    """

    def __init__(self, channels: int, kernel: tuple[int, int]) -> None:
        super().__init__()
        self.look = Depthwise(channels, kernel)
        self.by_quality = zeroed(nn.Linear(1, channels))
        self.widen = nn.Linear(channels, 2 * channels)
        self.narrow = zeroed(nn.Linear(2 * channels, channels))

    def forward(self, x: Tensor, conditioning: Conditioning) -> Tensor:
        """(B, H, W, C) of features x, the same."""
        h = self.look(x, conditioning.unit)
        h = h * (1 + self.by_quality(conditioning.quality[:, None]))[:, None, None].to(h.dtype)
        return torch.addcmul(x, self.narrow(F.relu_(self.widen(h))).float(), conditioning.limit)


class Stack(nn.ModuleList):
    """Residual blocks one after the other."""

    def __init__(self, channels: int, count: int, kernel: tuple[int, int] = (3, 3)) -> None:
        super().__init__(ResidualBlock(channels, kernel) for _ in range(count))

    def forward(self, x: Tensor, conditioning: Conditioning) -> Tensor:
        for block in self:
            x = block(x, conditioning)
        return x
