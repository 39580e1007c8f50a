"""What files of images and of audio share: sections, checksums, the header (SPEC, sections 1 and 2)."""

from __future__ import annotations

import struct
import zlib
from typing import NamedTuple

MAGIC_AND_VERSION = b"\x89LCC\x03"
HEADER, LATENTS, INDEX, ALPHA, END, *METADATA, TAGS = 1, 2, 3, 4, 5, 128, 129, 130, 131
*PACKED, TRAILER = 140, 141, 142, 143, 144, 145
AUDIO_METADATA = 136
FIRST_SKIPPABLE = 128
IS_COLOUR, HAS_16_BITS, HAS_ALPHA, IMAGE_FLAGS = 1, 2, 4, 7
IS_STEREO, IS_MID_SIDE, HAS_24_BITS, HAS_FLOATS, HAS_LAYOUT, AUDIO_FLAGS = 1, 2, 4, 8, 16, 31
MAX_PAYLOAD, MAX_SIDE, MAX_TILE, MAX_PIXELS = 2**31, 2**24, 2**21, 200_000_000
MAX_METADATA, MAX_TAGS, MAX_CHUNK, MAX_RATE = 2**26, 2**16, 2**20, 2**20
MAX_AUDIO_METADATA, LONGEST_METADATA, MAX_LATER, MAX_SAMPLES = 2**24, 2**24 + 2**16, 2**26, 2**40
MAX_PACKED, MAX_TRAILER = 2**24, 2**28
MAX_TOLD, MAX_HEAD = 1023, 256
OF_ENCODERS = {"a8", "a16", "a_coarse", "a_fine", "dct", "down", "down_treble", "h_a"}  # begin names of arrays
LAYERS = 3
CHUNK = 100  # columns
WORD = 2**32


class Sizes(NamedTuple):
    """In what the models differ."""

    middle: int  # the step index at which `told` is zero
    growth: tuple[int, int]  # of a spread
    hyper_channels: int
    groups: tuple[int, ...]
    has_quarters_by_columns: bool
    is_steered: bool
    has_repeated_ends: bool
    draws_signs: bool = False


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
    (AUDIO, 4): OF_AUDIO._replace(draws_signs=True),
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
    lefts: list[int]  # rows of a clip that are the middle of a pair, whose side follows
    rest: int = 13  # where in the payload that begins which only its medium has


def read_header(data: bytes) -> Header:
    """The header of a file."""
    if data[:5] != MAGIC_AND_VERSION:
        raise ValueError(f"the file begins with {data[:5].hex(' ')}, not with {MAGIC_AND_VERSION.hex(' ')}")
    section = read_section(data, 5)
    payload = section.payload
    if section.id != HEADER or not section.is_whole or len(payload) < 16 or section.end > MAX_HEAD:
        raise ValueError("the file does not begin with a whole header")
    media, model, digest, step_index, flags = struct.unpack_from("<BB8sHB", payload)
    if (media, model) not in SIZES:
        raise ValueError(f"media {media} and model {model} do not belong together")
    sizes, (steps, lefts) = SIZES[media, model], ([step_index], list[int]())
    if media == AUDIO:
        steps, lefts = steps_of(payload, step_index, flags)
    if (
        any(abs(step - sizes.middle) > MAX_TOLD for step in [step_index, *steps])
        or flags & ~(IMAGE_FLAGS, AUDIO_FLAGS)[media]
    ):
        raise ValueError(f"step indices {steps} or flags {flags:#x} are out of range")
    return Header(payload, section.end, media, sizes, digest, steps, flags, lefts)


def steps_of(payload: bytes, step_index: int, flags: int) -> tuple[list[int], list[int]]:
    """The step indices of all rows of a clip, and the rows that are the middle of a pair, by its header."""
    at = read_varint(payload, 13)[1] + 2  # behind rate and seed
    steps, lefts = [step_index] * (2 if flags & IS_STEREO else 1), []
    if flags & IS_MID_SIDE:
        lefts, steps[1:], at = [0], struct.unpack_from("<H", payload.ljust(at + 2), at), at + 2
    if flags & HAS_LAYOUT:
        steps, channels, at = [], payload[at] if at < len(payload) else 0, at + 5
        if not 3 <= channels <= 8:
            raise ValueError(f"a layout of {channels} channels")
        while len(steps) < channels:
            kind = payload[at : at + 1]
            if kind == b"\1" and at + 5 <= len(payload):
                lefts.append(len(steps))
                steps += struct.unpack_from("<HH", payload, at + 1)
            elif kind == b"\0":
                steps.append(step_index)
            else:
                raise ValueError(f"a group of channels of kind {kind.hex()}, or one that is cut")
            at += 5 if kind == b"\1" else 1
        if len(steps) > channels:
            raise ValueError("a channel without its partner")
    if at != len(payload):
        raise ValueError("bytes are left over or missing in the header")
    return steps, lefts


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


class Piece(NamedTuple):
    """A tile or a chunk: rows and columns of its latents, and its stream, or what is had of that."""

    shape: tuple[int, int]
    stream: bytes
    is_whole: bool = True
    least_row: int = 0
    pixels: tuple[int, int, int] | None = None  # their shape, where they are coded without loss ...
    is_jpeg_xl: bool = False  # ... and by what
