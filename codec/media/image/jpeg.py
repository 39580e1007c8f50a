"""JPEG files as segments: metadata taken out of them and put into them, without touching what is coded."""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Iterator
from typing import NamedTuple

from codec.bitstream.errors import MediaError
from codec.bitstream.extras import CENTIMETRE, COMMENT, INCH, JPEG, METRE, Extras, Resolution, Segment, Text, Trailer
from codec.media.image import xmp
from codec.media.image.found import Found, latin_or_utf8

SOI, EOI, SOS, COM = 0xD8, 0xD9, 0xDA, 0xFE
APP0, APP1, APP2, APP13, APP14, APP15 = 0xE0, 0xE1, 0xE2, 0xED, 0xEE, 0xEF
ALONE = frozenset({0x01, SOI, *range(0xD0, 0xD8)})  # markers without a length
MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")  # what ends coded data

JFIF, JFXX, ADOBE = b"JFIF\0", b"JFXX\0", b"Adobe"
EXIF = b"Exif\0\0"
XMP = b"http://ns.adobe.com/xap/1.0/\0"
EXTENDED_XMP = b"http://ns.adobe.com/xmp/extension/\0"
ICC = b"ICC_PROFILE\0"
MPF = b"MPF\0"  # of CIPA DC-007: where further images stand
GAIN_MAP = b"urn:iso:std:iso:ts:21496:-1\0"
PHOTOSHOP = b"Photoshop 3.0\0"

MAX_SEGMENTS = 1 << 16
MAX_PAYLOAD = 0xFFFF - 2
MAX_PROFILE = 255 * (MAX_PAYLOAD - 14)
MP_IMAGES = 0xB002  # tag of the list of images
MP_ENTRY = 16  # bytes


class Piece(NamedTuple):
    """A segment: the second byte of its marker, its payload, and where the whole lies."""

    marker: int
    payload: bytes
    start: int
    end: int


class Anatomy(NamedTuple):
    """Segments of a JPEG but the coded data, and where its image ends; None where that is cut off.

    stop: where what can be told apart stops: in a cut file, the last segment that is not whole, or the file's end.
    """

    pieces: list[Piece]
    end: int | None
    stop: int


def anatomy(data: bytes) -> Anatomy:
    """The segments of a JPEG, as far as they go. Raises MediaError where there are absurdly many."""
    pieces: list[Piece] = []
    at = 2
    while at + 2 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # padding
            at += 1
        elif marker == EOI:
            return Anatomy(pieces, at + 2, at + 2)
        elif marker in ALONE:
            at += 2
        else:
            end = at + 2 + int.from_bytes(data[at + 2 : at + 4])
            if end < at + 4 or end > len(data):
                break
            pieces.append(Piece(marker, data[at + 4 : end], at, end))
            if len(pieces) > MAX_SEGMENTS:
                raise MediaError(f"a JPEG of more than {MAX_SEGMENTS:,} segments")
            at = end
            if marker == SOS:
                found = MARKER.search(data, at)
                at = found.start() if found else len(data)
    return Anatomy(pieces, None, at)


def completed(data: bytes) -> bytes:
    """A JPEG that was cut, ended: a decoder that meets the end fills the rest with what it has."""
    return data[: anatomy(data).stop] + b"\xff\xd9" * 2


def take_apart(data: bytes, found: Found) -> bytes:
    """The JPEG without its metadata, which is put into `found`. Raises MediaError."""
    pieces, end, _ = anatomy(data)
    coded = [data[:2]]
    at = 2
    for piece in pieces:
        if not _is_metadata(piece):
            continue
        coded.append(data[at : piece.start])
        at = piece.end
    coded.append(data[at:end])
    segments = [(piece.marker, piece.payload) for piece in pieces]
    collect(segments, found)
    if end is not None:
        telling = [p for p in pieces if p.marker == APP2 and p.payload.startswith((MPF, GAIN_MAP))]
        ahead = [Segment(p.marker, p.payload, end - (p.end - len(p.payload))) for p in telling]
        found.set_trailer(Trailer(JPEG, data[end:], tuple(ahead)))
    return b"".join(coded)


