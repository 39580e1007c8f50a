"""EXIF as an image carries it: bytes from the TIFF header on, kept as they are. Only TIFF files need it by tags.

A TIFF file is itself what EXIF imitates: its tags describe the image and lay out the file at once, so that the
describing ones are picked.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import ExifTags, Image

from codec.media.image.data import EXIF_PREFIX, ImageData, Pixels, info

UPRIGHT = 1  # orientation: the rows of the file are those of the image, top to bottom
TURNS: dict[int, Callable[[Pixels], Pixels]] = {
    UPRIGHT: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: np.rot90(a),
}
INVERSE = {6: 8, 8: 6}  # quarter turns; all the others undo themselves

RAW_PROFILE = "Raw profile type exif"  # a PNG text of ImageMagick, from before PNG had a chunk for EXIF

Base, Ifd = ExifTags.Base, ExifTags.IFD
DESCRIBING = frozenset(
    {
        Base.DocumentName,
        Base.ImageDescription,
        Base.PageName,
        Base.Make,
        Base.Model,
        Base.Orientation,
        Base.XResolution,
        Base.YResolution,
        Base.ResolutionUnit,
        Base.Software,
        Base.DateTime,
        Base.Artist,
        Base.HostComputer,
        Base.Copyright,
        Base.Rating,
        Base.XPTitle,
        Base.XPComment,
        Base.XPAuthor,
        Base.XPKeywords,
        Base.XPSubject,
    }
)
LOST_TAGS = {0x927C: "the maker note in EXIF", 0xA005: "tags of Interop in EXIF"}
POINTERS = frozenset({Ifd.Interop})  # places in the old file


def of_image(image: Image.Image) -> bytes:
    """The EXIF in the `info` of a loaded image, b"" where there is none. Raises whatever Pillow does."""
    exif = image.info.get("exif")
    if exif is None and RAW_PROFILE in image.info:
        exif = bytes.fromhex("".join(image.info[RAW_PROFILE].split("\n")[3:]))
    return re.sub(b"^(" + EXIF_PREFIX + b")+", b"", exif) if isinstance(exif, bytes) else b""


def of_tiff(image: Image.Image) -> bytes:
    """The describing tags of a TIFF image not loaded yet, as EXIF; b"" where there are none."""
    tags = Image.Exif()
    tags.update(describing_tags(image.getexif()))
    return tags.tobytes().removeprefix(EXIF_PREFIX) if len(tags) else b""


def describing_tags(exif: Image.Exif) -> dict[int, Any]:
    """Tags that say something of the image and nothing of the file, with Exif and GPS tags in dictionaries."""
    tags: dict[int, Any] = {tag: value for tag, value in exif.items() if tag in DESCRIBING}
    for group in (Ifd.Exif, Ifd.GPSInfo):
        inner = {tag: value for tag, value in exif.get_ifd(group).items() if tag not in POINTERS}
        if inner:
            tags[group] = inner
    return tags


def parsed(exif: bytes) -> Image.Exif:
    """The tags in the EXIF of an image. Raises whatever Pillow does for damaged bytes."""
    tags = Image.Exif()
    tags.load(exif)
    return tags


def directory(data: bytes, start: int) -> dict[int, int]:
    """Numbers and values, or places, of the tags of a directory in EXIF or a TIFF, as far as it goes."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(data[:4])
    if order is None or start + 2 > len(data):
        return {}
    (count,) = struct.unpack_from(order + "H", data, start)
    end = min(start + 2 + 12 * count, len(data) - 11)
    entries = (struct.unpack_from(order + "HHII", data, at) for at in range(start + 2, end, 12))
    return {tag: value for tag, _, _, value in entries}


def lost_with(data: bytes, inner: int | None = None) -> list[str]:
    """What of EXIF, or of a TIFF whose Exif tags stand at `inner`, is lost where Pillow writes it tag by tag."""
    if inner is None:
        first = int.from_bytes(data[4:8], "little" if data[:2] == b"II" else "big")
        inner = directory(data, first).get(Ifd.Exif, len(data))
    found = directory(data, inner)
    return [words for tag, words in LOST_TAGS.items() if tag in found]


def orientation(image: Image.Image) -> int:
    """1 to 8 as the EXIF, or else the XMP, of an image has it; 1 where they do not say."""
    try:
        found = image.getexif().get(Base.Orientation)
    except Exception:  # whatever Pillow raises for damaged bytes, which say nothing
        return UPRIGHT
    return found if found in TURNS else UPRIGHT


def orientation_of(image: ImageData) -> int:
    """1 to 8 as the EXIF, or else the XMP, of an image has it; 1 where they do not say."""
    pillow = Image.new("L", (1, 1))
    pillow.info.update(info(image))
    return orientation(pillow)


def turned(samples: Pixels, orientation: int) -> Pixels:
    """The samples (H, W, C) of a file with an orientation, turned upright."""
    return TURNS[orientation](samples)


def turned_back(samples: Pixels, orientation: int) -> Pixels:
    """The inverse of `turned`."""
    return TURNS[INVERSE.get(orientation, orientation)](samples)
