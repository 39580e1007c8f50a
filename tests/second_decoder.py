"""A second decoder of .lcc files, from a file to its latents, written from bitstream/SPEC.md alone.

It shares no line with the codec and none of its libraries: numpy and the standard library do the work, safetensors
reads the weights. Where the two decoders agree the page says what the codec does. On two points the page was silent and
the codec was asked, as a black box: `told` is not clamped, and what may stand at the end of a coded stream.

    python tests/second_decoder.py WEIGHTS.safetensors... FILE.lcc...
"""

from __future__ import annotations

import hashlib
import io
import struct
import sys
import zlib
from bisect import bisect_right
from collections.abc import Sequence
from contextlib import suppress
from itertools import count, takewhile
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from safetensors.numpy import load_file

Ints = NDArray[np.int64]
Model = Sequence[int]  # cumulative frequencies, 0 first and TOTAL last

MAGIC_AND_VERSION = b"\x89LCC\x02"
HEADER, LATENTS, INDEX, ALPHA, END, *METADATA, TAGS = 1, 2, 3, 4, 5, 128, 129, 130, 131
*PACKED, TRAILER = 140, 141, 142, 143, 144, 145
AUDIO_METADATA = 136
FIRST_SKIPPABLE = 128
IS_COLOUR, HAS_16_BITS, HAS_ALPHA, IMAGE_FLAGS = 1, 2, 4, 7
IS_STEREO, IS_MID_SIDE, HAS_24_BITS, HAS_FLOATS, AUDIO_FLAGS = 1, 2, 4, 8, 15
MAX_PAYLOAD, MAX_SIDE, MAX_TILE, MAX_PIXELS = 2**31, 2**24, 2**21, 200_000_000
MAX_METADATA, MAX_TAGS, MAX_CHUNK, MAX_RATE = 2**26, 2**16, 2**20, 2**20
MAX_AUDIO_METADATA, LONGEST_METADATA = 2**24, 2**24 + 2**16
MAX_PACKED, MAX_TRAILER = 2**24, 2**28
MAX_TOLD = 1023
OF_ENCODERS = {"a8", "a16", "a_coarse", "a_fine", "dct", "down", "down_treble", "h_a"}  # begin names of arrays
LAYERS = 3
CHUNK = 100  # columns

TOTAL = 2**24
WORD = 2**32
UNIFORM = [range(0, TOTAL + 1, TOTAL >> bits) for bits in range(17)]  # over 2^bits symbols


class Sizes(NamedTuple):
    """In what the models differ."""

    middle: int  # the step index at which `told` is zero
    growth: tuple[int, int]  # of a spread
    hyper_channels: int
    groups: tuple[int, ...]
    has_quarters_by_columns: bool
    is_steered: bool
    has_repeated_ends: bool


IMAGE, AUDIO = 0, 1
OF_AUDIO = Sizes(
    1408, (1, 2), 64, (32, 32, 64, 192, 352), has_quarters_by_columns=True, is_steered=True, has_repeated_ends=True
)
SIZES = {  # of each medium and model
    (IMAGE, 1): Sizes(
        1440,
        (2, 2),
        96,
        (16, 16, 32, 64, 192),
        has_quarters_by_columns=False,
        is_steered=False,
        has_repeated_ends=False,
    ),
    (AUDIO, 2): OF_AUDIO,
    (AUDIO, 3): OF_AUDIO,
}


def _crc32c_table() -> list[int]:
    """The remainder of each byte by the polynomial of Castagnoli, bits reversed."""
    table = list(range(256))
    for _ in range(8):
        table = [(value >> 1) ^ (0x82F63B78 if value & 1 else 0) for value in table]
    return table


CRC_TABLE = _crc32c_table()


