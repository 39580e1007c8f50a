"""ID3v2 tags, as MP3, WAVE and AIFF files hold them, read within limits.

Sources: id3.org's "ID3 tag version 2.4.0 - Main Structure" and "Native Frames", 2.3.0, 2.2, and "ID3v2 Chapter Frame
Addendum".
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from codec.media.audio.metadata import Chapter

HEAD_BYTES = 10
MAX_FRAMES = 10_000
MAX_INFLATED_BYTES = 1 << 24
TAG_FRAMES = {  # frames that are tags of ours
    "TIT2": "title",
    "TPE1": "artist",
    "TALB": "album",
    "TRCK": "tracknumber",
    "TDRC": "date",
    "TYER": "date",
    "TCON": "genre",
    "TCOP": "copyright",
}
COMMENT_FRAMES = {  # frames, and the Vorbis comments that say the same
    "TPE2": "ALBUMARTIST",
    "TPE3": "CONDUCTOR",
    "TPE4": "REMIXER",
    "TCOM": "COMPOSER",
    "TEXT": "LYRICIST",
    "TENC": "ENCODEDBY",
    "TBPM": "BPM",
    "TSRC": "ISRC",
    "TLAN": "LANGUAGE",
    "TPUB": "ORGANIZATION",
    "TPOS": "DISCNUMBER",
    "TIT1": "GROUPING",
    "TIT3": "SUBTITLE",
    "TMOO": "MOOD",
    "TKEY": "INITIALKEY",
    "TMED": "MEDIA",
    "TDOR": "ORIGINALDATE",
    "TSOT": "TITLESORT",
    "TSOP": "ARTISTSORT",
    "TSOA": "ALBUMSORT",
    "TSO2": "ALBUMARTISTSORT",
}
OLD_NAMES = {  # of version 2.2
    **{"TT2": "TIT2", "TP1": "TPE1", "TAL": "TALB", "TRK": "TRCK", "TYE": "TYER", "TCO": "TCON", "TCR": "TCOP"},
    **{"TP2": "TPE2", "TP3": "TPE3", "TCM": "TCOM", "TEN": "TENC", "TSS": "TSSE", "TBP": "TBPM", "TRC": "TSRC"},
    **{"TPB": "TPUB", "TPA": "TPOS", "TT1": "TIT1", "TT3": "TIT3", "TKE": "TKEY", "TLA": "TLAN", "TXT": "TEXT"},
    **{"TXX": "TXXX", "COM": "COMM", "ULT": "USLT", "PIC": "APIC", "TLE": "TLEN", "TSI": "TSIZ"},
}
SAYS_NOTHING = ("TLEN", "TSIZ", "TDLY", "TSSE", "CTOC", "SEEK", "ASPI")  # of the file that was, not of the audio


@dataclass
class Id3:
    """What a tag holds. lost: frames that nothing here can hold."""

    tags: dict[str, str] = field(default_factory=dict)
    comments: list[tuple[str, str]] = field(default_factory=list)
    pictures: list[bytes] = field(default_factory=list)
    chapters: list[Chapter] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


def size_of(head: bytes) -> int:
    """Bytes of a tag that begins so; 0 where it is none."""
    if head[:3] != b"ID3" or len(head) < HEAD_BYTES or head[3] not in (2, 3, 4) or max(head[6:10]) > 0x7F:
        return 0
    return HEAD_BYTES + _syncsafe(head[6:10]) + (HEAD_BYTES if head[3] == 4 and head[5] & 0x10 else 0)


def read_id3(data: bytes) -> Id3:
    """What a whole tag holds. What is damaged in it is left out, and named."""
    found = Id3()
    if not size_of(data):
        return found
    version, flags = data[3], data[5]
    body = data[HEAD_BYTES : HEAD_BYTES + _syncsafe(data[6:10])]
    if flags & 0x80 and version < 4:
        body = body.replace(b"\xff\x00", b"\xff")
    if flags & 0x40 and version > 2 and len(body) >= 4:
        body = body[_syncsafe(body[:4]) if version == 4 else 4 + int.from_bytes(body[:4], "big") :]
    for name, payload in _frames(body, version):
        try:
            _take(found, name, payload, version)
        except (ValueError, IndexError, struct.error):
            found.lost.append(name)
    return found


def _take(found: Id3, name: str, payload: bytes | None, version: int) -> None:
    """One frame. Raises ValueError, IndexError or struct.error where it is damaged."""
    if name in SAYS_NOTHING:
        return
    if payload is None:
        raise ValueError("encrypted, or not to be inflated")
    if name in ("TXXX", "WXXX"):
        description, rest = _split(payload[1:], payload[0])
        value = _texts(rest, payload[0]) if name == "TXXX" else rest.decode("latin-1").rstrip("\0")
        found.comments.append((comment_name(description or name), value))
    elif name in TAG_FRAMES:
        text = _texts(payload[1:], payload[0])
        if text and TAG_FRAMES[name] not in found.tags:
            found.tags[TAG_FRAMES[name]] = text
    elif name[0] == "T":
        found.comments.append((COMMENT_FRAMES.get(name, name), _texts(payload[1:], payload[0])))
    elif name[0] == "W":
        found.comments.append((name, payload.decode("latin-1").rstrip("\0")))
    elif name in ("COMM", "USLT"):
        description, rest = _split(payload[4:], payload[0])
        text = _texts(rest, payload[0])
        if name == "COMM" and not description and "comment" not in found.tags:
            found.tags["comment"] = text
        else:
            plain = "COMMENT" if name == "COMM" else "LYRICS"
            found.comments.append((comment_name(f"{plain}:{description}" if description else plain), text))
    elif name == "APIC":
        found.pictures.append(_picture(payload, version))
    elif name == "CHAP":
        _, rest = _split(payload, 0)
        start, end = struct.unpack_from(">II", rest)
        inner = Id3()
        for sub, data in _frames(rest[16:], version):
            if sub == "TIT2":
                _take(inner, sub, data, version)
            else:
                found.lost.append(f"CHAP {sub}")
        found.chapters.append(Chapter(start, end if end != 0xFFFFFFFF else None, inner.tags.get("title", "")))
    else:
        found.lost.append(name)


def _frames(body: bytes, version: int) -> Iterator[tuple[str, bytes | None]]:
    """Names, as of version 2.4, and payloads, None where they cannot be had."""
    at, letters = 0, 3 if version == 2 else 4
    head = 6 if version == 2 else 10
    for _ in range(MAX_FRAMES):
        raw = body[at : at + letters]
        if at + head > len(body) or not _is_name(raw):
            return
        size = int.from_bytes(body[at + letters : at + 2 * letters], "big")
        if version == 4:
            size = _size(body, at, size)
        flags = int.from_bytes(body[at + 8 : at + 10], "big") if version > 2 else 0
        payload = body[at + head : at + head + size]
        name = raw.decode("ascii")
        yield OLD_NAMES.get(name, name), _plain(payload, flags, version)
        at += head + size


def _size(body: bytes, at: int, plain: int) -> int:
    """Of a frame's payload in version 2.4: some writers do not spare the highest bits of its length."""
    digits = body[at + 4 : at + 8]
    if max(digits) > 0x7F:
        return plain
    size = _syncsafe(digits)
    following, other = at + 10 + size, at + 10 + plain
    ends = following >= len(body) or _is_name(body[following : following + 4]) or not body[following]
    return size if ends or not (other == len(body) or _is_name(body[other : other + 4])) else plain


