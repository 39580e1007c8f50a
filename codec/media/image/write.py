"""Image files written: everything of an image that a format can hold, and a word on what it cannot."""

from __future__ import annotations

import io
from typing import Any

from PIL.PngImagePlugin import PngInfo
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from codec.bitstream.errors import MediaError
from codec.media.image import exif, high_depth
from codec.media.image.data import EXIF_PREFIX, ImageData, Pixels, joined, to_8_bits, to_pillow, with_samples
from codec.media.notices import notice

# what a restored image can be saved as: Pillow's format and its options, lossless where the format can be
SAVED_AS: dict[str, tuple[str, dict[str, int]]] = {
    ".png": ("PNG", {}),
    ".webp": ("WEBP", {"lossless": 1, "exact": 1}),
    ".tif": ("TIFF", {}),
    ".tiff": ("TIFF", {}),
    ".bmp": ("BMP", {}),
    ".ppm": ("PPM", {}),
    ".pgm": ("PPM", {}),
    ".jpg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".jpeg": ("JPEG", {"quality": 95, "subsampling": 0}),
}
IMAGE_SUFFIXES = frozenset(SAVED_AS)  # suffixes that folders are searched for

# what Pillow's formats hold besides pixels, by the fields of Image
HELD: dict[str, frozenset[str]] = {
    "PNG": frozenset({"alpha", "icc", "exif", "xmp"}),
    "WEBP": frozenset({"alpha", "icc", "exif", "xmp"}),
    "TIFF": frozenset({"alpha", "icc", "exif", "xmp"}),
    "JPEG": frozenset({"icc", "exif", "xmp"}),
    "BMP": frozenset(),
    "PPM": frozenset(),
}
IN_WORDS = {"alpha": "transparency", "icc": "ICC profile", "exif": "EXIF", "xmp": "XMP"}
GREY_OF_16_BITS = frozenset({"PNG", "TIFF", "PPM"})
ANY_OF_16_BITS = frozenset({"PNG"})
GREY_ONLY = ".pgm"

MAX_JPEG_BYTES = 65_504  # of EXIF or XMP: each lies in one segment, behind its name
XMP_TAG = 700  # of TIFF


def check_suffix(suffix: str) -> None:
    """Raises MediaError for a suffix that names no image format that can be written."""
    if suffix not in SAVED_AS:
        raise MediaError(f"cannot write images as '{suffix}'; known: {' '.join(SAVED_AS)}")


def image_bytes(image: ImageData, suffix: str) -> bytes:
    """The bytes of an image file of the format that a suffix names, with metadata; lossless unless it is JPEG.

    What the format cannot hold is left out with a MediaNotice: bits beyond 8, transparency, metadata. Where that
    includes the orientation, the pixels are turned upright.
    Raises: MediaError.
    """
    check_suffix(suffix)
    if suffix == GREY_ONLY and not image.is_grey:
        raise MediaError(f"a '{GREY_ONLY}' holds grey only; write colour as '.ppm'")
    kind, options = SAVED_AS[suffix]
    image = _in_depth(_without_rest(_upright(image, kind), kind), kind)
    if image.bit_depth == 16 and not _is_plain_grey(image):
        return high_depth.png_file(image)
    out = io.BytesIO()
    try:
        to_pillow(image).save(out, kind, **options, **_metadata(image, kind))
    except (OSError, ValueError) as error:
        raise MediaError(f"cannot write the image as {kind}: {error}") from error
    return out.getvalue()


def _upright(image: ImageData, kind: str) -> ImageData:
    turn = exif.orientation_of(image)
    if "exif" in HELD[kind] or turn == exif.UPRIGHT:
        return image
    notice(f"{kind} holds no orientation: the image is turned upright")
    return with_samples(image, exif.turned(joined(image), turn))


def _without_rest(image: ImageData, kind: str) -> ImageData:
    rest = [name for name in IN_WORDS if not _holds(kind, name, getattr(image, name))]
    if not rest:
        return image
    notice(f"{kind} cannot hold everything: {', '.join(IN_WORDS[name] for name in rest)} left out")
    kept = {name: getattr(image, name) for name in IN_WORDS if name not in rest}
    return ImageData(image.pixels, **kept)


def _holds(kind: str, name: str, content: Pixels | bytes | None) -> bool:
    if content is None or not len(content):
        return True
    fits = kind != "JPEG" or name == "icc" or len(content) <= MAX_JPEG_BYTES
    return name in HELD[kind] and fits


def _in_depth(image: ImageData, kind: str) -> ImageData:
    holds_16 = kind in (GREY_OF_16_BITS if _is_plain_grey(image) else ANY_OF_16_BITS)
    if image.bit_depth == 8 or holds_16:
        return image
    notice(f"{kind} cannot hold 16 bits of such an image: rounded to 8")
    return to_8_bits(image)


def _is_plain_grey(image: ImageData) -> bool:
    return image.is_grey and image.alpha is None


def _metadata(image: ImageData, kind: str) -> dict[str, Any]:
    """Arguments of Pillow's `save`, which differ from format to format."""
    if not HELD[kind]:
        return {}
    profile = {"icc_profile": image.icc or None}
    prefixed = {"exif": EXIF_PREFIX + image.exif} if image.exif else {}
    if kind == "TIFF":
        return profile | {"tiffinfo": _tiff_tags(image)}
    if kind == "PNG":
        texts = PngInfo()
        if image.xmp:
            texts.add_itxt("XML:com.adobe.xmp", image.xmp)
        return profile | prefixed | {"pnginfo": texts}
    return profile | prefixed | {"xmp": image.xmp}


def _tiff_tags(image: ImageData) -> ImageFileDirectory_v2:
    tags = ImageFileDirectory_v2()
    try:
        tags.update(exif.describing_tags(exif.parsed(image.exif)))
        tags.tobytes()
    except Exception:  # whatever Pillow raises for damaged EXIF
        notice("TIFF cannot hold the EXIF, which is damaged: left out")
        tags = ImageFileDirectory_v2()
    if image.xmp:
        tags[XMP_TAG] = image.xmp
    return tags
