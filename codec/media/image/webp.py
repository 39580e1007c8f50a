"""WebP files as chunks of RIFF: what stands beside and behind the image."""

from __future__ import annotations

from codec.bitstream.extras import WEBP, Trailer
from codec.media.image.found import Found

HEAD = 12  # bytes: RIFF, size, WEBP
KNOWN = frozenset({b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP", b"EXIF", b"XMP "})
MAX_CHUNKS = 1 << 16


def take_apart(data: bytes, found: Found) -> bytes:
    """The WebP without what stands behind it, which is put into `found` with what Pillow does not see."""
    end = min(8 + int.from_bytes(data[4:8], "little"), len(data))
    end += end % 2 and end < len(data)
    at = HEAD
    for _ in range(MAX_CHUNKS):
        if at + 8 > end:
            break
        name, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        if name not in KNOWN:
            found.lose(f"WebP chunk {name.decode('latin-1').strip() if name.isalnum() else 'without a name'}")
        at += 8 + size + size % 2
    found.set_trailer(Trailer(WEBP, data[end:]))
    return data[:end]
