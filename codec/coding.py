"""Latents to a coded stream and back, pass by pass; pictures and sound alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from codec.autoencoder import Autoencoder
from codec.bitstream.entropy import SYMBOL_MAX, Decoder, Encoder, Models
from codec.bitstream.errors import CorruptFile
from codec.prior import SYMBOLS, checkerboard, rows_of


@dataclass(frozen=True)
class Coded:
    """A coded signal. data: the stream; y_hat: its latents (1, h, w, M), in steps, multiples of 1/64."""

    data: bytes
    y_hat: Tensor


def encode(model: Autoencoder, tables: Models, h: Tensor, log2_step: Tensor) -> Coded:
    """Codes the features (1, h, w, M) of one signal; h and w are multiples of 4, log2_step is (1,)."""
    encoder = Encoder(tables)

    def put(log2_scale: Tensor, values: Tensor) -> Tensor:
        rows = rows_of(log2_scale)
        symbols = values.round().clamp(-SYMBOL_MAX, SYMBOL_MAX) * (rows > 0)
        encoder.put(rows.flatten().cpu().numpy(), symbols.flatten().cpu().numpy().astype(np.int32))
        return symbols

    told = model.gain.told(log2_step)
    z = model.hyper_analysis(h)
    z_hat = put(model.prior.z_log2_scale(told)[:, None, None].expand(z.shape), z)
    features = model.prior.features(z_hat, told)
    y = (h * model.to_steps(log2_step)).flatten(1, 2)
    halves = checkerboard(h.shape[1], h.shape[2], h.device)

    def choose(k: int, half: int, mean: Tensor, log2_scale: Tensor) -> Tensor:
        start = model.prior.starts[k]
        wanted = y[:, :, start : start + mean.shape[2]].index_select(1, halves[half])
        return put(log2_scale, wanted - mean) + mean

    y_hat = model.prior.walk(features, model.gain.log2_steps(log2_step), choose)
    return Coded(encoder.bytes(), y_hat)


def decode(model: Autoencoder, tables: Models, data: bytes, shape: tuple[int, int], log2_step: Tensor) -> Tensor:
    """Latents (1, *shape, M) of a stream, in steps. Raises CorruptFile where the stream does not fit the model."""
    decoder = Decoder(tables, data)

    def take(log2_scale: Tensor) -> Tensor:
        rows = rows_of(log2_scale)
        symbols = decoder.take(rows.flatten().cpu().numpy())
        return torch.from_numpy(symbols).to(rows.device, torch.float32).reshape(rows.shape)

    told = model.gain.told(log2_step)
    z_scale = model.prior.z_log2_scale(told)[:, None, None]
    coarse = tuple(side // factor**2 for side, factor in zip(shape, model.prior.config.up, strict=True))
    z_hat = take(z_scale.expand(-1, *coarse, -1))
    if z_hat.abs().max() > SYMBOLS.high:
        raise CorruptFile(f"a hyper-latent lies beyond {SYMBOLS.high}")
    features = model.prior.features(z_hat, told)

    def choose(k: int, half: int, mean: Tensor, log2_scale: Tensor) -> Tensor:
        return take(log2_scale) + mean

    y_hat = model.prior.walk(features, model.gain.log2_steps(log2_step), choose)
    decoder.finish()
    return y_hat
