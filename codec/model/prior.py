"""The entropy nets in torch: hyperprior, and what predicts each group of channels in each pass of `walk`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor, nn

from codec.model.blocks import depth_to_space
from codec.model.config import PriorConfig
from codec.model.fixed_layers import Depthwise, Linear, clamp
from codec.model.fixed_point import (
    HIDDEN,
    LOG2_BITS,
    OUTPUT,
    QUALITY,
    ROW_OF_UNIT_SCALE,
    ROWS,
    ROWS_PER_OCTAVE,
    SCALE_FLOOR,
    SCALE_SHARE,
    STEERED,
    STREAM,
    SYMBOLS,
    Format,
)
from codec.model.walk import Board, Choose, Predicted, Steps, checkerboard, walk


def rows_of(log2_scale: Tensor) -> Tensor:
    """Table row (uint8) of each scale; nearest, saturating."""
    return torch.floor(log2_scale * ROWS_PER_OCTAVE + (ROW_OF_UNIT_SCALE + 0.5)).clamp(0, ROWS - 1).to(torch.uint8)


def snap_log2(x: Tensor) -> Tensor:
    """x floored to the grid of logarithms."""
    return torch.floor(x * 2.0**LOG2_BITS) * 2.0**-LOG2_BITS


class Pointwise(nn.Module):
    """x + net(x) at each position alone."""

    def __init__(self, width: int, source: Format) -> None:
        super().__init__()
        self.source = source
        self.widen = Linear(width, 2 * width, source, HIDDEN)
        self.narrow = Linear(2 * width, width, HIDDEN, STREAM)

    def forward(self, x: Tensor, stream: Tensor) -> Tensor:
        h: Tensor = self.narrow(self.widen(x))
        return clamp(h + stream, STREAM)


class HyperBlock(nn.Module):
    """x + net(x) with a look at the neighbours."""

    def __init__(self, width: int, kernel: tuple[int, int]) -> None:
        super().__init__()
        self.depthwise = Depthwise(width, kernel, STREAM, STREAM)
        self.pointwise = Pointwise(width, STREAM)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.pointwise(self.depthwise(x), x)
        return out


class LookAround(nn.Module):
    """Decoded latents mixed across channels, then gathered from the neighbourhood."""

    def __init__(self, c_in: int, width: int, kernel: tuple[int, int]) -> None:
        super().__init__()
        self.mix = Linear(c_in, width, STREAM, STREAM)
        self.gather = Depthwise(width, kernel, STREAM, STREAM)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.gather(self.mix(x))
        return out


class Predict(nn.Module):
    """Mean (feature units) and log2 scale correction (octaves) of one group in one pass."""

    def __init__(self, width: int, group: int) -> None:
        super().__init__()
        self.body = Pointwise(width, HIDDEN)
        self.head = Linear(width, 2 * group, STREAM, OUTPUT, zero=True)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        h = clamp(features, HIDDEN)
        mean, log2_scale = self.head(self.body(h, h)).chunk(2, -1)
        return mean, log2_scale


class Prior(nn.Module):
    """The entropy nets. log2_std: (M,) log2 of each latent's standard deviation; log2_norm: (M,) of its feature norm.

    A latent in feature units times norm / step is a latent in quantisation steps.
    """

    log2_std: Tensor
    log2_norm: Tensor

    def __init__(self, config: PriorConfig, log2_std: Tensor, log2_norm: Tensor) -> None:
        super().__init__()
        self.config = config
        growth, kernel = math.prod(config.up), config.kernel
        self.register_buffer("log2_std", snap_log2(log2_std))
        self.register_buffer("log2_norm", snap_log2(log2_norm))
        self.grow1 = Linear(config.hyper_channels, growth * config.hyper_width, SYMBOLS, HIDDEN)
        self.grow2 = Linear(config.hyper_width, growth * config.hyper_width, HIDDEN, STREAM)
        self.by_quality = Linear(1, config.hyper_width, QUALITY, STREAM, zero=True)
        self.blocks = nn.Sequential(*(HyperBlock(config.hyper_width, config.hyper_kernel) for _ in range(2)))
        # log2 scale of the hyper-latents: an affine function of the quality, for each channel
        self.z_scale = Linear(1, config.hyper_channels, QUALITY, OUTPUT, zero=True)
        starts = config.starts
        self.steer = Linear(config.hyper_width, config.channels, STREAM, STEERED, zero=True) if config.steered else None
        self.from_hyper = nn.ModuleList(Linear(config.hyper_width, config.width, STREAM, STREAM) for _ in starts)
        self.from_groups = nn.ModuleList(
            LookAround(start, config.width, kernel) if start else nn.Identity() for start in starts
        )
        # one for each pass that has an earlier one of its group to look at, and one for each pass
        self.from_passes = nn.ModuleList(
            LookAround(size, config.width, kernel)
            for k, size in enumerate(config.groups)
            for _ in range(config.passes(k) - 1)
        )
        self.predict = nn.ModuleList(
            Predict(config.width, size) for k, size in enumerate(config.groups) for _ in range(config.passes(k))
        )

    def z_log2_scale(self, quality: Tensor) -> Tensor:
        """(B, hyper_channels) log2 of the logistic scale of the hyper-latents at qualities `Gain.quality` (B,)."""
        out: Tensor = self.z_scale(quality[:, None])
        return out

    def features(self, z_hat: Tensor, quality: Tensor, shape: tuple[int, int]) -> Tensor:
        """(B, *shape, hyper_width) from hyper-latents (B, *coarse_shape, hyper_channels) at qualities (B,)."""
        ends = self.config.repeated_columns
        if ends:
            left, right = (z_hat[:, :, end : end + 1].expand(-1, -1, ends, -1) for end in (0, z_hat.shape[2] - 1))
            z_hat = torch.cat([left, z_hat, right], 2)
        h = depth_to_space(self.grow1(z_hat), self.config.up)
        h = depth_to_space(self.grow2(h), self.config.up)
        shift: Tensor = self.by_quality(quality[:, None])[:, None, None]
        out: Tensor = self.blocks(clamp(h + shift, STREAM))
        begin = ends * self.config.up[1] ** 2
        return out[:, : shape[0], begin : begin + shape[1]]

    def steps(self, features: Tensor, log2_steps: Tensor) -> Tensor:
        """(B, n, M) log2 of the steps of latents in flat order, from those of channels (B, M); n = 1 where not steered.

        Idea: spatially adaptive quantisation, steered by masking in audio coders.
        """
        channels = log2_steps[:, None]
        return channels if self.steer is None else channels + self.steer(features).float().flatten(1, 2)

    def walk(self, features: Tensor, log2_steps: Tensor, choose: Choose) -> Tensor:
        """Decoded latents (B, H, W, M) in quantisation steps, as `choose` takes them pass by pass, with gradients.

        features: from `features`; log2_steps: (B, n, M), from `steps`.
        """
        grid = features.shape[0], features.shape[1], features.shape[2]
        steps = Steps(log2_steps, self.log2_std, self.log2_norm)
        out: Tensor = walk(self.config, Passes(self, features), Differentiable(features.device), steps, grid, choose)
        return out

    def to_steps(self, log2_steps: Tensor) -> Tensor:
        """(..., M) factor from feature units to quantisation steps of these logarithms."""
        return torch.exp2(self.log2_norm - log2_steps)


class Passes:
    """The nets of the passes (`walk.Nets`) behind features (B, H, W, hyper_width)."""

    def __init__(self, prior: Prior, features: Tensor) -> None:
        self.prior, self.features = prior, features
        self.looks = iter(prior.from_passes)

    def first(self, group: int, number: int, context: Tensor | None, where: Tensor) -> Predicted:
        """(B, H, W, width) stream of a group, and its first prediction."""
        stream: Tensor = self.prior.from_hyper[group](self.features)
        if context is not None:
            stream = stream + self.prior.from_groups[group](context)
        return self._predicted(number, stream, where)

    def later(self, number: int, stream: Tensor, seen: Tensor, where: Tensor) -> Predicted:
        """The stream with a look at earlier passes, and the next prediction."""
        return self._predicted(number, stream + next(self.looks)(seen), where)

    def _predicted(self, number: int, stream: Tensor, where: Tensor) -> Predicted:
        return Predicted(stream, *self.prior.predict[number](stream.flatten(1, 2).index_select(1, where)))


class Differentiable:
    """The walk's `Arithmetic` in torch: plain floats, with gradients."""

    def __init__(self, device: torch.device) -> None:
        self.device = device

    def checkerboard(self, height: int, width: int, by_columns: bool) -> Board:
        return _checkerboard(height, width, by_columns, self.device)

    def take(self, x: Tensor, where: Tensor) -> Tensor:
        return x.index_select(1, where)

    def zeros(self, shape: tuple[int, ...]) -> Tensor:
        return torch.zeros(shape, dtype=torch.float32, device=self.device)

    def put(self, x: Tensor, where: Tensor, values: Tensor) -> Tensor:
        return x.index_copy(1, where, values)

    def concatenate(self, parts: Sequence[Tensor]) -> Tensor:
        return torch.cat(list(parts), -1)

    def exp2(self, x: Tensor) -> Tensor:
        return torch.exp2(x)

    def multiply(self, x: Tensor, factor: Tensor, target: Format) -> Tensor:
        return clamp(x.float() * factor, target)

    def expected_log2_scale(self, log2_ratio: Tensor) -> Tensor:
        return torch.log2(SCALE_SHARE * torch.exp2(log2_ratio) + SCALE_FLOOR)


def of_nominal(log2_steps: Tensor, log2_step: Tensor) -> Tensor:
    """(B, n, M) squares of steps as shares of those of the nominal steps, (B,); both given as log2."""
    return torch.exp2(2 * (log2_steps - log2_step[:, None, None]))


def at_positions(x: Tensor, where: Tensor) -> Tensor:
    """The entries of (B, n, C) at flat positions; all of it where n = 1 serves every position."""
    return x if x.shape[1] == 1 else x.index_select(1, where)


@lru_cache(maxsize=4)
def _checkerboard(height: int, width: int, by_columns: bool, device: torch.device) -> Board:
    with torch.inference_mode(False):  # kept for callers of either mode
        halves, quarters = (
            (torch.from_numpy(one).to(device), torch.from_numpy(other).to(device))
            for one, other in checkerboard(height, width, by_columns)
        )
    return halves, quarters
