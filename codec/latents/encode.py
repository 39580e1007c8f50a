"""Latents to a coded stream, pass by pass; images and audio alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from codec.bitstream.range_coder import SYMBOL_MAX, Encoder, Models, Rows
from codec.latents.decode import Latents, checksum
from codec.model.fixed_point import Floats, rows_of
from codec.model.frozen import Frozen
from codec.model.walk import Positions
from codec.search.lagrangian import LAMBDA_RDOQ
from codec.search.rdoq import Rdoq


@dataclass(frozen=True)
class Coded:
    """A coded signal. parts: the stream, cut as was asked; latents: as a decoder will have them."""

    parts: tuple[bytes, ...]
    latents: Latents


def encode(
    model: Frozen,
    tables: Models,
    h: Floats,
    log2_step: Floats,
    identity: bytes,
    rounding: Rdoq | None = None,
    *,
    price: float | Floats = LAMBDA_RDOQ,
    z: Floats | None = None,
    cut_after: Sequence[int] = (),
) -> Coded:
    """Codes the features (B, h, w, M) of signals that share a stream, with steps (B,); it ends with `checksum`.

    rounding: how latents become integers; to the nearest where None. price: bits that rounding takes a squared error of
    one nominal step^2 for, everywhere or (1, h, w, 1). z: hyper-latents, not rounded; from h where None. cut_after:
    after so many channels, each the end of a group, a part of the stream ends.
    """
    encoder = Encoder(tables)
    latents, ends = symbols(model, encoder, h, log2_step, rounding, price=price, z=z)
    data = encoder.bytes() + checksum(latents.y_hat, identity)
    cuts = [0, *(ends[channels] for channels in cut_after), len(data)]
    return Coded(tuple(data[a:b] for a, b in pairwise(cuts)), latents)


def symbols(
    model: Frozen,
    encoder: Encoder,
    h: Floats,
    log2_step: Floats,
    rounding: Rdoq | None,
    *,
    price: float | Floats = LAMBDA_RDOQ,
    z: Floats | None = None,
) -> tuple[Latents, dict[int, int]]:
    """Puts all symbols of a signal into an encoder; see `encode`.

    Returns its latents, and the bytes that are about complete after so many channels.
    """
    size_after: dict[int, int] = {}

    def put(rows: Rows, values: Floats) -> Floats:
        values = np.clip(values, -SYMBOL_MAX, SYMBOL_MAX) * (rows > 0)
        encoder.put(rows.reshape(-1), values.reshape(-1).astype(np.int32))
        return values

    shape = (h.shape[1], h.shape[2])
    z = model.hyper_analysis(h) if z is None else z
    z_rows = rows_of(model.gains.z_log2_scale(log2_step))[:, None, None]
    z_hat = put(np.broadcast_to(z_rows, z.shape), np.rint(z))
    hyper = model.hyper_synthesis(z_hat, log2_step, shape)
    log2_steps = model.log2_steps(hyper, log2_step)
    to_steps = model.gains.to_steps(log2_steps)
    y = h.reshape(len(h), -1, h.shape[3]) * to_steps
    squared_steps = np.exp2(2 * (log2_steps - log2_step[:, None, None]))  # as shares of those of the nominal steps
    by_place = np.broadcast_to(np.asarray(price, np.float32), (1, *shape, 1)).reshape(1, -1, 1)

    def choose(channels: slice, where: Positions, mean: Floats, log2_scale: Floats) -> Floats:
        residual = y[:, where, channels] - mean
        rows = rows_of(log2_scale)
        if rounding:
            steps = squared_steps[..., channels]
            rounded = rounding(residual, rows, by_place[:, where] * (steps if steps.shape[1] == 1 else steps[:, where]))
        else:
            rounded = np.rint(residual)
        chosen = put(rows, rounded) + mean
        size_after[channels.stop] = encoder.size
        return chosen

    return Latents(model.walk(hyper, log2_steps, shape, choose), to_steps), size_after
