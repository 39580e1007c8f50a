"""Images: header and sections to bytes and back.

Behind the header, a tiled image has an index: the payload lengths of all latents sections, so that a damaged
one is stepped over and a wanted one is found at once. Latents sections come last, layer by layer, each layer tile by
tile: coarse to fine.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from codec.bitstream import constants
from codec.bitstream.errors import CodecError, CorruptFile, LimitExceeded, UnsupportedFile
from codec.bitstream.file import (
    Beginning,
    Section,
    beginning,
    deflated,
    framed,
    framed_size,
    inflated,
    packed,
    read_beginning,
    unpacked,
)
from codec.bitstream.tiling import Tiling
from codec.bitstream.wire import Reader, Writer

METADATA = (constants.SECTION_ICC, constants.SECTION_EXIF, constants.SECTION_XMP)
PACKED = (
    constants.SECTION_RESOURCES,
    constants.SECTION_TEXTS,
    constants.SECTION_RESOLUTION,
    constants.SECTION_CHUNKS,
    constants.SECTION_EXTENDED_XMP,
)


@dataclass(frozen=True)
class ImageHeader:
    """What a decoder must know before it can begin.

    step_index: log2 of the nominal step, in 1/256. width, height: pixels; channels: 1 (grey) or 3 (RGB); bit_depth: of
    the source, 8 or 16. tile_units: sides of the tiles (across, down) in units of ALIGNMENT; (0, 0) for a single tile.
    """

    model: int
    digest: bytes
    step_index: int
    width: int
    height: int
    channels: int
    bit_depth: int = 8
    alpha: bool = False
    tile_units: tuple[int, int] = (0, 0)

    @property
    def step_indices(self) -> tuple[int, ...]:
        """The step, as headers of every medium say it."""
        return (self.step_index,)

    @property
    def tiled(self) -> bool:
        """Whether there is more than the one tile."""
        return self.tile_units != (0, 0)

    @property
    def tiling(self) -> Tiling:
        """Its tiles."""
        across, down = self.tile_units
        if not self.tiled:
            return Tiling(self.width, self.height, self.width, self.height)
        return Tiling(self.width, self.height, across * constants.ALIGNMENT, down * constants.ALIGNMENT)

    def bytes(self) -> bytes:
        """The payload of the header's section."""
        flags = constants.FLAG_COLOUR * (self.channels == 3)
        flags |= constants.FLAG_16_BITS * (self.bit_depth == 16) | constants.FLAG_ALPHA * self.alpha
        out = Writer().uint(constants.MEDIA_IMAGE, 1).uint(self.model, 1).raw(self.digest)
        out.uint(self.step_index, 2).uint(flags, 1).varint(self.width).varint(self.height)
        for units in self.tile_units[: 2 if self.tiled else 1]:
            out.varint(units)
        return out.bytes()


@dataclass(frozen=True)
class Stream:
    """The coded latents of one tile, in the parts that sections hold; not whole where some are missing or cut."""

    parts: tuple[bytes, ...]
    whole: bool = True

    @property
    def data(self) -> bytes:
        """The stream as the coder takes it."""
        return b"".join(self.parts)

    @property
    def kind(self) -> int | None:
        """How the tile is coded: one of TILE_KINDS, if it is known; None where the beginning is missing."""
        return next((part[0] for part in self.parts if part), None)


@dataclass(frozen=True)
class Container:
    """A parsed file. streams: one a tile; extras: payloads of the other sections by id, metadata inflated.

    damage: what is missing or wrong, in words; empty but for files read with `partial`.
    """

    header: ImageHeader
    streams: list[Stream]
    extras: dict[int, bytes]
    damage: tuple[str, ...] = ()


