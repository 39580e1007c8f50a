"""Latents to a coded stream, pass by pass; images and audio alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from codec.bitstream.range_coder import SYMBOL_MAX, Encoder, Models
from codec.latents.decode import Latents, checksum
from codec.model.base import Autoencoder
from codec.model.prior import at_positions, of_nominal, rows_of
from codec.search.lagrangian import LAMBDA_RDOQ
from codec.search.rdoq import Rdoq


@dataclass(frozen=True)
class Coded:
    """A coded signal. parts: the stream, cut as was asked; latents: as a decoder will have them."""

    parts: tuple[bytes, ...]
    latents: Latents


def encode(
    model: Autoencoder,
    tables: Models,
    h: Tensor,
    log2_step: Tensor,
    identity: bytes,
    rounding: Rdoq | None = None,
    *,
    price: float | Tensor = LAMBDA_RDOQ,
    z: Tensor | None = None,
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
    model: Autoencoder,
    encoder: Encoder,
    h: Tensor,
    log2_step: Tensor,
    rounding: Rdoq | None,
    *,
    price: float | Tensor = LAMBDA_RDOQ,
    z: Tensor | None = None,
) -> tuple[Latents, dict[int, int]]:
    """Puts all symbols of a signal into an encoder; see `encode`.

    Returns its latents, and the bytes that are about complete after so many channels.
    """
    size_after: dict[int, int] = {}

    def put(rows: Tensor, values: Tensor) -> Tensor:
        values = values.clamp(-SYMBOL_MAX, SYMBOL_MAX) * (rows > 0)
        encoder.put(rows.flatten().cpu().numpy(), values.flatten().cpu().numpy().astype(np.int32))
        return values

    shape = (h.shape[1], h.shape[2])
    quality = model.gain.quality(log2_step)
    z = model.hyper_analysis(h) if z is None else z
    z_hat = put(rows_of(model.prior.z_log2_scale(quality)[:, None, None].expand(z.shape)), z.round())
    features = model.prior.features(z_hat, quality, shape)
    log2_steps = model.log2_steps(features, log2_step)
    to_steps = model.prior.to_steps(log2_steps)
    y = h.flatten(1, 2) * to_steps
    squared_steps = of_nominal(log2_steps, log2_step)
    by_place = torch.as_tensor(price, dtype=torch.float32, device=h.device).expand(1, *shape, 1).flatten(1, 2)

    def choose(channels: slice, where: Tensor, mean: Tensor, log2_scale: Tensor) -> Tensor:
        residual = y[:, :, channels].index_select(1, where) - mean
        rows = rows_of(log2_scale)
        if rounding:
            here = by_place.index_select(1, where) * at_positions(squared_steps[..., channels], where)
            rounded = rounding(residual, rows, here)
        else:
            rounded = residual.round()
        chosen = put(rows, rounded) + mean
        size_after[channels.stop] = encoder.size
        return chosen

    return Latents(model.prior.walk(features, log2_steps, choose), to_steps), size_after