def crc32c(data: bytes) -> bytes:
    """CRC-32C as it stands in a file."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = CRC_TABLE[(crc ^ byte) & 255] ^ (crc >> 8)
    return struct.pack("<I", crc ^ 0xFFFFFFFF)


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    """A varint and where it ends."""
    value = 0
    for shift in range(0, 35, 7):
        if at >= len(data):
            raise ValueError(f"the data end in a varint, at byte {at}")
        byte, at = data[at], at + 1
        value |= (byte & 127) << shift
        if byte < 128:
            if value >= WORD or (shift and byte == 0):
                raise ValueError(f"a varint of more than 32 bits or not in its shortest form before byte {at}")
            return value, at
    raise ValueError(f"a varint of more than 5 bytes before byte {at}")


class Section(NamedTuple):
    """A section, or the beginning of one."""

    id: int
    payload: bytes  # shorter than declared where the file ends in it
    start: int
    end: int  # beyond the file where that ends in it
    is_whole: bool  # there to its end, with the right checksum
    is_cut: bool


def read_section(data: bytes, at: int) -> Section:
    """The section at a place of the file, whole or not."""
    if at >= len(data):
        raise ValueError(f"no section at byte {at}, the end of the file")
    length, body = read_varint(data, at + 1)
    if length > MAX_PAYLOAD:
        raise ValueError(f"a section of {length} bytes at byte {at}, at most {MAX_PAYLOAD} are allowed")
    payload, end = data[body : body + length], body + length + 4
    is_whole = end <= len(data) and crc32c(data[at : end - 4]) == data[end - 4 : end]
    return Section(data[at], payload, at, end, is_whole, end > len(data))


def section_size(length: int) -> int:
    """Bytes of a whole section with a payload of this length."""
    return 1 + max(1, -(-length.bit_length() // 7)) + length + 4


class Header(NamedTuple):
    """What the headers of both media say, and the bytes that say it."""

    payload: bytes
    end: int  # where the next section begins
    media: int
    sizes: Sizes
    digest: bytes
    steps: list[int]  # step indices, of each row of a clip
    flags: int
    rest: int = 13  # where in the payload that begins which only its medium has


def read_header(data: bytes) -> Header:
    """The header of a file."""
    if data[:5] != MAGIC_AND_VERSION:
        raise ValueError(f"the file begins with {data[:5].hex(' ')}, not with {MAGIC_AND_VERSION.hex(' ')}")
    section = read_section(data, 5)
    payload = section.payload
    if section.id != HEADER or not section.is_whole or len(payload) < 16:
        raise ValueError("the file does not begin with a whole header")
    media, model, digest, step_index, flags = struct.unpack_from("<BB8sHB", payload)
    if (media, model) not in SIZES:
        raise ValueError(f"media {media} and model {model} do not belong together")
    sizes, steps = SIZES[media, model], [step_index]
    if media == AUDIO and flags & IS_STEREO:
        steps += struct.unpack("<H", payload[-2:]) if flags & IS_MID_SIDE else steps
    if any(abs(step - sizes.middle) > MAX_TOLD for step in steps) or flags & ~(IMAGE_FLAGS, AUDIO_FLAGS)[media]:
        raise ValueError(f"step indices {steps} or flags {flags:#x} are out of range")
    return Header(payload, section.end, media, sizes, digest, steps, flags)


class Tiles(NamedTuple):
    """What the header of an image says of its tiles."""

    has_index: bool
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
        tile_width, tile_height = min(64 * units_wide, width), min(64 * units_high, height)
        if units_high == 0 or (tile_width, tile_height) == (width, height):
            raise ValueError("tiles without height, or a single one")
    if at != len(payload):
        raise ValueError("bytes are left over in the header")
    if tile_width * tile_height > MAX_TILE:
        raise ValueError(f"a tile of {tile_width} x {tile_height} pixels, at most {MAX_TILE} are allowed")
    corners = [(top, left) for top in range(0, height, tile_height) for left in range(0, width, tile_width)]
    pixels = [(min(tile_height, height - top), min(tile_width, width - left)) for top, left in corners]
    return Tiles(units_wide > 0, pixels)


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


def inflated(section: Section, limit: int) -> bytes:
    """What the payload, one zlib stream, inflates to."""
    inflate = zlib.decompressobj()
    try:
        text = inflate.decompress(section.payload, limit + 1)
    except zlib.error as error:
        raise ValueError(f"section {section.id} does not inflate: {error}") from error
    if len(text) > limit or not inflate.eof or inflate.unused_data:
        raise ValueError(f"section {section.id} is too long, cut, or has bytes behind its end")
    return text


def check_packed(section: Section) -> None:
    """Looks at content that is told to be as it is, or one zlib stream."""
    if section.payload[:1] == b"\1":
        inflated(section._replace(payload=section.payload[1:]), MAX_PACKED)
    elif section.payload[:1] != b"\0" or len(section.payload) > 1 + MAX_PACKED:
        raise ValueError(f"section {section.id} is packed in no known way, or too long")


class Piece(NamedTuple):
    """A tile or a chunk: rows and columns of its latents, and its stream, or what is had of that."""

    shape: tuple[int, int]
    stream: bytes
    is_whole: bool = True
    least_row: int = 0
    pixels: tuple[int, int, int] | None = None  # their shape, where they are coded without loss


def tile_piece(rect: tuple[int, int], header: Header, stream: bytes, is_whole: bool = True) -> Piece:
    """A tile of so many pixels down and across, whose stream begins with its kind."""
    height, width = rect
    kind = stream[0] if stream else 0
    if is_whole and not (stream and kind <= 2):
        raise ValueError(f"a tile of kind {kind}")
    shape = -(-height // 16), -(-width // 16)
    pixels = (height, width, 3 if header.flags & IS_COLOUR else 1) if kind == 2 else None
    return Piece(shape, stream[1:], is_whole, int(kind == 1), pixels)


def read_pixels(data: bytes, shape: tuple[int, int, int], header: Header) -> NDArray[np.uint8 | np.uint16]:
    """The pixels of a tile without loss."""
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
        if section.id in others or section.id == HEADER:
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


def read_rate(header: Header) -> int:
    """The sample rate of a clip, Hz."""
    rate, at = read_varint(header.payload, header.rest)
    if not 1 <= rate <= MAX_RATE or at + (4 if header.flags & IS_MID_SIDE else 2) != len(header.payload):
        raise ValueError(f"a rate of {rate} Hz, or bytes left over or missing in the header")
    if header.flags & HAS_24_BITS and header.flags & HAS_FLOATS:
        raise ValueError("samples of two kinds")
    if header.flags & IS_MID_SIDE and not header.flags & IS_STEREO:
        raise ValueError("the middle and side of one channel")
    return rate


def columns_of(samples: int, rate: int) -> int:
    """Columns of latents that so many samples ask for."""
    hops = -(-((2 * samples * 48_000 + rate) // (2 * rate)) // 240)
    return -(-(hops + 1) // 4) if hops else 0


class End(NamedTuple):
    """What the end of a clip says."""

    start: int
    samples: int
    lengths: list[int]  # of the payloads of the chunks


def read_end(section: Section) -> End:
    """The end of a clip."""
    payload = section.payload
    if len(payload) < 13 or struct.unpack("<I", payload[-4:])[0] != len(payload):
        raise ValueError(f"an end of {len(payload)} bytes, which is not what it says")
    (samples,) = struct.unpack_from("<Q", payload)
    chunks, at = read_varint(payload, 8)
    if chunks > len(payload):
        raise ValueError(f"an end of {len(payload)} bytes for {chunks} chunks")
    lengths = []
    for _ in range(chunks):
        length, at = read_varint(payload, at)
        lengths.append(length)
    if at + 4 != len(payload):
        raise ValueError("bytes are left over in the end, or missing")
    return End(section.start, samples, lengths)


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
        self.rate, self.rows = read_rate(header), 2 if header.flags & IS_STEREO else 1
        self.at = header.end  # what is behind this is not read yet
        self.has_tags = self.has_metadata = False
        self.pieces: list[Piece] = []
        self.end: End | None = None

    def read(self, data: bytes) -> None:
        """Take all sections. Raise ValueError at the first that breaks a rule."""
        while self.at < len(data):
            section = read_section(data, self.at)
            if self.end:
                raise ValueError(f"section {section.id} stands behind the end, at byte {self.at}")
            longest = {END: MAX_PAYLOAD, AUDIO_METADATA: LONGEST_METADATA}.get(section.id, MAX_CHUNK)
            if len(section.payload) > longest:
                raise ValueError(f"section {section.id} at byte {self.at} is too long")
            if not section.is_whole:
                raise ValueError(f"section {section.id} at byte {self.at} is cut or has a wrong checksum")
            if section.id == LATENTS:
                self.pieces.append(self.piece(section))
            elif section.id == END:
                self.end = read_end(section)
            elif section.id == TAGS and not (self.has_tags or self.pieces):
                check_tags(section)
                self.has_tags = True
            elif section.id == AUDIO_METADATA and not (self.has_metadata or self.pieces):
                check_metadata(section)
                self.has_metadata = True
            elif section.id in (TAGS, AUDIO_METADATA) or section.id < FIRST_SKIPPABLE:
                raise ValueError(f"section {section.id} at byte {self.at} is unknown or out of place")
            self.at = section.end

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
    if chunks.at == len(data):
        return pieces
    columns = columns_of(end.samples, chunks.rate) if end else 0
    start = end.start - sum(map(section_size, end.lengths)) if end else -1
    if end and start >= 0 and len(end.lengths) == -(-columns // CHUNK) >= len(pieces):
        for number, length in enumerate(end.lengths):
            if number >= len(pieces):
                shape = chunks.rows, min(CHUNK, columns - number * CHUNK)
                pieces.append(chunk_at(data, start, length, shape))
            start += section_size(length)
        return pieces
    if chunks.end is None:
        with suppress(ValueError):  # where it is no chunk
            section = read_section(data, chunks.at)
            if section.id == LATENTS and section.is_cut:
                pieces.append(chunks.piece(section)._replace(is_whole=False))
    return pieces


class RangeDecoder:
    """A range decoder of a stream that goes on with one byte for ever."""

    def __init__(self, coded: bytes, filler: int = 0) -> None:
        padded = coded + bytes([filler]) * (-len(coded) % 4)
        self.words = struct.unpack(f"<{len(padded) // 4}I", padded)
        self.beyond = filler * 0x01010101
        self.range = 2**64 - 1
        self.offset = self.word(0) * WORD + self.word(1)  # point - lower: nothing else is made of the two
        self.read = 2

    def word(self, at: int) -> int:
        """A word of the stream, or one beyond its end."""
        return self.words[at] if at < len(self.words) else self.beyond

    def decode(self, models: Sequence[Model]) -> list[int]:
        """The symbol under each of the models; fewer where the stream comes to spell an impossible one."""
        found = []
        offset, width = self.offset, self.range
        for model in models:
            scale = width >> 24
            quantile = offset // scale
            if quantile >= TOTAL:
                break
            symbol = bisect_right(model, quantile) - 1
            offset -= scale * model[symbol]
            width = scale * (model[symbol + 1] - model[symbol])
            if width < WORD:
                offset = offset * WORD + self.word(self.read)
                width *= WORD
                self.read += 1
            found.append(symbol)
        self.offset, self.range = offset, width
        return found


class Passes:
    """The passes of one stream: whole, or the known beginning of one that is not."""

    def __init__(self, coded: bytes, tables: list[Model], is_whole: bool, least_row: int) -> None:
        self.tables, self.least_row = tables, least_row
        self.reach = np.array([len(table) // 2 - 1 for table in tables])
        self.lowest = RangeDecoder(coded)
        self.highest = None if is_whole else RangeDecoder(coded, 0xFF)
        self.is_over = False  # nothing is known any more

    def read(self, models: Sequence[Model]) -> list[int]:
        """The known symbols, up to the first that is not."""
        if self.is_over:
            return []
        found = self.lowest.decode(models)
        if self.highest:
            both = zip(found, self.highest.decode(models), strict=False)
            found = [low for low, _ in takewhile(lambda pair: pair[0] == pair[1], both)]
        elif len(found) < len(models):
            raise ValueError("the coded stream is corrupt")
        self.is_over = len(found) < len(models)
        return found

    def decode(self, rows: Ints) -> Ints:
        """One pass: the symbol under each of these table rows."""
        rows = np.maximum(rows, self.least_row)
        order = np.argsort(-rows, axis=None, kind="stable")[: np.count_nonzero(rows)]
        rows_in_order = rows.ravel()[order]
        found = np.array(self.read([self.tables[row] for row in rows_in_order.tolist()]), np.int64)
        reach = self.reach[rows_in_order[: len(found)]]
        values = found - reach
        escaped = np.flatnonzero(values > reach)
        values[escaped] = 0  # and so they stay if the stream ends before all of them are told
        sizes = self.read([UNIFORM[4]] * len(escaped))  # L - 1
        tails = self.read([UNIFORM[size + 1] for size in sizes])
        if not self.is_over:
            tail = np.array(tails, np.int64)
            magnitude = reach[escaped] + (1 << np.array(sizes, np.int64)) + (tail >> 1)
            values[escaped] = np.where(tail & 1, -magnitude, magnitude)
        symbols = np.zeros(rows.size, np.int64)
        symbols[order[: len(values)]] = values
        return symbols.reshape(rows.shape)

    def finish(self) -> None:
        """Raise ValueError unless the stream ends here."""
        coder = self.lowest
        is_unused = coder.range == 2**64 - 1
        # Encoders end with a number less than 2^32 above the lower bound. Bytes FF behind it would add as much again; a
        # number beyond that is not the end of a stream but the middle of a longer one.
        if coder.read < len(coder.words) or not (is_unused or coder.offset < 2 * WORD - 1):
            raise ValueError("the coded stream goes on behind its last symbol")


class Format(NamedTuple):
    """A fixed-point format: fractional bits and range."""

    bits: int
    low: int
    high: int

    def clamp(self, x: Ints) -> Ints:
        """The nearest values in the range."""
        return np.clip(x, self.low, self.high)


SYMBOLS = Format(0, -127, 127)
QUALITY = Format(9, -1023, 1023)
HIDDEN = Format(6, 0, 1023)
STREAM = Format(6, -2047, 2047)
OUTPUT = Format(6, -8191, 8191)
STEERED = Format(6, -192, 192)
MEANS = Format(6, -(2**20), 2**20)


def divide(x: Ints, bits: Ints) -> Ints:
    """x / 2^bits rounded half up; negative bits multiply."""
    half = (1 << np.maximum(bits, 1)) >> 1
    return np.where(bits > 0, (x + half) >> np.maximum(bits, 0), x << np.maximum(-bits, 0))


EXP2 = np.array([round(2 ** (14 + k / 256)) for k in range(256)])
EXPECTED = np.array([round(64 * np.log2(0.45 * 2 ** (k / 64) + 0.1)) for k in range(-1024, 1024)])


def exp2_times(x: Ints, exponent: Ints) -> Ints:
    """x * 2^(exponent / 256), rounded half up."""
    return divide(x * EXP2[exponent & 255], 14 - (exponent >> 8))


def rows_for(log2_scale: Ints) -> Ints:
    """The table row for a logarithm of a scale, 6 fractional bits."""
    rows: Ints = np.clip((6 * log2_scale + 1664) >> 6, 0, 63)
    return rows


def spread(x: Ints, growth: tuple[int, int]) -> Ints:
    """(rows, columns, u v c) to (u rows, v columns, c)."""
    rows, columns, channels = x.shape
    u, v = growth
    c = channels // (u * v)
    return x.reshape(rows, columns, u, v, c).swapaxes(1, 2).reshape(u * rows, v * columns, c)


class SecondDecoder:
    """A decoder of .lcc files up to their latents."""

    def __init__(self, *weights_paths: Path) -> None:
        networks = map(Network, weights_paths)
        self.networks = {network.digest: network for network in networks}

    def latents(self, data: bytes) -> list[Ints]:
        """The latents y of every piece, (rows, columns, channels) with 6 fractional bits, of a file without faults."""
        header = read_header(data)
        network = self._network(header)
        pieces = (image_pieces, audio_pieces)[header.media](data, header)
        return [network.latents_of_whole(number, piece, header) for number, piece in enumerate(pieces)]

    def prefix(self, data: bytes) -> list[Ints]:
        """What is known of the latents of a file that is cut or damaged behind its header."""
        header = read_header(data)
        network = self._network(header)
        found = []
        for number, piece in enumerate((damaged_image_pieces, damaged_audio_pieces)[header.media](data, header)):
            known = np.zeros((*piece.shape, sum(header.sizes.groups)), np.int64)
            if piece.is_whole:
                with suppress(ValueError):
                    known = network.latents_of_whole(number, piece, header)
            elif len(piece.stream) > 4 and not piece.pixels:
                known = network.latents_of_beginning(piece, header)
            found.append(known)
        return found

    def _network(self, header: Header) -> Network:
        """The nets that a file was written with."""
        if header.digest not in self.networks:
            raise ValueError(f"the file needs weights {header.digest.hex()}, which are not here")
        return self.networks[header.digest]


class Network:
    """The entropy nets of a weights file."""

    def __init__(self, weights_path: Path) -> None:
        self.weights = load_file(weights_path)
        sha = hashlib.sha256()
        for name, array in sorted(self.weights.items()):
            if name.split(".")[0] in OF_ENCODERS:
                continue
            little = array.astype(array.dtype.newbyteorder("<"))
            sha.update(f"{name} {little.dtype.str} {little.shape}\n".encode() + little.tobytes())
        self.digest = sha.digest()[:8]
        self.tables = self._tables()

    def latents_of_whole(self, number: int, piece: Piece, header: Header) -> Ints:
        """The latents of a piece with all its stream."""
        coded, checksum = piece.stream[:-4], piece.stream[-4:]
        if piece.pixels:
            found = read_pixels(coded, piece.pixels, header)
            little = found.astype(found.dtype.newbyteorder("<"))
            if crc32c(header.payload + struct.pack("<I", number) + little.tobytes()) != checksum:
                raise ValueError(f"the pixels of piece {number} are not those that were coded")
            return np.zeros((*piece.shape, sum(header.sizes.groups)), np.int64)
        if len(checksum) < 4 or len(coded) % 4:
            raise ValueError(f"stream {number} has {len(piece.stream)} bytes, not whole words and a checksum")
        passes = Passes(coded, self.tables, True, piece.least_row)
        y = self._latents(passes, piece.shape, header)
        passes.finish()
        if crc32c(header.payload + struct.pack("<I", number) + y.astype("<i4").tobytes()) != checksum:
            raise ValueError(f"the latents of piece {number} are not those that were coded")
        return y

    def latents_of_beginning(self, piece: Piece, header: Header) -> Ints:
        """What is known of the latents of a piece with a beginning of its stream."""
        coded = piece.stream[:-4]  # those four may be, or belong to, the checksum
        try:
            return self._latents(Passes(coded, self.tables, False, piece.least_row), piece.shape, header)
        except ValueError:  # impossible hyper-latents: nothing counts as known
            return self._latents(Passes(b"", self.tables, False, piece.least_row), piece.shape, header)

    def _tables(self) -> list[Model]:
        """The cumulative frequencies of each row."""
        tables: list[Model] = [[0, TOTAL]]  # row 0 is never asked
        counts = self.weights["tables.counts"].astype(np.int64)
        for reach in self.weights["tables.reach"].tolist()[1:]:
            n = 2 * reach + 2
            running = np.concatenate([[0], np.cumsum(counts[:n])])
            tables.append((((running * (TOTAL - n)) >> 16) + np.arange(n + 1)).tolist())
            counts = counts[n:]
        return tables

    def _layer(self, name: str) -> tuple[NDArray[np.float64], Ints, Ints]:
        """Weight, bias and exponent of a layer."""
        weight, bias, exponent = (self.weights[f"prior.{name}.{part}"] for part in ("weight", "bias", "exponent"))
        return weight.astype(np.float64), bias.astype(np.int64), exponent.astype(np.int64)

    def _linear(self, name: str, x: Ints, source: Format, target: Format) -> Ints:
        """A linear layer. Sums of 1024 products of 2^7 and 2^13 stay below 2^53, so that float64 is exact."""
        weight, bias, exponent = self._layer(name)
        total = (x.astype(np.float64) @ weight.T).astype(np.int64) + bias
        return target.clamp(divide(total, exponent + source.bits - target.bits))

    def _depthwise(self, name: str, x: Ints) -> Ints:
        """A depthwise layer, from STREAM to STREAM."""
        weight, bias, exponent = self._layer(name)
        rows, columns, _ = x.shape
        height, width = weight.shape[1:]
        margins = (height // 2, height // 2), (width // 2, width // 2), (0, 0)
        padded = np.pad(x.astype(np.float64), margins)
        total = np.zeros(x.shape)
        for a in range(height):
            for b in range(width):
                total += weight[:, a, b] * padded[a : a + rows, b : b + columns]
        return STREAM.clamp(divide(total.astype(np.int64) + bias, exponent))

    def _pointwise(self, name: str, x: Ints, stream: Ints, source: Format = STREAM) -> Ints:
        """A part that looks at one position at a time and adds to the stream."""
        wide = self._linear(f"{name}.widen", x, source, HIDDEN)
        return STREAM.clamp(stream + self._linear(f"{name}.narrow", wide, HIDDEN, STREAM))

    def _look_around(self, name: str, context: Ints) -> Ints:
        """What the context around each position tells of it."""
        return self._depthwise(f"{name}.gather", self._linear(f"{name}.mix", context, STREAM, STREAM))

    def _log2_step(self, step_index: int, middle: int) -> Ints:
        """The logarithm of each channel's quantisation step, 8 fractional bits."""
        offset: Ints = self.weights["gain.log2_offset"].astype(np.int64)
        place = middle - step_index + 1024
        i = min(max(place >> 10, 0), 1)
        weight = place - (i << 10)
        log2_step: Ints = step_index + ((offset[i] * (1024 - weight) + offset[i + 1] * weight) >> 10)
        return log2_step

    def _hyper(self, passes: Passes, shape: tuple[int, int], sizes: Sizes, quality: Ints) -> Ints:
        """What the hyper-latents tell of each latent position."""
        rows, columns = (-(-side // grow**2) for side, grow in zip(shape, sizes.growth, strict=True))
        z_rows = rows_for(self._linear("z_scale", quality, QUALITY, OUTPUT))
        z = passes.decode(np.broadcast_to(z_rows, (rows, columns, sizes.hyper_channels)))
        if np.abs(z).max() > SYMBOLS.high:
            raise ValueError("a hyper-latent is out of range")
        begin = 0
        if sizes.has_repeated_ends:
            z = np.concatenate([z[:, :1], z, z[:, -1:]], 1)
            begin = sizes.growth[1] ** 2
        h = spread(self._linear("grow1", z, SYMBOLS, HIDDEN), sizes.growth)
        h = spread(self._linear("grow2", h, HIDDEN, STREAM), sizes.growth)
        h = STREAM.clamp(h + self._linear("by_quality", quality, QUALITY, STREAM))
        for block in ("blocks.0", "blocks.1"):
            h = self._pointwise(f"{block}.pointwise", self._depthwise(f"{block}.depthwise", h), h)
        return h[: shape[0], begin : begin + shape[1]]

    def _latents(self, passes: Passes, shape: tuple[int, int], header: Header) -> Ints:
        """The latents of one piece with these rows and columns."""
        sizes = header.sizes
        quality = sizes.middle - np.array(header.steps)[:, None, None]
        h = self._hyper(passes, shape, sizes, quality)
        of_rows = np.stack([self._log2_step(step, sizes.middle) for step in header.steps])[:, None]
        log2_step = np.broadcast_to(of_rows, (*shape, sum(sizes.groups)))
        if sizes.is_steered:
            log2_step = log2_step + 4 * self._linear("steer", h, STREAM, STEERED)
        log2_std, log2_norm = (self.weights[f"prior.log2_{name}"].astype(np.int64) for name in ("std", "norm"))
        expected = EXPECTED[np.clip((log2_std - log2_step) >> 2, -1024, 1023) + 1024]
        y = np.zeros((*shape, sum(sizes.groups)), np.int64)
        context = np.zeros_like(y)
        row, column = np.indices(shape)
        if header.media == AUDIO:
            row[:] = 0  # those of stereo are grids of their own
        is_even = (row + column) % 2 == 0
        is_quarter = (column // 2 if sizes.has_quarters_by_columns else row) % 2 == 0
        predict, from_passes = count(), count()
        for k, channels in enumerate(sizes.groups):
            start = sum(sizes.groups[:k])
            group = slice(start, start + channels)
            f = self._linear(f"from_hyper.{k}", h, STREAM, STREAM)
            if k > 0:
                f = f + self._look_around(f"from_groups.{k}", context[..., :start])
            begin = (is_even & is_quarter, is_even & ~is_quarter) if k == 0 else (is_even,)
            for number, at in enumerate((*begin, ~is_even)):
                if number > 0:
                    f = f + self._look_around(f"from_passes.{next(from_passes)}", context[..., group])
                name = f"predict.{next(predict)}"
                g = HIDDEN.clamp(f[at])
                o = self._linear(f"{name}.head", self._pointwise(f"{name}.body", g, g, HIDDEN), STREAM, OUTPUT)
                step_to_norm = log2_norm[group] - log2_step[at, group]
                mean = MEANS.clamp(exp2_times(o[:, :channels], step_to_norm))
                symbols = passes.decode(rows_for(o[:, channels:] + expected[at, group]))
                y[at, group] = 64 * symbols + mean
                context[at, group] = STREAM.clamp(exp2_times(y[at, group], -step_to_norm - 512))
        return y


def main() -> None:
    """Print shape and SHA-256 of the latents of every piece of the files named."""
    paths = [Path(argument) for argument in sys.argv[1:]]
    decoder = SecondDecoder(*(path for path in paths if path.suffix == ".safetensors"))
    for path in paths:
        for number, y in enumerate(decoder.latents(path.read_bytes()) if path.suffix == ".lcc" else ()):
            print(path.name, number, y.shape, hashlib.sha256(y.astype("<i4").tobytes()).hexdigest())


if __name__ == "__main__":
    main()