def write(container: Container) -> bytes:
    """The file's bytes. An image of one tile gets one latents section, whatever the parts of its stream."""
    header, streams = container.header, container.streams
    sections = sorted(container.extras.items())
    extras = b"".join(framed(section, _as_held(section, payload)) for section, payload in sections)
    out = Writer().raw(beginning(header.bytes()))
    if not header.tiled:
        return out.raw(extras).raw(framed(constants.SECTION_LATENTS, streams[0].data)).bytes()
    parts = [part for layer in zip(*(stream.parts for stream in streams), strict=True) for part in layer]
    index = Writer().varint(len(extras))
    for part in parts:
        index.varint(len(part))
    out.raw(framed(constants.SECTION_INDEX, index.bytes())).raw(extras)
    for part in parts:
        out.raw(framed(constants.SECTION_LATENTS, part))
    return out.bytes()


def _as_held(section: int, payload: bytes) -> bytes:
    if section in METADATA:
        return deflated(payload)
    return packed(payload) if section in PACKED else payload


def read(data: bytes, max_pixels: int = constants.MAX_PIXELS, partial: bool = False) -> Container:
    """A parsed file, with its checksums and limits checked.

    partial: whatever is cut off or damaged behind the header, and the index of a tiled image, is left out and named
    in `damage`.
    Raises: CorruptFile, LimitExceeded, UnsupportedFile.
    """
    reader = Reader(data)
    return read_behind(read_beginning(reader), reader, max_pixels, partial)


def read_behind(begun: Beginning, reader: Reader, max_pixels: int, partial: bool) -> Container:
    """A parsed file whose beginning is known, and the rest of which is left in `reader`; see `read`."""
    header = _read_header(begun, max_pixels)
    body = _Body(reader, header, partial)
    streams = body.tiles() if header.tiled else body.single()
    return Container(header, streams, body.extras, tuple(body.damage))


class _Body:
    """Reads what stands behind the header; collects extras and, where `partial`, damage instead of raising it."""

    def __init__(self, reader: Reader, header: ImageHeader, partial: bool) -> None:
        self.reader, self.header, self.partial = reader, header, partial
        self.extras: dict[int, bytes] = {}
        self.damage: list[str] = []

    def single(self) -> list[Stream]:
        """The stream of an image of one tile."""
        stream: Stream | None = None
        for section in self.walk(self.reader):
            if section.id != constants.SECTION_LATENTS:
                self.keep(section)
            elif stream is None:
                stream = self.part(section)
            else:
                self.fail(CorruptFile(f"section {section.id} at offset {section.start} is out of place"))
        if stream is None:
            self.fail(CorruptFile(f"truncated: the file ends at offset {self.reader.offset} without its latents"))
        self.complete()
        return [stream or Stream((), whole=False)]

    def tiles(self) -> list[Stream]:
        """The streams of a tiled image, whose index says where the parts stand."""
        count = len(self.header.tiling)
        gap, sizes = self.index(count)
        for section in self.walk(self.reader.part(min(gap, self.reader.left), "sections before the latents")):
            self.keep(section)
        streams = [Stream(())] * count
        for number, size in enumerate(sizes):
            tile = number % count
            streams[tile] = self.extended(streams[tile], size, tile)
        for section in self.walk(self.reader):
            self.keep(section)
        self.complete()
        return streams

    def index(self, count: int) -> tuple[int, list[int]]:
        """Bytes between the index and the latents, and the payload length of each latents section."""
        section = Section.read(self.reader)
        section.check()
        if section.id != constants.SECTION_INDEX:
            raise CorruptFile(f"section {section.id} at offset {section.start} stands where the index should")
        if len(section.payload) < count * constants.LAYERS:
            raise CorruptFile(f"the index at offset {section.start} is too short for {count} tiles")
        entries = Reader(section.payload, section.payload_at)
        gap = entries.varint("gap")
        sizes = [entries.varint("length of a part") for _ in range(count * constants.LAYERS)]
        if entries.left:
            raise CorruptFile(f"the index has {entries.left} bytes too many at offset {entries.offset}")
        return gap, sizes

    def extended(self, stream: Stream, size: int, tile: int) -> Stream:
        """A stream with its next part, whose payload has `size` bytes, where that is there and intact."""
        frame = self.reader.part(min(framed_size(size), self.reader.left), "a part")
        if not stream.whole:
            return stream
        try:
            section = Section.read(frame)
            if (section.id, section.size) != (constants.SECTION_LATENTS, size):
                raise CorruptFile(f"section {section.id} at offset {section.start} is not what the index says")
        except (CorruptFile, LimitExceeded) as error:
            self.fail(type(error)(f"tile {tile}: {error}"))
            return Stream(stream.parts, whole=False)
        part = self.part(section, f"tile {tile}: ")
        return Stream((*stream.parts, *part.parts), part.whole)

    def part(self, section: Section, name: str = "") -> Stream:
        """A latents section as a stream: what is left of it where the file is cut, nothing where it is damaged."""
        try:
            section.check()
        except CorruptFile as error:
            self.fail(CorruptFile(f"{name}{error}"))
            return Stream((section.payload,) if section.crc is None else (), whole=False)
        return Stream((section.payload,))

    def walk(self, reader: Reader) -> Iterator[Section]:
        """The sections of a reader, up to what can no longer be told apart."""
        while reader.left:
            try:
                yield Section.read(reader)
            except (CorruptFile, LimitExceeded) as error:
                self.fail(error)
                return

    def keep(self, section: Section) -> None:
        """Collects a section that holds no latents."""
        try:
            section.check()
            if section.id in self.extras or section.id in (constants.SECTION_HEADER, constants.SECTION_INDEX):
                raise CorruptFile(f"section {section.id} at offset {section.start} is out of place")
            if section.id in METADATA:
                self.extras[section.id] = inflated(section)
            elif section.id in PACKED:
                self.extras[section.id] = unpacked(section, constants.MAX_EXTRA_BYTES)
            elif section.id == constants.SECTION_TRAILER:
                if section.size > constants.MAX_TRAILER_BYTES:
                    raise LimitExceeded(f"the trailer at offset {section.start} has {section.size} bytes")
                self.extras[section.id] = section.payload
            elif section.id == constants.SECTION_ALPHA and self.header.alpha:
                self.extras[section.id] = section.payload
            elif section.id < constants.OPTIONAL_FROM:
                raise UnsupportedFile(f"section {section.id} at offset {section.start} is unknown or out of place")
        except CodecError as error:
            self.fail(error)

    def complete(self) -> None:
        """Fails where the header speaks of a section that is not there."""
        if self.header.alpha and constants.SECTION_ALPHA not in self.extras:
            self.fail(CorruptFile("the alpha section is missing"))

    def fail(self, error: CodecError) -> None:
        """Raises the error, or notes it where that was asked for."""
        if not self.partial:
            raise error
        self.damage.append(str(error))