def _is_metadata(piece: Piece) -> bool:
    """Whether decoding goes on without it; decoders tell the colours by JFIF and Adobe."""
    if piece.marker == APP0:
        return not piece.payload.startswith(JFIF)
    return (APP0 < piece.marker <= APP15 and piece.marker != APP14) or piece.marker == COM


def collect(segments: list[tuple[int, bytes]], found: Found) -> None:
    """Puts the metadata in segments, given as marker and payload, into `found`."""
    profile: list[bytes] = []
    exif: list[bytes] = []
    resources: list[bytes] = []
    extension: list[bytes] = []
    for marker, payload in segments:
        if marker == APP0 and payload.startswith(JFIF):
            _jfif(payload, found)
        elif marker == APP0 and payload.startswith(JFXX):
            found.lose("a JFXX thumbnail")
        elif marker == APP1 and payload.startswith(EXIF):
            exif.append(payload[len(EXIF) :])
        elif marker == APP1 and payload.startswith(XMP):
            if found.xmp:
                found.lose("a further XMP packet")
            found.xmp = found.xmp or payload[len(XMP) :]
        elif marker == APP1 and payload.startswith(EXTENDED_XMP):
            extension.append(payload[len(EXTENDED_XMP) :])
        elif marker == APP2 and payload.startswith(ICC):
            profile.append(payload[len(ICC) :])
        elif marker == APP2 and payload.startswith((MPF, GAIN_MAP)):
            pass  # tells of the trailer
        elif marker == APP13 and payload.startswith(PHOTOSHOP):
            resources.append(payload[len(PHOTOSHOP) :])
        elif marker == COM:
            found.add_text(Text(COMMENT, latin_or_utf8(payload)), "comments")
        elif APP0 <= marker <= APP15 and not (marker == APP14 and payload.startswith(ADOBE)):
            found.lose(f"JPEG segment APP{marker & 15}{_named(payload)}")
    found.exif = b"".join(exif)
    found.icc = _joined_profile(profile, found)
    found.resources = found.bounded(b"".join(resources), "Photoshop resources")
    found.extended_xmp = found.bounded(_joined_extension(extension, found), "extended XMP")


def _named(payload: bytes) -> str:
    name = re.match(rb"[\x21-\x7e][\x20-\x7e]{2,31}", payload)
    return f" ({name[0].decode()})" if name else ""


def _jfif(payload: bytes, found: Found) -> None:
    if len(payload) < 14:
        return
    unit, x, y, across, down = struct.unpack_from(">BHHBB", payload, 7)
    if unit <= CENTIMETRE:
        found.set_resolution(x, y, unit)
    if across and down:
        found.lose("a JFIF thumbnail")


def _joined_profile(parts: list[bytes], found: Found) -> bytes:
    """The profile in segments that each begin with their number and how many there are."""
    numbered = {part[0]: part[2:] for part in parts if len(part) > 2}
    if not parts:
        return b""
    if sorted(numbered) != list(range(1, parts[0][1] + 1 if len(parts[0]) > 1 else 0)):
        found.lose("an ICC profile of which parts are missing")
        return b""
    return b"".join(numbered[number] for number in sorted(numbered))


def _joined_extension(parts: list[bytes], found: Found) -> bytes:
    """The extended XMP that the packet names: each part begins with that name, the whole length, and its place."""
    name = xmp.extended_name(found.xmp)
    ours = sorted((int.from_bytes(p[36:40]), p) for p in parts if p[:32].upper() == name.upper() and len(p) > 40)
    whole = bytearray()
    for place, part in ours:
        if place != len(whole):
            break
        whole += part[40:]
    if len(ours) < len(parts) or (ours and len(whole) != int.from_bytes(ours[0][1][32:36])):
        found.lose("extended XMP that is not whole, or that the XMP does not name,")
    return bytes(whole) if ours and len(whole) == int.from_bytes(ours[0][1][32:36]) else b""


