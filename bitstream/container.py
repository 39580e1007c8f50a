"""Header and sections to bytes and back.

A file is MAGIC, version, then sections: id (1 byte), length (varint), payload, CRC-32 of all three (4 bytes). The first
section is the header.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from codec.bitstream import format
from codec.bitstream.errors import CorruptFile, LimitExceeded, UnsupportedFile
from codec.bitstream.wire import Reader, Writer


@dataclass(frozen=True)
class ImageHeader:
    """What a decoder must know before it can begin. step_index: log2 of the nominal step,
    in 1/256. width, height: pixels; channels: 1 (grey) or 3 (RGB)."""

    model: int
    digest: bytes
    step_index: int
    width: int
    height: int
    channels: int


@dataclass(frozen=True)
class Container:
    """A parsed file: its header, and the payloads of the other sections by id."""

    header: ImageHeader
    sections: dict[int, bytes]


def write(container: Container) -> bytes:
    """The file's bytes."""
    out = Writer().raw(format.MAGIC).uint(format.VERSION, 1)
    for section, payload in ((format.SECTION_HEADER, _write_header(container.header)), *container.sections.items()):
        body = Writer().uint(section, 1).varint(len(payload)).raw(payload).bytes()
        out.raw(body).uint(zlib.crc32(body), format.CRC_BYTES)
    return out.bytes()


def read(data: bytes, max_pixels: int = format.MAX_PIXELS) -> Container:
    """A parsed file, with its checksums and limits checked.

    Raises: CorruptFile, LimitExceeded, UnsupportedFile.
    """
    reader = Reader(data)
    if reader.raw(min(len(format.MAGIC), reader.left), "magic") != format.MAGIC:
        raise CorruptFile("not an .lcc file: the first four bytes are not its magic")
    version = reader.uint(1, "version")
    if version != format.VERSION:
        raise UnsupportedFile(f"file version {version}, this program reads version {format.VERSION}")
    header: ImageHeader | None = None
    sections: dict[int, bytes] = {}
    while reader.left:
        start = reader.offset
        section = reader.uint(1, "section id")
        size = reader.varint("section length")
        if size > format.MAX_SECTION_BYTES:
            raise LimitExceeded(f"section {section} at offset {start} declares {size} bytes")
        payload_at = reader.offset
        payload = reader.raw(size, f"section {section}")
        found = zlib.crc32(data[start : reader.offset])
        stored = reader.uint(format.CRC_BYTES, "checksum")
        if found != stored:
            raise CorruptFile(f"checksum of section {section} at offset {start} is {found:08x}, not {stored:08x}")
        if (section == format.SECTION_HEADER) != (header is None) or section in sections:
            raise CorruptFile(f"section {section} at offset {start} is out of place")
        if section == format.SECTION_HEADER:
            header = _read_header(Reader(payload, payload_at), max_pixels)
        elif section == format.SECTION_LATENTS:
            sections[section] = payload
        elif section < format.OPTIONAL_FROM:
            raise UnsupportedFile(f"section {section} at offset {start} is unknown and cannot be skipped")
    if header is None or format.SECTION_LATENTS not in sections:
        raise CorruptFile(f"truncated: the file ends at offset {reader.offset} without its latents")
    return Container(header, sections)


def _write_header(header: ImageHeader) -> bytes:
    return (
        Writer()
        .uint(format.MEDIA_IMAGE, 1)
        .uint(header.model, 1)
        .raw(header.digest)
        .uint(header.step_index, 2)
        .uint(header.channels, 1)
        .varint(header.width)
        .varint(header.height)
        .bytes()
    )


def _read_header(reader: Reader, max_pixels: int) -> ImageHeader:
    media = reader.uint(1, "media type")
    if media != format.MEDIA_IMAGE:
        raise UnsupportedFile(f"media type {media} is unknown")
    model = reader.uint(1, "model id")
    digest = reader.raw(format.DIGEST_BYTES, "weights digest")
    step_index = reader.uint(2, "step index")
    channels = reader.uint(1, "channels")
    width, height = reader.varint("width"), reader.varint("height")
    if step_index > format.STEP_INDEX_MAX:
        raise CorruptFile(f"step index {step_index} is above {format.STEP_INDEX_MAX}")
    if channels not in (1, 3):
        raise CorruptFile(f"{channels} channels, expected 1 or 3")
    if reader.left:
        raise CorruptFile(f"the header has {reader.left} bytes too many at offset {reader.offset}")
    if not width or not height:
        raise CorruptFile(f"a picture of {width} x {height} pixels")
    if max(width, height) > format.MAX_SIDE or width * height > max_pixels:
        raise LimitExceeded(f"a picture of {width} x {height} pixels, the limit is {max_pixels} in all")
    return ImageHeader(model, digest, step_index, width, height, channels)