def _plain(payload: bytes, flags: int, version: int) -> bytes | None:
    """A payload without what its flags say; None where it is encrypted or cannot be inflated."""
    grouped, packed, encrypted = (0x40, 0x08, 0x04) if version == 4 else (0x20, 0x80, 0x40)
    if flags & encrypted:
        return None
    if version == 4:
        payload = payload[1:] if flags & grouped else payload
        payload = payload[4:] if flags & 0x01 else payload
        payload = payload.replace(b"\xff\x00", b"\xff") if flags & 0x02 else payload
    else:
        payload = payload[4:] if flags & packed else payload
        payload = payload[1:] if flags & grouped else payload
    if not flags & packed:
        return payload
    inflater = zlib.decompressobj()
    try:
        payload = inflater.decompress(payload, MAX_INFLATED_BYTES)
    except zlib.error:
        return None
    return payload if inflater.eof else None


def _picture(payload: bytes, version: int) -> bytes:
    """FLAC's structure of an APIC frame."""
    if version == 2:
        mime, kind, rest = {b"JPG": "image/jpeg", b"PNG": "image/png"}.get(payload[1:4], ""), payload[4], payload[5:]
    else:
        mime, behind = _split(payload[1:], 0)
        kind, rest = behind[0], behind[1:]
    description, data = _split(rest, payload[0])
    return picture_bytes(kind, mime, description, data)


def picture_bytes(kind: int, mime: str, description: str, data: bytes) -> bytes:
    """FLAC's structure of a picture, whose size and colours it leaves unsaid."""
    out = struct.pack(">I", kind)
    for text in (mime.encode("ascii", "replace"), description.encode()):
        out += struct.pack(">I", len(text)) + text
    return out + struct.pack(">5I", 0, 0, 0, 0, len(data)) + data


def _split(data: bytes, encoding: int) -> tuple[str, bytes]:
    """A text up to its end, and what follows. Raises ValueError."""
    if encoding in (1, 2):
        at = 0
        while data[at : at + 2] != b"\0\0":
            at += 2
            if at + 2 > len(data):
                raise ValueError("a text without end")
        return _decoded(data[:at], encoding), data[at + 2 :]
    at = data.index(0)
    return _decoded(data[:at], encoding), data[at + 1 :]


def _texts(data: bytes, encoding: int) -> str:
    """A text, or several of them, joined as people would."""
    parts = _decoded(data, encoding).split("\0")
    return " / ".join(part.lstrip("\ufeff") for part in parts if part)


def _decoded(data: bytes, encoding: int) -> str:
    codec = ("latin-1", "utf-16", "utf-16-be", "utf-8")[encoding]
    return data.decode(codec, "replace") if data else ""


def comment_name(text: str) -> str:
    """A text as the name of a Vorbis comment."""
    return "".join(letter if " " <= letter <= "}" and letter != "=" else "_" for letter in text) or "_"


def _is_name(raw: bytes) -> bool:
    return len(raw) >= 3 and all(letter in b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789" for letter in raw)


def _syncsafe(digits: bytes) -> int:
    value = 0
    for digit in digits:
        value = value << 7 | digit & 0x7F
    return value
