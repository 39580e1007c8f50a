"""Latents to a coded stream, pass by pass; images and audio alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from codec.bitstream.range_coder import SYMBOL_MAX, Encoder, Models, Rows
from codec.latents.decode import Latents, checksum, walked
from codec.model.fixed_point import Floats, rows_of
from codec.model.frozen import Frozen
from codec.model.walk import Positions
from codec.search.lagrangian import Price
from codec.search.rdoq import Rdoq

LARGEST = np.float32(SYMBOL_MAX)  # numpy before 2 makes float64 of float32 and an integer that long


@dataclass(frozen=True)
class Coded:
    """A coded signal. parts: the stream, cut as was asked; latents: as a decoder will have them.

    error: squared error of the latents at its price, in bits; lost: what of it would not be, were row 0 not certain.
    """

    parts: tuple[bytes, ...]
    latents: Latents
    error: float
    lost: float

    @property
    def size(self) -> int:
        """Bytes of the stream."""
        return sum(map(len, self.parts))


def encode(
    model: Frozen,
    tables: Models,
    h: Floats,
    log2_step: Floats,
    identity: bytes,
    rounding: Rdoq | None = None,
    *,
    price: Price,
    weight: float | Floats = 1.0,
    z: Floats | None = None,
    cut_after: Sequence[int] = (),
    certain: bool = True,
) -> Coded:
    """Codes the features (B, h, w, M) of signals that share a stream, with steps (B,); it ends with `checksum`.

    rounding: how latents become integers; to the nearest where None. price: of errors, in rounding; weight: times so
    much, everywhere or (1, h, w, 1). z: hyper-latents, not rounded; from h where None. cut_after: after so many
    channels, each the end of a group, a part of the stream ends. certain: whether row 0 is.
    """
    encoder = Encoder(tables)
    found = symbols(model, encoder, h, log2_step, rounding, price=price, weight=weight, z=z, certain=certain)
    data = encoder.bytes() + checksum(found.latents.y_hat, identity)
    cuts = [0, *(found.ends[channels] for channels in cut_after), len(data)]
    return Coded(tuple(data[a:b] for a, b in pairwise(cuts)), found.latents, found.error, found.lost)


@dataclass(frozen=True)
class Put:
    """What became of a signal's latents; error, lost: as in `Coded`; ends: bytes that are about complete after so many
    channels.
    """

    latents: Latents
    ends: dict[int, int]
    error: float
    lost: float


def symbols(
    model: Frozen,
    encoder: Encoder,
    h: Floats,
    log2_step: Floats,
    rounding: Rdoq | None,
    *,
    price: Price,
    weight: float | Floats = 1.0,
    z: Floats | None = None,
    certain: bool = True,
) -> Put:
    """What becomes of a signal's latents, all symbols of which are put into an encoder; see `encode`."""
    ends: dict[int, int] = {}
    error = lost = 0.0

    def put(rows: Rows, values: Floats) -> Floats:
        values = np.clip(values, -LARGEST, LARGEST) * (rows > 0)
        encoder.put(rows.reshape(-1), values.reshape(-1).astype(np.int32))
        return values

    shape = (h.shape[1], h.shape[2])
    z = model.hyper_analysis(h) if z is None else z
    z_rows = rows_of(model.gains.z_log2_scale(log2_step), certain)[:, None, None]
    z_hat = put(np.broadcast_to(z_rows, z.shape), np.rint(z))
    hyper = model.hyper_synthesis(z_hat, log2_step, shape)
    log2_steps = model.log2_steps(hyper, log2_step)
    to_steps = model.gains.to_steps(log2_steps)
    y = h.reshape(len(h), -1, h.shape[3]) * to_steps
    prices = price.of(np.exp2(2 * (log2_steps - log2_step[:, None, None])))
    by_place = np.broadcast_to(np.asarray(weight, np.float32), (1, *shape, 1)).reshape(1, -1, 1)

    def code(channels: slice, where: Positions, mean: Floats, log2_scale: Floats) -> Floats:
        nonlocal error, lost
        residual = y[:, where, channels] - mean
        rows = rows_of(log2_scale, certain)
        own = prices[..., channels]
        worth = by_place[:, where] * (own if own.shape[1] == 1 else own[:, where])
        rounded = rounding(residual, rows, worth) if rounding else np.rint(residual)
        symbols = put(rows, rounded)
        error += float(np.sum(worth * (residual - symbols) ** 2))
        if certain:
            lost += float(np.sum(worth * rounded * (2 * residual - rounded), where=rows == 0))
        ends[channels.stop] = encoder.size
        return symbols

    return Put(walked(model, hyper, log2_steps, shape, code), ends, error, lost)
