"""Images of more than 8 bits a sample, where Pillow's modes end: colour read in full, PNGs of it written.

Pillow opens colour of 16 bits by keeping the upper byte of each sample. Told that the bytes lie the other way round it
keeps the lower ones: two passes of its C code give everything, ten times as fast as pypng.
"""

from __future__ import annotations

import struct
import sys
import zlib
from collections.abc import Callable, Iterator

import numpy as np
from PIL import Image
from PIL.ImageFile import ImageFile
from PIL.TiffImagePlugin import TiffImageFile

from codec.bitstream.errors import MediaError
from codec.media.image import png
from codec.media.image.data import ImageData, Pixels, joined
from codec.media.image.pillow import opened
from codec.media.notices import notice

OTHER_END = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}  # byte orders of Pillow's raw modes
IN_HALVES = frozenset(f"{channels};16{order}" for channels in ("RGB", "RGBA", "RGBX") for order in OTHER_END)
GREY_AND_ALPHA = "LA;16B"
COLOUR = IN_HALVES | {GREY_AND_ALPHA}
TWELVE_BITS = "I;12"

BITS_PER_SAMPLE, PHOTOMETRIC, PLANES = 258, 262, 284  # tags of TIFF
WHITE_IS_ZERO, SEPARATE = 0, 2  # values of the latter two

PNG_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}  # by samples a pixel
PNG_FILTER_UP = b"\2"  # a row is its difference to the one above
MAX_IDAT_BYTES = 1 << 30


def raw_mode(image: Image.Image) -> str:
    """How samples lie in the file of an image that is not loaded yet, in Pillow's words; "" where it does not say."""
    first = _decoder_arguments(image)[0]
    return first if isinstance(first, str) else ""


def _decoder_arguments(image: Image.Image) -> tuple[object, ...]:
    tiles = getattr(image, "tile", None)
    arguments = tiles[0].args if tiles else None
    return arguments if isinstance(arguments, tuple) and arguments else (arguments,)


def is_colour(image: Image.Image) -> bool:
    """Whether an image that is not loaded yet has more than 8 bits in its file that `colour` can read.

    Raises: MediaError for a layout that Pillow misreads.
    """
    if isinstance(image, TiffImageFile) and image.tag_v2.get(PLANES) == SEPARATE and _tiff_bits(image) > 8:
        raise MediaError("a TIFF of 16 bits in separate planes; only interleaved ones are supported")
    return image.format in ("PNG", "TIFF") and raw_mode(image) in COLOUR


def colour(image: Image.Image, data: bytes) -> Pixels:
    """(H, W, 2 to 4) uint16 of an image that `is_colour`, and of the bytes of its file."""
    order = raw_mode(image)
    if order == GREY_AND_ALPHA:
        pairs = _unpacked(image, "RGBA")  # four bytes a pixel, as they lie
        return pairs.view(">u2").astype(np.uint16)
    upper = _unpacked(image, order)
    with opened(data) as again:
        again.seek(image.tell())
        lower = _unpacked(again, order[:-1] + OTHER_END[order[-1]])
    return upper.astype(np.uint16) << np.uint16(8) | lower


def _unpacked(image: Image.Image, raw_mode: str) -> Pixels:
    """(H, W, C) uint8: an image that is not loaded yet, as if its file were of a raw mode."""
    assert isinstance(image, ImageFile)
    image.tile = [
        tile._replace(args=raw_mode if isinstance(tile.args, str) else (raw_mode, *(tile.args or ())[1:]))
        for tile in image.tile
    ]
    return np.array(image)


def mended_grey(samples: Pixels, image: Image.Image, raw_mode: str) -> Pixels:
    """Grey of 16 bits in which 0 is black and 65535 white, where Pillow gives the numbers of a TIFF as they are."""
    if raw_mode == TWELVE_BITS:
        notice("12 bits a sample scaled to 16")
        return samples << np.uint16(4) | samples >> np.uint16(8)
    if isinstance(image, TiffImageFile) and image.mode == "I;16" and image.tag_v2.get(PHOTOMETRIC) == WHITE_IS_ZERO:
        return ~samples
    return samples


def bits_in_file(image: Image.Image, data: bytes | None) -> int:
    """Bits a sample in the file of an image that is not loaded yet; 8 where they are not known to be more."""
    if raw_mode(image) in COLOUR:
        return 16
    return BITS_IN_FILE[image.format](image, data) if data and image.format in BITS_IN_FILE else 8


def _tiff_bits(image: Image.Image, data: bytes = b"") -> int:
    return max(image.tag_v2.get(BITS_PER_SAMPLE, (1,))) if isinstance(image, TiffImageFile) else 8


def _ppm_bits(image: Image.Image, data: bytes) -> int:
    maximum = _decoder_arguments(image)[-1]
    return maximum.bit_length() if isinstance(maximum, int) else 8


def _jpeg2000_bits(image: Image.Image, data: bytes) -> int:
    size = data.find(b"\xff\x4f\xff\x51")  # start of codestream, and the marker whose byte 38 is depth - 1
    return (data[size + 42] & 0x7F) + 1


def _avif_bits(image: Image.Image, data: bytes) -> int:
    flags = data[data.find(b"av1C") + 6]
    return 8 if not flags & 0x40 else 12 if flags & 0x20 else 10


BITS_IN_FILE: dict[str, Callable[[Image.Image, bytes], int]] = {
    "TIFF": _tiff_bits,
    "PPM": _ppm_bits,
    "JPEG2000": _jpeg2000_bits,
    "AVIF": _avif_bits,
}


def png_file(image: ImageData) -> bytes:
    """The bytes of a PNG of 16 bits a sample, without metadata."""
    samples = joined(image)
    height, width, channels = samples.shape
    header = struct.pack(">IIBBBBB", width, height, 16, PNG_COLOUR_TYPES[channels], 0, 0, 0)
    packed = b"".join(_packed_rows(samples))
    chunks = [(b"IHDR", header)]
    chunks += [(b"IDAT", packed[i : i + MAX_IDAT_BYTES]) for i in range(0, len(packed), MAX_IDAT_BYTES)]
    chunks.append((b"IEND", b""))
    return png.SIGNATURE + b"".join(png.chunk(name, content) for name, content in chunks)


def _packed_rows(samples: Pixels) -> Iterator[bytes]:
    packer = zlib.compressobj()
    rows = samples.astype(">u2").reshape(len(samples), -1).view(np.uint8)
    above = np.zeros_like(rows[0])
    for row in rows:
        yield packer.compress(PNG_FILTER_UP + (row - above).tobytes())
        above = row
    yield packer.flush()
