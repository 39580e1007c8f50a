"""The chunks of an audio file, whole or damaged (SPEC, section 4)."""

from __future__ import annotations

import struct
from contextlib import suppress
from typing import NamedTuple

from tests.second_decoder.container import (
    AUDIO_METADATA,
    CHUNK,
    END,
    FIRST_SKIPPABLE,
    HAS_24_BITS,
    HAS_FLOATS,
    HAS_LAYOUT,
    IS_MID_SIDE,
    IS_STEREO,
    LATENTS,
    LONGEST_METADATA,
    MAX_AUDIO_METADATA,
    MAX_CHUNK,
    MAX_LATER,
    MAX_PAYLOAD,
    MAX_RATE,
    MAX_SAMPLES,
    MAX_TAGS,
    TAGS,
    Header,
    Piece,
    Section,
    inflated,
    read_section,
    read_varint,
    section_size,
)


def read_rate(header: Header) -> int:
    """The sample rate of a clip, Hz."""
    rate, _ = read_varint(header.payload, header.rest)
    if not 1 <= rate <= MAX_RATE:
        raise ValueError(f"a rate of {rate} Hz")
    if header.flags & HAS_24_BITS and header.flags & HAS_FLOATS:
        raise ValueError("samples of two kinds")
    if header.flags & IS_MID_SIDE and not header.flags & IS_STEREO:
        raise ValueError("the middle and side of one channel")
    if header.flags & HAS_LAYOUT and header.flags & (IS_STEREO | IS_MID_SIDE):
        raise ValueError("a layout of stereo")
    return rate


