"""Icons: the largest of the images in one."""

from __future__ import annotations

import struct

from codec.bitstream.errors import MediaError
from codec.media.image import png
from codec.media.notices import notice

MAGIC = b"\0\0\1\0"
ENTRY = struct.Struct("<BBBBHHII")
PALETTE, DIB = 8, 40  # bits a pixel up to which there is a palette; bytes of the header of an image that is no PNG


def is_icon(data: bytes) -> bool:
    """Whether a file begins as an icon."""
    return data.startswith(MAGIC) and len(data) >= 6 + ENTRY.size


def largest(data: bytes) -> bytes:
    """A file of the largest image alone, of most bits a pixel: a PNG, or an icon of one. Raises MediaError."""
    (count,) = struct.unpack_from("<H", data, 4)
    entries = [
        ENTRY.unpack_from(data, at)
        for at in range(6, 6 + count * ENTRY.size, ENTRY.size)
        if at + ENTRY.size <= len(data)
    ]
    if not entries:
        raise MediaError("an icon without images")
    best = max(entries, key=lambda e: ((e[0] or 256) * (e[1] or 256), e[5]))
    width, height, size, place = best[0] or 256, best[1] or 256, best[6], best[7]
    content = data[place : place + size]
    if len(entries) > 1:
        notice(f"an icon of {len(entries)} images: the largest, of {width} x {height} pixels, is read")
    if content.startswith(png.SIGNATURE):
        return content
    if len(content) < DIB or struct.unpack_from("<ii", content, 4) != (width, 2 * height):
        raise MediaError(f"the icon is damaged: its image is not one of {width} x {height} pixels")
    return MAGIC + b"\1\0" + ENTRY.pack(*best[:6], size, 6 + ENTRY.size) + content
