"""Where probabilities come from: hyperprior plus channel groups in checkerboard passes.

Latents are grids (B, H, W, M), channels sorted by energy. Groups of channels follow each other; each takes two passes,
one for either colour of the checkerboard, and sees the hyper-latents, all earlier groups and its own earlier passes.
The first group, which has no other to look at, takes its first colour in two quarters. So the model is autoregressive
in about ten parallel steps whatever the size, and what matters most comes first in a file. `Prior.walk` is the only
copy of that order: training, encoding and decoding differ in the function they hand to it.
Sources: Ballé 2018 (hyperprior), He 2021 (checkerboard), Minnen 2020 and He 2022 (channel groups).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor, nn

from codec.model import fixed_point
from codec.model.blocks import depth_to_space
from codec.model.config import PriorConfig
from codec.model.fixed_point import Depthwise, Format, Linear

HIDDEN = Format(bits=6, low=0, high=1023)  # after a rectifier: 0 .. 16
STREAM = Format(bits=6, low=-2047, high=2047)  # sums and context: -32 .. 32
OUTPUT = Format(bits=6, low=-8191, high=8191)  # means and scales: -128 .. 128
QUALITY = Format(bits=9, low=-1023, high=1023)  # of `Gain.quality`: 1/256 octave of the step is one unit
SYMBOLS = Format(bits=0, low=-127, high=127)  # hyper-latents
STEERED = Format(bits=6, low=-192, high=192)  # log2 of a position's step over its channel's: up to 3 octaves
MEANS = Format(bits=6, low=-(2**20), high=2**20)  # means in quantisation steps
LATENTS = Format(bits=6, low=-(2**23), high=2**23)  # decoded latents in quantisation steps
CONTEXT_SHARE = 0.25  # decoded features, times this, are the context: keeps them inside STREAM

ROWS = 64  # table rows, one for each logistic scale
ROWS_PER_OCTAVE = 6
ROW_OF_UNIT_SCALE = 25.5  # row r stands for the scale 2^((r - 25.5) / 6); row 0 is certainly zero and costs nothing

# (channels, flat positions, mean, log2_scale) -> decoded latents; the last two and the result are
# (B, positions, channels), in quantisation steps
Choose = Callable[[slice, Tensor, Tensor, Tensor], Tensor]


def rows_of(log2_scale: Tensor) -> Tensor:
    """Table row (uint8) of each scale; nearest, saturating. log2_scale on a grid of 1/64, so exact."""
    return torch.floor(log2_scale * ROWS_PER_OCTAVE + (ROW_OF_UNIT_SCALE + 0.5)).clamp(0, ROWS - 1).to(torch.uint8)


class Pointwise(nn.Module):
    """x + net(x) at each position alone."""

    def __init__(self, width: int, source: Format) -> None:
        super().__init__()
        self.source = source
        self.widen = Linear(width, 2 * width, source, HIDDEN)
        self.narrow = Linear(2 * width, width, HIDDEN, STREAM)

    def forward(self, x: Tensor, stream: Tensor) -> Tensor:
        h: Tensor = self.narrow(self.widen(x))
        return STREAM.clamp(h + stream)


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
        h = HIDDEN.clamp(features)
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
        self.config, self.exact = config, False
        growth, kernel = math.prod(config.up), config.kernel
        self.register_buffer("log2_std", fixed_point.snap_log2(log2_std))
        self.register_buffer("log2_norm", fixed_point.snap_log2(log2_norm))
        self.grow1 = Linear(config.hyper_channels, growth * config.hyper_width, SYMBOLS, HIDDEN)
        self.grow2 = Linear(config.hyper_width, growth * config.hyper_width, HIDDEN, STREAM)
        self.by_quality = Linear(1, config.hyper_width, QUALITY, STREAM, zero=True)
        self.blocks = nn.Sequential(*(HyperBlock(config.hyper_width, config.hyper_kernel) for _ in range(2)))
        # log2 scale of the hyper-latents: an affine function of the quality, for each channel
        self.z_scale = Linear(1, config.hyper_channels, QUALITY, OUTPUT, zero=True)
        channels = sum(config.groups)
        self.steer = Linear(config.hyper_width, channels, STREAM, STEERED, zero=True) if config.steered else None
        starts = [sum(config.groups[:k]) for k in range(len(config.groups))]
        self.starts = starts
        self.from_hyper = nn.ModuleList(Linear(config.hyper_width, config.width, STREAM, STREAM) for _ in starts)
        self.from_groups = nn.ModuleList(
            LookAround(start, config.width, kernel) if start else nn.Identity() for start in starts
        )
        # one for each pass that has an earlier one of its group to look at, and one for each pass
        self.from_passes = nn.ModuleList(
            LookAround(size, config.width, kernel)
            for k, size in enumerate(config.groups)
            for _ in range(self.passes(k) - 1)
        )
        self.predict = nn.ModuleList(
            Predict(config.width, size) for k, size in enumerate(config.groups) for _ in range(self.passes(k))
        )

    def passes(self, group: int) -> int:
        """How many passes a group takes."""
        return 3 if group < self.config.quartered else 2

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
        out: Tensor = self.blocks(STREAM.clamp(h + shift))
        begin = ends * self.config.up[1] ** 2
        return out[:, : shape[0], begin : begin + shape[1]]

    def steps(self, features: Tensor, log2_steps: Tensor) -> Tensor:
        """(B, n, M) log2 of the steps of latents in flat order, from those of channels (B, M); n = 1 where not steered.

        Idea: spatially adaptive quantisation, steered by masking in audio coders.
        """
        channels = log2_steps[:, None]
        return channels if self.steer is None else channels + self.steer(features).float().flatten(1, 2)

    def walk(self, features: Tensor, log2_steps: Tensor, choose: Choose) -> Tensor:
        """Decoded latents (B, H, W, M) in quantisation steps, as `choose` takes them pass by pass.

        features: from `features`; log2_steps: (B, n, M), from `steps`.
        """
        batch, height, width, _ = features.shape
        halves, quarters = checkerboard(height, width, self.config.quartered_columns, features.device)
        to_steps = self.to_steps(log2_steps)
        to_context = CONTEXT_SHARE * self._exp2(log2_steps - self.log2_norm)
        expect = fixed_point.expected_log2_scale_table if self.exact else fixed_point.expected_log2_scale
        expected = expect(self.log2_std - log2_steps)
        context: list[Tensor] = []  # decoded groups, (B, H, W, size), in context units
        decoded: list[Tensor] = []
        from_passes, predict = iter(self.from_passes), iter(self.predict)
        for k, (start, size) in enumerate(zip(self.starts, self.config.groups, strict=True)):
            part = slice(start, start + size)
            f = self.from_hyper[k](features)
            if k:
                f = f + self.from_groups[k](torch.cat(context, -1))
            grid = f.new_zeros(batch, height * width, size, dtype=torch.float32)
            seen = torch.zeros_like(grid)
            for number, where in enumerate((*quarters, halves[1]) if k < self.config.quartered else halves):
                if number:
                    f = f + next(from_passes)(seen.view(batch, height, width, size))
                at = f.reshape(batch, height * width, -1).index_select(1, where)
                mean, log2_scale = next(predict)(at)
                mean = self._times(mean, at_positions(to_steps[..., part], where), MEANS)
                y_hat = choose(part, where, mean, log2_scale + at_positions(expected[..., part], where))
                grid = grid.index_copy(1, where, y_hat)
                context_there = self._times(y_hat, at_positions(to_context[..., part], where), STREAM)
                seen = seen.index_copy(1, where, context_there)
            context.append(seen.view(batch, height, width, size))
            decoded.append(grid.view(batch, height, width, size))
        return torch.cat(decoded, -1)

    def to_steps(self, log2_steps: Tensor) -> Tensor:
        """(..., M) factor from feature units to quantisation steps of these logarithms."""
        return self._exp2(self.log2_norm - log2_steps)

    def _exp2(self, x: Tensor) -> Tensor:
        return fixed_point.exp2(x) if self.exact else torch.exp2(x)

    def _times(self, x: Tensor, factor: Tensor, target: Format) -> Tensor:
        return fixed_point.multiply(x, factor, target) if self.exact else target.clamp(x.float() * factor)


def of_nominal(log2_steps: Tensor, log2_step: Tensor) -> Tensor:
    """(B, n, M) squares of steps as shares of those of the nominal steps, (B,); both given as log2."""
    return torch.exp2(2 * (log2_steps - log2_step[:, None, None]))


def at_positions(x: Tensor, where: Tensor) -> Tensor:
    """The entries of (B, n, C) at flat positions; all of it where n = 1 serves every position."""
    return x if x.shape[1] == 1 else x.index_select(1, where)


def coarse_shape(shape: tuple[int, int], up: tuple[int, int]) -> tuple[int, int]:
    """(rows, columns) of the hyper-latents above latents of a shape."""
    return -(-shape[0] // up[0] ** 2), -(-shape[1] // up[1] ** 2)


@lru_cache(maxsize=4)
def checkerboard(
    height: int, width: int, by_columns: bool, device: torch.device
) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """Flat positions, in raster order, of the halves of a grid, and of the two quarters that make its first half.

    The first half has row + column even; of that, the first quarter has even rows or, `by_columns`, an even half of its
    column.
    """
    with torch.inference_mode(False):  # kept for callers of either mode
        row, column = torch.arange(height, device=device)[:, None], torch.arange(width, device=device)[None]
        first = (row + column) % 2 == 0
        one = (column // 2 if by_columns else row) % 2 == 0
        masks = (first, ~first, first & one, first & ~one)
        even, odd, quarter, other = (mask.flatten().nonzero()[:, 0] for mask in masks)
    return (even, odd), (quarter, other)
