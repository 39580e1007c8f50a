"""Image files written: everything of an image that a format can hold, and a word on what it cannot."""

from __future__ import annotations

import io
import zlib
from typing import Any

import numpy as np
from PIL.TiffImagePlugin import IFDRational, ImageFileDirectory_v2

from codec.bitstream.errors import MediaError
from codec.bitstream.extras import (
    CENTIMETRE,
    INCH,
    METRE,
    Extras,
)
from codec.media.image import exif, fitting, high_depth, jpeg, jxl, png, resources, tiff
from codec.media.image.data import EXIF_PREFIX, ImageData, to_8_bits, to_pillow
from codec.media.notices import notice

# what a restored image can be saved as: Pillow's format and its options, lossless where the format can be
SAVED_AS: dict[str, tuple[str, dict[str, Any]]] = {
    ".png": ("PNG", {}),  # packed by `_packing`
    ".webp": ("WEBP", {"lossless": 1, "exact": 1}),
    ".tif": ("TIFF", {}),
    ".tiff": ("TIFF", {}),
    ".bmp": ("BMP", {}),
    ".ppm": ("PPM", {}),
    ".pgm": ("PPM", {}),
    ".jpg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".jpeg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".avif": ("AVIF", {"quality": 95, "subsampling": "4:4:4"}),
    ".jxl": ("JXL", {}),
}
IMAGE_SUFFIXES = frozenset(SAVED_AS) - {".jxl"}  # suffixes that folders are searched for: of what can be read too

GREY_OF_16_BITS = frozenset({"PNG", "TIFF", "PPM"})
ANY_OF_16_BITS = frozenset({"PNG"})
GREY_ONLY = ".pgm"

MATCHING = {"compress_level": 4}  # less than half of the default's time, for 2 % more bytes
# in photographs zlib finds no more than runs, and looking for no more takes half the time
RUNS = {"compress_level": 1, "compress_type": zlib.Z_RLE}
RUNS_SHARE = 1.03  # of the bytes: up to here the time counts for more
TRIED_ROWS, TRIED_EVERY = 8, 128


def check_suffix(suffix: str) -> None:
    """Raises MediaError for a suffix that names no image format that can be written."""
    if suffix not in SAVED_AS:
        raise MediaError(f"cannot write images as '{suffix}'; known: {' '.join(SAVED_AS)}")


def image_bytes(image: ImageData, suffix: str) -> bytes:
    """The bytes of an image file of the format that a suffix names, with metadata; lossless unless JPEG or AVIF.

    What the format cannot hold is left out with a MediaNotice: bits beyond 8, transparency, metadata. Where that
    includes the orientation, the pixels are turned upright; colours that chunks of PNG tell become a profile.
    Raises: MediaError.
    """
    check_suffix(suffix)
    if suffix == GREY_ONLY and not image.is_grey:
        raise MediaError(f"a '{GREY_ONLY}' holds grey only; write colour as '.ppm'")
    kind, options = SAVED_AS[suffix]
    image = _in_depth(fitting.fitted(image, kind), kind)
    try:
        return _written(image, kind, options)
    except (OSError, ValueError) as error:
        raise MediaError(f"cannot write the image as {kind}: {error}") from error


def _written(image: ImageData, kind: str, options: dict[str, Any]) -> bytes:
    bare = ImageData(image.pixels, image.alpha)
    parts = {"icc": image.icc, "exif": image.exif, "packet": image.xmp}
    if kind == "PNG":
        in_pillow = image.bit_depth == 8 or _is_plain_grey(image)
        plain = _saved(bare, kind, _packing(bare)) if in_pillow else high_depth.png_file(bare)
        return png.put_together(plain, **parts, extras=image.extras)
    if kind == "JPEG":
        return jpeg.put_together(_saved(bare, kind, options), **parts, extras=image.extras)
    if kind == "JXL":
        return jxl.file(to_pillow(bare), image.exif, image.xmp)
    data = _saved(bare, kind, options | _arguments(image, kind))
    return data + image.extras.trailer.data if image.extras.trailer else data


def _saved(image: ImageData, kind: str, options: dict[str, Any]) -> bytes:
    out = io.BytesIO()
    to_pillow(image).save(out, kind, **options)
    return out.getvalue()


def _packing(image: ImageData) -> dict[str, Any]:
    """How zlib shall pack an image as PNG, by some of its rows."""
    rows = np.arange(len(image.pixels)) % TRIED_EVERY < TRIED_ROWS
    some = ImageData(image.pixels[rows], None if image.alpha is None else image.alpha[rows])
    runs, matching = (len(_saved(some, "PNG", options)) for options in (RUNS, MATCHING))
    return RUNS if runs <= RUNS_SHARE * matching else MATCHING


def _arguments(image: ImageData, kind: str) -> dict[str, Any]:
    """Metadata as arguments of Pillow's `save`, which differ from format to format."""
    if kind == "BMP" and image.extras.resolution:
        return {"dpi": image.extras.resolution.per(INCH)}
    if not fitting.HELD[kind] & {"exif"}:
        return {}
    profile = {"icc_profile": image.icc or None}
    if kind == "TIFF":
        return profile | {"tiffinfo": _tiff_tags(image)}
    return profile | ({"exif": EXIF_PREFIX + image.exif} if image.exif else {}) | {"xmp": image.xmp}


def _in_depth(image: ImageData, kind: str) -> ImageData:
    holds_16 = kind in (GREY_OF_16_BITS if _is_plain_grey(image) else ANY_OF_16_BITS)
    if image.bit_depth == 8 or holds_16:
        return image
    notice(f"{kind} cannot hold 16 bits of such an image: rounded to 8")
    return to_8_bits(image)


def _is_plain_grey(image: ImageData) -> bool:
    return image.is_grey and image.alpha is None


def _tiff_tags(image: ImageData) -> ImageFileDirectory_v2:
    tags = ImageFileDirectory_v2()
    try:
        tags.update(exif.describing_tags(exif.parsed(image.exif)))
        tags.tobytes()
    except Exception:  # whatever Pillow raises for damaged EXIF
        notice("TIFF cannot hold the EXIF, which is damaged: left out")
        tags = ImageFileDirectory_v2()
    if image.xmp:
        tags[tiff.XMP] = image.xmp
    extras: Extras = image.extras
    if extras.resources:
        tags[tiff.PHOTOSHOP] = extras.resources
        tags.tagtype[tiff.PHOTOSHOP] = 1  # bytes
        iptc = resources.iptc_of(extras.resources)
        if iptc:
            tags[tiff.IPTC] = iptc
            tags.tagtype[tiff.IPTC] = 7  # bytes of another kind
    if extras.resolution and exif.Base.XResolution not in tags:
        unit = INCH if extras.resolution.unit == INCH else CENTIMETRE
        scale = 100 if extras.resolution.unit == METRE else 1
        tags[exif.Base.ResolutionUnit] = unit + 1
        tags[exif.Base.XResolution] = IFDRational(extras.resolution.x, scale)
        tags[exif.Base.YResolution] = IFDRational(extras.resolution.y, scale)
    if extras.comment:
        tags[exif.Base.ImageDescription] = extras.comment
    return tags