def put_together(
    plain: bytes, *, icc: bytes = b"", exif: bytes = b"", packet: bytes = b"", extras: Extras | None = None
) -> bytes:
    """A JPEG with metadata that `fits`, of a plain one.

    plain: as Pillow writes it, with a JFIF segment first. extras: chunks and texts but comments are passed over.
    """
    extras = extras or Extras()
    pieces = anatomy(plain).pieces
    start = pieces[0].end if pieces and pieces[0].payload.startswith(JFIF) else 2
    head = bytearray(plain[:2] + _jfif_segment(extras.resolution))
    for payload in [EXIF + exif] * bool(exif) + [XMP + packet] * bool(packet):
        head += _segment(APP1, payload)
    name = (
        xmp.extended_name(packet)
        or hashlib.md5(extras.extended_xmp, usedforsecurity=False).hexdigest().upper().encode()
    )
    for at, part in _cut(extras.extended_xmp, MAX_PAYLOAD - len(EXTENDED_XMP) - 40):
        place = struct.pack(">II", len(extras.extended_xmp), at)
        head += _segment(APP1, EXTENDED_XMP + name + place + part)
    parts = list(_cut(icc, MAX_PAYLOAD - len(ICC) - 2))
    for number, (_, part) in enumerate(parts, 1):
        head += _segment(APP2, ICC + bytes([number, len(parts)]) + part)
    for _, part in _cut(extras.resources, MAX_PAYLOAD - len(PHOTOSHOP)):
        head += _segment(APP13, PHOTOSHOP + part)
    for text in extras.texts:
        if text.keyword == COMMENT:
            head += _segment(COM, text.text.encode(errors="replace")[:MAX_PAYLOAD])
    if not extras.trailer or extras.trailer.container != JPEG:
        return bytes(head) + plain[start:]
    return _with_trailer(head, plain[start:], extras.trailer)


def _with_trailer(head: bytearray, rest: bytes, trailer: Trailer) -> bytes:
    size = len(head) + sum(4 + len(segment.payload) for segment in trailer.segments) + len(rest)
    for segment in trailer.segments:
        ahead = size - (len(head) + 4)
        payload = segment.payload
        if payload.startswith(MPF):
            payload = _moved(payload, segment.ahead - len(MPF), ahead - len(MPF), size)
        head += _segment(segment.marker, payload)
    return bytes(head) + rest + trailer.data


def _moved(payload: bytes, ahead_then: int, ahead_now: int, size: int) -> bytes:
    """An MPF segment for a file in which the first image has `size` bytes, and the others another distance to it."""
    out = bytearray(payload)
    for at in mp_entries(payload):
        (start,) = struct.unpack_from(_order(payload) + "I", payload, at + 8)
        if start == 0:
            struct.pack_into(_order(payload) + "I", out, at + 4, size)
        elif ahead_then <= start and start - ahead_then + ahead_now < 1 << 32:
            struct.pack_into(_order(payload) + "I", out, at + 8, start - ahead_then + ahead_now)
    return bytes(out)


def _order(payload: bytes) -> str:
    return "<" if payload[4:6] == b"II" else ">"


def mp_entries(payload: bytes) -> Iterator[int]:
    """Where in an MPF segment the entries of images stand: attribute, size, offset (4 bytes each), two numbers."""
    order = _order(payload)
    try:
        (start,) = struct.unpack_from(order + "I", payload, 8)
        (count,) = struct.unpack_from(order + "H", payload, 4 + start)
        for number in range(count):
            tag, _, size, place = struct.unpack_from(order + "HHII", payload, 4 + start + 2 + 12 * number)
            if tag == MP_IMAGES and size % MP_ENTRY == 0 and 4 + place + size <= len(payload):
                yield from range(4 + place, 4 + place + size, MP_ENTRY)
    except struct.error:
        return  # it lies about its lengths


def _jfif_segment(resolution: Resolution | None) -> bytes:
    unit, x, y = 0, 1, 1
    if resolution:
        unit = INCH if resolution.unit == METRE else resolution.unit
        x, y = map(round, resolution.per(unit)) if unit else (resolution.x, resolution.y)
    if not (0 < x <= 0xFFFF and 0 < y <= 0xFFFF):
        unit, x, y = 0, 1, 1
    return _segment(APP0, JFIF + struct.pack(">HBHHBB", 0x0101, unit, x, y, 0, 0))


def fits(payload: bytes, prefix: bytes) -> bool:
    """Whether EXIF or XMP fits the one segment that it may have."""
    return len(prefix) + len(payload) <= MAX_PAYLOAD


def _segment(marker: int, payload: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload


def _cut(content: bytes, size: int) -> Iterator[tuple[int, bytes]]:
    for at in range(0, len(content), size):
        yield at, content[at : at + size]
