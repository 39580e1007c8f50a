"""What files of every medium are made of: MAGIC, version, then sections; the first is the header.

A section is id (1 byte), length (varint), payload, CRC-32C of all three (4 bytes).
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from codec.bitstream import constants
from codec.bitstream.checksum import crc32c
from codec.bitstream.errors import CodecError, CorruptFile, LimitExceeded, UnsupportedFile
from codec.bitstream.wire import Reader, Writer

HEAD_BYTES = 256  # hold the header of any file
PREAMBLE_BYTES = len(constants.MAGIC) + 1


def beginning(header: bytes) -> bytes:
    """The bytes of a file up to the end of its header, whose payload is given."""
    return (
        Writer().raw(constants.MAGIC).uint(constants.VERSION, 1).raw(framed(constants.SECTION_HEADER, header)).bytes()
    )


@dataclass(frozen=True)
class Beginning:
    """How a file begins, whatever it holds: parsed once, then handed to the parser of its media.

    media: one of constants.MEDIA_*; model: its id; digest: of its weights; step_index: log2 of the nominal step, in
    1/256 (these three are zeros for originals, which need no model); fields: the rest of the header's payload, which
    lies at offset `fields_at`; end: offset behind the header.
    """

    media: int
    model: int
    digest: bytes
    step_index: int
    fields: bytes
    fields_at: int
    end: int


def read_beginning(reader: Reader) -> Beginning:
    """What a file begins with; `reader` goes on behind the header.

    Raises CorruptFile, LimitExceeded, UnsupportedFile.
    """
    read_preamble(reader)
    first = Section.read(reader)
    if PREAMBLE_BYTES + framed_size(first.size) > HEAD_BYTES:
        raise LimitExceeded(f"a header of {first.size} bytes does not end within the first {HEAD_BYTES} of the file")
    first.check()
    if first.id != constants.SECTION_HEADER:
        raise CorruptFile(f"section {first.id} at offset {first.start} stands where the header should")
    header = Reader(first.payload, first.payload_at)
    media = header.uint(1, "media type")
    if media == constants.MEDIA_ORIGINAL:
        at = header.offset
        return Beginning(
            media, 0, bytes(constants.DIGEST_BYTES), 0, header.raw(header.left, "header"), at, reader.offset
        )
    if media not in (constants.MEDIA_IMAGE, constants.MEDIA_AUDIO):
        raise UnsupportedFile(f"media type {media} is unknown")
    model = header.uint(1, "model id")
    digest = header.raw(constants.DIGEST_BYTES, "weights digest")
    step_index = header.uint(2, "step index")
    if step_index > constants.STEP_INDEX_MAX:
        raise CorruptFile(f"step index {step_index} is above {constants.STEP_INDEX_MAX}")
    at = header.offset
    return Beginning(media, model, digest, step_index, header.raw(header.left, "header"), at, reader.offset)


def read_preamble(reader: Reader) -> None:
    """Reads what stands before the header. Raises CorruptFile, UnsupportedFile."""
    if reader.raw(min(len(constants.MAGIC), reader.left), "magic") != constants.MAGIC:
        raise CorruptFile("not an .lcc file: the first four bytes are not its magic")
    version = reader.uint(1, "version")
    if version != constants.VERSION:
        raise UnsupportedFile(f"file version {version}, this program reads version {constants.VERSION}")


def media_of(data: bytes) -> int:
    """What a file holds, one of constants.MEDIA_*, by its first HEAD_BYTES.

    Raises CorruptFile, LimitExceeded, UnsupportedFile.
    """
    return read_beginning(Reader(data)).media


def holds(head: bytes, media: int) -> bool:
    """Whether a file that begins with these HEAD_BYTES holds such media; False where it is none of ours."""
    try:
        return media_of(head) == media
    except CodecError:
        return False


def deflated(payload: bytes) -> bytes:
    """Metadata as sections hold it."""
    return zlib.compress(payload, 9)


def packed(payload: bytes) -> bytes:
    """Metadata as the younger sections hold it: a byte that says how, then the payload or its compression."""
    smaller = deflated(payload)
    return b"\1" + smaller if len(smaller) < len(payload) else b"\0" + payload


def framed(section: int, payload: bytes) -> bytes:
    """A whole section."""
    body = Writer().uint(section, 1).varint(len(payload)).raw(payload).bytes()
    return body + crc32c(body).to_bytes(constants.CRC_BYTES, "little")


def framed_size(size: int) -> int:
    """Bytes of a whole section with a payload of `size` bytes."""
    return 1 + Writer().varint(size).size + size + constants.CRC_BYTES


@dataclass(frozen=True)
class Section:
    """A section as it stands in a file.

    size: of the payload, as declared; crc: found and stored, None where the file ends before it.
    """

    id: int
    start: int
    size: int
    payload: bytes
    payload_at: int
    crc: tuple[int, int] | None

    @staticmethod
    def read(reader: Reader) -> Section:
        """The next section, checksum not compared. Raises CorruptFile, LimitExceeded."""
        start = reader.offset
        section = reader.uint(1, "section id")
        size = reader.varint("section length")
        if size > constants.MAX_SECTION_BYTES:
            raise LimitExceeded(f"section {section} at offset {start} declares {size} bytes")
        payload_at = reader.offset
        if size + constants.CRC_BYTES > reader.left:
            return Section(section, start, size, reader.raw(min(size, reader.left), "payload"), payload_at, None)
        payload = reader.raw(size, "payload")
        found = crc32c(reader.since(start))
        return Section(section, start, size, payload, payload_at, (found, reader.uint(constants.CRC_BYTES, "checksum")))

    def check(self) -> None:
        """Raises CorruptFile where the section is cut or its checksum does not hold."""
        if self.crc is None:
            raise CorruptFile(f"truncated: the file ends inside section {self.id} at offset {self.start}")
        found, stored = self.crc
        if found != stored:
            raise CorruptFile(f"checksum of section {self.id} at offset {self.start} is {found:08x}, not {stored:08x}")


def inflated(section: Section, limit: int = constants.MAX_METADATA_BYTES) -> bytes:
    """Metadata, without its compression. Raises CorruptFile, LimitExceeded."""
    return _inflated(section, section.payload, limit)


def unpacked(section: Section, limit: int) -> bytes:
    """What `packed` was given. Raises CorruptFile, LimitExceeded, UnsupportedFile."""
    how, content = section.payload[:1], section.payload[1:]
    if how == b"\1":
        return _inflated(section, content, limit)
    if not how:
        raise CorruptFile(f"section {section.id} at offset {section.start} is empty")
    if how != b"\0":
        raise UnsupportedFile(f"section {section.id} at offset {section.start} is packed in way {how[0]}, unknown here")
    if len(content) > limit:
        raise LimitExceeded(f"section {section.id} at offset {section.start} has {len(content)} bytes, limit {limit}")
    return content


def _inflated(section: Section, payload: bytes, limit: int) -> bytes:
    inflater = zlib.decompressobj()
    try:
        data = inflater.decompress(payload, limit)
    except zlib.error as error:
        raise CorruptFile(f"section {section.id} at offset {section.start} cannot be inflated: {error}") from error
    if inflater.unconsumed_tail:
        raise LimitExceeded(f"section {section.id} at offset {section.start} inflates beyond its limit")
    if not inflater.eof or inflater.unused_data:
        raise CorruptFile(f"section {section.id} at offset {section.start} is not one compressed block")
    return data