def columns_of(samples: int, rate: int) -> int:
    """Columns of latents that so many samples ask for."""
    hops = -(-((2 * samples * 48_000 + rate) // (2 * rate)) // 240)
    return -(-(hops + 1) // 4) if hops else 0


class End(NamedTuple):
    """What the end of a clip says."""

    start: int
    samples: int
    later: int  # bytes between the last chunk and the end
    lengths: list[int]  # of the payloads of the chunks


def read_end(section: Section) -> End:
    """The end of a clip."""
    payload = section.payload
    if len(payload) < 14 or struct.unpack("<I", payload[-4:])[0] != len(payload):
        raise ValueError(f"an end of {len(payload)} bytes, which is not what it says")
    (samples,) = struct.unpack_from("<Q", payload)
    later, at = read_varint(payload, 8)
    chunks, at = read_varint(payload, at)
    if samples > MAX_SAMPLES or chunks > len(payload):
        raise ValueError(f"an end of {len(payload)} bytes for {samples} samples and {chunks} chunks")
    lengths = []
    for _ in range(chunks):
        length, at = read_varint(payload, at)
        lengths.append(length)
    if at + 4 != len(payload):
        raise ValueError("bytes are left over in the end, or missing")
    return End(section.start, samples, later, lengths)


def check_tags(section: Section) -> None:
    """Raise ValueError unless the payload holds pairs of names and values, no name twice."""
    packed = inflated(section, MAX_TAGS)
    at, texts = 0, []
    while at < len(packed):
        length, at = read_varint(packed, at)
        if at + length > len(packed):
            raise ValueError(f"a tag of {length} bytes, {len(packed) - at} are left")
        texts.append(packed[at : at + length].decode())  # UnicodeDecodeError is a ValueError
        at += length
    if len(texts) % 2 or len(set(texts[::2])) < len(texts) // 2:
        raise ValueError("the tags are not pairs, or a name stands twice")


def check_metadata(section: Section) -> None:
    """Raise ValueError unless the payload holds whole items."""
    packed = inflated(section, MAX_AUDIO_METADATA)
    at = 0
    while at < len(packed):
        length, at = read_varint(packed, at + 1)
        at += length
        if at > len(packed):
            raise ValueError(f"an item of metadata of {length} bytes, {len(packed) - at + length} are left")


class Chunks:
    """The chunks of a clip as they are read, and what stands around them."""

    def __init__(self, header: Header) -> None:
        self.rate, self.rows = read_rate(header), len(header.steps)
        self.at = header.end  # what is behind this is not read yet
        self.described: list[int] = []  # ids of sections since the header or, behind the chunks, since the last one
        self.later: int | None = None  # bytes of sections behind the chunks
        self.pieces: list[Piece] = []
        self.end: End | None = None

    def read(self, data: bytes) -> None:
        """Take all sections. Raise ValueError at the first that breaks a rule."""
        while self.at < len(data):
            section = read_section(data, self.at)
            if self.end:
                raise ValueError(f"section {section.id} stands behind the end, at byte {self.at}")
            of_kinds = {END: MAX_PAYLOAD, AUDIO_METADATA: LONGEST_METADATA, LATENTS: MAX_CHUNK * -(-self.rows // 2)}
            longest = of_kinds.get(section.id, MAX_CHUNK)
            if len(section.payload) > longest:
                raise ValueError(f"section {section.id} at byte {self.at} is too long")
            if not section.is_whole:
                raise ValueError(f"section {section.id} at byte {self.at} is cut or has a wrong checksum")
            if section.id == LATENTS and self.later is None:
                self.pieces.append(self.piece(section))
                self.described = []
            elif section.id == END:
                self.end = read_end(section)
            else:
                self.describe(section)
            self.at = section.end

    def describe(self, section: Section) -> None:
        """Take a section that is neither a chunk nor the end."""
        checks = {TAGS: check_tags, AUDIO_METADATA: check_metadata}
        if section.id < FIRST_SKIPPABLE or section.id in self.described:
            raise ValueError(f"section {section.id} at byte {self.at} is unknown or out of place")
        if section.id in checks:
            checks[section.id](section)
            self.described.append(section.id)
        if self.pieces:
            self.later = (self.later or 0) + section.end - section.start
            if self.later > MAX_LATER:
                raise ValueError(f"{self.later} bytes behind the chunks")

    def piece(self, section: Section) -> Piece:
        """The next chunk."""
        columns = section.payload[0] if section.payload else 0
        if not 1 <= columns <= CHUNK or any(piece.shape[1] != CHUNK for piece in self.pieces[-1:]):
            raise ValueError(f"a chunk of {columns} columns, or one behind a shorter one")
        return Piece((self.rows, columns), section.payload[1:])


def audio_pieces(data: bytes, header: Header) -> list[Piece]:
    """The chunks of a file that breaks no rule."""
    chunks = Chunks(header)
    chunks.read(data)
    if chunks.end is None:
        raise ValueError("the end is missing")
    if sum(piece.shape[1] for piece in chunks.pieces) != columns_of(chunks.end.samples, chunks.rate):
        raise ValueError(f"the chunks are not those of {chunks.end.samples} samples")
    if chunks.end.later != (chunks.later or 0):
        raise ValueError("the end does not say how many bytes stand behind the chunks")
    if [len(piece.stream) + 1 for piece in chunks.pieces] != chunks.end.lengths:
        raise ValueError("the chunks do not have the lengths that the end says")
    return chunks.pieces


def end_from_behind(data: bytes) -> End | None:
    """The end of a clip, wherever what stands before it leads."""
    length = int.from_bytes(data[-8:-4], "little")
    start = len(data) - section_size(length)
    try:
        section = read_section(data, max(start, 0))
        return read_end(section) if section.id == END and section.is_whole and section.end == len(data) else None
    except ValueError:
        return None


def chunk_at(data: bytes, start: int, length: int, shape: tuple[int, int]) -> Piece:
    """The chunk that should stand at a place of the file."""
    with suppress(ValueError):  # where it is no section
        section = read_section(data, start)
        is_in_place = section.id == LATENTS and section.is_whole and len(section.payload) == length
        if is_in_place and section.payload[:1] == bytes([shape[1]]):
            return Piece(shape, section.payload[1:])
    return Piece(shape, b"", is_whole=False)


def damaged_audio_pieces(data: bytes, header: Header) -> list[Piece]:
    """The chunks of a file that is cut or damaged."""
    chunks = Chunks(header)
    with suppress(ValueError):
        chunks.read(data)
    pieces, end = chunks.pieces, end_from_behind(data)
    if chunks.end or chunks.at == len(data):
        return pieces
    columns = columns_of(end.samples, chunks.rate) if end else 0
    start = end.start - end.later - sum(map(section_size, end.lengths)) if end else -1
    if end and start >= 0 and len(end.lengths) == -(-columns // CHUNK) >= len(pieces):
        for number, length in enumerate(end.lengths):
            if number >= len(pieces):
                shape = chunks.rows, min(CHUNK, columns - number * CHUNK)
                pieces.append(chunk_at(data, start, length, shape))
            start += section_size(length)
        return pieces
    with suppress(ValueError):  # where it is no chunk
        section = read_section(data, chunks.at)
        if section.id == LATENTS and section.is_cut:
            pieces.append(chunks.piece(section)._replace(is_whole=False))
    return pieces
