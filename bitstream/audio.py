"""Clips: tags and chunks, behind a header, to bytes and back.

Behind the header stand the tags and metadata, where there are any, then one latents section for each chunk of two
seconds, in order, then tags and metadata that the source had behind its samples, then the end: how long the audio is,
and the payload lengths of all latents sections. So a file can be written and read as it comes, a reader that has all of
it finds any chunk at once, and a damaged chunk is stepped over.
A latents section holds the number of its latents (1 byte) and their coded stream.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import BinaryIO

from codec.bitstream import constants
from codec.bitstream.audio_header import AudioHeader, max_chunk_bytes, read_header
from codec.bitstream.errors import CodecError, CorruptFile, LimitExceeded, UnsupportedFile
from codec.bitstream.file import (
    HEAD_BYTES,
    PREAMBLE_BYTES,
    Beginning,
    Section,
    beginning,
    deflated,
    framed,
    framed_size,
    inflated,
    read_beginning,
    read_preamble,
)
from codec.bitstream.wire import VARINT_BYTES, Reader, Writer

SIZE_BYTES = 4  # of the end's own length, its last bytes: how it is found from behind
SAMPLES_BYTES = 8  # of the length of the audio
END_BYTES = SAMPLES_BYTES + 2 * VARINT_BYTES + SIZE_BYTES  # that an end has at most, without the lengths of chunks
MAX_DEFLATED_METADATA_BYTES = constants.MAX_AUDIO_METADATA_BYTES + (1 << 16)  # what cannot be deflated grows a little
DESCRIBING = (constants.SECTION_TAGS, constants.SECTION_METADATA)
CHUNK_SAMPLES = constants.CHUNK_LATENTS * constants.FRAMES * constants.HOP
CHUNK_SECONDS = CHUNK_SAMPLES // constants.SAMPLE_RATE


MetadataItem = tuple[int, bytes]  # one of constants.METADATA_*, and its payload


@dataclass(frozen=True)
class Description:
    """What a file says of its audio, before its chunks or behind them."""

    tags: dict[str, str] = field(default_factory=dict)
    metadata: tuple[MetadataItem, ...] = ()

    def with_later(self, later: Description) -> Description:
        """Both; of a tag that stands twice the first."""
        return Description({**later.tags, **self.tags}, self.metadata + later.metadata)

    def sections(self) -> bytes:
        """As they stand in a file. Raises LimitExceeded where a reader would not take so many tags or metadata."""
        out = b""
        if self.tags:
            packed = Writer()
            for text in (text for item in sorted(self.tags.items()) for text in item):
                packed.varint(len(text.encode())).raw(text.encode())
            if packed.size > constants.MAX_TAGS_BYTES:
                raise LimitExceeded(f"tags of {packed.size} bytes, at most {constants.MAX_TAGS_BYTES} can be stored")
            out += framed(constants.SECTION_TAGS, deflated(packed.bytes()))
        return out + _metadata(self.metadata) if self.metadata else out


@dataclass(frozen=True)
class Chunk:
    """The coded latents of one piece. latents: how many; data: their stream; whole: or what there is of it."""

    latents: int
    data: bytes
    whole: bool = True


@dataclass(frozen=True)
class AudioFile:
    """A parsed file. samples: of each channel, at the source's rate.

    damage: what is missing or wrong, in words; empty but for files read with `partial`.
    """

    header: AudioHeader
    tags: dict[str, str]
    chunks: list[Chunk]
    samples: int
    damage: tuple[str, ...] = ()
    metadata: tuple[MetadataItem, ...] = ()


def begin(header: AudioHeader, said: Description | None = None) -> bytes:
    """The first bytes of a file. Raises LimitExceeded where a reader would not take so many tags or metadata."""
    return beginning(header.bytes()) + (said.sections() if said else b"")


def _metadata(items: Sequence[MetadataItem]) -> bytes:
    packed, limit = Writer(), constants.MAX_AUDIO_METADATA_BYTES
    for kind, payload in items:
        packed.uint(kind, 1).varint(len(payload)).raw(payload)
    if packed.size > limit:
        raise LimitExceeded(f"metadata of {packed.size} bytes, at most {limit} can be stored")
    return framed(constants.SECTION_METADATA, deflated(packed.bytes()))


def chunk(latents: int, stream: bytes) -> bytes:
    """A latents section."""
    return framed(constants.SECTION_LATENTS, bytes([latents]) + stream)


def end(samples: int, sizes: Sequence[int], later: Description | None = None) -> bytes:
    """The last bytes of a file.

    sizes: bytes of each latents section's payload; later: what is said behind the chunks, if there are any.

    Raises LimitExceeded where a reader would not take so many tags or metadata.
    """
    said = later.sections() if later else b""
    return said + framed(constants.SECTION_END, end_payload(samples, len(said), sizes))


def end_payload(samples: int, later_bytes: int, sizes: Sequence[int]) -> bytes:
    """That of the end. later_bytes: between the last chunk and the end."""
    payload = Writer().uint(samples, SAMPLES_BYTES).varint(later_bytes).varint(len(sizes))
    for size in sizes:
        payload.varint(size)
    return payload.uint(payload.size + SIZE_BYTES, SIZE_BYTES).bytes()


def read(data: bytes, max_seconds: float = constants.MAX_SECONDS, partial: bool = False) -> AudioFile:
    """A parsed file, with its checksums and limits checked.

    partial: what is cut off or damaged behind the header is left out and named in `damage`.
    Raises: CorruptFile, LimitExceeded, UnsupportedFile.
    """
    parser = Parser(max_seconds, partial)
    parser.push(data)
    return parser.finish(data if partial else None)


def read_behind(begun: Beginning, data: bytes, max_seconds: float, partial: bool) -> AudioFile:
    """A parsed file whose beginning is known; see `read`."""
    parser = Parser(max_seconds, partial, begun)
    parser.push(memoryview(data)[begun.end :])
    return parser.finish(data if partial else None)


class Parser:
    """Reads a file as its bytes come in; collects damage instead of raising it where `partial`.

    header: as soon as it is known; begun: the beginning of the file, where it was read already and is not pushed.
    """

    def __init__(
        self, max_seconds: float = constants.MAX_SECONDS, partial: bool = False, begun: Beginning | None = None
    ) -> None:
        self.header: AudioHeader | None = None
        self._chunks: list[Chunk] = []  # that came and were not taken
        self._count = self._latents = 0  # of all chunks that came
        self.lost = False  # where a section ends is not known any more
        self._max_seconds = max_seconds
        self._max_chunks = max_seconds * constants.SAMPLE_RATE / CHUNK_SAMPLES + 1
        self._partial = partial
        self._damage: list[str] = []
        self._buffer, self._offset = bytearray(), 0
        self._sizes: list[int] = []
        self._said: dict[tuple[bool, int], Description] = {}  # by whether it is behind the chunks, and section
        self._later_bytes = 0  # of sections between the last chunk and the end
        self._end: _End | None = None
        if begun is not None:
            self.header, self._offset = read_header(begun), begun.end

    @property
    def description(self) -> Description:
        """What has come of it before the chunks."""
        return self._description(is_later=False)

    @property
    def later(self) -> Description:
        """What has come of it behind the chunks."""
        return self._description(is_later=True)

    def _description(self, is_later: bool) -> Description:
        tags, metadata = (self._said.get((is_later, section), Description()) for section in DESCRIBING)
        return tags.with_later(metadata)

    @property
    def is_described(self) -> bool:
        """Whether all has come that says before the chunks what the audio is: its first chunk has, or its end."""
        return bool(self._count or self._end or self.lost)

    def take(self) -> list[Chunk]:
        """The chunks that came since they were last taken, which are forgotten."""
        taken, self._chunks = self._chunks, []
        return taken

    def push(self, data: bytes | memoryview) -> None:
        """Takes the next bytes. Raises CorruptFile, LimitExceeded, UnsupportedFile."""
        self._buffer += data
        while not self.lost and self._end is None and (size := self._whole()):
            reader = Reader(bytes(self._buffer[:size]), self._offset)
            if self.header is None:
                self.header = read_header(read_beginning(reader))
            else:
                self._take(Section.read(reader))
            del self._buffer[:size]
            self._offset += size
        if self._end is not None and self._buffer and not self.lost:
            self._lose(CorruptFile(f"bytes follow at offset {self._offset}, behind the end of the file"))

    def finish(self, whole: bytes | None = None) -> AudioFile:
        """What there is, when nothing follows, with the chunks that were not taken. Raises CorruptFile.

        whole: all bytes of the file, where chunks behind damage are to be found from its end.
        """
        if whole is not None:
            self._resume_from_end(whole)
        if self.header is None:
            read_beginning(Reader(bytes(self._buffer), self._offset))  # says what is wrong
            raise CorruptFile("truncated: the file ends in its header")
        if self._buffer and not self.lost:
            self._fail(CorruptFile(f"truncated: the file ends inside the section at offset {self._offset}"))
            self._keep_cut()
        latents, longest = self._latents, _longest(self._latents, self.header.sample_rate)
        if self._end is None:
            self._fail(CorruptFile(f"truncated: the file ends at offset {self._offset} without its last section"))
        end = self._end or _End(longest, self._later_bytes, self._sizes)
        samples = end.samples
        if end.sizes != self._sizes or (self._end and latents != latents_of(samples, self.header.sample_rate)):
            self._fail(CorruptFile(f"{len(self._sizes)} chunks of {latents} latents are not what the file's end says"))
            samples = min(samples, longest)
        if end.later_bytes != self._later_bytes:
            found = f"{self._later_bytes} bytes between the last chunk and the end"
            self._fail(CorruptFile(f"{found}, which says {end.later_bytes}"))
        self._check_length(samples / self.header.sample_rate)
        said = self.description.with_later(self.later)
        return AudioFile(self.header, said.tags, self.take(), samples, tuple(self._damage), said.metadata)

    def _resume_from_end(self, data: bytes) -> None:
        """Goes on behind damage, where the file's end is intact and says where the chunks stand."""
        section = _end_of(lambda start, stop: data[start:stop], len(data))
        if section is None or self.header is None or self._end is not None or not (self.lost or self._buffer):
            return
        end = _read_end(section)
        total = latents_of(end.samples, self.header.sample_rate)
        count = -(-total // constants.CHUNK_LATENTS)
        frames = [framed_size(size) for size in end.sizes]
        at = section.start - end.later_bytes - sum(frames)
        if at < 0 or not self._count <= len(end.sizes) == count <= self._max_chunks:
            return
        noted = self._damage or [f"the section at offset {self._offset} does not end where the next one begins"]
        self._damage = []  # what is wrong with a chunk will be found again, and only that
        for number, (size, frame) in enumerate(zip(end.sizes, frames, strict=True)):
            if number >= self._count:
                expected = min(constants.CHUNK_LATENTS, total - number * constants.CHUNK_LATENTS)
                self._add(self._at(Reader(data[at : at + frame], at), size, expected))
            at += frame
        self._said = {place: said for place, said in self._said.items() if not place[0]}  # the later ones come again
        self.resume_later(Reader(data[at : section.start], at))
        self._damage = self._damage or noted
        self._sizes, self._end, self._later_bytes = end.sizes, end, end.later_bytes
        self._buffer.clear()

    def resume_later(self, reader: Reader) -> None:
        """Takes what is said behind the chunks, up to the first section that is damaged."""
        try:
            while reader.left:
                section = Section.read(reader)
                section.check()
                self._describe(section, is_later=True)
        except CodecError as error:
            self._fail(error)

    def _at(self, reader: Reader, size: int, latents: int) -> Chunk:
        """The chunk that should stand here."""
        try:
            section = Section.read(reader)
            section.check()
            if (section.id, section.size) != (constants.SECTION_LATENTS, size) or section.payload[:1] != bytes(
                [latents]
            ):
                raise CorruptFile(f"section {section.id} at offset {section.start} is not what the file's end says")
        except (CorruptFile, LimitExceeded) as error:
            self._fail(error)
            return Chunk(latents, b"", whole=False)
        return Chunk(latents, section.payload[1:])

    def _whole(self) -> int:
        """Bytes of the next whole section (with what stands before the first); 0 where more must come."""
        start = PREAMBLE_BYTES if self.header is None else 0
        if len(self._buffer) < start:
            return 0
        if start:
            read_preamble(Reader(bytes(self._buffer[:start])))
        head = bytes(self._buffer[start : start + 1 + VARINT_BYTES])
        if len(head) < 1 + VARINT_BYTES and all(byte >= 0x80 for byte in head[1:]):
            return 0
        reader = Reader(head, self._offset + start)
        section = reader.uint(1, "section id")
        try:
            size = reader.varint("section length")
            if size > self._longest_payload(section):
                raise LimitExceeded(f"section {section} at offset {self._offset + start} declares {size} bytes")
        except CodecError as error:
            self._lose(error)
            return 0
        whole = reader.offset - self._offset + size + constants.CRC_BYTES
        return whole if len(self._buffer) >= whole else 0

    def _longest_payload(self, section: int) -> int | float:
        """Bytes that the payload of the next section may have."""
        if self.header is None:
            return HEAD_BYTES
        longest: dict[int, int | float] = {
            constants.SECTION_END: END_BYTES + VARINT_BYTES * self._max_chunks,
            constants.SECTION_METADATA: MAX_DEFLATED_METADATA_BYTES,
        }
        if section == constants.SECTION_LATENTS:
            return max_chunk_bytes(self.header.channels)
        return longest.get(section, constants.MAX_CHUNK_BYTES)

    def _take(self, section: Section) -> None:
        """One section behind the header."""
        try:
            section.check()
            if section.id == constants.SECTION_LATENTS and not self._later_bytes:
                self._keep(section)
            elif section.id == constants.SECTION_END:
                self._end = _read_end(section)
            else:
                self._describe(section, is_later=bool(self._count))
                if self._count:
                    self._later_bytes += framed_size(section.size)
                    if self._later_bytes > constants.MAX_LATER_BYTES:
                        raise LimitExceeded(f"{self._later_bytes} bytes of sections behind the chunks")
        except CodecError as error:
            self._lose(error)

    def _describe(self, section: Section, is_later: bool) -> None:
        """A section that is neither a chunk nor the end."""
        place = is_later, section.id
        if section.id < constants.OPTIONAL_FROM or place in self._said:
            raise UnsupportedFile(f"section {section.id} at offset {section.start} is unknown or out of place")
        if section.id in DESCRIBING:
            self._said[place] = _read_description(section)

    def _keep(self, section: Section, whole: bool = True) -> None:
        """One chunk."""
        latents = section.payload[0] if section.payload else 0
        if not 1 <= latents <= constants.CHUNK_LATENTS:
            raise CorruptFile(f"the chunk at offset {section.start} declares {latents} latents")
        if self._latents != self._count * constants.CHUNK_LATENTS:
            raise CorruptFile(f"a chunk at offset {section.start} follows a shorter one")
        # its last latent may code as little as one sample behind the block that it shares with the one before
        least = ((self._latents + latents - 1) * constants.FRAMES - 1) * constants.HOP
        self._check_length(least / constants.SAMPLE_RATE)
        self._sizes.append(section.size)
        self._add(Chunk(latents, section.payload[1:], whole))

    def _add(self, chunk: Chunk) -> None:
        self._chunks.append(chunk)
        self._count += 1
        self._latents += chunk.latents

    def _check_length(self, seconds: float) -> None:
        if seconds > self._max_seconds:
            raise LimitExceeded(f"a clip of {seconds:g} seconds or more, the limit is {self._max_seconds:g}")

    def _keep_cut(self) -> None:
        """The beginning of a chunk that the file ends in."""
        with suppress(CodecError):  # where it is none, there is no more to say than that the file is cut
            section = Section.read(Reader(bytes(self._buffer), self._offset))
            if section.id == constants.SECTION_LATENTS:
                self._keep(section, whole=False)

    def _lose(self, error: CodecError) -> None:
        """A section is wrong, and so may be its length: only the file's end can tell where the next one stands."""
        self.lost = True
        self._fail(error)

    def _fail(self, error: CodecError) -> None:
        if not self._partial or self.header is None:
            raise error
        self._damage.append(str(error))


def resampled_length(samples: int, from_rate: int, to_rate: int) -> int:
    """How many samples become of these at another rate: rounded to the nearest, halves up."""
    return (2 * samples * to_rate + from_rate) // (2 * from_rate)


def coded_samples(samples: int, sample_rate: int) -> int:
    """How many samples at 48 kHz stand for so many at the source's rate."""
    return resampled_length(samples, sample_rate, constants.SAMPLE_RATE)


def latents_of(samples: int, sample_rate: int) -> int:
    """How many latents code so many samples at the source's rate."""
    blocks = -(-coded_samples(samples, sample_rate) // constants.HOP)
    return -(-(blocks + 1) // constants.FRAMES) if blocks else 0


def _longest(latents: int, sample_rate: int) -> int:
    """The most samples at the source's rate that so many latents code: the inverse of `latents_of`."""
    if not latents:
        return 0
    coded = (latents * constants.FRAMES - 1) * constants.HOP
    return -(-(2 * coded + 1) * sample_rate // (2 * constants.SAMPLE_RATE)) - 1


@dataclass(frozen=True)
class _End:
    """What the end says. later_bytes: between it and the last chunk; sizes: payload length of each chunk."""

    samples: int
    later_bytes: int
    sizes: list[int]


def _read_end(section: Section) -> _End:
    reader = Reader(section.payload, section.payload_at)
    samples = reader.uint(SAMPLES_BYTES, "length of the audio")
    if samples > constants.MAX_SAMPLES:
        raise CorruptFile(f"the end at offset {section.start} says {samples} samples")
    later_bytes = reader.varint("bytes behind the chunks")
    count = reader.varint("number of chunks")
    if count > reader.left:
        raise CorruptFile(f"the end at offset {section.start} is too short for {count} chunks")
    sizes = [reader.varint("length of a chunk") for _ in range(count)]
    if reader.uint(SIZE_BYTES, "length of the end") != section.size or reader.left:
        raise CorruptFile(f"the end at offset {section.start} does not have the length that it says")
    return _End(samples, later_bytes, sizes)


def later_of(file: BinaryIO) -> Description:
    """What a file that can seek says behind its chunks, nothing where that is damaged. It is left where it was."""

    def look(start: int, stop: int) -> bytes:
        file.seek(start)
        return file.read(stop - start)

    at = file.tell()
    try:
        section = _end_of(look, file.seek(0, io.SEEK_END))
        later_bytes = _read_end(section).later_bytes if section else 0
        if not section or not 0 < later_bytes <= min(section.start, constants.MAX_LATER_BYTES):
            return Description()
        start = section.start - later_bytes
        parser = Parser()
        with suppress(CodecError):  # who reads the file to its end will be told
            parser.resume_later(Reader(look(start, section.start), start))
        return parser.later
    finally:
        file.seek(at)


def _end_of(look: Callable[[int, int], bytes], size: int) -> Section | None:
    """The end of a file of so many bytes, found from behind; None where there is none that is intact.

    look: the bytes from one offset to another.
    """
    tail = SIZE_BYTES + constants.CRC_BYTES
    start = size - framed_size(int.from_bytes(look(max(size - tail, 0), size)[: -constants.CRC_BYTES], "little"))
    if start < 0 or size < tail:
        return None
    try:
        section = Section.read(Reader(look(start, size), start))
        section.check()
        _read_end(section)
    except CodecError:
        return None
    return section if section.id == constants.SECTION_END else None


def _read_description(section: Section) -> Description:
    if section.id == constants.SECTION_METADATA:
        return Description(metadata=tuple(_read_metadata(section)))
    reader = Reader(inflated(section, constants.MAX_TAGS_BYTES))
    texts = list(_texts(reader))
    tags = dict(zip(texts[::2], texts[1::2], strict=False))
    if len(texts) != 2 * len(tags):
        raise CorruptFile(f"the tags at offset {section.start} are not pairs, or a name stands twice")
    return Description(tags)


def _read_metadata(section: Section) -> Iterator[MetadataItem]:
    reader = Reader(inflated(section, constants.MAX_AUDIO_METADATA_BYTES))
    while reader.left:
        kind = reader.uint(1, "kind of metadata")
        yield kind, reader.raw(reader.varint("length of metadata"), "metadata")


def _texts(reader: Reader) -> Iterator[str]:
    while reader.left:
        try:
            yield reader.raw(reader.varint("length of a tag"), "tag").decode()
        except UnicodeDecodeError as error:
            raise CorruptFile(f"a tag at offset {reader.offset} is not UTF-8") from error
