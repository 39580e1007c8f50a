"""Latents to a coded stream and back, pass by pass; pictures and sound alike."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from codec.autoencoder import Autoencoder
from codec.bitstream import format
from codec.bitstream.checksum import crc32c
from codec.bitstream.entropy import SYMBOL_MAX, Decoder, Encoder, Models, PrefixDecoder, Rows, Symbols
from codec.bitstream.errors import CorruptFile
from codec.prior import LATENTS, SYMBOLS, checkerboard, coarse_shape, rows_of

LAYER_ENDS = (1, 3)  # after these channel groups a stream is cut into its layers


@dataclass(frozen=True)
class Coded:
    """A coded signal. parts: the stream, one part a layer; y_hat: its latents (1, h, w, M), in steps."""

    parts: tuple[bytes, ...]
    y_hat: Tensor


class Source(Protocol):
    """What symbols are taken from."""

    def take(self, rows: Rows) -> Symbols:
        """The symbols (n,) of one pass under table rows (n,)."""


def encode(model: Autoencoder, tables: Models, h: Tensor, log2_step: Tensor, identity: bytes) -> Coded:
    """Codes the features (1, h, w, M) of one signal; log2_step is (1,). The stream ends with `checksum`."""
    encoder = Encoder(tables)
    ends: list[int] = []

    def put(log2_scale: Tensor, values: Tensor) -> Tensor:
        rows = rows_of(log2_scale)
        symbols = values.round().clamp(-SYMBOL_MAX, SYMBOL_MAX) * (rows > 0)
        encoder.put(rows.flatten().cpu().numpy(), symbols.flatten().cpu().numpy().astype(np.int32))
        return symbols

    shape = (h.shape[1], h.shape[2])
    told = model.gain.told(log2_step)
    z = model.hyper_analysis(h)
    z_hat = put(model.prior.z_log2_scale(told)[:, None, None].expand(z.shape), z)
    features = model.prior.features(z_hat, told, shape)
    y = (h * model.to_steps(log2_step)).flatten(1, 2)
    halves = checkerboard(*shape, h.device)

    def choose(k: int, half: int, mean: Tensor, log2_scale: Tensor) -> Tensor:
        start = model.prior.starts[k]
        wanted = y[:, :, start : start + mean.shape[2]].index_select(1, halves[half])
        chosen = put(log2_scale, wanted - mean) + mean
        if half and k in LAYER_ENDS:
            ends.append(encoder.size)
        return chosen

    y_hat = model.prior.walk(features, model.gain.log2_steps(log2_step), choose)
    data = encoder.bytes() + checksum(y_hat, identity)
    cuts = [0, *ends, len(data)]
    return Coded(tuple(data[a:b] for a, b in pairwise(cuts)), y_hat)


def decode(
    model: Autoencoder, tables: Models, data: bytes, shape: tuple[int, int], log2_step: Tensor, identity: bytes
) -> Tensor:
    """Latents (1, *shape, M) of a stream, in steps. Raises CorruptFile where they are not those that were encoded."""
    if len(data) < format.CRC_BYTES:
        raise CorruptFile(f"a coded stream of {len(data)} bytes has no room for its checksum")
    decoder = Decoder(tables, data[: -format.CRC_BYTES])
    y_hat = _walk(model, decoder, shape, log2_step)
    decoder.finish()
    found, stored = checksum(y_hat, identity), data[-format.CRC_BYTES :]
    if found != stored:
        raise CorruptFile(
            f"checksum of the decoded latents is {found[::-1].hex()}, not {stored[::-1].hex()}: "
            "the file is damaged, or this decoder disagrees with the encoder"
        )
    return y_hat


def decode_prefix(model: Autoencoder, tables: Models, data: bytes, shape: tuple[int, int], log2_step: Tensor) -> Tensor:
    """Latents (1, *shape, M) of the beginning of a stream, in steps: expected values for what is not there."""
    try:
        # a cut may have left bytes of the checksum, which must not be read as symbols
        return _walk(model, PrefixDecoder(tables, data[: -format.CRC_BYTES]), shape, log2_step)
    except CorruptFile:  # impossible hyper-latents: nothing of the stream can be believed
        return _walk(model, PrefixDecoder(tables, b""), shape, log2_step)


def checksum(y_hat: Tensor, identity: bytes) -> bytes:
    """CRC-32C over `identity` (what else the latents belong to) and all latents as int32, in 1/64 of a step."""
    units = torch.round(y_hat * 2.0**LATENTS.bits).to(torch.int32).cpu().numpy().astype("<i4")
    return crc32c(units.tobytes(), crc32c(identity)).to_bytes(format.CRC_BYTES, "little")


def _walk(model: Autoencoder, source: Source, shape: tuple[int, int], log2_step: Tensor) -> Tensor:
    def take(log2_scale: Tensor) -> Tensor:
        rows = rows_of(log2_scale)
        symbols: npt.NDArray[np.int32] = source.take(rows.flatten().cpu().numpy())
        return torch.from_numpy(symbols).to(rows.device, torch.float32).reshape(rows.shape)

    told = model.gain.told(log2_step)
    z_scale = model.prior.z_log2_scale(told)[:, None, None]
    z_hat = take(z_scale.expand(-1, *coarse_shape(shape, model.prior.config.up), -1))
    if z_hat.abs().max() > SYMBOLS.high:
        raise CorruptFile(f"a hyper-latent lies beyond {SYMBOLS.high}")
    features = model.prior.features(z_hat, told, shape)

    def choose(k: int, half: int, mean: Tensor, log2_scale: Tensor) -> Tensor:
        return take(log2_scale) + mean

    return model.prior.walk(features, model.gain.log2_steps(log2_step), choose)
