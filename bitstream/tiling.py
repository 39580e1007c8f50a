"""Where the tiles of an image lie: a grid of equal rectangles, in raster order, smaller at the right and bottom."""

from __future__ import annotations

from dataclasses import dataclass

from codec.bitstream import constants

TILED_FROM = 1 << 20  # pixels: larger images are cut by our encoder
TILE_SIDE = 1024  # pixels: the longest side of its tiles


@dataclass(frozen=True)
class Tile:
    """A rectangle of pixels."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True)
class Tiling:
    """The tiles of an image. width, height: of the image; tile_width, tile_height: of a tile; all in pixels."""

    width: int
    height: int
    tile_width: int
    tile_height: int

    @property
    def columns(self) -> int:
        """Tiles in a row."""
        return -(-self.width // self.tile_width)

    @property
    def rows(self) -> int:
        """Rows of tiles."""
        return -(-self.height // self.tile_height)

    def __len__(self) -> int:
        return self.columns * self.rows

    def __getitem__(self, number: int) -> Tile:
        row, column = divmod(number, self.columns)
        if not 0 <= row < self.rows:
            raise IndexError(number)
        x, y = column * self.tile_width, row * self.tile_height
        return Tile(x, y, min(self.tile_width, self.width - x), min(self.tile_height, self.height - y))

    def touching(self, x0: int, y0: int, x1: int, y1: int) -> list[int]:
        """Numbers of the tiles that share pixels with columns x0..x1 - 1 and rows y0..y1 - 1, in raster order."""
        columns = range(max(x0 // self.tile_width, 0), min(-(-x1 // self.tile_width), self.columns))
        rows = range(max(y0 // self.tile_height, 0), min(-(-y1 // self.tile_height), self.rows))
        return [row * self.columns + column for row in rows for column in columns]


def tile_units(width: int, height: int) -> tuple[int, int]:
    """(across, down): sides of the tiles that our encoder cuts an image into, in units of ALIGNMENT; (0, 0): none."""
    if width * height <= TILED_FROM:
        return 0, 0
    return _units(width), _units(height)


def _units(side: int) -> int:
    """A side cut into equal parts of at most TILE_SIDE: the last is not a sliver."""
    parts = -(-side // TILE_SIDE)
    return -(-side // (parts * constants.ALIGNMENT))
