"""GIF files as blocks: comments and extensions."""

from __future__ import annotations

from codec.bitstream.extras import COMMENT, Text
from codec.media.image.found import Found, latin_or_utf8

EXTENSION, IMAGE = 0x21, 0x2C
PLAIN_TEXT, CONTROL, COMMENTS, APPLICATION = 0x01, 0xF9, 0xFE, 0xFF
ICC = b"ICCRGBG1012"
PASSED_OVER = (b"NETSCAPE2.0", b"ANIMEXTS1.0", b"XMP DataXMP")  # loops of a single frame; XMP, which Pillow reads
MAX_BLOCKS = 1 << 20
CODE_BITS = 12  # of the longest code


def collect(data: bytes, found: Found) -> None:
    """Puts the metadata of a GIF, as far as it goes, into `found`."""
    at = 13 + _colours(data[10:11])
    blocks = 0
    while at + 2 <= len(data) and data[at] in (EXTENSION, IMAGE) and blocks < MAX_BLOCKS:
        if data[at] == IMAGE:
            at += 10 + _colours(data[at + 9 : at + 10]) + 1
            label = IMAGE
        else:
            label = data[at + 1]
            at += 2
        parts = []
        while at < len(data) and data[at] and blocks < MAX_BLOCKS:
            if label != IMAGE:
                parts.append(data[at + 1 : at + 1 + data[at]])
            at += 1 + data[at]
            blocks += 1
        at += 1
        if label not in (IMAGE, CONTROL):
            _extension(label, parts, found)
    if at + 1 < len(data) and data[at : at + 1] == b";":
        found.lose(f"{len(data) - at - 1:,} bytes behind the GIF")


def completed(data: bytes, max_pixels: int) -> bytes:
    """A GIF that was cut within its first image, filled up; as it is where it is not cut there."""
    at = 13 + _colours(data[10:11])
    for _ in range(MAX_BLOCKS):
        if at + 10 > len(data) or data[at] not in (EXTENSION, IMAGE):
            return data
        is_image = data[at] == IMAGE
        width, height = int.from_bytes(data[at + 5 : at + 7], "little"), int.from_bytes(data[at + 7 : at + 9], "little")
        at += 10 + _colours(data[at + 9 : at + 10]) + 1 if is_image else 2
        while at < len(data) and data[at]:
            at += 1 + data[at]
        if at >= len(data):
            break
        at += 1
    pixels = width * height if is_image and width * height <= max_pixels else 0
    blocks = pixels * CODE_BITS // 8 // 255 + 1  # each pixel a code of its own, at most
    return data + bytes(at - len(data)) + (b"\xff" + bytes(255)) * blocks + b"\0;"


def _colours(flags: bytes) -> int:
    """Bytes of the table of colours that flags speak of."""
    return 3 << (flags[0] & 7) + 1 if flags and flags[0] & 0x80 else 0


def _extension(label: int, parts: list[bytes], found: Found) -> None:
    name = parts[0] if parts else b""
    if label == COMMENTS:
        found.add_text(Text(COMMENT, latin_or_utf8(b"".join(parts))), "comments")
    elif label == APPLICATION and name == ICC:
        found.icc = found.icc or b"".join(parts[1:])
    elif label == APPLICATION and name not in PASSED_OVER:
        found.lose(f"GIF extension {latin_or_utf8(name)!r}")
    elif label != APPLICATION:
        found.lose("GIF text drawn over the image" if label == PLAIN_TEXT else f"GIF extension {label:#x}")
