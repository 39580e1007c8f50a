"""The tiles of an image file, whole or damaged (SPEC, section 3)."""

from __future__ import annotations

import io
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.second_decoder.container import (
    ALPHA,
    FIRST_SKIPPABLE,
    HAS_16_BITS,
    HAS_ALPHA,
    HEADER,
    INDEX,
    IS_COLOUR,
    LATENTS,
    LAYERS,
    MAX_METADATA,
    MAX_PACKED,
    MAX_PIXELS,
    MAX_SIDE,
    MAX_TILE,
    MAX_TRAILER,
    METADATA,
    PACKED,
    TRAILER,
    Header,
    Piece,
    Section,
    inflated,
    read_section,
    read_varint,
    section_size,
)

KNOWN = {INDEX, ALPHA, *METADATA, *PACKED, TRAILER}  # none of these stands twice

Pixels = NDArray[np.uint8 | np.uint16]


class Tiles(NamedTuple):
    """What the header of an image says of its tiles."""

    has_index: bool
    size: tuple[int, int]  # height and width of the image
    corners: list[tuple[int, int]]  # top and left of each
    pixels: list[tuple[int, int]]  # height and width of each

    @property
    def layers(self) -> int:
        """The latents sections of each tile."""
        return LAYERS if self.has_index else 1


def read_tiles(header: Header) -> Tiles:
    """The tiles of an image."""
    payload = header.payload
    width, at = read_varint(payload, header.rest)
    height, at = read_varint(payload, at)
    if not (1 <= width <= MAX_SIDE and 1 <= height <= MAX_SIDE) or width * height > MAX_PIXELS:
        raise ValueError(f"an image of {width} x {height} pixels is beyond the limits")
    tile_width, tile_height = width, height
    units_wide, at = read_varint(payload, at)
    if units_wide:
        units_high, at = read_varint(payload, at)
        tile_width, tile_height = 64 * units_wide, 64 * units_high
        if units_high == 0:
            raise ValueError("tiles without height")
    if at != len(payload):
        raise ValueError("bytes are left over in the header")
    if tile_width * tile_height > MAX_TILE:
        raise ValueError(f"a tile of {tile_width} x {tile_height} pixels, at most {MAX_TILE} are allowed")
    corners = [(top, left) for top in range(0, height, tile_height) for left in range(0, width, tile_width)]
    pixels = [(min(tile_height, height - top), min(tile_width, width - left)) for top, left in corners]
    return Tiles(units_wide > 0, (height, width), corners, pixels)


def read_index(payload: bytes, behind: int, count: int) -> list[tuple[int, int]]:
    """Where each latents section begins and ends; `behind` is the end of the index section."""
    gap, at = read_varint(payload, 0)
    end = behind + gap
    places = []
    for _ in range(count):
        length, at = read_varint(payload, at)
        start, end = end, end + section_size(length)
        places.append((start, end))
    if at != len(payload):
        raise ValueError("bytes are left over in the index")
    return places


def check_packed(section: Section) -> None:
    """Looks at content that is told to be as it is, or one zlib stream."""
    if section.payload[:1] == b"\1":
        inflated(section._replace(payload=section.payload[1:]), MAX_PACKED)
    elif section.payload[:1] != b"\0" or len(section.payload) > 1 + MAX_PACKED:
        raise ValueError(f"section {section.id} is packed in no known way, or too long")


