"""Pixels without loss by JPEG XL (the extra `jxl`), where asked for: smaller than WebP, read in fewer places."""

from __future__ import annotations

import numpy as np

from codec.bitstream.errors import CorruptFile, UnsupportedFile
from codec.bitstream.wire import Reader
from codec.image import jpeg_xl_header
from codec.image.jpeg_xl_header import Header
from codec.media import Pixels
from codec.media.image import jxl

EFFORT = 7  # of 1 to 9
CODESTREAM = b"jxlc"  # the box of a container that holds one


def encode(pixels: Pixels) -> bytes | None:
    """The codestream of (H, W, 1 or 3) uint8 or uint16 pixels; None where the package has none that tiles may hold.

    Raises MissingPackage.
    """
    jxl.plugin()
    height, width, channels = pixels.shape
    if pixels.dtype == np.uint8:
        mode = "L" if channels == 1 else "RGB"
    elif channels == 1:
        mode = "I;16"
    else:
        return None  # the package knows no colours of 16 bits
    samples = pixels.astype(pixels.dtype.newbyteorder("<"), copy=False).tobytes()
    data = _codestream(jxl.encoded(samples, mode, (width, height), EFFORT, threads=0))
    try:
        jpeg_xl_header.read(data)
    except CorruptFile:  # of several frames, as where letters repeat
        return None
    return data


def decode(data: bytes, shape: tuple[int, int, int], bit_depth: int) -> Pixels:
    """Pixels of a known shape (H, W, 1 or 3) and depth, 8 or 16 bits.

    Raises CorruptFile where the bytes are not those of such pixels, before these are unpacked; MissingPackage;
    UnsupportedFile where the package cannot unpack them.
    """
    found, (height, width, channels) = jpeg_xl_header.read(data), shape
    if found != Header(width, height, channels, bit_depth):
        raise CorruptFile(f"a JPEG XL of another kind than its tile: {found}, not {shape} of {bit_depth} bits")
    decoder = jxl.plugin().Decoder(num_threads=0)
    try:
        samples = decoder(data)[2]
    except Exception as error:  # what it raises is not told anywhere
        raise CorruptFile(f"a JPEG XL that is damaged: {' '.join(str(error).split())}") from error
    dtype = np.dtype(np.uint8 if bit_depth == 8 else "<u2")
    if len(samples) != height * width * channels * dtype.itemsize:
        raise UnsupportedFile(f"a JPEG XL of {bit_depth} bits and {channels} channels, which {jxl.PACKAGE} cannot read")
    return np.frombuffer(samples, dtype).reshape(shape).astype(dtype.newbyteorder("="), copy=False)


def _codestream(data: bytes) -> bytes:
    """What a file holds: itself, or that of its container; nothing where it lies there in parts."""
    if data.startswith(jpeg_xl_header.SIGNATURE):
        return data
    reader = Reader(data)
    while reader.left:
        size, name = int.from_bytes(reader.raw(4, "size"), "big"), reader.raw(4, "name")
        payload = reader.raw(size - 8 if size else reader.left, "box")
        if name == CODESTREAM:
            return payload
    return b""
