"""What encoder and decoder share of an image's tiles: rectangles of pixels and latents, and the ends of layers."""

from __future__ import annotations

from typing import NamedTuple

from codec.bitstream import constants
from codec.bitstream.image import ImageHeader
from codec.bitstream.tiling import Tile
from codec.model.fixed_point import Floats

LAYER_ENDS = (32, 128)  # after so many channels a stream is cut into its layers


class Rect(NamedTuple):
    """Columns x0..x1 - 1 and rows y0..y1 - 1."""

    x0: int
    y0: int
    x1: int
    y1: int

    @staticmethod
    def of(tile: Tile) -> Rect:
        """The pixels of a tile."""
        return Rect(tile.x, tile.y, tile.x + tile.width, tile.y + tile.height)

    def grown(self, by: int, width: int, height: int) -> Rect:
        """Grown to every side, within a grid of width x height."""
        return Rect(max(self.x0 - by, 0), max(self.y0 - by, 0), min(self.x1 + by, width), min(self.y1 + by, height))

    def scaled(self) -> Rect:
        """The latents above these pixels."""
        down = constants.STRIDE
        return Rect(self.x0 // down, self.y0 // down, -(-self.x1 // down), -(-self.y1 // down))

    def common(self, other: Rect) -> Rect:
        """What both cover; empty or inside out where that is nothing."""
        return Rect(max(self.x0, other.x0), max(self.y0, other.y0), min(self.x1, other.x1), min(self.y1, other.y1))

    def within(self, outer: Rect) -> tuple[slice, slice]:
        """Rows and columns of this inside an array that holds `outer`."""
        return slice(self.y0 - outer.y0, self.y1 - outer.y0), slice(self.x0 - outer.x0, self.x1 - outer.x0)


class PlainTile(NamedTuple):
    """What refinement is given of a tile.

    x: (1, H, W, 3) pixels in 0..255, sides multiples of the stride. importance: (1, H, W, 1) factor on the squared
    error of each, 0 beyond the image. around: (1, h', w', M) features of analysis, of the tile and beyond; inside:
    rows and columns of the tile in them. grey: whether decoders show the mean of the colours.
    """

    x: Floats
    importance: Floats
    around: Floats
    inside: tuple[slice, slice]
    grey: bool


def whole(header: ImageHeader) -> Rect:
    """All pixels of an image."""
    return Rect(0, 0, header.width, header.height)
