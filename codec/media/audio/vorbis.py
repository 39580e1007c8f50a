"""Vorbis comments and FLAC's blocks of metadata, as FLAC and Ogg files hold them, read within limits.

Sources: xiph.org's "Ogg Vorbis I format specification: comment field"; RFC 9639 (FLAC), 3533 (Ogg), 7845 (Opus).
"""

from __future__ import annotations

import base64
import binascii
import re
import struct
from collections.abc import Iterator

from codec.media.audio.bytestream import ByteStream
from codec.media.audio.metadata import Chapter

MAX_BYTES = 1 << 25  # of all comments and pictures of a file, as they stand
MAX_BLOCKS = 4096
APPLICATION, COMMENTS, CUESHEET, PICTURE = 2, 4, 5, 6  # kinds of FLAC's blocks
CHAPTER = re.compile(r"CHAPTER(\d{1,4})(NAME)?", re.IGNORECASE)
CHAPTER_TIME = re.compile(r"(\d+):(\d+):(\d+)(?:\.(\d{1,9}))?")


def flac_blocks(stream: ByteStream) -> Iterator[tuple[int, bytes]]:
    """Kinds and payloads of the blocks of a FLAC file, from "fLaC" on; of those that say something of the audio."""
    stream.read(4)
    held = 0
    for _ in range(MAX_BLOCKS):
        head = stream.read(4)
        if len(head) < 4:
            return
        kind, size = head[0] & 0x7F, int.from_bytes(head[1:], "big")
        if kind in (APPLICATION, COMMENTS, CUESHEET, PICTURE) and held + size <= MAX_BYTES:
            held += size
            yield kind, stream.read(size)
        else:
            stream.skip(size)
        if head[0] & 0x80:
            return


def ogg_packets(stream: ByteStream) -> Iterator[bytes]:
    """The first packets of an Ogg file's first stream, as long as they are not too large."""
    serial, packet, total = None, b"", 0
    for _ in range(MAX_BYTES // 255):
        head = stream.read(27)
        if len(head) < 27 or head[:4] != b"OggS":
            return
        lengths = stream.read(head[26])
        if serial is None:
            serial = head[14:18]
        if head[14:18] != serial:
            stream.skip(sum(lengths))
            continue
        data, at = stream.read(sum(lengths)), 0
        total += len(data)
        if total > MAX_BYTES:
            return
        for length in lengths:
            packet += data[at : at + length]
            at += length
            if length < 255:
                yield packet
                packet = b""


def comments_of_ogg(stream: ByteStream) -> bytes | None:
    """The comments of an Ogg file of Vorbis, Opus or FLAC; None where they are not found."""
    for number, packet in enumerate(ogg_packets(stream)):
        if packet[:7] == b"\x03vorbis":
            return packet[7:]
        if packet[:8] == b"OpusTags":
            return packet[8:]
        if number and packet[:1] and packet[0] & 0x7F == COMMENTS:  # of FLAC
            return packet[4:]
        if number > 8:
            break
    return None


def comments_of(data: bytes) -> list[tuple[str, str]]:
    """Names, in capitals, and values. Raises ValueError where they are damaged."""
    at, found = 0, []

    def text() -> str:
        nonlocal at
        if at + 4 > len(data):
            raise ValueError("the comments end early")
        (size,) = struct.unpack_from("<I", data, at)
        if at + 4 + size > len(data):
            raise ValueError("the comments end early")
        at += 4 + size
        return data[at - size : at].decode("utf-8", "replace")

    text()  # who wrote them
    if at + 4 > len(data):
        raise ValueError("the comments end early")
    (count,) = struct.unpack_from("<I", data, at)
    at += 4
    for _ in range(min(count, len(data) // 4)):
        name, _, value = text().partition("=")
        found.append((name.upper(), value))
    return found


def picture_of_comment(value: str) -> bytes | None:
    """The picture of a METADATA_BLOCK_PICTURE; None where it is none."""
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return None


def chapters_of(comments: list[tuple[str, str]]) -> tuple[list[Chapter], list[tuple[str, str]]]:
    """Chapters, and the comments that are none of them."""
    starts, titles, rest = {}, {}, []
    for name, value in comments:
        found = CHAPTER.fullmatch(name)
        time = CHAPTER_TIME.fullmatch(value.strip()) if found and not found[2] else None
        if found and found[2]:
            titles[int(found[1])] = value
        elif found and time:
            fraction = int((time[4] or "").ljust(3, "0")[:3])
            starts[int(found[1])] = ((int(time[1]) * 60 + int(time[2])) * 60 + int(time[3])) * 1000 + fraction
        else:
            rest.append((name, value))
    rest += [(f"CHAPTER{number:03}NAME", title) for number, title in titles.items() if number not in starts]
    chapters = [Chapter(start, None, titles.get(number, "")) for number, start in sorted(starts.items())]
    return [chapter for chapter in chapters if chapter.start_ms < 2**63], rest


def chapter_comments(chapters: tuple[Chapter, ...]) -> list[tuple[str, str]]:
    """Comments that say the same."""
    out = []
    for number, chapter in enumerate(sorted(chapters, key=lambda chapter: chapter.start_ms), 1):
        seconds, ms = divmod(chapter.start_ms, 1000)
        time = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{ms:03}"
        out += [(f"CHAPTER{number:03}", time), (f"CHAPTER{number:03}NAME", chapter.title)]
    return out
