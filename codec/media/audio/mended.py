"""AIFF, AU and CAF files whose header gives a length of samples that is not true, as libsndfile is to see them.

Sources: Apple's "Audio Interchange File Format", "Core Audio Format Specification"; Sun's audio(5).
"""

from __future__ import annotations

import io
import struct

from codec.media.audio import riff
from codec.media.audio.bytestream import ByteStream
from codec.media.audio.riff import BIG, Dialect

CAF = Dialect(">", 4, 8, False, 1)
UNKNOWN_64 = 0xFFFFFFFFFFFFFFFF
AU_HEAD = 24  # bytes, at least


class Patched:
    """A file of which some bytes are read as others. patches: by their offsets."""

    def __init__(self, stream: ByteStream, patches: dict[int, bytes]) -> None:
        self._stream, self._patches, self._at = stream, patches, 0

    def seekable(self) -> bool:
        """True."""
        return True

    def read(self, count: int = -1) -> bytes:
        """The next bytes."""
        self._stream.seek(self._at)
        data = bytearray(self._stream.read(count))
        for at, patch in self._patches.items():
            start, stop = max(at, self._at), min(at + len(patch), self._at + len(data))
            if start < stop:
                data[start - self._at : stop - self._at] = patch[start - at : stop - at]
        self._at += len(data)
        return bytes(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Goes to a position."""
        self._at = max(offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._stream.size or 0}[whence], 0)
        return self._at

    def tell(self) -> int:
        """Where it is."""
        return self._at


def mended(stream: ByteStream) -> tuple[Patched | None, str]:
    """A file with true lengths, and what there is to say of it; None and nothing where its own will do.

    stream: a file that can seek, at its first byte; it stays there.
    """
    head = stream.peek(AU_HEAD)
    found: tuple[dict[int, bytes], str] = ({}, "")
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        found = _chunks(stream, BIG, 12, b"SSND", 4)
    elif head[:4] == b"caff":
        found = _chunks(stream, CAF, 8, b"data", 8)
    elif head[:4] in (b".snd", b"dns.") and len(head) == AU_HEAD:
        found = _au(head, stream.size or 0)
    stream.seek(0)
    return (Patched(stream, found[0]) if found[0] else None), found[1]


def _au(head: bytes, size: int) -> tuple[dict[int, bytes], str]:
    form = ">" if head[:4] == b".snd" else "<"
    start, declared = struct.unpack_from(f"{form}2I", head, 4)
    there = size - start
    # nothing belongs behind the samples of an AU file; libsndfile takes "unknown" for all that is there
    if there <= 0 or declared == riff.UNKNOWN or 0 < there - declared < AU_HEAD or there == declared:
        return {}, ""
    text = riff.too_small(declared, there) if declared < there else ""
    return (
        ({8: struct.pack(f"{form}I", riff.UNKNOWN)}, text)
        if declared < there or declared >= riff.STREAMED_BYTES
        else ({}, "")
    )


def _chunks(
    stream: ByteStream, dialect: Dialect, at: int, name: bytes, size_bytes: int
) -> tuple[dict[int, bytes], str]:
    """Of a file of chunks from an offset on, of which the one so named holds the samples."""
    size = stream.size or 0
    for _ in range(riff.MAX_CHUNKS):
        stream.seek(at)
        head = stream.read(dialect.head_bytes)
        if len(head) < dialect.head_bytes:
            break
        found, declared = dialect.head(head)
        begin = at + dialect.head_bytes
        if found != name:
            at = begin + declared + dialect.padding(declared)
            continue
        there = size - begin
        end = begin + declared

        def look(offset: int, count: int, end: int = end) -> bytes:
            stream.seek(end + offset)
            return stream.read(count)

        unknown = declared in (riff.UNKNOWN, UNKNOWN_64)
        if not unknown and (
            declared >= there or riff.tail_of(look, there - declared, True, dialect, dialect.padding(declared))
        ):
            break
        patch = struct.pack(">I" if size_bytes == 4 else ">Q", there)
        return {begin - size_bytes: patch}, "" if unknown else riff.too_small(declared, there)
    return {}, ""
