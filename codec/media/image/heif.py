"""HEIC and HEIF files, through the extra `heif`."""

from __future__ import annotations

import io
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from codec.bitstream.errors import LimitExceeded, MediaError

if TYPE_CHECKING:
    from codec.media.image.found import Found

BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"heif"})
ANIMATED = frozenset({b"hevc", b"hevx", b"msf1"})
AVIF = (b"avif", b"avis")
BRAND_BYTES = 64  # from a file's start, in which its brands stand


def is_heif(data: bytes) -> bool:
    """Whether a file begins as HEIF that is not AVIF, which Pillow reads."""
    head = data[:BRAND_BYTES]
    return head[4:8] == b"ftyp" and head[8:12] in BRANDS and not any(brand in head for brand in AVIF)


def opened(data: bytes, max_pixels: int, found: Found) -> tuple[Any, Image.Image | None]:
    """Samples (H, W, 1 to 4) uint16 and None, or a Pillow image of 8 bits; metadata is put into `found`.

    Raises: MediaError, LimitExceeded; whatever pillow-heif does.
    """
    if data[8:12] in ANIMATED:
        raise MediaError("an animated HEIF; animations are not supported")
    try:
        pillow_heif: Any = import_module("pillow_heif")
    except ImportError as error:
        raise MediaError("HEIC and HEIF are read with pillow-heif: pip install 'codec[heif]'") from error
    file = pillow_heif.open_heif(io.BytesIO(data), convert_hdr_to_8bit=False)
    image = file[file.primary_index]
    width, height = image.size
    if width * height > max_pixels:
        raise LimitExceeded(f"an image of {width} x {height} pixels, the limit is {max_pixels} in all")
    for number, other in enumerate(file):
        if number != file.primary_index:
            found.lose_companion(f"a further image of {other.size[0]} x {other.size[1]} pixels")
    for name, shown in (("thumbnails", "a thumbnail"), ("depth_images", "a depth map"), ("aux", "an auxiliary image")):
        if image.info.get(name):
            found.lose_companion(shown)
    pillow = image.to_pillow() if ";16" not in image.mode else None
    info = (pillow or image).info
    found.exif = (info.get("exif") or b"").removeprefix(b"Exif\0\0")
    packet = info.get("xmp") or b""
    found.xmp = packet.encode() if isinstance(packet, str) else packet
    found.icc = info.get("icc_profile") or b""
    if pillow is not None:
        pillow.format = "HEIF"
        return None, pillow
    pillow_heif.misc.set_orientation(info)  # libheif has turned the pixels upright
    found.exif = (info.get("exif") or b"").removeprefix(b"Exif\0\0")
    samples = np.asarray(image)
    return (samples[:, :, None] if samples.ndim == 2 else samples), None
