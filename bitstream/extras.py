"""What image files hold beside pixels, ICC, EXIF and XMP, and the sections of .lcc files that keep it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from codec.bitstream import constants
from codec.bitstream.errors import CorruptFile, LimitExceeded, UnsupportedFile
from codec.bitstream.wire import Reader, Writer

ASPECT, INCH, CENTIMETRE, METRE = range(4)  # units of resolution; ASPECT: only the ratio of the sides is known
UNITS = ("in a ratio", "dpi", "dots per centimetre", "dots per metre")
METRES = {INCH: 0.0254, CENTIMETRE: 0.01, METRE: 1.0}  # a unit

JPEG, PNG, WEBP = range(3)  # files that a trailer stood in
CONTAINERS = ("JPEG", "PNG", "WebP")

COMMENT = "Comment"  # keyword of the text that other formats than PNG have


@dataclass(frozen=True)
class Text:
    """A text of PNG, or a comment: its keyword, and for an iTXt its language and keyword in that language."""

    keyword: str
    text: str
    language: str = ""
    translated: str = ""


@dataclass(frozen=True)
class Resolution:
    """Pixels a unit, across and down."""

    x: int
    y: int
    unit: int = INCH

    def per(self, unit: int) -> tuple[float, float]:
        """The same in another unit. Raises KeyError where one of the two is ASPECT."""
        factor = METRES[unit] / METRES[self.unit]
        return self.x * factor, self.y * factor


@dataclass(frozen=True)
class Chunk:
    """A chunk of PNG: its name of four letters and its content."""

    name: bytes
    content: bytes


@dataclass(frozen=True)
class Segment:
    """A segment of JPEG that tells of a trailer: its marker's second byte and its payload.

    ahead: bytes from the payload's beginning to the trailer, in the file that it was read from.
    """

    marker: int
    payload: bytes
    ahead: int


@dataclass(frozen=True)
class Trailer:
    """The bytes behind an image in its file: gain maps, further images, videos.

    container: JPEG, PNG or WEBP; segments: those of a JPEG that tell of it, beside XMP.
    """

    container: int
    data: bytes
    segments: tuple[Segment, ...] = ()


@dataclass(frozen=True)
class Extras:
    """All of it. resources: image resource blocks of Photoshop, `8BIM` and so on, with IPTC among them.

    chunks: of PNG, kept as they are. extended_xmp: the part of XMP that a JPEG has in segments of its own.
    """

    resources: bytes = b""
    texts: tuple[Text, ...] = ()
    resolution: Resolution | None = None
    chunks: tuple[Chunk, ...] = ()
    extended_xmp: bytes = b""
    trailer: Trailer | None = None

    def chunk(self, name: bytes) -> bytes:
        """The content of the first chunk of a name, b"" where there is none."""
        return next((chunk.content for chunk in self.chunks if chunk.name == name), b"")

    @property
    def comment(self) -> str:
        """The first comment, "" where there is none."""
        return next((text.text for text in self.texts if text.keyword == COMMENT), "")

    def sections(self) -> dict[int, bytes]:
        """Payloads of sections by their ids, not packed yet; nothing for what there is not."""
        found = {
            constants.SECTION_RESOURCES: self.resources,
            constants.SECTION_TEXTS: _texts(self.texts),
            constants.SECTION_RESOLUTION: _resolution(self.resolution),
            constants.SECTION_CHUNKS: _chunks(self.chunks),
            constants.SECTION_EXTENDED_XMP: self.extended_xmp,
            constants.SECTION_TRAILER: _trailer(self.trailer),
        }
        return {section: payload for section, payload in found.items() if payload}

    @staticmethod
    def of(sections: dict[int, bytes]) -> Extras:
        """What sections hold, given unpacked; others than these are passed over.

        Raises CorruptFile, LimitExceeded, UnsupportedFile.
        """
        return Extras(
            resources=sections.get(constants.SECTION_RESOURCES, b""),
            texts=tuple(_read_texts(Reader(sections.get(constants.SECTION_TEXTS, b"")))),
            resolution=_read_resolution(sections.get(constants.SECTION_RESOLUTION)),
            chunks=tuple(_read_chunks(Reader(sections.get(constants.SECTION_CHUNKS, b"")))),
            extended_xmp=sections.get(constants.SECTION_EXTENDED_XMP, b""),
            trailer=_read_trailer(sections.get(constants.SECTION_TRAILER)),
        )


def _texts(texts: tuple[Text, ...]) -> bytes:
    out = Writer()
    for one in texts:
        parts = [one.keyword, one.text, *((one.language, one.translated) if one.language or one.translated else ())]
        content = "\0".join(part.replace("\0", " ") for part in parts).encode(errors="replace")
        out.varint(len(content)).raw(content)
    return out.bytes()


def _read_texts(reader: Reader) -> Iterator[Text]:
    for _ in _counted(reader, "texts"):
        content = reader.raw(reader.varint("length of a text"), "a text")
        try:
            parts = content.decode().split("\0")
        except UnicodeDecodeError as error:
            raise CorruptFile(f"a text of the image is not UTF-8: {error.reason}") from error
        if len(parts) not in (2, 4):
            raise CorruptFile(f"a text of the image has {len(parts)} parts, expected 2 or 4")
        yield Text(*parts)


def _resolution(resolution: Resolution | None) -> bytes:
    if resolution is None:
        return b""
    return Writer().uint(resolution.unit, 1).varint(resolution.x).varint(resolution.y).bytes()


def _read_resolution(payload: bytes | None) -> Resolution | None:
    if payload is None:
        return None
    reader = Reader(payload)
    unit, x, y = reader.uint(1, "unit of resolution"), reader.varint("resolution"), reader.varint("resolution")
    if unit >= len(UNITS):
        raise UnsupportedFile(f"a resolution in unit {unit}, which is unknown")
    if not x or not y or reader.left:
        raise CorruptFile(f"a resolution of {x} x {y} in unit {unit}, and {reader.left} bytes behind it")
    return Resolution(x, y, unit)


def _chunks(chunks: tuple[Chunk, ...]) -> bytes:
    out = Writer()
    for chunk in chunks:
        out.raw(chunk.name).varint(len(chunk.content)).raw(chunk.content)
    return out.bytes()


def _read_chunks(reader: Reader) -> Iterator[Chunk]:
    for _ in _counted(reader, "chunks"):
        name = reader.raw(4, "name of a chunk")
        if not (name.isalpha() and name.isascii() and name[:1].islower()):
            raise CorruptFile(f"{name!r} is not the name of a chunk that an image can be without")
        yield Chunk(name, reader.raw(reader.varint("length of a chunk"), "a chunk"))


def _trailer(trailer: Trailer | None) -> bytes:
    if trailer is None:
        return b""
    out = Writer().uint(trailer.container, 1).varint(len(trailer.segments))
    for segment in trailer.segments:
        out.uint(segment.marker, 1).varint(segment.ahead).varint(len(segment.payload)).raw(segment.payload)
    return out.raw(trailer.data).bytes()


def _read_trailer(payload: bytes | None) -> Trailer | None:
    if payload is None:
        return None
    reader = Reader(payload)
    container, count = reader.uint(1, "container of the trailer"), reader.varint("number of segments")
    if container >= len(CONTAINERS):
        raise UnsupportedFile(f"a trailer behind a file of kind {container}, which is unknown")
    if count > constants.MAX_EXTRAS:
        raise CorruptFile(f"a trailer of container {container} with {count} segments")
    segments = []
    for _ in range(count):
        marker, ahead = reader.uint(1, "marker of a segment"), reader.varint("place of a segment")
        payload = reader.raw(reader.varint("length of a segment"), "a segment")
        if not 0xE0 <= marker <= 0xEF or len(payload) > 0xFFFF - 2:
            raise CorruptFile(f"a segment of marker {marker:#x} with {len(payload)} bytes tells of the trailer")
        segments.append(Segment(marker, payload, ahead))
    return Trailer(container, reader.raw(reader.left, "trailer"), tuple(segments))


def _counted(reader: Reader, what: str) -> Iterator[None]:
    """Goes on while the reader holds something. Raises LimitExceeded."""
    for count in range(constants.MAX_EXTRAS + 1):
        if not reader.left:
            return
        if count == constants.MAX_EXTRAS:
            raise LimitExceeded(f"the image has more than {constants.MAX_EXTRAS} {what}")
        yield
