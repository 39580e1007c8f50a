"""What an image holds beside pixels, in a line each."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from PIL import ExifTags

from codec.bitstream.extras import COMMENT, INCH, METRE, UNITS, Chunk, Extras, Resolution
from codec.media.image import resources
from codec.media.image.containers import trailer_in_words
from codec.media.image.exif import lost_with, parsed

SHOWN_LETTERS = 60  # of a text
SHOWN_TAGS = 20  # of EXIF


def colours(icc: bytes, extras: Extras) -> str:
    """What says which colours the pixels are."""
    if extras.chunk(b"cICP"):
        return "by cICP"
    if icc:
        return "by an ICC profile"
    named = [name for name in ("gAMA", "cHRM") if extras.chunk(name.encode())]
    return f"by {' and '.join(named)}" if named else "sRGB, as nothing says otherwise"


def lines(icc: bytes, exif: bytes, xmp: bytes, extras: Extras) -> Iterator[str]:
    """A line for each thing that is there. Texts are those of the file: not fit for terminals as they are."""
    if icc:
        yield f"ICC profile: {len(icc):,} bytes"
    if exif:
        yield f"EXIF: {len(exif):,} bytes{_tags(exif)}"
    for name, content in (("XMP", xmp), ("extended XMP", extras.extended_xmp)):
        if content:
            yield f"{name}: {len(content):,} bytes"
    if extras.resources:
        iptc = resources.iptc_of(extras.resources)
        yield f"IPTC: {len(iptc):,} bytes" if iptc else f"Photoshop resources: {len(extras.resources):,} bytes"
    if extras.resolution:
        yield f"resolution: {_resolution(extras.resolution)}"
    for text in extras.texts:
        shown = " ".join(text.text.split())
        shown = shown if len(shown) <= SHOWN_LETTERS else shown[: SHOWN_LETTERS - 3] + "..."
        yield f"comment: {shown}" if text.keyword == COMMENT else f"text {text.keyword}: {shown}"
    for chunk in extras.chunks:
        yield f"PNG chunk {chunk.name.decode('latin-1')}: {_chunk(chunk)}"
    if extras.trailer:
        yield trailer_in_words(extras.trailer, xmp)


def _tags(exif: bytes) -> str:
    """Names of what EXIF says, as far as they are known."""
    try:
        tags = parsed(exif)
        names = [*tags, *tags.get_ifd(ExifTags.IFD.Exif)]
        shown = [ExifTags.TAGS[tag] for tag in names if tag in ExifTags.TAGS and tag not in tuple(ExifTags.IFD)]
        shown += ["MakerNote"] * ("the maker note in EXIF" in lost_with(exif))
        shown += ["position"] * bool(tags.get_ifd(ExifTags.IFD.GPSInfo))
        shown += ["thumbnail"] * bool(tags.get_ifd(ExifTags.IFD.IFD1))
    except Exception:  # whatever Pillow raises for damaged EXIF
        return ", which are damaged"
    more = [f"and {len(shown) - SHOWN_TAGS} more"] if len(shown) > SHOWN_TAGS else []
    return f": {', '.join(shown[:SHOWN_TAGS] + more)}" if shown else ""


def _resolution(resolution: Resolution) -> str:
    words = f"{resolution.x} x {resolution.y} {UNITS[resolution.unit]}"
    if resolution.unit != METRE:
        return words
    x, y = resolution.per(INCH)
    return f"{words}, {x:.4g} x {y:.4g} {UNITS[INCH]}"


def _chunk(chunk: Chunk) -> str:
    content = chunk.content
    if chunk.name == b"cICP" and len(content) == 4:
        return "colour primaries {}, transfer {}, matrix {}, full range {}".format(*content)
    if chunk.name == b"gAMA" and len(content) == 4:
        return f"gamma {int.from_bytes(content) / 1e5:g}"
    if chunk.name == b"cHRM" and len(content) == 32:
        points = [f"{value / 1e5:g}" for value in struct.unpack(">8I", content)]
        return f"chromaticities of white, red, green and blue {' '.join(points)}"
    return f"{len(content):,} bytes"
