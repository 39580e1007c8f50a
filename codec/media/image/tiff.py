"""TIFF files: which page is the image, and the tags that are not EXIF's."""

from __future__ import annotations

import struct
from fractions import Fraction
from typing import Any

from PIL import TiffTags
from PIL.TiffImagePlugin import TiffImageFile

from codec.bitstream.errors import MediaError
from codec.bitstream.extras import CENTIMETRE, INCH, METRE, METRES, Chunk
from codec.media.image import exif, resources
from codec.media.image.found import Found
from codec.media.notices import notice

SUBFILE, OLD_SUBFILE = 254, 255
REDUCED, MASK = 1, 4  # bits of SUBFILE
OLD_REDUCED = 2
WHITE, PRIMARIES = 318, 319
X_RESOLUTION, Y_RESOLUTION, UNIT = 282, 283, 296
XMP, ICC, IPTC, PHOTOSHOP = 700, 34675, 33723, 34377
LONG = 4  # the type that IPTC often has, wrongly: its bytes then lie as those of integers

KEPT = frozenset({XMP, ICC, IPTC, PHOTOSHOP, WHITE, PRIMARIES, exif.Ifd.Exif, exif.Ifd.GPSInfo}) | exif.DESCRIBING
# tags that say how the samples lie in the file
LAYOUT = frozenset(
    {*range(254, 267), 273, *range(277, 282), 284, *range(288, 294), 297, 317, *range(320, 328), 332, 334}
    | {*range(336, 344), 347, *range(512, 522), *range(529, 533), 34676}
)
MAX_PAGES = 1 << 10
THUMBNAIL_SHARE = 0.5  # of the page's sides, at most
THUMBNAIL_SHAPE = 0.15  # by which the ratio of its sides may differ


def choose_page(image: TiffImageFile) -> None:
    """Turns to the page that is no thumbnail or mask of another. Raises MediaError where there are several."""
    count = image.n_frames
    if count == 1:
        return
    if count > MAX_PAGES:
        raise MediaError(f"a TIFF of {count} pages; only single pages are supported")
    sizes, reduced = [], []
    for number in range(count):
        image.seek(number)
        sizes.append(image.size)
        kind, old_kind = image.tag_v2.get(SUBFILE, 0), image.tag_v2.get(OLD_SUBFILE, 1)
        reduced.append(bool(kind & (REDUCED | MASK)) or old_kind == OLD_REDUCED)
    candidates = [number for number in range(count) if not reduced[number]] or list(range(count))
    page = max(candidates, key=lambda number: sizes[number][0] * sizes[number][1])
    others = [number for number in candidates if number != page and not _is_thumbnail(sizes[number], sizes[page])]
    if others:
        raise MediaError(f"a TIFF of {len(others) + 1} pages; only single pages are supported")
    image.seek(page)
    for number in range(count):
        if number != page:
            width, height = sizes[number]
            notice(f"a thumbnail or mask of {width} x {height} pixels, page {number + 1} of the TIFF, left out")


def _is_thumbnail(size: tuple[int, int], of: tuple[int, int]) -> bool:
    width, height = size[0] / of[0], size[1] / of[1]
    return max(width, height) <= THUMBNAIL_SHARE and abs(width - height) <= THUMBNAIL_SHAPE * max(width, height)


def collect(image: TiffImageFile, data: bytes | None, found: Found) -> None:
    """Puts the tags of a page that is not loaded yet into `found`, but for those that become EXIF.

    data: the bytes of its file, where they are known.
    """
    tags = image.tag_v2
    inner = tags.get(exif.Ifd.Exif)
    for words in exif.lost_with(data, inner) if data and isinstance(inner, int) else []:
        found.lose(words)
    for tag in sorted(tags):
        if tag not in KEPT and tag not in LAYOUT:
            name = TiffTags.lookup(tag).name
            found.lose(f"TIFF tag {tag}" + (f" ({name})" if name != "unknown" else ""))
    blocks = _bytes(tags.get(PHOTOSHOP), tags.tagtype.get(PHOTOSHOP), image)
    iptc = _bytes(tags.get(IPTC), tags.tagtype.get(IPTC), image)
    if iptc and not resources.iptc_of(blocks):
        blocks += resources.of_iptc(iptc)
    found.resources = found.bounded(blocks, "Photoshop resources")
    _resolution(tags, found)
    white, primaries = tags.get(WHITE), tags.get(PRIMARIES)
    if white and primaries and not tags.get(ICC):
        try:
            points = [round(float(value) * 1e5) for value in (*white, *primaries)]
            found.chunks.append(Chunk(b"cHRM", struct.pack(">8I", *points)))
        except (struct.error, ValueError, TypeError, ZeroDivisionError):
            found.lose("TIFF tags of primaries, which are damaged,")


def _bytes(value: Any, kind: int | None, image: TiffImageFile) -> bytes:
    if isinstance(value, bytes):
        return value
    if kind == LONG and isinstance(value, (tuple, int)):
        numbers = value if isinstance(value, tuple) else (value,)
        return struct.pack(f"{'<' if image.tag_v2._endian == '<' else '>'}{len(numbers)}I", *numbers)
    return b""


def _resolution(tags: Any, found: Found) -> None:
    unit = {2: INCH, 3: CENTIMETRE}.get(tags.get(UNIT, 2))
    try:
        x, y = Fraction(tags.get(X_RESOLUTION, 0)), Fraction(tags.get(Y_RESOLUTION, 0))
    except (ValueError, TypeError, ZeroDivisionError, OverflowError):
        return
    if unit is None:
        return
    if x.denominator != 1 or y.denominator != 1:
        x, y, unit = x / Fraction(str(METRES[unit])), y / Fraction(str(METRES[unit])), METRE
    found.set_resolution(round(x), round(y), unit)
