"""Transparency, coded without loss: the plane as a grey PNG, whose size is known before it is unpacked."""

from __future__ import annotations

import io
import struct

import numpy as np
import numpy.typing as npt
from PIL import Image

from codec.bitstream.errors import CorruptFile, MediaError
from codec.media.image import png
from codec.media.image.data import Pixels
from codec.media.image.pillow import guarded, opened


def alpha_bytes(alpha: Pixels) -> bytes:
    """The bytes of a PNG of alpha (H, W) uint8 or uint16."""
    out = io.BytesIO()
    Image.fromarray(alpha).save(out, "PNG", optimize=True)
    return out.getvalue()


def alpha_from(data: bytes, width: int, height: int, dtype: npt.DTypeLike) -> Pixels:
    """Alpha (height, width) of a dtype, uint8 or uint16, from what `alpha_bytes` wrote.

    Raises: CorruptFile where the bytes are no such PNG of exactly this size and depth, before it is unpacked, or where
    it is damaged.
    """
    depth = np.dtype(dtype).itemsize * 8
    header = struct.pack(">I4sIIBBBBB", 13, b"IHDR", width, height, depth, 0, 0, 0, 0)
    if not data.startswith(png.SIGNATURE + header):
        raise CorruptFile(f"the alpha plane is not a grey PNG of {width} x {height} pixels and {depth} bits")
    try:
        with guarded(), opened(data, ("PNG",)) as image:
            if image.size != (width, height):  # a second header
                raise CorruptFile("the alpha plane has two sizes")
            alpha = np.array(image)
    except MediaError as error:
        raise CorruptFile(f"the alpha plane: {error}") from error
    if alpha.shape != (height, width) or alpha.dtype != dtype:
        raise CorruptFile(f"the alpha plane holds {alpha.dtype} {alpha.shape}")
    return alpha
