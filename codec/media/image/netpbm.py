"""Netpbm files (PBM, PGM, PPM): comments in their header, and what stands behind the image."""

from __future__ import annotations

import re

from codec.bitstream.extras import COMMENT, Text
from codec.media.image.found import Found, latin_or_utf8

MAGIC = re.compile(rb"P[1-7]\s")
HEAD = 1 << 16  # bytes from the beginning in which comments are looked for
BITMAPS = b"14"  # which have no maximum
SAMPLES = {b"P5": 1, b"P6": 3}  # a pixel, of the binary ones but bitmaps


def collect(data: bytes, found: Found) -> None:
    """Puts comments into `found`: they stand between the words of the header, the magic, width, height and maximum."""
    words: list[bytes] = []
    at = 0
    wanted = 3 if data[1:2] in BITMAPS else 4
    while len(words) < wanted and at < min(len(data), HEAD):
        if data[at : at + 1].isspace():
            at += 1
        elif data[at : at + 1] == b"#":
            end = data.find(b"\n", at)
            end = len(data) if end < 0 else end
            found.add_text(Text(COMMENT, latin_or_utf8(data[at + 1 : end]).strip()), "comments")
            at = end
        else:
            begin = at
            while at < len(data) and not data[at : at + 1].isspace() and data[at : at + 1] != b"#":
                at += 1
            words.append(data[begin:at])
    rest = data[at + 1 + _size(words) :] if len(words) == wanted else b""
    if rest and not rest.isspace():
        found.lose(f"{len(rest):,} bytes behind the image")


def _size(words: list[bytes]) -> int:
    """Bytes of the samples behind a header of these words; beyond every file's where that is not known."""
    magic, *numbers = words
    try:
        width, height, *maximum = map(int, numbers)
    except ValueError:
        return 1 << 62
    if magic == b"P4":
        return (width + 7) // 8 * height
    return width * height * SAMPLES[magic] * (2 if maximum[0] > 255 else 1) if magic in SAMPLES else 1 << 62
