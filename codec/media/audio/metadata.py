"""What a file says of its audio beside samples and tags: chunks of recorders, cover art, chapters, further comments."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from codec.bitstream import constants
from codec.bitstream.audio import MetadataItem
from codec.bitstream.errors import CorruptFile
from codec.bitstream.wire import Reader, Writer

END_UNKNOWN = 2**64 - 1  # of a chapter, ms
POSITIONED = (b"cue ", b"plst", b"smpl")  # chunks that count samples
BEXT_TIME_AT = 338  # in "bext": samples from midnight to the first sample, 8 bytes


@dataclass(frozen=True)
class Chapter:
    """A part of a clip. start_ms, end_ms: from its beginning; the end may be unknown, None."""

    start_ms: int
    end_ms: int | None
    title: str


@dataclass(frozen=True)
class AudioMetadata:
    """What belongs to a clip beside its tags.

    chunks: names and payloads of WAVE chunks as they stand; pictures: structures as FLAC has them (RFC 9639, 8.8);
    chapters; comments: names and values, as Vorbis comments; a name may stand more than once.
    """

    chunks: tuple[tuple[bytes, bytes], ...] = ()
    pictures: tuple[bytes, ...] = ()
    chapters: tuple[Chapter, ...] = ()
    comments: tuple[tuple[str, str], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.chunks or self.pictures or self.chapters or self.comments)

    @property
    def kinds(self) -> tuple[str, ...]:
        """What is there, in words."""
        found = [words_of(name, payload) for name, payload in self.chunks]
        found += ["cover art"] * bool(self.pictures) + ["chapters"] * bool(self.chapters)
        return tuple(dict.fromkeys(found + [f"comment {name}" for name, _ in self.comments]))

    def with_later(self, later: AudioMetadata) -> AudioMetadata:
        """Both, the later behind."""
        return AudioMetadata(
            self.chunks + later.chunks,
            self.pictures + later.pictures,
            self.chapters + later.chapters,
            self.comments + later.comments,
        )

    def items(self) -> list[MetadataItem]:
        """As files of ours hold it."""
        out = [(constants.METADATA_CHUNK, name + payload) for name, payload in self.chunks]
        out += [(constants.METADATA_PICTURE, picture) for picture in self.pictures]
        for chapter in self.chapters:
            end = END_UNKNOWN if chapter.end_ms is None else chapter.end_ms
            times = struct.pack("<QQ", chapter.start_ms, end)
            out.append((constants.METADATA_CHAPTER, times + chapter.title.encode()))
        for name, value in self.comments:
            text = name.encode()
            out.append((constants.METADATA_COMMENT, Writer().varint(len(text)).raw(text).bytes() + value.encode()))
        return out

    def of_part(self, first: int) -> tuple[AudioMetadata, tuple[str, ...]]:
        """That of a part that begins at a sample, and what of it is left out, as it counts from the audio's start."""
        kept = tuple((name, _later(name, data, first)) for name, data in self.chunks if not is_positioned(name, data))
        lost = [words_of(name, payload) for name, payload in self.chunks if is_positioned(name, payload)]
        lost += ["chapters"] * bool(self.chapters)
        return AudioMetadata(kept, self.pictures, (), self.comments), tuple(dict.fromkeys(lost))


def metadata_of(items: Iterable[MetadataItem]) -> AudioMetadata:
    """What a file of ours holds; what is not known, or not as it should be, is left out."""
    chunks: list[tuple[bytes, bytes]] = []
    pictures: list[bytes] = []
    chapters: list[Chapter] = []
    comments: list[tuple[str, str]] = []
    for kind, data in items:
        reader = Reader(data)
        with suppress(CorruptFile, UnicodeDecodeError):
            if kind == constants.METADATA_CHUNK:
                chunks.append((reader.raw(4, "name of a chunk"), reader.raw(reader.left, "chunk")))
            elif kind == constants.METADATA_PICTURE:
                pictures.append(data)
            elif kind == constants.METADATA_CHAPTER:
                start, end = reader.uint(8, "start of a chapter"), reader.uint(8, "end of a chapter")
                chapters.append(Chapter(start, None if end == END_UNKNOWN else end, _text(reader)))
            elif kind == constants.METADATA_COMMENT:
                name = _text(reader.part(reader.varint("length of a name"), "name of a comment"))
                comments.append((name, _text(reader)))
    return AudioMetadata(tuple(chunks), tuple(pictures), tuple(chapters), tuple(comments))


def _text(reader: Reader) -> str:
    return reader.raw(reader.left, "text").decode()


def words_of(name: bytes, payload: bytes) -> str:
    """A chunk's name, for people."""
    kind = f" {payload[:4].decode('latin-1')}" if name == b"LIST" else ""
    return (name.decode("latin-1").strip() + kind).encode("ascii", "replace").decode()


def is_positioned(name: bytes, payload: bytes) -> bool:
    """Whether a chunk counts samples from the beginning of the audio."""
    return name in POSITIONED or (name == b"LIST" and payload[:4] == b"adtl")


def _later(name: bytes, payload: bytes, samples: int) -> bytes:
    """A chunk of audio that begins so many samples later."""
    if name != b"bext" or len(payload) < BEXT_TIME_AT + 8:
        return payload
    (time,) = struct.unpack_from("<Q", payload, BEXT_TIME_AT)
    return payload[:BEXT_TIME_AT] + struct.pack("<Q", (time + samples) % 2**64) + payload[BEXT_TIME_AT + 8 :]


def ended(chapters: tuple[Chapter, ...], duration_ms: int) -> Iterator[tuple[int, int, str]]:
    """Start, end and title of chapters, ended by the next one, or the audio, where they do not say where they end."""
    ordered = sorted(chapters, key=lambda chapter: chapter.start_ms)
    starts = [chapter.start_ms for chapter in ordered]
    for chapter, following in zip(ordered, [*starts[1:], duration_ms], strict=bool(ordered)):
        yield chapter.start_ms, following if chapter.end_ms is None else chapter.end_ms, chapter.title
