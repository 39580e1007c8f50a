"""Pixels without loss, for tiles where that is the better buy: WebP's lossless mode, or PNG where a side is too long.

Samples of 16 bits are two images one behind the other: the high bytes, and what the low bytes differ from them by,
which is nothing where a source of 8 bits was scaled up.
"""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from codec.bitstream import constants
from codec.bitstream.checksum import crc32c
from codec.bitstream.errors import CorruptFile, MediaError
from codec.bitstream.wire import Reader, Writer
from codec.media.image.data import Pixels
from codec.media.image.pillow import guarded, opened

WEBP_MAX_SIDE = 16383  # pixels
METHOD, EFFORT = 4, 100  # of libwebp
FORMATS = ("WEBP", "PNG")


def encode(pixels: Pixels) -> bytes:
    """The bytes of (H, W, 1 or 3) uint8 or uint16 pixels."""
    if pixels.dtype == np.uint8:
        return _plane_bytes(pixels)
    high, low = _bytes_of(pixels)
    first = _plane_bytes(high)
    return Writer().varint(len(first)).raw(first).raw(_plane_bytes(low - high)).bytes()


def decode(data: bytes, shape: tuple[int, int, int], bit_depth: int) -> Pixels:
    """Pixels of a known shape (H, W, 1 or 3) and depth, 8 or 16 bits.

    Raises CorruptFile where the bytes are not those of such pixels, before these are unpacked.
    """
    if bit_depth == 8:
        return _plane_from(data, shape)
    reader = Reader(data)
    size = reader.varint("length of the high bytes")
    high = _plane_from(reader.raw(size, "high bytes"), shape)
    low = _plane_from(reader.raw(reader.left, "low bytes"), shape) + high
    return high.astype(np.uint16) * np.uint16(256) + low


def checksum(pixels: Pixels, name: bytes) -> bytes:
    """CRC-32C over `name` (what else the pixels belong to) and all pixels, little-endian."""
    samples = pixels.astype(pixels.dtype.newbyteorder("<"), copy=False)
    return crc32c(samples.tobytes(), crc32c(name)).to_bytes(constants.CRC_BYTES, "little")


def _bytes_of(pixels: Pixels) -> tuple[Pixels, Pixels]:
    """High and low bytes of uint16 pixels, uint8."""
    return (pixels >> 8).astype(np.uint8), (pixels & 0xFF).astype(np.uint8)


def _plane_bytes(pixels: Pixels) -> bytes:
    out = io.BytesIO()
    image = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    if max(image.size) > WEBP_MAX_SIDE:
        image.save(out, "PNG", optimize=True)
    else:
        image.save(out, "WEBP", lossless=True, method=METHOD, quality=EFFORT)
    return out.getvalue()


def _plane_from(data: bytes, shape: tuple[int, int, int]) -> Pixels:
    height, width, channels = shape
    try:
        with guarded(), opened(data, FORMATS) as image:
            if image.size != (width, height):
                raise CorruptFile(f"lossless pixels of {image.size[0]} x {image.size[1]}, not {width} x {height}")
            found = np.array(image.convert("RGB"))
    except MediaError as error:
        raise CorruptFile(f"lossless pixels: {error}") from error
    return np.ascontiguousarray(found[:, :, :channels])
