"""A second decoder of .lcc files, from a file to its latents, written from bitstream/SPEC.md alone.

It shares no line with the codec and none of its libraries: numpy and the standard library do the work, safetensors
reads the weights. Where the two decoders agree the page says what the codec does. On two points the page was silent and
the codec was asked, as a black box: `told` is not clamped, and what may stand at the end of a coded stream.

    python tests/second_decoder.py WEIGHTS FILE.lcc...
"""

from __future__ import annotations

import hashlib
import struct
import sys
import zlib
from bisect import bisect_right
from collections.abc import Sequence
from itertools import count, takewhile
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

Ints = NDArray[np.int64]
Model = Sequence[int]  # cumulative frequencies, 0 first and TOTAL last

MAGIC_AND_VERSION = b"\x89LCC\x01"
HEADER, LATENTS, INDEX, ALPHA, *INFLATED = 1, 2, 3, 4, 128, 129, 130
FIRST_SKIPPABLE = 128
HAS_ALPHA, ALL_FLAGS = 4, 7
MAX_PAYLOAD, MAX_INFLATED, MAX_SIDE, MAX_TILE, MAX_PIXELS, MAX_STEP = 2**31, 2**26, 2**24, 2**21, 200_000_000, 4096
LAYERS = 3

TOTAL = 2**24
WORD = 2**32
UNIFORM = [range(0, TOTAL + 1, TOTAL >> bits) for bits in range(17)]  # over 2^bits symbols

GROUPS = (16, 16, 32, 64, 192)
CHANNELS = sum(GROUPS)
HYPER_CHANNELS = 96
NO_STEP = 1440  # the step index at which `told` is zero


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


class Header(NamedTuple):
    """What the header says, and the bytes that say it."""

    payload: bytes
    end: int  # where the next section begins
    step_index: int
    has_alpha: bool
    is_tiled: bool
    tiles: list[tuple[int, int]]  # height and width of each, in pixels

    @property
    def layers(self) -> int:
        """The latents sections of each tile."""
        return LAYERS if self.is_tiled else 1


def read_header(data: bytes, digest: bytes) -> Header:
    """The header of a file."""
    if data[:5] != MAGIC_AND_VERSION:
        raise ValueError(f"the file begins with {data[:5].hex(' ')}, not with {MAGIC_AND_VERSION.hex(' ')}")
    section = read_section(data, 5)
    payload = section.payload
    if section.id != HEADER or not section.is_whole or len(payload) < 12:
        raise ValueError("the file does not begin with a whole header")
    media, model, theirs, step_index, flags = struct.unpack_from("<BB4sHB", payload)
    if (media, model) != (0, 1):
        raise ValueError(f"media {media} and model {model}, not a picture (0) of model image (1)")
    if theirs != digest:
        raise ValueError(f"the file needs weights {theirs.hex()}, these are {digest.hex()}")
    if step_index > MAX_STEP or flags & ~ALL_FLAGS:
        raise ValueError(f"step index {step_index} or flags {flags:#x} are out of range")
    width, at = read_varint(payload, 9)
    height, at = read_varint(payload, at)
    if not (1 <= width <= MAX_SIDE and 1 <= height <= MAX_SIDE) or width * height > MAX_PIXELS:
        raise ValueError(f"a picture of {width} x {height} pixels is beyond the limits")
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
    tiles = [(min(tile_height, height - top), min(tile_width, width - left)) for top, left in corners]
    return Header(payload, section.end, step_index, bool(flags & HAS_ALPHA), units_wide > 0, tiles)


