"""JPEG 2000, AVIF and HEIF as boxes: metadata and colour that Pillow does not hand on."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from codec.bitstream.extras import Chunk
from codec.media.image import resources
from codec.media.image.found import Found

JP2_EXIF = b"JpgTiffExif->JP2"
JP2_XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
JP2_IPTC = bytes.fromhex("33c7a4d2b81d4723a0baf1a3e097ad38")
JP2_KNOWN = frozenset({b"jP  ", b"ftyp", b"jp2h", b"jp2c", b"rreq", b"free", b"res "})
HEIF_VIDEOS = frozenset({b"mpvd", b"moov"})  # of motion photos, and of image sequences
HEIF_KNOWN = frozenset({b"ftyp", b"meta", b"mdat", b"free", b"skip", b"wide"}) | HEIF_VIDEOS
ANIMATED_AVIF = b"avis"  # whose frames, of which there is one, are such a sequence
STANDARD_COLOURS = ((1, 13), (2, 2), (1, 1), (5, 6), (6, 6), (1, 6))  # primaries and transfers that are shown as sRGB
PROFILES = (b"prof", b"rICC")
MAX_BOXES = 1 << 12


def boxes(data: bytes, start: int = 0, end: int | None = None) -> Iterator[tuple[bytes, int, int]]:
    """Name, start and end of the content of each box, as far as they go."""
    at, end = start, len(data) if end is None else end
    for _ in range(MAX_BOXES):
        if at + 8 > end:
            return
        size, name, head = int.from_bytes(data[at : at + 4]), data[at + 4 : at + 8], 8
        if size == 1:
            size, head = int.from_bytes(data[at + 8 : at + 16]), 16
        if size == 0:
            size = end - at
        if size < head or at + size > end:
            return
        yield name, at + head, at + size
        at += size


def collect_jp2(data: bytes, found: Found) -> None:
    """Puts the metadata of a JPEG 2000 into `found`."""
    behind = 0
    for name, start, end in boxes(data):
        behind = end
        content = data[start:end] if name in (b"uuid", b"xml ") else b""
        if name == b"uuid" and content[:16] == JP2_EXIF:
            found.exif = found.exif or content[16:].removeprefix(b"Exif\0\0")
        elif name == b"uuid" and content[:16] == JP2_XMP:
            found.xmp = found.xmp or content[16:]
        elif name == b"uuid" and content[:16] == JP2_IPTC:
            found.resources = found.resources or resources.of_iptc(content[16:])
        elif name == b"jp2h":
            for inner, a, b in boxes(data, start, end):
                if inner == b"colr" and data[a] in (2, 3):  # restricted or any ICC profile
                    found.icc = found.icc or data[a + 3 : b]
        elif name not in JP2_KNOWN:
            found.lose(f"JPEG 2000 box {_shown(name)}")
    _name_rest(data, behind, JP2_KNOWN, found)


def collect_heif(data: bytes, found: Found) -> None:
    """Puts the colours of an AVIF or HEIF into `found`, as chunks of PNG say them, and names what stands beside it."""
    behind = 0
    for name, start, end in boxes(data):
        if name == b"ftyp" and behind:  # a further file
            found.lose_companion(f"a video of {len(data) - behind:,} bytes behind the image")
            return
        behind = end
        if name == b"meta":
            _meta(data, start, end, found)
        elif name in HEIF_VIDEOS and data[8:12] != ANIMATED_AVIF:
            found.lose_companion(f"a video of {end - start:,} bytes")
        elif name not in HEIF_KNOWN:
            found.lose(f"HEIF box {_shown(name)}")
    _name_rest(data, behind, HEIF_KNOWN, found)


def _name_rest(data: bytes, behind: int, known: frozenset[bytes], found: Found) -> None:
    """Names what stands behind the last box, unless it is a box that is known, and cut."""
    if behind < len(data) and data[behind + 4 : behind + 8] not in known:
        found.lose(f"{len(data) - behind:,} bytes behind the image")


def _meta(data: bytes, start: int, end: int, found: Found) -> None:
    if b"tmap" in data[start:end]:
        found.lose_companion("the gain map of the image")
    for _, a, b in _within(data, start + 4, end, (b"iprp", b"ipco")):
        properties = [(prop, data[c:d]) for prop, c, d in boxes(data, a, b)]
        for prop, content in properties:
            _property(prop, content, found)
        if any(prop == b"colr" and content[:4] in PROFILES for prop, content in properties):
            found.chunks = [chunk for chunk in found.chunks if chunk.name != b"cICP"]  # the profile goes first


def _within(data: bytes, start: int, end: int, path: tuple[bytes, ...]) -> Iterator[tuple[bytes, int, int]]:
    for name, a, b in boxes(data, start, end):
        if name == path[0]:
            if len(path) == 1:
                yield name, a, b
            else:
                yield from _within(data, a, b, path[1:])


def _property(name: bytes, content: bytes, found: Found) -> None:
    known = {chunk.name for chunk in found.chunks}
    if name == b"colr" and content[:4] == b"nclx" and len(content) >= 11 and b"cICP" not in known:
        primaries, transfer = struct.unpack_from(">HH", content, 4)
        if (primaries, transfer) not in STANDARD_COLOURS and max(primaries, transfer) < 256:
            found.chunks.append(Chunk(b"cICP", bytes([primaries, transfer, 0, 1])))
    elif name == b"mdcv" and len(content) == 24 and b"mDCV" not in known:
        points = struct.unpack(">8H2I", content)  # green, blue, red; PNG has red first
        found.chunks.append(Chunk(b"mDCV", struct.pack(">8H2I", *points[4:6], *points[:4], *points[6:])))
    elif name == b"clli" and len(content) == 4 and b"cLLI" not in known:
        brightest, mean = struct.unpack(">2H", content)  # cd/m2; in 0.0001 of it for PNG
        found.chunks.append(Chunk(b"cLLI", struct.pack(">2I", brightest * 10_000, mean * 10_000)))


def _shown(name: bytes) -> str:
    return name.decode("latin-1").strip() if name.isalnum() or name.strip().isalnum() else "without a name"