def tile_piece(rect: tuple[int, int], header: Header, stream: bytes, is_whole: bool = True) -> Piece:
    """A tile of so many pixels down and across, whose stream begins with its kind."""
    height, width = rect
    kind = stream[0] if stream else 0
    if kind > 3 or (is_whole and not stream):
        raise ValueError(f"a tile of kind {kind}")
    shape = -(-height // 16), -(-width // 16)
    pixels = (height, width, 3 if header.flags & IS_COLOUR else 1) if kind in (2, 3) else None
    return Piece(shape, stream[1:], is_whole, int(kind == 1), pixels, kind == 3)


def read_pixels(piece: Piece, shape: tuple[int, int, int], header: Header) -> Pixels:
    """The pixels of a tile without loss."""
    data = piece.stream[:-4]
    if piece.is_jpeg_xl:
        return read_jpeg_xl(data, shape, header)
    if not header.flags & HAS_16_BITS:
        return read_plane(data, shape)
    size, at = read_varint(data, 0)
    high, low = read_plane(data[at : at + size], shape), read_plane(data[at + size :], shape)
    return high.astype(np.uint16) << 8 | (low + high)


def read_plane(data: bytes, shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    """The samples of a WebP or PNG."""
    with Image.open(io.BytesIO(data), formats=["WEBP", "PNG"]) as image:
        found = np.array(image.convert("RGB"))[:, :, : shape[2]]
    if found.shape != shape:
        raise ValueError(f"pixels of {found.shape}, not {shape}")
    return found


def read_jpeg_xl(data: bytes, shape: tuple[int, int, int], header: Header) -> Pixels:
    """The pixels of a codestream of JPEG XL."""
    import pillow_jxl

    if not data.startswith(b"\xff\x0a"):
        raise ValueError("no codestream of JPEG XL")
    _, info, samples, *_ = pillow_jxl.Decoder(num_threads=0)(data)
    if (info.height, info.width, info.num_channels) != shape:
        raise ValueError(f"pixels of {info.height} x {info.width}, not {shape}")
    dtype = np.dtype("<u2" if header.flags & HAS_16_BITS else np.uint8)
    return np.frombuffer(samples, dtype).reshape(shape)


def image_pieces(data: bytes, header: Header) -> list[Piece]:
    """The tiles of a file that breaks no rule."""
    tiles = read_tiles(header)
    others: dict[int, Section] = {}
    latents: list[Section] = []
    at = header.end
    while at < len(data):
        section = read_section(data, at)
        if not section.is_whole:
            raise ValueError(f"section {section.id} at byte {at} is cut or has a wrong checksum")
        if (section.id in others and section.id in KNOWN) or section.id == HEADER:
            raise ValueError(f"a second section {section.id} at byte {at}")
        if section.id < FIRST_SKIPPABLE and section.id not in (LATENTS, INDEX, ALPHA):
            raise ValueError(f"unknown section {section.id} at byte {at}")
        if section.id == INDEX and at != header.end:
            raise ValueError(f"the index at byte {at} is not right behind the header")
        if section.id in METADATA:
            inflated(section, MAX_METADATA)
        if section.id in PACKED:
            check_packed(section)
        if section.id == TRAILER and len(section.payload) > MAX_TRAILER:
            raise ValueError("the trailer is too long")
        if section.id == LATENTS:
            latents.append(section)
        else:
            others[section.id] = section
        at = section.end
    if (ALPHA in others) != bool(header.flags & HAS_ALPHA) or (INDEX in others) != tiles.has_index:
        raise ValueError("the sections are not those that the header promises")
    count = len(tiles.pixels)
    if len(latents) != count * tiles.layers:
        raise ValueError(f"{len(latents)} latents sections, {count} tiles have {count * tiles.layers}")
    if tiles.has_index:
        places = read_index(others[INDEX].payload, others[INDEX].end, len(latents))
        if places != [(section.start, section.end) for section in latents]:
            raise ValueError("the latents sections are not where the index has them")
    streams = [b"".join(section.payload for section in latents[tile::count]) for tile in range(count)]
    return [tile_piece(rect, header, stream) for rect, stream in zip(tiles.pixels, streams, strict=True)]


def latents_places(data: bytes, header: Header, tiles: Tiles) -> list[tuple[int, int]]:
    """Where the latents sections of a damaged image should be."""
    if tiles.has_index:  # without a whole index nothing says which section is which
        section = read_section(data, header.end)
        if section.id != INDEX or not section.is_whole:
            raise ValueError("the index is damaged")
        return read_index(section.payload, section.end, len(tiles.pixels) * tiles.layers)
    try:
        section = read_section(data, header.end)
        while section.id != LATENTS:
            section = read_section(data, section.end)
    except ValueError:
        return []
    return [(section.start, section.end)]


def damaged_image_pieces(data: bytes, header: Header) -> list[Piece]:
    """The tiles of a file that is cut or damaged."""
    tiles = read_tiles(header)
    count = len(tiles.pixels)
    had = [b""] * count
    is_broken = [False] * count
    whole_parts = [0] * count
    for number, (start, end) in enumerate(latents_places(data, header, tiles)):
        tile = number % count
        try:
            section = read_section(data, start)
            is_in_place = section.id == LATENTS and section.end == end
            is_broken[tile] |= not is_in_place or not (section.is_whole or section.is_cut)
            whole_parts[tile] += is_in_place and section.is_whole
        except ValueError:  # the file ends before the payload
            is_broken[tile] = True
        if not is_broken[tile]:
            had[tile] += section.payload
    is_whole = [parts == tiles.layers for parts in whole_parts]
    pieces = []
    for rect, stream, whole in zip(tiles.pixels, had, is_whole, strict=True):
        try:
            pieces.append(tile_piece(rect, header, stream, whole))
        except ValueError:  # of a kind that is unknown: nothing is had
            pieces.append(tile_piece(rect, header, b"", False))
    return pieces
