"""A coded stream to latents, pass by pass; images and audio alike."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from codec.bitstream import constants
from codec.bitstream.checksum import crc32c
from codec.bitstream.errors import CorruptFile
from codec.bitstream.range_coder import Decoder, Models, PrefixDecoder, Rows, Symbols
from codec.model.base import Autoencoder
from codec.model.prior import LATENTS, SYMBOLS, coarse_shape, rows_of


class Latents(NamedTuple):
    """Decoded latents. y_hat: (B, h, w, M) in steps; to_steps: (B, n, M) from feature units, n = 1 or h * w."""

    y_hat: Tensor
    to_steps: Tensor

    @staticmethod
    def unknown(shape: tuple[int, int, int], channels: int, device: torch.device) -> Latents:
        """Zeros (*shape, channels)."""
        y_hat = torch.zeros((*shape, channels), dtype=torch.float32, device=device)
        return Latents(y_hat, torch.ones((shape[0], 1, channels), dtype=torch.float32, device=device))

    @property
    def features(self) -> Tensor:
        """(B, h, w, M), as synthesis takes them."""
        return (self.y_hat.flatten(1, 2) / self.to_steps).view_as(self.y_hat)


class Source(Protocol):
    """What symbols are taken from."""

    def take(self, rows: Rows) -> Symbols:
        """The symbols (n,) of one pass under table rows (n,)."""


def decode(
    model: Autoencoder, tables: Models, data: bytes, shape: tuple[int, int], log2_step: Tensor, identity: bytes
) -> Latents:
    """Latents (B, *shape, M) of a stream with steps (B,).

    Raises CorruptFile where they are not those that were encoded.
    """
    if len(data) < constants.CRC_BYTES:
        raise CorruptFile(f"a coded stream of {len(data)} bytes has no room for its checksum")
    decoder = Decoder(tables, data[: -constants.CRC_BYTES])
    latents = _walk(model, decoder, shape, log2_step)
    decoder.finish()
    found, stored = checksum(latents.y_hat, identity), data[-constants.CRC_BYTES :]
    if found != stored:
        raise CorruptFile(
            f"checksum of the decoded latents is {found[::-1].hex()}, not {stored[::-1].hex()}: "
            "the file is damaged, or this decoder disagrees with the encoder"
        )
    return latents


def decode_prefix(
    model: Autoencoder, tables: Models, data: bytes, shape: tuple[int, int], log2_step: Tensor
) -> Latents:
    """Latents (B, *shape, M) of the beginning of a stream: expected values for what is not there."""
    try:
        # a cut may have left bytes of the checksum, which must not be read as symbols
        return _walk(model, PrefixDecoder(tables, data[: -constants.CRC_BYTES]), shape, log2_step)
    except CorruptFile:  # impossible hyper-latents: nothing of the stream can be believed
        return _walk(model, PrefixDecoder(tables, b""), shape, log2_step)


def checksum(y_hat: Tensor, identity: bytes) -> bytes:
    """CRC-32C over `identity` (what else the latents belong to) and all latents as int32, in 1/64 of a step."""
    units = torch.round(y_hat * 2.0**LATENTS.bits).to(torch.int32).cpu().numpy().astype("<i4")
    return crc32c(units.tobytes(), crc32c(identity)).to_bytes(constants.CRC_BYTES, "little")


def _walk(model: Autoencoder, source: Source, shape: tuple[int, int], log2_step: Tensor) -> Latents:
    def take(log2_scale: Tensor) -> Tensor:
        rows = rows_of(log2_scale)
        symbols: npt.NDArray[np.int32] = source.take(rows.flatten().cpu().numpy())
        return torch.from_numpy(symbols).to(rows.device, torch.float32).reshape(rows.shape)

    quality = model.gain.quality(log2_step)
    z_scale = model.prior.z_log2_scale(quality)[:, None, None]
    z_hat = take(z_scale.expand(-1, *coarse_shape(shape, model.prior.config.up), -1))
    if z_hat.abs().max() > SYMBOLS.high:
        raise CorruptFile(f"a hyper-latent lies beyond {SYMBOLS.high}")
    features = model.prior.features(z_hat, quality, shape)

    def choose(channels: slice, where: Tensor, mean: Tensor, log2_scale: Tensor) -> Tensor:
        return take(log2_scale) + mean

    log2_steps = model.log2_steps(features, log2_step)
    return Latents(model.prior.walk(features, log2_steps, choose), model.prior.to_steps(log2_steps))
