"""What a JPEG XL codestream says of itself before its pixels, and whether it is of the one plain kind that tiles have.

libjxl allocates what headers ask for, so they are read here first: one frame as large as the image, samples as they
are, nothing beside them. Source: ISO/IEC 18181-1, as libjxl's `headers.cc`, `image_metadata.cc` and `frame_header.cc`
read it.
"""

from __future__ import annotations

from typing import NamedTuple

from codec.bitstream.errors import CorruptFile

SIGNATURE = b"\xff\x0a"
# shapes that a width may be given by, each as columns and rows
RATIOS = {1: (1, 1), 2: (12, 10), 3: (4, 3), 4: (3, 2), 5: (16, 9), 6: (5, 4), 7: (2, 1)}
SIDE_BITS = (9, 13, 18, 30)
RGB, GREY = 0, 1  # spaces of colour
CUSTOM = 2  # white point or primaries, which coordinates tell


class Header(NamedTuple):
    """What is to be known before pixels are decoded."""

    width: int
    height: int
    channels: int  # 1 or 3
    bit_depth: int


def read(data: bytes) -> Header:
    """The header of a codestream of one plain frame. Raises CorruptFile for any other."""
    if not data.startswith(SIGNATURE):
        raise CorruptFile("no codestream of JPEG XL")
    bits = _Bits(data, 8 * len(SIGNATURE))
    width, height = _size(bits)
    bit_depth, channels = _metadata(bits)
    bits.to_byte()
    _check_frame(bits)
    return Header(width, height, channels, bit_depth)


class _Bits:
    """Fields, whose first bit is the lowest of the first byte."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data, self._at = data, at

    def take(self, count: int) -> int:
        """An integer of so many bits. Raises CorruptFile where the data end."""
        first, end = self._at // 8, -(-(self._at + count) // 8)
        if end > len(self._data):
            raise CorruptFile("a JPEG XL ends in its header")
        value = int.from_bytes(self._data[first:end], "little") >> self._at % 8
        self._at += count
        return value & ((1 << count) - 1)

    def one_of(self, *ways: int | tuple[int, int]) -> int:
        """An integer of one of four ways: itself, or so many bits and an offset."""
        way = ways[self.take(2)]
        return way if isinstance(way, int) else way[1] + self.take(way[0])

    def named(self) -> int:
        """A number that names something."""
        return self.one_of(0, 1, (4, 2), (6, 18))

    def none(self, count: int, what: str) -> None:
        """Passes over bits that are zero. Raises CorruptFile where they are not: it has `what`."""
        if self.take(count):
            raise CorruptFile(f"a JPEG XL with {what}, which tiles have not")

    def to_byte(self) -> None:
        """Passes over what is left of a byte."""
        self._at = -(-self._at // 8) * 8


def _size(bits: _Bits) -> tuple[int, int]:
    """Width and height."""
    is_small = bits.take(1)

    def side() -> int:
        return 8 * (1 + bits.take(5)) if is_small else bits.one_of(*((count, 1) for count in SIDE_BITS))

    height = side()
    ratio = bits.take(3)
    if not ratio:
        return side(), height
    across, down = RATIOS[ratio]
    return height * across // down, height


def _metadata(bits: _Bits) -> tuple[int, int]:
    """Bits a sample, and colour channels."""
    if bits.take(1):
        raise CorruptFile("a JPEG XL with colours of its own making, which tiles have not")  # XYB, the default
    bits.none(1, "an orientation, a preview or an animation")
    bits.none(1, "samples of floating point")
    bit_depth = bits.one_of(8, 10, 12, (6, 1))
    bits.take(1)  # whether 16 bits are enough for what is computed
    bits.none(2, "channels beside its colours")
    bits.none(1, "colours of its own making")
    channels = 3 if bits.take(1) else _colours(bits)
    bits.none(2, "extensions")
    if not bits.take(1):
        raise CorruptFile("a JPEG XL with transforms of its own, which tiles have not")
    return bit_depth, channels


def _colours(bits: _Bits) -> int:
    """Channels of a space of colour that is told at length; what the colours mean does not matter."""
    bits.none(1, "an ICC profile")
    space = bits.named()
    if space not in (RGB, GREY):
        raise CorruptFile(f"a JPEG XL with a space of colour {space}, which tiles have not")
    white = bits.named()
    primaries = bits.named() if white != CUSTOM and space == RGB else 0
    if CUSTOM in (white, primaries):
        raise CorruptFile("a JPEG XL with a space of colour told by coordinates, which tiles have not")
    if bits.take(1):
        bits.take(24)  # an exponent
    else:
        bits.named()  # a transfer curve
    bits.named()  # how colours outside are rendered
    return 1 if space == GREY else 3


def _check_frame(bits: _Bits) -> None:
    """Raises CorruptFile unless the first frame is the last, whole, coded by prediction and nothing else."""
    bits.none(1, "a frame that transforms")  # all defaults
    bits.none(2, "frames that are not shown")
    if not bits.take(1):
        raise CorruptFile("a JPEG XL that is not lossless")
    bits.none(2, "noise, patches or splines")
    bits.none(1, "YCbCr")
    bits.none(2, "a frame of another size")  # scaled up
    bits.take(2)  # the size of groups
    bits.none(2, "several passes")
    bits.none(1, "a frame of another size")
    bits.none(2, "blended frames")
    if not bits.take(1):
        raise CorruptFile("a JPEG XL with several frames, which tiles have not")
