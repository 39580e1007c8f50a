"""The one order of groups and passes, for coding and for training, in numpy and in torch.

Latents are grids (B, H, W, M), channels sorted by energy. Groups of channels follow each other; each takes two passes,
one for either colour of the checkerboard, and sees the hyper-latents, all earlier groups and its own earlier passes.
The first group, which has no other to look at, takes its first colour in two quarters. So the model is autoregressive
in about ten parallel steps whatever the size, and what matters most comes first in a file.
Sources: Ballé 2018 (hyperprior), He 2021 (checkerboard), Minnen 2020 and He 2022 (channel groups).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from codec.model import fixed_point
from codec.model.config import PriorConfig
from codec.model.fixed_point import MEANS, STREAM, Floats, Format

Array = Any  # numpy.ndarray, or torch.Tensor in training
Positions = npt.NDArray[np.int64]  # flat, of a grid, in raster order
Board = tuple[tuple[Array, Array], tuple[Array, Array]]  # positions of two halves, and of two quarters of the first

CONTEXT_SHARE = 0.25  # decoded features, times this, are the context: keeps them inside STREAM

# (channels, flat positions, mean, log2_scale) -> decoded latents; the last two and the result are
# (B, positions, channels), in quantisation steps
Choose = Callable[[slice, Array, Array, Array], Array]


class Predicted(NamedTuple):
    """stream: of the group, for its later passes, in whatever form the nets have it; mean: (B, n, channels) in feature
    units; log2_scale: the same of corrections in octaves.
    """

    stream: Any
    mean: Array
    log2_scale: Array


class Nets(Protocol):
    """The networks of the passes, for one signal with its hyper-latents."""

    def first(self, group: int, number: int, context: Array | None, where: Array) -> Predicted:
        """The first pass of a group, the pass `number` of all, at flat positions.

        context: (B, H, W, channels) of all earlier groups; None before the first.
        """

    def later(self, number: int, stream: Any, seen: Array, where: Array) -> Predicted:
        """A later pass; seen: (B, H, W, channels) context of the group's earlier passes, zero elsewhere."""


class Arithmetic(Protocol):
    """What the walk does with arrays: exactly in numpy where coders must agree, with gradients in torch."""

    def checkerboard(self, height: int, width: int, by_columns: bool) -> Board:
        """`checkerboard`, as arrays of this kind."""

    def take(self, x: Array, where: Array) -> Array:
        """The entries of x (B, n, C) at positions."""

    def zeros(self, shape: tuple[int, ...]) -> Array:
        """float32."""

    def put(self, x: Array, where: Array, values: Array) -> Array:
        """x (B, n, C) with the entries at positions replaced; x itself may change."""

    def concatenate(self, parts: Sequence[Array]) -> Array:
        """Along the last axis."""

    def exp2(self, x: Array) -> Array:
        """2^x."""

    def multiply(self, x: Array, factor: Array, target: Format) -> Array:
        """x * factor within the range of a format; on its grid where exact."""

    def expected_log2_scale(self, log2_ratio: Array) -> Array:
        """log2 of the logistic scale expected of a latent whose standard deviation is 2^log2_ratio steps."""


class Exact:
    """`Arithmetic` of coding, in numpy."""

    exp2 = staticmethod(fixed_point.exp2)
    multiply = staticmethod(fixed_point.multiply)
    expected_log2_scale = staticmethod(fixed_point.expected_log2_scale)

    def checkerboard(self, height: int, width: int, by_columns: bool) -> Board:
        return checkerboard(height, width, by_columns)

    def take(self, x: Floats, where: Positions) -> Floats:
        return x[:, where]

    def zeros(self, shape: tuple[int, ...]) -> Floats:
        return np.zeros(shape, np.float32)

    def put(self, x: Floats, where: Positions, values: Floats) -> Floats:
        x[:, where] = values
        return x

    def concatenate(self, parts: Sequence[Floats]) -> Floats:
        return np.concatenate(parts, -1)


class Steps(NamedTuple):
    """What the walk goes by beside its nets.

    log2_steps: (B, n, M) of latents in flat order, n = 1 where one step serves all positions; log2_std, log2_norm: (M,)
    of the model.
    """

    log2_steps: Array
    log2_std: Array
    log2_norm: Array


def walk(
    config: PriorConfig,
    nets: Nets,
    arithmetic: Arithmetic,
    steps: Steps,
    grid: tuple[int, int, int],
    choose: Choose,
) -> Array:
    """Decoded latents (*grid, M) in quantisation steps, as `choose` takes them pass by pass; grid: (B, H, W)."""
    batch, height, width = grid
    halves, quarters = arithmetic.checkerboard(height, width, config.quartered_columns)
    log2_steps, log2_std, log2_norm = steps
    to_steps = arithmetic.exp2(log2_norm - log2_steps)
    to_context = CONTEXT_SHARE * arithmetic.exp2(log2_steps - log2_norm)
    expected = arithmetic.expected_log2_scale(log2_std - log2_steps)
    context: list[Array] = []  # of decoded groups, (B, H, W, size)
    decoded: list[Array] = []
    number = 0
    for group, (start, size) in enumerate(zip(config.starts, config.groups, strict=True)):
        part = slice(start, start + size)
        y_hat, seen = (arithmetic.zeros((batch, height * width, size)) for _ in range(2))
        stream: Any = None
        for turn, where in enumerate(turns(config, group, (halves, quarters))):
            if turn:
                found = nets.later(number, stream, seen.reshape(*grid, size), where)
            else:
                earlier = arithmetic.concatenate(context) if context else None
                found = nets.first(group, number, earlier, where)
            stream = found.stream

            def there(of_latents: Array, part: slice = part, where: Array = where) -> Array:
                """(B, n or 1, size) of (B, n or 1, M): one entry serves all positions where there is no other."""
                of_group = of_latents[..., part]
                return of_group if of_group.shape[1] == 1 else arithmetic.take(of_group, where)

            mean = arithmetic.multiply(found.mean, there(to_steps), MEANS)
            chosen = choose(part, where, mean, found.log2_scale + there(expected))
            y_hat = arithmetic.put(y_hat, where, chosen)
            context_there = arithmetic.multiply(chosen, there(to_context), STREAM)
            seen = arithmetic.put(seen, where, context_there)
            number += 1
        context.append(seen.reshape(*grid, size))
        decoded.append(y_hat.reshape(*grid, size))
    return arithmetic.concatenate(decoded)


def turns(config: PriorConfig, group: int, board: Board) -> tuple[Array, ...]:
    """The positions of each pass of a group, in order."""
    halves, quarters = board
    return (*quarters, halves[1]) if group < config.quartered else halves


def coarse_shape(shape: tuple[int, int], up: tuple[int, int]) -> tuple[int, int]:
    """(rows, columns) of the hyper-latents above latents of a shape."""
    return -(-shape[0] // up[0] ** 2), -(-shape[1] // up[1] ** 2)


@lru_cache(maxsize=8)
def checkerboard(height: int, width: int, by_columns: bool) -> Board:
    """Flat positions, in raster order, of the halves of a grid, and of the two quarters that make its first half.

    The first half has row + column even; of that, the first quarter has even rows or, `by_columns`, an even half of its
    column.
    """
    row, column = np.arange(height)[:, None], np.arange(width)[None]
    first = (row + column) % 2 == 0
    one = np.broadcast_to((column // 2 if by_columns else row) % 2 == 0, first.shape)
    even, odd, quarter, other = (np.flatnonzero(mask) for mask in (first, ~first, first & one, first & ~one))
    return (even, odd), (quarter, other)