def _read_header(begun: Beginning, max_pixels: int) -> ImageHeader:
    if begun.media != constants.MEDIA_IMAGE:
        raise UnsupportedFile(f"media type {begun.media} is not an image")
    reader = Reader(begun.fields, begun.fields_at)
    flags = reader.uint(1, "flags")
    width, height = reader.varint("width"), reader.varint("height")
    across = reader.varint("tile width")
    down = reader.varint("tile height") if across else 0
    if flags & ~constants.FLAGS:
        raise UnsupportedFile(f"flags {flags:#x} of the header are unknown")
    if reader.left:
        raise CorruptFile(f"the header has {reader.left} bytes too many at offset {reader.offset}")
    if not width or not height:
        raise CorruptFile(f"an image of {width} x {height} pixels")
    if max(width, height) > constants.MAX_SIDE or width * height > max_pixels:
        raise LimitExceeded(f"an image of {width} x {height} pixels, the limit is {max_pixels} in all")
    header = ImageHeader(
        model=begun.model,
        digest=begun.digest,
        step_index=begun.step_index,
        width=width,
        height=height,
        channels=3 if flags & constants.FLAG_COLOUR else 1,
        bit_depth=16 if flags & constants.FLAG_16_BITS else 8,
        alpha=bool(flags & constants.FLAG_ALPHA),
        tile_units=(across, down),
    )
    if across and not down:
        raise CorruptFile(f"tiles of {across} x {down} units")
    tiling = header.tiling
    if tiling.tile_width * tiling.tile_height > constants.MAX_TILE_PIXELS:
        raise LimitExceeded(f"tiles of {tiling.tile_width} x {tiling.tile_height} pixels are too large")
    return header
