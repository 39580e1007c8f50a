"""Image files of every format: what they hold beside pixels, and what is handed to Pillow."""

from __future__ import annotations

from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngImageFile, iTXt

from codec.bitstream.extras import COMMENT, INCH, METRE, METRES, Chunk, Text, Trailer
from codec.media.image import bmp, boxes, gif, jpeg, netpbm, png, webp
from codec.media.image.found import Found, latin_or_utf8

JPEG2000 = b"\0\0\0\x0cjP  \r\n\x87\n"
TGA_MARK = b"TRUEVISION-XFILE.\0"
GAIN_MAP_SIGNS = (b"http://ns.adobe.com/hdr-gain-map/1.0/", b"http://ns.apple.com/HDRGainMap/1.0/", jpeg.GAIN_MAP[:-1])


def take_apart(data: bytes, found: Found) -> bytes:
    """The file without what Pillow need not see; metadata is put into `found`. Raises MediaError."""
    if data.startswith(b"\xff\xd8\xff"):
        return jpeg.take_apart(data, found)
    if data.startswith(png.SIGNATURE):
        return png.take_apart(data, found)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return webp.take_apart(data, found)
    if data.startswith(b"GIF8"):
        gif.collect(data, found)
    elif data.startswith(JPEG2000):
        boxes.collect_jp2(data, found)
    elif data[4:8] == b"ftyp":
        boxes.collect_heif(data, found)
    elif data.startswith(b"BM"):
        bmp.collect(data, found)
    elif netpbm.MAGIC.match(data):
        netpbm.collect(data, found)
    elif data.endswith(TGA_MARK):
        _tga(data, found)
    return data


def _tga(data: bytes, found: Found) -> None:
    """A TGA may end with a footer: where areas of further data begin, and its mark."""
    if any(data[-len(TGA_MARK) - 8 : -len(TGA_MARK)]):
        found.lose("the extension or developer area of a TGA")


def collect_info(image: Image.Image, found: Found, is_file: bool) -> None:
    """Puts what Pillow found into `found`, where that has nothing of the kind yet.

    is_file: whether the image's file was taken apart before; if not, its segments or chunks are looked at too.
    """
    info: dict[Any, Any] = image.info
    if not is_file:
        _collect_opened(image, found)
    dpi = info.get("dpi")
    if found.resolution is None and image.format != "TIFF" and isinstance(dpi, tuple) and len(dpi) == 2:
        _set_dpi(dpi, found)
    for name in ("comment", "id_section"):
        text = info.get(name)
        if isinstance(text, bytes):
            text = latin_or_utf8(text)
        if isinstance(text, str) and not any(one.keyword == COMMENT for one in found.texts):
            found.add_text(Text(COMMENT, text), "comments")


def _collect_opened(image: Image.Image, found: Found) -> None:
    """Of an image that a caller has opened: what Pillow keeps of its file beside `info`."""
    segments = getattr(image, "applist", None)
    if isinstance(segments, list):
        markers = {f"APP{number}": jpeg.APP0 + number for number in range(16)} | {"COM": jpeg.COM}
        jpeg.collect([(markers[name], payload) for name, payload in segments if name in markers], found)
        if "mp" in image.info:
            found.lose_companion("further images behind the first")
    if isinstance(image, PngImageFile):
        for keyword, text in image.text.items():
            if keyword != png.XMP_KEYWORD and not keyword.startswith(png.RAW_PROFILE):
                languages = (str(text.lang), str(text.tkey)) if isinstance(text, iTXt) else ("", "")
                found.add_text(Text(keyword, str(text), *languages), "texts")
    if "srgb" in image.info:
        return
    gamma, points = image.info.get("gamma"), image.info.get("chromaticity")
    if isinstance(gamma, float) and 0 < gamma < 1e4:
        found.chunks.append(Chunk(b"gAMA", round(gamma * 1e5).to_bytes(4)))
    if isinstance(points, tuple) and len(points) == 8 and all(0 <= value < 1e4 for value in points):
        found.chunks.append(Chunk(b"cHRM", b"".join(round(value * 1e5).to_bytes(4) for value in points)))


def _set_dpi(dpi: tuple[Any, Any], found: Found) -> None:
    try:
        x, y = float(dpi[0]), float(dpi[1])
        if x.is_integer() and y.is_integer():
            found.set_resolution(int(x), int(y), INCH)
        else:
            found.set_resolution(round(x / METRES[INCH]), round(y / METRES[INCH]), METRE)
    except (TypeError, ValueError, OverflowError, ZeroDivisionError):
        return  # numbers that odd files made up


def trailer_in_words(trailer: Trailer, packet: bytes) -> str:
    """What stands behind an image, as far as it can be told, given the XMP of the image."""
    kinds = []
    if b"\xff\xd8\xff" in trailer.data:
        signs = [packet, trailer.data, *(segment.payload for segment in trailer.segments)]
        is_gain_map = any(sign in place for place in signs for sign in GAIN_MAP_SIGNS)
        kinds.append("a gain map" if is_gain_map else "a further image")
    if b"ftyp" in trailer.data:
        kinds.append("a video")
    return f"{' and '.join(kinds) or 'trailing data'} of {len(trailer.data):,} bytes behind the image"
