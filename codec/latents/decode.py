"""A coded stream to latents, pass by pass; images and audio alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np

from codec.bitstream import constants
from codec.bitstream.checksum import crc32c
from codec.bitstream.errors import CorruptFile
from codec.bitstream.range_coder import Decoder, Models, PrefixDecoder, Rows, Symbols
from codec.latents.drawing import Draw
from codec.model.engine import Hyper
from codec.model.fixed_point import LATENTS, SYMBOLS, Floats, rows_of
from codec.model.frozen import Frozen
from codec.model.walk import Positions, coarse_shape


class Latents(NamedTuple):
    """Decoded latents. y_hat: (B, h, w, M) in steps; to_steps: (B, n, M) from feature units, n = 1 or h * w.

    symbols: (B, h, w, M), y_hat without what was predicted, where the model's synthesis sees them.
    """

    y_hat: Floats
    to_steps: Floats
    symbols: Floats | None = None

    @staticmethod
    def unknown(model: Frozen, shape: tuple[int, int, int]) -> Latents:
        """Zeros (*shape, M)."""
        y_hat = np.zeros((*shape, model.config.prior.channels), np.float32)
        return Latents(y_hat, np.ones((shape[0], 1, y_hat.shape[3]), np.float32), no_symbols(model, shape))

    @property
    def features(self) -> Floats:
        """(B, h, w, M, or 2 M with those of symbols behind), as synthesis takes them."""
        parts = [self._in_units(x) for x in (self.y_hat, self.symbols) if x is not None]
        return np.concatenate(parts, 3) if len(parts) > 1 else parts[0]

    def _in_units(self, x: Floats) -> Floats:
        """Feature units of (B, h, w, M) steps."""
        batch, height, width, channels = x.shape
        units: Floats = (x.reshape(batch, height * width, channels) / self.to_steps).reshape(x.shape)
        return units


def no_symbols(model: Frozen, shape: tuple[int, int, int]) -> Floats | None:
    """Zeros (*shape, M) for the symbols of latents, where the model's synthesis sees these."""
    return np.zeros((*shape, model.config.prior.channels), np.float32) if model.config.sees_symbols else None


# (channels, flat positions, mean, log2_scale) -> symbols (B, positions, channels) of a pass
Code = Callable[[slice, Positions, Floats, Floats], Floats]


def walked(model: Frozen, hyper: Hyper, log2_steps: Floats, shape: tuple[int, int], code: Code) -> Latents:
    """The latents (B, *shape, M) of the symbols that `code` takes or puts, pass by pass."""
    symbols = no_symbols(model, (len(log2_steps), *shape))
    in_rows = None if symbols is None else symbols.reshape(len(symbols), -1, symbols.shape[3])

    def choose(channels: slice, where: Positions, mean: Floats, log2_scale: Floats) -> Floats:
        found = code(channels, where, mean, log2_scale)
        if in_rows is not None:
            in_rows[:, where, channels] = found
        return found + mean

    return Latents(model.walk(hyper, log2_steps, shape, choose), model.gains.to_steps(log2_steps), symbols)


Record = list[tuple[Rows, Symbols]]  # table rows and symbols (n,) of each pass, that of the hyper-latents first


class Source(Protocol):
    """What symbols are taken from."""

    def take(self, rows: Rows) -> Symbols:
        """The symbols (n,) of one pass under table rows (n,)."""


def decode(
    model: Frozen,
    tables: Models,
    data: bytes,
    shape: tuple[int, int],
    log2_step: Floats,
    identity: bytes,
    certain: bool = True,
    record: Record | None = None,
) -> Latents:
    """Latents (B, *shape, M) of a stream with steps (B,); certain: whether row 0 is. record: where passes are noted.

    Raises CorruptFile where they are not those that were encoded.
    """
    if len(data) < constants.CRC_BYTES:
        raise CorruptFile(f"a coded stream of {len(data)} bytes has no room for its checksum")
    decoder = Decoder(tables, data[: -constants.CRC_BYTES])
    latents = _walk(model, decoder, shape, log2_step, certain, record)
    decoder.finish()
    found, stored = checksum(latents.y_hat, identity), data[-constants.CRC_BYTES :]
    if found != stored:
        raise CorruptFile(
            f"checksum of the decoded latents is {found[::-1].hex()}, not {stored[::-1].hex()}: "
            "the file is damaged, or this decoder disagrees with the encoder"
        )
    return latents


def decode_prefix(
    model: Frozen,
    tables: Models,
    data: bytes,
    shape: tuple[int, int],
    log2_step: Floats,
    certain: bool = True,
    draw: Draw | None = None,
) -> Latents:
    """Latents (B, *shape, M) of the beginning of a stream: for what is not there expected values, or what is drawn."""
    rest = {} if draw is None else {"rest": draw.take}
    try:
        # a cut may have left bytes of the checksum, which must not be read as symbols
        return _walk(model, PrefixDecoder(tables, data[: -constants.CRC_BYTES], **rest), shape, log2_step, certain)
    except CorruptFile:  # impossible hyper-latents: nothing of the stream can be believed
        return _walk(model, PrefixDecoder(tables, b"", **rest), shape, log2_step, certain)


def checksum(y_hat: Floats, identity: bytes) -> bytes:
    """CRC-32C over `identity` (what else the latents belong to) and all latents as int32, in 1/64 of a step."""
    units = np.rint(y_hat * np.float32(2.0**LATENTS.bits)).astype("<i4")
    return crc32c(units.tobytes(), crc32c(identity)).to_bytes(constants.CRC_BYTES, "little")


def _walk(
    model: Frozen,
    source: Source,
    shape: tuple[int, int],
    log2_step: Floats,
    certain: bool,
    record: Record | None = None,
) -> Latents:
    def take(log2_scale: Floats) -> Floats:
        rows = rows_of(log2_scale, certain)
        symbols = source.take(rows.reshape(-1))
        if record is not None:
            record.append((rows.reshape(-1), symbols))
        return symbols.astype(np.float32).reshape(rows.shape)

    z_scale = model.gains.z_log2_scale(log2_step)[:, None, None]
    coarse = coarse_shape(shape, model.config.prior.up)
    z_hat = take(np.broadcast_to(z_scale, (len(z_scale), *coarse, z_scale.shape[3])))
    if np.abs(z_hat).max() > SYMBOLS.high:
        raise CorruptFile(f"a hyper-latent lies beyond {SYMBOLS.high}")

    def code(channels: slice, where: Positions, mean: Floats, log2_scale: Floats) -> Floats:
        return take(log2_scale)

    hyper = model.hyper_synthesis(z_hat, log2_step, shape)
    return walked(model, hyper, model.log2_steps(hyper, log2_step), shape, code)
