"""The latents of an image or audio, and what the prior says of each: its bits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from codec import arguments
from codec.arguments import Device
from codec.audio import decode as audio_decode
from codec.bitstream import constants
from codec.bitstream.audio import AudioFile
from codec.bitstream.image import Container
from codec.bitstream.tables import Tables
from codec.devices import Device as Placed
from codec.devices import device_named
from codec.image import decode as image_decode
from codec.image.tiles import Rect
from codec.latents.decode import Latents, Record
from codec.latents.header import weights_of
from codec.media import PathLike
from codec.model.config import PriorConfig
from codec.model.fixed_point import Floats
from codec.model.registry import AUDIO, IMAGE
from codec.model.walk import checkerboard, coarse_shape, turns
from codec.quality import DEFAULT_QUALITY
from codec.uses.coded import Source, as_latents


@dataclass(frozen=True, eq=False)
class LatentData:
    """Decoded latents, as a decoder has them before synthesis. All arrays are float32, channels last.

    media: "image" or "audio". features: (B, h, w, M) in the units of the transforms; of an image B = 1 and a latent
    stands for 16 x 16 pixels; of audio B are the channels as they are coded, h = 1 and a latent stands for 20 ms.
    y_hat: the same in quantisation steps. z_hat: (B, h', w', N) hyper-latents, whole numbers. bits, z_bits: of the
    shapes of y_hat and z_hat, the information -log2 p of each under the prior, which is what it takes in a file.
    groups: the channels of y_hat that are coded together, coarse to fine.
    """

    media: str
    features: Floats
    y_hat: Floats
    z_hat: Floats
    bits: Floats
    z_bits: Floats
    groups: tuple[slice, ...]

    @property
    def total_bits(self) -> float:
        """Of latents and hyper-latents: eight times the bytes of their streams, but for some bytes a tile or chunk."""
        return float(self.bits.sum(dtype=np.float64) + self.z_bits.sum(dtype=np.float64))

    @property
    def bits_map(self) -> Floats:
        """(B, h, w, G) bits by place and channel group; those of a hyper-latent are shared by the places below it, in
        the first group.
        """
        by_group = np.stack([self.bits[..., group].sum(-1) for group in self.groups], -1)
        _, height, width, _ = by_group.shape
        if not by_group.size:
            return by_group
        down, across = (-(-a // b) for a, b in zip((height, width), self.z_bits.shape[1:3], strict=True))
        shared = self.z_bits.sum(-1).repeat(down, 1).repeat(across, 2)[:, :height, :width]
        below = np.ones((height, width), np.float32)
        below = np.add.reduceat(np.add.reduceat(below, range(0, height, down), 0), range(0, width, across), 1)
        by_group[..., 0] += shared / below.repeat(down, 0).repeat(across, 1)[:height, :width]
        return by_group


def latents_of(
    source: Source,
    quality: float = DEFAULT_QUALITY,
    *,
    device: Device = "auto",
    threads: int | None = None,
    weights: PathLike | None = None,
) -> LatentData:
    """The latents of an image, of audio, or of an .lcc file of either, and the bits of each.

    source: as `codec.compress` takes it, audio samples as a pair with their rate in Hz; or an .lcc file, as its path,
        bytes or binary file, which is decoded without synthesis.
    quality: 0 to 100, that what is no .lcc file is coded at. Alpha and metadata do not count.
    threads: of the networks on CPUs; all cores where None. weights: as `codec.compress` has them.
    Raises: CorruptFile, LimitExceeded, UnsupportedFile, ModelMismatch, MediaError (all CodecError); ValueError.
    """
    arguments.check_quality(quality)
    placed = device_named(device, threads, weights)
    return of_file(as_latents(source, float(quality), placed), placed)


def bits_map(
    source: Source,
    quality: float = DEFAULT_QUALITY,
    *,
    device: Device = "auto",
    threads: int | None = None,
    weights: PathLike | None = None,
) -> Floats:
    """(B, h, w, G) bits by place and channel group, see `LatentData.bits_map`: where an image or audio is unexpected.

    Arguments and errors: as those of `latents_of`.
    """
    return latents_of(source, quality, device=device, threads=threads, weights=weights).bits_map


def of_file(parsed: Container | AudioFile, device: Placed) -> LatentData:
    """The latents of a parsed file without lossless tiles."""
    loaded = weights_of(parsed.header, IMAGE if isinstance(parsed, Container) else AUDIO, device)
    config, tables = loaded.row.config.prior, loaded.tables.tables
    if isinstance(parsed, Container):
        tiles = [Rect.of(parsed.header.tiling[number]).scaled() for number in range(len(parsed.header.tiling))]
        places = [(tile.y0, tile.x0) for tile in tiles]
        pieces = [_piece(config, tables, *found) for found in image_decode.recorded(parsed, device)]
        shape = (1, max(tile.y1 for tile in tiles), max(tile.x1 for tile in tiles))
    else:
        places = [(0, first * constants.CHUNK_LATENTS) for first in range(len(parsed.chunks))]
        pieces = [_piece(config, tables, *found) for found in audio_decode.recorded(parsed, device)]
        shape = (parsed.header.channels, 1, sum(chunk.latents for chunk in parsed.chunks))
    fine = (*shape, config.channels)
    coarse = (shape[0], *coarse_shape(shape[1:], config.up), config.hyper_channels)
    whole = _Piece(*(np.zeros(fine if name in OF_LATENTS else coarse, np.float32) for name in _Piece._fields))
    for (row, column), piece in zip(places, pieces, strict=True):
        for name, there, here in zip(_Piece._fields, whole, piece, strict=True):
            down, across = (1, 1) if name in OF_LATENTS else (config.up[0] ** 2, config.up[1] ** 2)
            rows, columns = here.shape[1:3]
            top, left = row // down, column // across
            there[:, top : top + rows, left : left + columns] = here
    groups = tuple(slice(a, a + n) for a, n in zip(config.starts, config.groups, strict=True))
    return LatentData(loaded.row.media, *whole, groups)


class _Piece(NamedTuple):
    """What `LatentData` has, of one tile or chunk or of all of them."""

    features: Floats
    y_hat: Floats
    z_hat: Floats
    bits: Floats
    z_bits: Floats


OF_LATENTS = ("features", "y_hat", "bits")  # the others are of hyper-latents


def _piece(config: PriorConfig, tables: Tables, latents: Latents, record: Record) -> _Piece:
    y_hat = latents.y_hat
    batch, height, width, channels = y_hat.shape
    coarse = (batch, *coarse_shape((height, width), config.up), config.hyper_channels)
    z_rows, z_symbols = record[0]
    bits = np.zeros((batch, height * width, channels), np.float32)
    board = checkerboard(height, width, config.quartered_columns)
    passes = iter(record[1:])
    for group, (start, size) in enumerate(zip(config.starts, config.groups, strict=True)):
        for where in turns(config, group, board):
            bits[:, where, start : start + size] = tables.bits(*next(passes)).reshape(batch, len(where), size)
    z_hat, z_bits = z_symbols.astype(np.float32), tables.bits(z_rows, z_symbols)
    features = latents.features[..., :channels]
    return _Piece(features, y_hat, z_hat.reshape(coarse), bits.reshape(y_hat.shape), z_bits.reshape(coarse))
