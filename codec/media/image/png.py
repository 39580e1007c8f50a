"""PNG files as chunks: metadata taken out of them and put into them, and what there is of a cut one."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from codec.bitstream import constants
from codec.bitstream.errors import MediaError
from codec.bitstream.extras import ASPECT, METRE, PNG, Chunk, Extras, Resolution, Text, Trailer
from codec.media.image import resources
from codec.media.image.found import Found, inflated

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_CHUNKS = 1 << 18

COLOUR = {b"cICP": 4, b"mDCV": 24, b"cLLI": 8, b"gAMA": 4, b"cHRM": 32}  # bytes of the chunks that say what pixels mean
STANDARD = b"sRGB"  # says what an image without any of them means anyway
CRITICAL = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND"})
FOR_DECODING = frozenset({b"tRNS", b"acTL", b"fcTL", b"fdAT"})
NOTHING_LOST = frozenset({STANDARD, b"iDOT"})  # iDOT: how Apple cut the coded data
TEXTS = frozenset({b"tEXt", b"zTXt", b"iTXt"})
XMP_KEYWORD = "XML:com.adobe.xmp"
RAW_PROFILE = "Raw profile type "  # how ImageMagick keeps metadata in texts
RAW_IPTC = RAW_PROFILE + "iptc"
KEYWORD_MAX = 79  # letters

CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type
PIECE = 4096  # bytes that are inflated at once, of a damaged stream


class Piece(NamedTuple):
    """A chunk: its name, its content, whether its checksum holds, and where the whole lies."""

    name: bytes
    content: memoryview
    intact: bool
    start: int
    end: int


def pieces(data: bytes) -> Iterator[Piece]:
    """The chunks of a PNG up to its end, or to where it is cut. Raises MediaError where there are absurdly many."""
    view, at = memoryview(data), len(SIGNATURE)
    for count in range(MAX_CHUNKS + 1):
        if at + 12 > len(data):
            return
        if count == MAX_CHUNKS:
            raise MediaError(f"a PNG of more than {MAX_CHUNKS:,} chunks")
        size = int.from_bytes(view[at : at + 4])
        name, end = data[at + 4 : at + 8], at + 12 + size
        if end > len(data):
            return
        is_extra = name[:1].islower() and name not in FOR_DECODING  # Pillow looks at the others itself
        intact = not is_extra or zlib.crc32(view[at + 4 : end - 4]) == int.from_bytes(view[end - 4 : end])
        yield Piece(name, view[at + 8 : end - 4], intact, at, end)
        if name == b"IEND":
            return
        at = end


def take_apart(data: bytes, found: Found) -> bytes:
    """The PNG without its metadata, which is put into `found`. Raises MediaError."""
    coded, at, end = [], 0, len(data)
    standard = False
    for piece in pieces(data):
        if piece.name == b"IEND":
            end = piece.end
            found.set_trailer(Trailer(PNG, data[end:]))
        if piece.name[:1].isupper() and piece.name not in CRITICAL:
            found.lose(f"PNG chunk {_shown(piece.name)}, which decoders must know,")
        if not piece.name[:1].islower() or piece.name in FOR_DECODING:
            continue
        coded.append(data[at : piece.start])
        at = piece.end
        standard |= piece.name == STANDARD
        _collect(piece, found)
    if standard:  # others say the same for older readers
        found.chunks = [chunk for chunk in found.chunks if chunk.name not in (b"gAMA", b"cHRM")]
    return b"".join([*coded, data[at:end]])


def _collect(piece: Piece, found: Found) -> None:
    """Puts a chunk that no decoder needs into `found`."""
    name, shown = piece.name, _shown(piece.name)
    if name in NOTHING_LOST:
        return
    if not piece.intact:
        found.lose(f"damaged PNG chunk {shown}")
    elif name in TEXTS:
        _text(name, bytes(piece.content), found)
    elif name == b"iCCP":
        _profile(bytes(piece.content), found)
    elif name == b"eXIf":
        if found.exif:
            found.lose("further EXIF")
        found.exif = found.exif or bytes(piece.content).removeprefix(b"Exif\0\0")
    elif name == b"pHYs" and len(piece.content) == 9:
        x, y, unit = struct.unpack(">IIB", piece.content)
        found.set_resolution(x, y, METRE if unit == 1 else ASPECT)
    elif len(piece.content) == COLOUR.get(name, -1) or (name not in COLOUR and name[3:].islower() and name.isalpha()):
        # the last letter is small where a chunk may be copied whatever becomes of the pixels
        if found.take(len(piece.content), f"PNG chunk {shown}"):
            found.chunks.append(Chunk(name, bytes(piece.content)))
    else:
        found.lose(f"PNG chunk {shown}")


def _shown(name: bytes) -> str:
    return name.decode("latin-1") if name.isalpha() and name.isascii() else "without a name"


def _profile(content: bytes, found: Found) -> None:
    _, _, packed = content.partition(b"\0")
    profile = None if found.icc or packed[:1] != b"\0" else inflated(packed[1:], constants.MAX_EXTRA_BYTES)
    if profile is None:
        found.lose("an ICC profile that is damaged or too large")
    else:
        found.icc = profile


def _text(name: bytes, content: bytes, found: Found) -> None:
    """A chunk of text: Latin-1, the same compressed, or UTF-8 with languages."""
    keyword, mark, rest = content.partition(b"\0")
    language = translated = b""
    is_packed = name == b"zTXt"
    if name == b"iTXt":
        head, rest = rest[:2], rest[2:]
        language, _, rest = rest.partition(b"\0")
        translated, _, rest = rest.partition(b"\0")
        is_packed = head[:1] == b"\1"
    elif is_packed:
        rest = rest[1:]
    unpacked = inflated(rest, found.budget) if is_packed else rest
    if unpacked is None or not mark or not keyword:
        found.lose("a text that is damaged or too large")
        return
    if is_packed:
        found.budget -= len(unpacked)  # what was unpacked counts, whatever it is
    try:
        encoding = "utf-8" if name == b"iTXt" else "latin-1"
        text = Text(keyword.decode("latin-1"), unpacked.decode(encoding), language.decode(), translated.decode())
    except UnicodeDecodeError:
        found.lose("a text that is damaged or too large")
        return
    if text.keyword == XMP_KEYWORD:
        if found.xmp:
            found.lose("a further XMP packet")
        found.xmp = found.xmp or unpacked
    elif not (text.keyword.startswith(RAW_PROFILE) and _raw_profile(text, found)):
        found.add_text(text, "texts")


def _raw_profile(text: Text, found: Found) -> bool:
    """Whether a text is metadata as ImageMagick writes it, which is put into `found`.

    Such a text has a name, a length, and hexadecimals, in lines.
    """
    try:
        content = bytes.fromhex(text.text.strip("\n").split("\n", 2)[2])
    except (ValueError, IndexError):
        return False
    kind = text.keyword.removeprefix(RAW_PROFILE).lower()
    if kind in ("exif", "app1") and content.startswith(b"Exif\0\0"):
        found.exif = found.exif or re.sub(rb"^(Exif\0\0)+", b"", content)
    elif kind in ("iptc", "8bim"):
        found.resources = found.resources or (
            content if content.startswith(resources.SIGNATURE) else resources.of_iptc(content)
        )
    elif kind == "xmp":
        found.xmp = found.xmp or content
    elif kind in ("icc", "icm"):
        found.icc = found.icc or content
    else:
        return False
    return True


def put_together(
    plain: bytes, *, icc: bytes = b"", exif: bytes = b"", packet: bytes = b"", extras: Extras | None = None
) -> bytes:
    """A PNG with metadata, of one without. Extended XMP, and trailers of other files, are passed over."""
    extras = extras or Extras()
    added = [(chunk.name, chunk.content) for chunk in extras.chunks]
    if icc:
        added.append((b"iCCP", b"ICC Profile\0\0" + zlib.compress(icc)))
    if extras.resolution:
        added.append((b"pHYs", _phys(extras.resolution)))
    if packet:
        added.append((b"iTXt", XMP_KEYWORD.encode() + b"\0\0\0\0\0" + packet))
    if exif:
        added.append((b"eXIf", exif))
    if extras.resources:
        lines = extras.resources.hex()
        wrapped = "\n".join(lines[at : at + 72] for at in range(0, len(lines), 72))
        raw = f"\niptc\n{len(extras.resources):8}\n{wrapped}\n".encode()
        added.append((b"zTXt", RAW_IPTC.encode() + b"\0\0" + zlib.compress(raw)))
    added += map(text_chunk, extras.texts)
    begin = len(SIGNATURE) + 12 + 13  # behind IHDR
    trailer = extras.trailer.data if extras.trailer and extras.trailer.container == PNG else b""
    return plain[:begin] + b"".join(chunk(*one) for one in added) + plain[begin:] + trailer


def chunk(name: bytes, content: bytes) -> bytes:
    """A whole chunk."""
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def text_chunk(text: Text) -> tuple[bytes, bytes]:
    """Name and content of the chunk of a text: tEXt where Latin-1 is enough."""
    keyword = " ".join(text.keyword.encode("latin-1", "replace")[:KEYWORD_MAX].decode("latin-1").split()) or "Comment"
    head = keyword.encode("latin-1") + b"\0"
    if not text.language and not text.translated:
        try:
            return b"tEXt", head + text.text.encode("latin-1")
        except UnicodeEncodeError:
            pass
    return b"iTXt", head + b"\0\0" + b"\0".join(part.encode() for part in (text.language, text.translated, text.text))


def _phys(resolution: Resolution) -> bytes:
    if resolution.unit == ASPECT:
        return struct.pack(">IIB", resolution.x, resolution.y, 0)
    x, y = (min(round(value), (1 << 31) - 1) for value in resolution.per(METRE))
    return struct.pack(">IIB", max(x, 1), max(y, 1), 1)


def completed(data: bytes, max_pixels: int) -> bytes:
    """A whole PNG of a cut or damaged one: rows that are missing are filled with zeros.

    Raises: MediaError where not even the header is there.
    """
    before, packed = [], []
    header = b""
    at = len(SIGNATURE)
    while at + 8 <= len(data):
        size, name = int.from_bytes(data[at : at + 4]), data[at + 4 : at + 8]
        content = data[at + 8 : at + 8 + size]
        if name == b"IHDR" and size == 13 == len(content):
            header = header or content
        elif name == b"IDAT":
            packed.append(content)
        elif name in (b"PLTE", b"tRNS") and len(content) == size and not packed:
            before.append(chunk(name, content))
        at += 12 + size
    if not header:
        raise MediaError("the PNG is cut before its first pixels")
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", header)
    if colour not in CHANNELS or width * height > max_pixels:
        raise MediaError("the header of the PNG is damaged")
    sizes = _passes(width, height) if interlaced else [(width, height)]
    bits = depth * CHANNELS[colour]
    expected = sum((1 + (w * bits + 7) // 8) * h for w, h in sizes if w and h)
    rows = _inflated_as_far(b"".join(packed), expected)
    if not rows:
        raise MediaError("the PNG is cut before its first pixels")
    return (
        SIGNATURE
        + chunk(b"IHDR", header)
        + b"".join(before)
        + chunk(b"IDAT", zlib.compress(rows + bytes(expected - len(rows)), 1))
        + chunk(b"IEND", b"")
    )


def _passes(width: int, height: int) -> list[tuple[int, int]]:
    """Sizes of the seven passes of an interlaced PNG."""
    steps = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    return [(max(-(-(width - x) // dx), 0), max(-(-(height - y) // dy), 0)) for x, y, dx, dy in steps]


def _inflated_as_far(content: bytes, expected: int) -> bytes:
    """What a zlib stream gives before it is cut or damaged, at most `expected` bytes."""
    inflater, out = zlib.decompressobj(), bytearray()
    for at in range(0, len(content), PIECE):
        try:
            out += inflater.decompress(content[at : at + PIECE], max(expected - len(out), 1))
            while inflater.unconsumed_tail and len(out) < expected:
                out += inflater.decompress(inflater.unconsumed_tail, expected - len(out))
        except zlib.error:
            break
        if len(out) >= expected or inflater.eof:
            break
    return bytes(out[:expected])