def read_index(payload: bytes, behind: int, count: int) -> list[tuple[int, int]]:
    """Where each latents section begins and ends; `behind` is the end of the index section."""
    gap, at = read_varint(payload, 0)
    end = behind + gap
    places = []
    for _ in range(count):
        length, at = read_varint(payload, at)
        size_of_length = max(1, -(-length.bit_length() // 7))
        start, end = end, end + 1 + size_of_length + length + 4
        places.append((start, end))
    if at != len(payload):
        raise ValueError("bytes are left over in the index")
    return places


def check_inflates(section: Section) -> None:
    """Raise ValueError unless the payload is one zlib stream that is not too long."""
    inflate = zlib.decompressobj()
    try:
        is_short = len(inflate.decompress(section.payload, MAX_INFLATED + 1)) <= MAX_INFLATED
    except zlib.error as error:
        raise ValueError(f"section {section.id} does not inflate: {error}") from error
    if not is_short or not inflate.eof or inflate.unused_data:
        raise ValueError(f"section {section.id} is too long, cut, or has bytes behind its end")


def strict_streams(data: bytes, header: Header) -> list[bytes]:
    """The stream of every tile of a file that breaks no rule."""
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
        if section.id in INFLATED:
            check_inflates(section)
        if section.id == LATENTS:
            latents.append(section)
        else:
            others[section.id] = section
        at = section.end
    if (ALPHA in others) != header.has_alpha or (INDEX in others) != header.is_tiled:
        raise ValueError("the sections are not those that the header promises")
    tiles = len(header.tiles)
    if len(latents) != tiles * header.layers:
        raise ValueError(f"{len(latents)} latents sections, {tiles} tiles have {tiles * header.layers}")
    if header.is_tiled:
        places = read_index(others[INDEX].payload, others[INDEX].end, len(latents))
        if places != [(section.start, section.end) for section in latents]:
            raise ValueError("the latents sections are not where the index has them")
    return [b"".join(section.payload for section in latents[tile::tiles]) for tile in range(tiles)]


def latents_places(data: bytes, header: Header) -> list[tuple[int, int]]:
    """Where the latents sections of a damaged file should be."""
    if header.is_tiled:  # without a whole index nothing says which section is which
        section = read_section(data, header.end)
        if section.id != INDEX or not section.is_whole:
            raise ValueError("the index is damaged")
        return read_index(section.payload, section.end, len(header.tiles) * header.layers)
    try:
        section = read_section(data, header.end)
        while section.id != LATENTS:
            section = read_section(data, section.end)
    except ValueError:
        return []
    return [(section.start, section.end)]


def prefix_streams(data: bytes, header: Header) -> list[bytes]:
    """What may be used of every tile's coded bytes, of a file that is cut or damaged."""
    tiles = len(header.tiles)
    coded = [b""] * tiles
    is_broken = [False] * tiles
    for number, (start, end) in enumerate(latents_places(data, header)):
        tile = number % tiles
        try:
            section = read_section(data, start)
            is_in_place = section.id == LATENTS and section.end == end
            is_broken[tile] |= not is_in_place or not (section.is_whole or section.is_cut)
        except ValueError:  # the file ends before the payload
            is_broken[tile] = True
        if not is_broken[tile]:
            coded[tile] += section.payload
    return [part[:-4] for part in coded]  # those four may be, or belong to, the checksum


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

    def __init__(self, coded: bytes, tables: list[Model], is_whole: bool) -> None:
        self.tables = tables
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


def spread(x: Ints) -> Ints:
    """(rows, columns, 4 c) to (2 rows, 2 columns, c)."""
    rows, columns, channels = x.shape
    return x.reshape(rows, columns, 2, 2, channels // 4).swapaxes(1, 2).reshape(2 * rows, 2 * columns, channels // 4)


class SecondDecoder:
    """A decoder of .lcc files up to their latents."""

    def __init__(self, weights_path: Path) -> None:
        self.weights = load_file(weights_path)
        sha = hashlib.sha256()
        for name, array in sorted(self.weights.items()):
            little = array.astype(array.dtype.newbyteorder("<"))
            sha.update(f"{name} {little.dtype.str} {little.shape}\n".encode() + little.tobytes())
        self.digest = sha.digest()[:4]
        self.tables = self._tables()

    def latents(self, data: bytes) -> list[Ints]:
        """The latents y of every tile, (rows, columns, 320) with 6 fractional bits, of a file that breaks no rule."""
        header = read_header(data, self.digest)
        tiles = []
        for number, stream in enumerate(strict_streams(data, header)):
            coded, checksum = stream[:-4], stream[-4:]
            if len(checksum) < 4 or len(coded) % 4:
                raise ValueError(f"the stream of tile {number} has {len(stream)} bytes, not whole words and a checksum")
            passes = Passes(coded, self.tables, is_whole=True)
            y = self._tile(passes, header.tiles[number], header.step_index)
            passes.finish()
            if crc32c(header.payload + struct.pack("<I", number) + y.astype("<i4").tobytes()) != checksum:
                raise ValueError(f"the latents of tile {number} are not those that were coded")
            tiles.append(y)
        return tiles

    def prefix(self, data: bytes) -> list[Ints]:
        """What is known of the latents of a file that is cut or damaged behind its header."""
        header = read_header(data, self.digest)
        known = prefix_streams(data, header)
        streams = [Passes(coded, self.tables, is_whole=False) for coded in known]
        tiles = [
            self._tile(passes, size, header.step_index) for passes, size in zip(streams, header.tiles, strict=True)
        ]
        return [y if coded else np.zeros_like(y) for y, coded in zip(tiles, known, strict=True)]

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
        size = weight.shape[1]
        margin = size // 2
        padded = np.pad(x.astype(np.float64), ((margin, margin), (margin, margin), (0, 0)))
        total = np.zeros(x.shape)
        for a in range(size):
            for b in range(size):
                total += weight[:, a, b] * padded[a : a + rows, b : b + columns]
        return STREAM.clamp(divide(total.astype(np.int64) + bias, exponent))

    def _pointwise(self, name: str, x: Ints, stream: Ints, source: Format = STREAM) -> Ints:
        """A part that looks at one position at a time and adds to the stream."""
        wide = self._linear(f"{name}.widen", x, source, HIDDEN)
        return STREAM.clamp(stream + self._linear(f"{name}.narrow", wide, HIDDEN, STREAM))

    def _look_around(self, name: str, context: Ints) -> Ints:
        """What the context around each position tells of it."""
        return self._depthwise(f"{name}.gather", self._linear(f"{name}.mix", context, STREAM, STREAM))

    def _log2_step(self, step_index: int) -> Ints:
        """The logarithm of each channel's quantisation step, 8 fractional bits."""
        offset: Ints = self.weights["gain.log2_offset"].astype(np.int64)
        place = NO_STEP - step_index + 1024
        i = min(max(place >> 10, 0), 1)
        weight = place - (i << 10)
        log2_step: Ints = step_index + ((offset[i] * (1024 - weight) + offset[i + 1] * weight) >> 10)
        return log2_step

    def _hyper(self, passes: Passes, rows: int, columns: int, told: Ints) -> Ints:
        """What the hyper-latents tell of each latent position."""
        above = -(-rows // 4), -(-columns // 4), HYPER_CHANNELS
        z = passes.decode(np.broadcast_to(rows_for(self._linear("z_scale", told, QUALITY, OUTPUT)), above))
        if np.abs(z).max() > SYMBOLS.high:
            raise ValueError("a hyper-latent is out of range")
        h = spread(self._linear("grow1", z, SYMBOLS, HIDDEN))
        h = spread(self._linear("grow2", h, HIDDEN, STREAM))
        h = STREAM.clamp(h + self._linear("by_quality", told, QUALITY, STREAM))
        for block in ("blocks.0", "blocks.1"):
            h = self._pointwise(f"{block}.pointwise", self._depthwise(f"{block}.depthwise", h), h)
        return h[:rows, :columns]

    def _tile(self, passes: Passes, size: tuple[int, int], step_index: int) -> Ints:
        """The latents of one tile of this height and width."""
        rows, columns = (-(-side // 16) for side in size)
        log2_step = self._log2_step(step_index)
        log2_std, log2_norm = (self.weights[f"prior.log2_{name}"].astype(np.int64) for name in ("std", "norm"))
        expected = EXPECTED[np.clip((log2_std - log2_step) >> 2, -1024, 1023) + 1024]
        h = self._hyper(passes, rows, columns, np.array([NO_STEP - step_index]))
        y = np.zeros((rows, columns, CHANNELS), np.int64)
        context = np.zeros_like(y)
        is_even = np.add.outer(np.arange(rows), np.arange(columns)) % 2 == 0
        is_quarter = is_even & (np.arange(rows) % 2 == 0)[:, None]
        predict, from_passes = count(), count()
        for k, channels in enumerate(GROUPS):
            start = sum(GROUPS[:k])
            group = slice(start, start + channels)
            step, norm = log2_step[group], log2_norm[group]
            f = self._linear(f"from_hyper.{k}", h, STREAM, STREAM)
            if k > 0:
                f = f + self._look_around(f"from_groups.{k}", context[..., :start])
            halves = (is_even, ~is_even) if k > 0 else (is_quarter, is_even & ~is_quarter, ~is_even)
            for number, at in enumerate(halves):
                if number > 0:
                    f = f + self._look_around(f"from_passes.{next(from_passes)}", context[..., group])
                name = f"predict.{next(predict)}"
                g = HIDDEN.clamp(f[at])
                o = self._linear(f"{name}.head", self._pointwise(f"{name}.body", g, g, HIDDEN), STREAM, OUTPUT)
                mean = MEANS.clamp(exp2_times(o[:, :channels], norm - step))
                symbols = passes.decode(rows_for(o[:, channels:] + expected[group]))
                y[at, group] = 64 * symbols + mean
                context[at, group] = STREAM.clamp(exp2_times(y[at, group], step - norm - 512))
        return y


def main() -> None:
    """Print shape and SHA-256 of the latents of every tile of the files named."""
    decoder = SecondDecoder(Path(sys.argv[1]))
    for path in map(Path, sys.argv[2:]):
        for number, y in enumerate(decoder.latents(path.read_bytes())):
            print(path.name, number, y.shape, hashlib.sha256(y.astype("<i4").tobytes()).hexdigest())


if __name__ == "__main__":
    main()
