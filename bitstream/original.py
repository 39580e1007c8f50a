"""Originals: files of any kind that come back byte for byte. Header and parts to bytes and back.

Behind the header stand the parts, one section each, whose payloads one after another are the coded original.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from codec.bitstream import constants
from codec.bitstream.errors import CorruptFile, LimitExceeded, UnsupportedFile
from codec.bitstream.file import HEAD_BYTES, Beginning, Section, beginning, framed, read_beginning
from codec.bitstream.wire import VARINT_BYTES, Reader, Writer

SIZE_BYTES = 8  # of the lengths in the header
FRAME_BYTES = 1 + VARINT_BYTES + constants.CRC_BYTES  # that a section has at most beside its payload


@dataclass(frozen=True)
class OriginalHeader:
    """What a decoder must know before it can begin.

    method: one of constants.ORIGINAL_*; size, sha256: of the original, in bytes; coded_size: of all parts together.
    """

    method: int
    size: int
    coded_size: int
    sha256: bytes

    def bytes(self) -> bytes:
        """The payload of the header's section."""
        out = Writer().uint(constants.MEDIA_ORIGINAL, 1).uint(self.method, 1)
        return out.uint(self.size, SIZE_BYTES).uint(self.coded_size, SIZE_BYTES).raw(self.sha256).bytes()


@dataclass(frozen=True)
class OriginalFile:
    """A parsed file. coded: the payloads of its parts, one after another."""

    header: OriginalHeader
    coded: bytes


def begin(header: OriginalHeader) -> bytes:
    """The first bytes of a file."""
    return beginning(header.bytes())


def part(payload: bytes) -> bytes:
    """A part: the next bytes of the coded original, at most constants.MAX_PART_BYTES."""
    return framed(constants.SECTION_PART, payload)


def read_behind(begun: Beginning, reader: Reader) -> OriginalFile:
    """A parsed file whose beginning is known. Raises CorruptFile, LimitExceeded, UnsupportedFile."""
    header = read_header(begun)
    coded = Writer()
    while reader.left:
        for payload in _payloads(Section.read(reader)):
            coded.raw(payload)
    _check_coded_size(header, coded.size)
    return OriginalFile(header, coded.bytes())


class PartsReader:
    """Reads a file from an open one, a part at a time: its `header`, and then `parts`.

    Raises: CorruptFile, LimitExceeded, UnsupportedFile; what reading raises.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._buffer, self._offset = file, file.read(HEAD_BYTES), 0
        reader = Reader(self._buffer)
        self.header = read_header(read_beginning(reader))
        self._drop(reader.offset)

    def parts(self) -> Iterator[bytes]:
        """The payload of each part, its checksum compared. Raises CorruptFile, LimitExceeded, UnsupportedFile."""
        total = 0
        while self._fill(FRAME_BYTES):
            head = Reader(self._buffer[: 1 + VARINT_BYTES], self._offset)
            head.uint(1, "section id")
            declared = head.varint("section length")
            if declared > constants.MAX_PART_BYTES:
                raise LimitExceeded(f"the section at offset {self._offset} declares {declared} bytes")
            self._fill(declared + FRAME_BYTES)
            reader = Reader(self._buffer, self._offset)
            section = Section.read(reader)
            for payload in _payloads(section):
                total += len(payload)
                if total > self.header.coded_size:
                    _check_coded_size(self.header, total)
                yield payload
            self._drop(reader.offset)
        _check_coded_size(self.header, total)

    def _fill(self, count: int) -> bool:
        """Holds so many bytes, or all that are left; whether there are any."""
        while len(self._buffer) < count and (data := self._file.read(count - len(self._buffer))):
            self._buffer += data
        return bool(self._buffer)

    def _drop(self, offset: int) -> None:
        self._buffer, self._offset = self._buffer[offset - self._offset :], offset


def read_header(begun: Beginning) -> OriginalHeader:
    """The header of a file whose beginning is known. Raises CorruptFile, LimitExceeded, UnsupportedFile."""
    if begun.media != constants.MEDIA_ORIGINAL:
        raise UnsupportedFile("the file holds an image or audio, not an original")
    fields = Reader(begun.fields, begun.fields_at)
    method = fields.uint(1, "method")
    size, coded_size = fields.uint(SIZE_BYTES, "size"), fields.uint(SIZE_BYTES, "coded size")
    header = OriginalHeader(method, size, coded_size, fields.raw(constants.HASH_BYTES, "SHA-256"))
    if fields.left:
        raise CorruptFile(f"{fields.left} bytes are left over in the header")
    if method not in constants.ORIGINAL_METHODS:
        raise UnsupportedFile(f"method {method} of storing an original is unknown")
    limit = constants.MAX_LEPTON_BYTES if method == constants.ORIGINAL_LEPTON else constants.MAX_ORIGINAL_BYTES
    if size > limit:
        raise LimitExceeded(f"an original of {size} bytes, at most {limit} are possible by method {method}")
    if coded_size > longest_coded(size):
        raise CorruptFile(f"an original of {size} bytes that is coded in {coded_size}")
    return header


def longest_coded(size: int) -> int:
    """Bytes that a coded original of so many bytes may have."""
    return size + (size >> 4) + constants.MAX_CODED_GROWTH


def _payloads(section: Section) -> Iterator[bytes]:
    """The payload of a part; nothing of sections that may be skipped."""
    if section.size > constants.MAX_PART_BYTES:
        raise LimitExceeded(f"section {section.id} at offset {section.start} declares {section.size} bytes")
    section.check()
    if section.id == constants.SECTION_PART:
        yield section.payload
    elif section.id < constants.OPTIONAL_FROM:
        raise UnsupportedFile(f"section {section.id} at offset {section.start} is unknown or out of place")


def _check_coded_size(header: OriginalHeader, found: int) -> None:
    if found != header.coded_size:
        raise CorruptFile(f"parts of {found} bytes, the header says {header.coded_size}")
