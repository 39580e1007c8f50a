"""Images at the edges: odd files read, everything written back, and damaged files refused by name."""

from __future__ import annotations

import io
import re
import struct
import types
import warnings
import zlib
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import png
import pytest
import torch
from PIL import ExifTags, Image, ImageCms, ImageOps
from PIL.PngImagePlugin import PngInfo

from codec.bitstream.errors import CodecError, CorruptFile, LimitExceeded, MediaError
from codec.media import (
    ImageData,
    MediaNotice,
    alpha_bytes,
    alpha_from,
    image_bytes,
    read_image,
    to_8_bits,
    to_16_bits,
    to_pillow,
)
from codec.media.image import exif, high_depth
from codec.media.image.data import joined, split
from tests.conftest import SPEECH

HEIGHT, WIDTH = 7, 5


def noise(channels: int, dtype: type = np.uint8, height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    generator = np.random.default_rng(channels)
    return generator.integers(0, np.iinfo(dtype).max + 1, (height, width, channels), dtype)


GREY, GREY_ALPHA, RGB, RGBA = (noise(channels) for channels in (1, 2, 3, 4))
RGBA[0, :, 3] = 0  # colours that nobody sees
GREY_16, GREY_ALPHA_16, RGB_16, RGBA_16 = (noise(channels, np.uint16) for channels in (1, 2, 3, 4))


# ---- files made in other ways than by the code under test


def pillow(samples: np.ndarray, mode: str | None = None) -> Image.Image:
    image = Image.fromarray(samples[:, :, 0] if samples.shape[2] == 1 else samples)
    return image.convert(mode) if mode else image


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def pypng(samples: np.ndarray, depth: int, **options: object) -> bytes:
    height, width, channels = samples.shape
    out = io.BytesIO()
    writer = png.Writer(
        width, height, greyscale=channels < 3, alpha=channels in (2, 4), bitdepth=depth, compression=9, **options
    )
    writer.write_array(out, samples.reshape(-1).tolist())
    return out.getvalue()


def with_chunk(data: bytes, name: bytes, content: bytes, before: bytes) -> bytes:
    """A PNG with one more chunk before the first one of a name."""
    at = data.index(before) - 4
    chunk = struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
    return data[:at] + chunk + data[at:]


def frames(kind: str) -> bytes:
    first, *others = (Image.new("RGB", (9, 9), colour) for colour in ("red", "lime", "blue"))
    return saved(first, kind, save_all=True, append_images=others)


def png_header(width: int, height: int, depth: int, colour: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return with_chunk(b"\x89PNG\r\n\x1a\n\0\0\0\0IDAT" + bytes(30), b"IHDR", header, b"IDAT")


def tiff(samples: np.ndarray, order: str = "<", *, depth: int = 0, **tags: int) -> bytes:
    """A TIFF of one strip or, in separate planes, one a channel. tags: t274=6 is the orientation, and so on."""
    height, width, channels = samples.shape
    entries = {256: [width], 257: [height], 258: [depth or samples.itemsize * 8] * channels, 259: [1]}
    entries |= {262: [2 if channels > 2 else 1], 277: [channels], 278: [height], 284: [1]}
    entries |= {int(tag[1:]): [value] for tag, value in tags.items()}
    planes = np.moveaxis(samples, 2, 0) if entries[284] == [2] else samples[None]
    strips = [plane.astype(samples.dtype.newbyteorder(order)).tobytes() for plane in planes]
    if entries[259] == [8]:
        strips = [zlib.compress(strip) for strip in strips]
    starts = np.cumsum([8] + [len(strip) for strip in strips])
    entries |= {273: [int(start) for start in starts[:-1]], 279: [len(strip) for strip in strips]}
    directory, tail = struct.pack(order + "H", len(entries)), b""
    start = int(starts[-1])
    end = start + 2 + 12 * len(entries) + 4
    for tag, values in sorted(entries.items()):
        content = struct.pack(f"{order}{len(values)}{'H' if tag == 258 else 'L'}", *values)
        where = struct.pack(order + "L", end + len(tail)) if len(content) > 4 else content.ljust(4, b"\0")
        tail += content if len(content) > 4 else b""
        directory += struct.pack(order + "HHL", tag, 3 if tag == 258 else 4, len(values)) + where
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "L", start)
    return head + b"".join(strips) + directory + bytes(4) + tail


def cmyk_profile() -> bytes:
    """An ICC profile by which paper is white, and every ink but black is red: no rule of thumb says the same."""
    white, red, black = bytes((255, 128, 128)), bytes((138, 209, 198)), bytes((0, 128, 128))  # L*, a*, b* in 8 bits
    corners = white + black + (red + black) * 7
    identity = bytes(range(256))
    matrix = struct.pack(">9i", *(65536 * one for one in (1, 0, 0, 0, 1, 0, 0, 0, 1)))
    table = b"mft1" + bytes(4) + bytes((4, 3, 2, 0)) + matrix + identity * 4 + corners + identity * 3
    name = b"Red Inks\0"
    description = b"desc" + bytes(4) + struct.pack(">I", len(name)) + name + bytes(78 + 3)
    point = b"XYZ " + bytes(4) + struct.pack(">3i", 63190, 65536, 54061)
    body, directory = b"", struct.pack(">I", 3)
    for tag, content in ((b"desc", description), (b"wtpt", point), (b"A2B0", table)):
        directory += tag + struct.pack(">II", 128 + 4 + 36 + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    header = struct.pack(">I4sI4s4s4s", 128 + 40 + len(body), b"lcms", 0x02100000, b"prtr", b"CMYK", b"Lab ")
    header += bytes(12) + b"acsp" + bytes(28) + struct.pack(">3i", 63190, 65536, 54061)
    return header.ljust(128, b"\0") + directory + body


@cache  # it holds the second in which it was made
def srgb_profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def camera_exif(orientation: int) -> bytes:
    """EXIF with tags, Exif tags and a position, without a prefix."""
    tags = Image.Exif()
    tags[ExifTags.Base.Make] = "Camera works"
    tags[ExifTags.Base.Orientation] = orientation
    tags[ExifTags.IFD.Exif] = {
        ExifTags.Base.DateTimeOriginal: "2026:01:02 03:04:05",
        ExifTags.Base.ISOSpeedRatings: 200,
    }
    tags[ExifTags.IFD.GPSInfo] = {ExifTags.GPS.GPSLatitudeRef: "N"}
    return tags.tobytes().removeprefix(b"Exif\0\0")


XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><note>gr\xc3\xbcn</note></x:xmpmeta>'


# ---- reading


def read(source: object) -> tuple[ImageData, list[str]]:
    """The image and the notices that came with it."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("error")
        warnings.simplefilter("always", MediaNotice)
        image = read_image(source)  # type: ignore[arg-type]
    return image, [str(one.message) for one in caught]


@dataclass
class Odd:
    """A file, the samples (H, W, 1 to 4) that it holds, and what is said of them."""

    data: bytes
    samples: np.ndarray
    notice: str = ""
    tolerance: int = 0


def palette_image(colours: np.ndarray) -> Image.Image:
    image = Image.fromarray((GREY[:, :, 0] % len(colours)).astype(np.uint8), "P")
    image.putpalette(colours.astype(np.uint8).tobytes())
    return image


def keyed(samples: np.ndarray, key: np.ndarray) -> np.ndarray:
    """Samples with an alpha that hides one colour."""
    alpha = np.where((samples == key).all(2), 0, np.iinfo(samples.dtype).max)
    return np.dstack((samples, alpha)).astype(samples.dtype)


COLOURS, GREYS = noise(3, height=4, width=1)[:, 0], np.repeat(noise(1, height=4, width=1)[:, 0], 3, 1)
PALETTE, GREY_PALETTE = palette_image(COLOURS), palette_image(GREYS)
INDEX = GREY[:, :, 0] % 4
BITS = (GREY > 127).astype(np.uint8)
WIDE = GREY_16.astype(np.int32)
INKS = Image.new("CMYK", (WIDTH, HEIGHT), (0, 255, 255, 0))
WHITE_16 = np.uint16(65535)


def filled(*colour: int) -> np.ndarray:
    return np.full((HEIGHT, WIDTH, len(colour)), colour, np.uint8)


ODD = {
    "1.png": Odd(pypng(BITS, 1), BITS * 255, "one bit"),
    "1.pbm": Odd(saved(pillow(BITS * 255, "1"), "PPM"), BITS * 255, "one bit"),
    "1 with tRNS.png": Odd(pypng(BITS, 1, transparent=1), keyed(BITS * 255, 255), "one bit.*transparent colour"),
    "2 bits.png": Odd(pypng(GREY // 64, 2), GREY // 64 * 85),
    "L.png": Odd(saved(pillow(GREY), "PNG"), GREY),
    "L.bmp": Odd(saved(pillow(GREY), "BMP"), GREY),
    "L with tRNS.png": Odd(
        saved(pillow(GREY), "PNG", transparency=int(GREY[2, 3, 0])), keyed(GREY, GREY[2, 3]), "transparent colour"
    ),
    "2 bits with tRNS.png": Odd(pypng(GREY // 64, 2, transparent=2), keyed(GREY // 64 * 85, 170), "transparent colour"),
    "4 bits with tRNS.png": Odd(
        pypng(GREY // 16, 4, transparent=int(GREY[2, 3, 0]) // 16),
        keyed(GREY // 16 * 17, GREY[2, 3] // 16 * 17),
        "transparent colour",
    ),
    "LA.png": Odd(saved(pillow(GREY_ALPHA), "PNG"), GREY_ALPHA),
    "LA.tif": Odd(saved(pillow(GREY_ALPHA), "TIFF"), GREY_ALPHA),
    "P.png": Odd(saved(PALETTE, "PNG"), COLOURS[INDEX], "palette expanded to RGB$"),
    "P.gif": Odd(saved(PALETTE, "GIF"), COLOURS[INDEX], "palette expanded to RGB$"),
    "P with one transparent.png": Odd(
        saved(PALETTE, "PNG", transparency=1),
        np.dstack((COLOURS[INDEX], np.where(INDEX == 1, 0, 255).astype(np.uint8))),
        "palette expanded to RGB with transparency",
    ),
    "P with one transparent.gif": Odd(
        saved(PALETTE, "GIF", transparency=1),
        np.dstack((COLOURS[INDEX], np.where(INDEX == 1, 0, 255).astype(np.uint8))),
        "palette expanded to RGB with transparency",
    ),
    "P with alphas.png": Odd(
        saved(PALETTE, "PNG", transparency=b"\0\x40\x80\xff"),
        np.dstack((COLOURS[INDEX], np.array([0, 64, 128, 255], np.uint8)[INDEX])),
        "palette expanded to RGB with transparency",
    ),
    "P of greys.png": Odd(saved(GREY_PALETTE, "PNG"), GREYS[INDEX][:, :, :1], "palette expanded to grey$"),
    "P of greys with alphas.png": Odd(
        saved(GREY_PALETTE, "PNG", transparency=b"\0\x40\x80\xff"),
        np.dstack((GREYS[INDEX][:, :, :1], np.array([0, 64, 128, 255], np.uint8)[INDEX])),
        "palette expanded to grey with transparency",
    ),
    "P.tif": Odd(saved(PALETTE, "TIFF"), COLOURS[INDEX], "palette expanded to RGB$"),
    "RGB.png": Odd(saved(pillow(RGB), "PNG"), RGB),
    "RGB.tga": Odd(saved(pillow(RGB), "TGA"), RGB),
    "RGB.jp2": Odd(saved(pillow(RGB), "JPEG2000"), RGB),
    "RGB with tRNS.png": Odd(
        saved(pillow(RGB), "PNG", transparency=tuple(RGB[2, 3].tolist())), keyed(RGB, RGB[2, 3]), "transparent colour"
    ),
    "RGBA.png": Odd(saved(pillow(RGBA), "PNG"), RGBA),
    "RGBA.webp": Odd(saved(pillow(RGBA), "WEBP", lossless=True, exact=True), RGBA),
    "RGBA.avif": Odd(
        saved(Image.new("RGBA", (9, 9), (255, 0, 0, 99)), "AVIF"), np.full((9, 9, 4), (255, 0, 0, 99)), "", 3
    ),
    "premultiplied.tif": Odd(tiff(filled(60, 30, 0, 128), t338=1), filled(120, 60, 0, 128), "divided", 1),
    "YCbCr.jpg": Odd(saved(Image.new("RGB", (WIDTH, HEIGHT), "red"), "JPEG"), filled(255, 0, 0), "", 3),
    "YCbCr.tif": Odd(tiff(filled(76, 85, 255), t262=6), filled(255, 0, 0), "YCbCr converted to RGB", 2),
    "LAB.tif": Odd(tiff(filled(138, 81, 70), t262=8), filled(255, 0, 0), "LAB converted to sRGB", 6),
    "CMYK.jpg": Odd(saved(INKS, "JPEG"), filled(255, 0, 0), "without a profile", 3),
    "CMYK.tif": Odd(saved(INKS, "TIFF"), filled(255, 0, 0), "without a profile"),
    "CMYK with profile.jpg": Odd(
        saved(Image.new("CMYK", (WIDTH, HEIGHT), (255, 0, 0, 0)), "JPEG", icc_profile=cmyk_profile()),
        filled(255, 0, 0),
        "CMYK converted to sRGB through the profile 'Red Inks'",
        6,
    ),
    "CMYK with profile.tif": Odd(
        saved(Image.new("CMYK", (WIDTH, HEIGHT), (0, 255, 0, 0)), "TIFF", icc_profile=cmyk_profile()),
        filled(255, 0, 0),
        "CMYK converted to sRGB through the profile 'Red Inks'",
        6,
    ),
    "CMYK with broken profile.tif": Odd(
        saved(INKS, "TIFF", icc_profile=cmyk_profile()[:90]), filled(255, 0, 0), "without its profile"
    ),
    "CMYK with profile of RGB.tif": Odd(
        saved(INKS, "TIFF", icc_profile=srgb_profile()), filled(255, 0, 0), "without its profile"
    ),
    "16 bits of grey.png": Odd(pypng(GREY_16, 16), GREY_16),
    "16 bits of grey with tRNS.png": Odd(
        pypng(GREY_16, 16, transparent=int(GREY_16[2, 3, 0])), keyed(GREY_16, GREY_16[2, 3]), "transparent colour"
    ),
    "16 bits of LA.png": Odd(pypng(GREY_ALPHA_16, 16), GREY_ALPHA_16),
    "16 bits of RGB.png": Odd(pypng(RGB_16, 16), RGB_16),
    "16 bits of RGB with tRNS.png": Odd(
        pypng(RGB_16, 16, transparent=tuple(RGB_16[2, 3].tolist())), keyed(RGB_16, RGB_16[2, 3]), "transparent colour"
    ),
    "16 bits of RGBA.png": Odd(pypng(RGBA_16, 16), RGBA_16),
    "interlaced.png": Odd(pypng(RGB, 8, interlace=True), RGB),
    "interlaced 16 bits of LA.png": Odd(pypng(GREY_ALPHA_16, 16, interlace=True), GREY_ALPHA_16),
    "interlaced 16 bits of RGB.png": Odd(pypng(RGB_16, 16, interlace=True), RGB_16),
    "16 bits of grey.tif": Odd(tiff(GREY_16), GREY_16),
    "16 bits of grey, big end first.tif": Odd(tiff(GREY_16, ">"), GREY_16),
    "16 bits of grey, white is zero.tif": Odd(tiff(GREY_16, t262=0), WHITE_16 - GREY_16),
    "12 bits of grey.tif": Odd(
        tiff(np.frombuffer(bytes.fromhex("000fff800801"), np.uint8).reshape(1, 6, 1), depth=12, t256=4),
        np.array([0, 0xFFFF, 0x8008, 0x8018], np.uint16)[None, :, None],
        "12 bits",
    ),
    "16 bits of RGB.tif": Odd(tiff(RGB_16), RGB_16),
    "16 bits of RGB, big end first.tif": Odd(tiff(RGB_16, ">"), RGB_16),
    "16 bits of RGB, deflated.tif": Odd(tiff(RGB_16, t259=8), RGB_16),
    "16 bits of RGB, deflated, big end first.tif": Odd(tiff(RGB_16, ">", t259=8), RGB_16),
    "16 bits of RGBA.tif": Odd(tiff(RGBA_16, t338=2), RGBA_16),
    "16 bits of RGB and something.tif": Odd(tiff(RGBA_16, t338=0), RGBA_16[:, :, :3]),
    "16 bits premultiplied.tif": Odd(
        tiff(filled(60, 30, 0, 128).astype(np.uint16) * 257, t338=1), filled(120, 60, 0, 128), "16 bits .* as 8", 1
    ),
    "separate planes.tif": Odd(tiff(RGB, t284=2), RGB),
    "16 bits of grey.pgm": Odd(b"P5 5 7 65535\n" + GREY_16.astype(">u2").tobytes(), GREY_16),
    "10 bits of grey.pgm": Odd(b"P5 2 1 1023\n\3\xff\0\0", np.array([[[65535], [0]]], np.uint16)),
    "16 bits of RGB.ppm": Odd(
        b"P6 5 7 65535\n" + (RGB.astype(">u2") * 257).tobytes(), RGB, "16 bits a sample read as 8"
    ),
    "16 bits of grey.jp2": Odd(saved(pillow(GREY_16), "JPEG2000"), GREY_16),
    "one pixel.png": Odd(saved(pillow(RGB[:1, :1]), "PNG"), RGB[:1, :1]),
    "strip.png": Odd(saved(Image.new("L", (1, 4000), 9), "PNG"), np.full((4000, 1, 1), 9)),
    "lying strip.tif": Odd(saved(Image.new("L", (4000, 1), 9), "TIFF"), np.full((1, 4000, 1), 9)),
    "two views.mpo": Odd(
        saved(Image.new("RGB", (9, 9), "red"), "MPO", save_all=True, append_images=[Image.new("RGB", (9, 9))]),
        np.full((9, 9, 3), (255, 0, 0)),
        "a further image of .* kept as it is",
        3,
    ),
    "icon.ico": Odd(saved(pillow(RGB[:5]), "ICO", sizes=[(5, 5)]), RGB[:5]),
    "wrong suffix.jpg": Odd(saved(pillow(RGB), "PNG"), RGB),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_files_are_read(name: str, tmp_path: Path) -> None:
    odd = ODD[name]
    path = tmp_path / name
    path.write_bytes(odd.data)
    image, notices = read(path)
    samples = joined(image)
    assert samples.shape == odd.samples.shape
    assert image.bit_depth == (16 if odd.samples.dtype == np.uint16 else 8)
    assert np.abs(samples.astype(int) - odd.samples.astype(int)).max() <= odd.tolerance
    assert image.icc == b""  # profiles of inks do not apply to what became of them
    assert [len(line.splitlines()) for line in notices] == [1] * len(notices)
    assert bool(notices) == bool(odd.notice)
    assert re.search(odd.notice, ", ".join(notices)), notices


REFUSED: dict[str, tuple[bytes, type[CodecError], str]] = {
    "F.tif": (saved(Image.new("F", (9, 9), 0.5), "TIFF"), MediaError, "mode F"),
    "F.pfm": (saved(Image.new("F", (9, 9), 0.5), "PPM"), MediaError, "mode F"),
    "32 bits.tif": (
        saved(Image.new("I", (9, 9), 70_000), "TIFF"),
        MediaError,
        "from 70000 to 70000 do not fit 16 bits",
    ),
    "negative.tif": (saved(Image.new("I", (9, 9), -1), "TIFF"), MediaError, "do not fit 16 bits"),
    "16 bits in planes.tif": (tiff(RGB_16, t284=2), MediaError, "separate planes"),
    "animated.gif": (frames("GIF"), MediaError, "an animated GIF of 3 frames"),
    "animated.webp": (frames("WEBP"), MediaError, "an animated WEBP of 3 frames"),
    "animated.png": (frames("PNG"), MediaError, "an animated PNG of 3 frames"),
    "animated.avif": (frames("AVIF"), MediaError, "an animated AVIF of 3 frames"),
    "pages.tif": (frames("TIFF"), MediaError, "a TIFF of 3 pages"),
    "empty.png": (b"", MediaError, "known format"),
    "text.png": (b"Dear Sir or Madam,\n", MediaError, "known format"),
    "noise.png": (noise(3).tobytes(), MediaError, "known format"),
    "speech.flac": (SPEECH.read_bytes(), MediaError, "a clip where an image is expected"),
    "half.png": (saved(pillow(noise(3, height=90, width=90)), "PNG")[:9000], MediaError, "damaged"),
    "half.jpg": (saved(pillow(noise(3, height=90, width=90)), "JPEG")[:2000], MediaError, "damaged"),
    "half of 16 bits.png": (pypng(noise(3, np.uint16, 90, 90), 16)[:9000], MediaError, "damaged"),
    "half.tif": (saved(pillow(noise(3, height=90, width=90)), "TIFF")[:9000], MediaError, "damaged"),
    "tail.tif": (tiff(RGB_16)[-300:], MediaError, "known format"),
    "no pixels.png": (png_header(9, 9, 8, 2), MediaError, "damaged"),
    "bomb.png": (png_header(60_000, 60_000, 8, 2), LimitExceeded, "60000 x 60000"),
    "bomb of 16 bits.png": (png_header(60_000, 60_000, 16, 2), LimitExceeded, "60000 x 60000"),
    "bomb.tif": (tiff(RGB, t256=60_000, t257=60_000), LimitExceeded, "60000 x 60000"),
    "bomb.pgm": (b"P5 60000 60000 255\n", LimitExceeded, "60000 x 60000"),
    "bomb.gif": (b"GIF89a\xff\xff\xff\xff\0\0\0,\0\0\0\0\1\0\1\0\0\2\2D\1\0;", LimitExceeded, "65535 x 65535"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_is_refused_by_name(name: str, tmp_path: Path) -> None:
    data, error, words = REFUSED[name]
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(error, match=words) as raised:
        read_image(path)
    assert "\n" not in str(raised.value)


def test_paths_without_a_image_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="directory"):
        read_image(tmp_path)
    with pytest.raises(MediaError, match="No such file"):
        read_image(tmp_path / "nothing.png")


DAMAGED = [
    "RGBA.png",
    "P with alphas.png",
    "interlaced 16 bits of RGB.png",
    "RGBA.webp",
    "16 bits of RGB, deflated.tif",
]
DAMAGED += ["LA.tif", "P.gif", "CMYK with profile.jpg", "two views.mpo", "RGB.jp2", "RGBA.avif", "RGB.tga", "L.bmp"]
DAMAGED += ["10 bits of grey.pgm"]


@pytest.mark.parametrize("name", DAMAGED)
def test_damage_anywhere_is_a_image_or_an_error_of_the_family(name: str) -> None:
    data = ODD[name].data
    places = sorted({*range(min(len(data), 60)), *np.linspace(0, len(data) - 1, 60).astype(int).tolist()})
    outcomes = []
    for place in places:
        for damaged in (data[:place], data[:place] + bytes((data[place] ^ 0xFF,)) + data[place + 1 :]):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", MediaNotice)
                try:
                    outcomes.append(read_image(damaged))
                except CodecError as error:
                    outcomes.append(error)
    assert sum(isinstance(outcome, CodecError) for outcome in outcomes) > len(places) // 4


def test_too_little_memory_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing_left(image: Image.Image) -> Image.Image:
        raise MemoryError

    monkeypatch.setattr("codec.media.image.modes.plain", nothing_left)
    with pytest.raises(MediaError, match="not enough memory"):
        read_image(ODD["RGB.png"].data)


@pytest.mark.parametrize(
    ("name", "before", "place", "change", "bits"),
    [
        ("RGBA.avif", b"av1C", 6, 0x40, 10),
        ("RGBA.avif", b"av1C", 6, 0x60, 12),
        ("RGBA.avif", b"av1C", 6, 0, 8),
        ("RGB.jp2", b"\xff\x4f\xff\x51", 42, 0x08, 16),
        ("RGB.jp2", b"\xff\x4f\xff\x51", 42, 0, 8),
    ],
)
def test_bits_that_pillow_hides_are_found(name: str, before: bytes, place: int, change: int, bits: int) -> None:
    data = bytearray(ODD[name].data)
    with Image.open(io.BytesIO(data)) as image:
        data[data.index(before) + place] |= change
        assert high_depth.bits_in_file(image, bytes(data)) == bits


# ---- other sources


@pytest.mark.parametrize("samples", [GREY, GREY_ALPHA, RGB, RGBA, GREY_16, GREY_ALPHA_16, RGB_16, RGBA_16])
def test_arrays_and_tensors_of_every_kind_are_read(samples: np.ndarray) -> None:
    backwards = samples[::-1, ::-1]
    for source in (
        samples,
        torch.from_numpy(samples),
        backwards[::-1, ::-1],
        samples.astype(samples.dtype.newbyteorder()),
    ):
        image, notices = read(source)
        assert (joined(image) == samples).all()
        assert image.pixels.dtype == samples.dtype
        assert notices == []
    if samples.shape[2] == 1:
        assert (read_image(samples[:, :, 0]).pixels == samples).all()


def test_a_image_is_read_as_it_is_and_its_size_checked() -> None:
    image = ImageData(RGB)
    assert read_image(image) is image
    with pytest.raises(LimitExceeded):
        read_image(image, max_pixels=HEIGHT * WIDTH - 1)


@pytest.mark.parametrize("shape", [(5,), (5, 5, 5), (0, 5, 3), (5, 5, 0), (1, 5, 5, 3)])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.int64, bool])
def test_arrays_that_are_no_images_are_refused(shape: tuple[int, ...], dtype: type) -> None:
    with pytest.raises(MediaError, match="expected uint8 or uint16"):
        read_image(np.zeros(shape, dtype))
    with pytest.raises(MediaError, match="expected uint8 or uint16"):
        read_image(np.zeros((5, 5, 3), np.int8))


@pytest.mark.parametrize("size", [(0, 5), (5, 0), (0, 0)])
def test_an_image_of_pillow_without_pixels_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(MediaError, match=f"an image of {size[0]} x {size[1]} pixels has none"):
        read_image(Image.new("RGB", size))


@pytest.mark.parametrize("source", [None, 3, [[1, 2]], open])
def test_other_things_are_type_errors(source: object) -> None:
    with pytest.raises(TypeError):
        read_image(source)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("pixels", "alpha"),
    [
        (RGB.astype(np.int32), None),
        (GREY_ALPHA, None),
        (GREY[:, :, 0], None),
        (RGB[:, ::-1], None),
        (RGB[:0], None),
        (RGB, GREY_16[:, :, 0]),
        (RGB, GREY),
    ],
)
def test_arrays_that_do_not_fit_make_no_image(pixels: np.ndarray, alpha: np.ndarray | None) -> None:
    with pytest.raises(ValueError, match="pixels"):
        ImageData(pixels, alpha)


@pytest.mark.parametrize("name", ["P with alphas.png", "L with tRNS.png", "LA.tif", "RGBA.webp", "16 bits of grey.tif"])
def test_pillow_images_are_read_like_their_files(name: str) -> None:
    odd = ODD[name]
    for loaded in (False, True):
        image = Image.open(io.BytesIO(odd.data))
        if loaded:
            image.load()
        image, notices = read(image)
        assert (joined(image) == odd.samples).all()
        assert len(notices) == bool(odd.notice)


def test_a_pillow_image_of_16_bits_says_that_it_holds_8() -> None:
    for name in ("16 bits of RGB.png", "16 bits of LA.png", "16 bits of RGB, deflated.tif"):
        image, notices = read(Image.open(io.BytesIO(ODD[name].data)))
        assert image.bit_depth == 8
        assert notices == ["16 bits a sample read as 8"]


@pytest.mark.parametrize(
    ("mode", "words"), [("La", "divided"), ("RGBa", "divided"), ("HSV", "HSV converted"), ("PA", "palette expanded")]
)
def test_pillow_images_of_modes_without_files_are_read(mode: str, words: str) -> None:
    image = Image.new("RGBA", (WIDTH, HEIGHT), (80, 80, 80, 255) if mode == "La" else (200, 80, 0, 255))
    source = image.convert("LA").convert("La") if mode == "La" else image.convert("RGB" if mode == "HSV" else "RGBA")
    image, notices = read(source.convert(mode))
    expected = {"La": (80, 255), "HSV": (200, 80, 0)}.get(mode, (200, 80, 0, 255))
    assert np.abs(joined(image).astype(int) - expected).max() <= 6
    assert re.search(words, notices[0])


def test_a_mode_that_nobody_has_heard_of_is_refused_by_name() -> None:
    with pytest.raises(MediaError, match="mode RGBX"):
        read_image(Image.new("RGBX", (3, 3)))


# ---- limits


@pytest.mark.parametrize(
    "name",
    ["RGB.png", "16 bits of RGB, deflated.tif", "LA.tif", "separate planes.tif", "P.gif", "two views.mpo", "icon.ico"],
)
def test_the_limit_is_ours_and_not_that_of_pillow(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 2)
    samples = ODD[name].samples
    size = samples.shape[0] * samples.shape[1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MediaNotice)
        assert joined(read_image(ODD[name].data, max_pixels=size)).shape == samples.shape
        with pytest.raises(LimitExceeded, match=f"{samples.shape[1]} x {samples.shape[0]}"):
            read_image(ODD[name].data, max_pixels=size - 1)
    assert Image.MAX_IMAGE_PIXELS == 2


class _Watched(types.ModuleType):
    """Pillow's `Image`, in which nobody may set a limit."""

    def __setattr__(self, name: str, value: object) -> None:
        assert name != "MAX_IMAGE_PIXELS", "the limit belongs to the process, not to us"
        super().__setattr__(name, value)


@pytest.mark.parametrize("name", ["RGB.png", "LA.tif", "P.gif", "RGBA.webp", "L.bmp", "YCbCr.jpg"])
def test_the_limit_of_pillow_is_never_touched(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "__class__", _Watched)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MediaNotice)
        read_image(ODD[name].data)
    alpha = np.zeros((HEIGHT, WIDTH), np.uint8)
    assert (alpha_from(alpha_bytes(alpha), WIDTH, HEIGHT, np.uint8) == alpha).all()


def test_a_plugin_that_asks_the_limit_of_pillow_ends_in_an_error_of_the_family(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 2)
    with pytest.raises(LimitExceeded, match="MAX_IMAGE_PIXELS"):
        read_image(ODD["RGBA.webp"].data)


# ---- metadata


def same(a: ImageData, b: ImageData) -> bool:
    return (
        joined(a).dtype == joined(b).dtype
        and joined(a).shape == joined(b).shape
        and bool((joined(a) == joined(b)).all())
        and (a.icc, a.exif, a.xmp) == (b.icc, b.exif, b.xmp)
    )


def described(data: bytes) -> dict[int, object]:
    """What EXIF says, however its bytes are arranged."""
    return exif.describing_tags(exif.parsed(data))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF", "AVIF"])
def test_metadata_of_files_is_kept(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "a"
    options: dict[str, object] = {"exif": b"Exif\0\0" + camera_exif(6), "icc_profile": srgb_profile(), "xmp": XMP}
    if kind == "TIFF":
        tags = Image.Exif()
        tags.load(camera_exif(6))
        tags[700] = XMP
        options = {"exif": tags, "icc_profile": srgb_profile()}
    if kind == "PNG":
        options["pnginfo"] = texts = PngInfo()
        texts.add_itxt("XML:com.adobe.xmp", XMP)
    pillow(RGB).save(path, kind, **options)
    image, notices = read(path)
    assert notices == []
    assert image.icc == srgb_profile()
    assert image.xmp == XMP
    assert described(image.exif) == described(camera_exif(6))
    if kind not in ("TIFF", "AVIF"):
        assert image.exif == camera_exif(6)


def test_metadata_behind_the_pixels_of_a_png_is_found() -> None:
    for samples in (RGB, RGB_16, GREY_ALPHA_16):
        data = with_chunk(pypng(samples, samples.itemsize * 8), b"eXIf", camera_exif(3), b"IEND")
        data = with_chunk(data, b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP, b"IEND")
        image = read_image(data)
        assert (image.exif, image.xmp) == (camera_exif(3), XMP)
        assert (joined(image) == samples).all()


def test_exif_as_imagemagick_writes_it_is_found() -> None:
    texts = PngInfo()
    text = (b"Exif\0\0" + camera_exif(3)).hex()
    texts.add_text("Raw profile type exif", f"\nexif\n{len(text) // 2:8}\n{text}\n", zip=True)
    assert read_image(saved(pillow(RGB), "PNG", pnginfo=texts)).exif == camera_exif(3)


def test_prefixes_of_exif_go_however_many_there_are() -> None:
    image = pillow(RGB)
    image.info["exif"] = b"Exif\0\0Exif\0\0" + camera_exif(3)
    assert read_image(image).exif == camera_exif(3)


def test_pointers_into_a_tiff_do_not_leave_it() -> None:
    tags = Image.Exif()
    tags[ExifTags.IFD.Exif] = {ExifTags.Base.ISOSpeedRatings: 200, ExifTags.IFD.Interop: {1: "R98"}}
    image, notices = read(saved(pillow(RGB), "TIFF", exif=tags.tobytes()))
    assert notices == ["tags of Interop in EXIF left out"]
    assert described(image.exif) == {ExifTags.IFD.Exif: {ExifTags.Base.ISOSpeedRatings: 200}}
    assert ExifTags.IFD.Interop not in exif.parsed(image.exif).get_ifd(ExifTags.IFD.Exif)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_orientation_stays_data(kind: str, orientation: int) -> None:
    options = {"WEBP": {"lossless": True}, "JPEG": {"quality": 100, "subsampling": 0}}.get(kind, {})
    samples = np.kron(RGB, np.ones((16, 16, 1), np.uint8))
    image = read_image(saved(pillow(samples), kind, exif=b"Exif\0\0" + camera_exif(orientation), **options))
    assert image.pixels.shape == samples.shape
    assert np.abs(image.pixels.astype(int) - samples).max() <= (8 if kind == "JPEG" else 0)
    assert exif.orientation_of(image) == orientation


@pytest.mark.parametrize("orientation", range(1, 9))
def test_16_bits_and_an_orientation_of_tiff_go_together(orientation: int) -> None:
    for samples in (RGB_16, GREY_16):
        image = read_image(tiff(samples, t274=orientation))
        assert (joined(image) == samples).all()
        assert exif.orientation_of(image) == orientation


def test_an_orientation_that_only_xmp_has_stays_where_it_was() -> None:
    packet = b'<x tiff:Orientation="6"/>'
    for kind, options in (("TIFF", {"tiffinfo": {700: packet}}), ("WEBP", {"lossless": True, "xmp": packet})):
        image = read_image(saved(pillow(RGB), kind, **options))
        assert (image.pixels == RGB).all()
        assert image.xmp == packet
        assert exif.orientation_of(image) == 6


def test_metadata_of_other_types_is_no_metadata() -> None:
    image = pillow(RGB)
    image.info.update(xmp={"a": 1}, exif="Exif", icc_profile=None)
    assert same(read_image(image), ImageData(RGB))


# ---- writing


FULL = {"icc": srgb_profile(), "exif": camera_exif(6), "xmp": XMP}
FULL_GREY = FULL | {"icc": srgb_profile()[:16] + b"GRAY" + srgb_profile()[20:]}
KINDS = {"grey": GREY, "LA": GREY_ALPHA, "RGB": RGB, "RGBA": RGBA}
KINDS_16 = {"grey": GREY_16, "LA": GREY_ALPHA_16, "RGB": RGB_16, "RGBA": RGBA_16}


def image_of(samples: np.ndarray, **metadata: bytes) -> ImageData:
    return ImageData(*split(samples), **metadata)


def full(samples: np.ndarray) -> ImageData:
    """An image with all metadata, its profile one that fits."""
    return image_of(samples, **(FULL if samples.shape[2] > 2 else FULL_GREY))


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("kind", KINDS)
def test_a_png_holds_everything(kind: str, depth: int, tmp_path: Path) -> None:
    image = full((KINDS if depth == 8 else KINDS_16)[kind])
    path = tmp_path / "a.png"
    path.write_bytes(image_bytes(image, ".png"))
    assert same(read_image(path), image)
    width, height, rows, info = png.Reader(bytes=path.read_bytes()).read()
    assert (width, height, info["bitdepth"]) == (WIDTH, HEIGHT, depth)
    assert (np.array([list(row) for row in rows]).reshape(HEIGHT, WIDTH, -1) == joined(image)).all()
    with Image.open(path) as opened:
        assert opened.getexif()[ExifTags.Base.Orientation] == 6
        assert opened.info["icc_profile"] == image.icc
        assert opened.info["xmp"] == XMP


@pytest.mark.parametrize("kind", ["RGB", "RGBA"])
def test_a_lossless_webp_holds_colour_of_8_bits(kind: str) -> None:
    image = image_of(KINDS[kind], **FULL)
    assert same(read_image(image_bytes(image, ".webp")), image)


@pytest.mark.parametrize("suffix", [".tif", ".tiff"])
@pytest.mark.parametrize("samples", [*KINDS.values(), GREY_16])
def test_a_tiff_holds_8_bits_and_grey_of_16(samples: np.ndarray, suffix: str) -> None:
    image = full(samples)
    restored = read_image(image_bytes(image, suffix))
    assert same(replace(restored, exif=image.exif), image)
    assert described(restored.exif) == described(image.exif)


def test_a_jpeg_holds_the_metadata_and_nearly_the_pixels() -> None:
    samples = np.kron(RGB, np.ones((16, 16, 1), np.uint8))
    for suffix in (".jpg", ".jpeg"):
        restored = read_image(image_bytes(image_of(samples, **FULL), suffix))
        assert (restored.icc, restored.exif, restored.xmp) == (FULL["icc"], FULL["exif"], FULL["xmp"])
        assert np.abs(restored.pixels.astype(int) - samples).max() < 20


@pytest.mark.parametrize(("suffix", "samples"), [(".bmp", GREY), (".bmp", RGB), (".ppm", RGB), (".ppm", GREY)])
def test_bare_formats_hold_pixels_of_8_bits(suffix: str, samples: np.ndarray) -> None:
    assert same(read_image(image_bytes(image_of(samples), suffix)), image_of(samples))


@pytest.mark.parametrize("samples", [GREY, GREY_16])
def test_a_pgm_holds_grey_of_8_and_16_bits_and_no_colour(samples: np.ndarray) -> None:
    data = image_bytes(image_of(samples), ".pgm")
    assert data.startswith(b"P5")
    assert same(read_image(data), image_of(samples))
    with pytest.raises(MediaError, match=r"\.ppm"):
        image_bytes(image_of(RGB), ".pgm")


def written(image: ImageData, suffix: str) -> tuple[ImageData, list[str]]:
    """The image in the file written of one, and the notices of writing it."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", MediaNotice)
        data = image_bytes(image, suffix)
    return read_image(data), [str(one.message) for one in caught]


@pytest.mark.parametrize(
    ("suffix", "samples", "expected", "words"),
    [
        (".bmp", RGBA, RGBA[:, :, :3], ["transparency left out"]),
        (".ppm", RGBA, RGBA[:, :, :3], ["transparency left out"]),
        (".pgm", GREY_ALPHA, GREY, ["transparency left out"]),
        (".pgm", GREY_ALPHA_16, GREY_ALPHA_16[:, :, :1], ["transparency left out"]),
        (".bmp", RGB_16, "8", ["rounded to 8"]),
        (".bmp", GREY_16, "8", ["rounded to 8"]),
        (".ppm", RGB_16, "8", ["rounded to 8"]),
        (".tif", RGBA_16, "8", ["rounded to 8"]),
        (".tif", GREY_ALPHA_16, "8", ["rounded to 8"]),
        (".webp", RGBA_16, "8", ["rounded to 8"]),
        (".webp", GREY, np.repeat(GREY, 3, 2), []),
    ],
)
def test_what_a_format_cannot_hold_is_said(
    suffix: str, samples: np.ndarray, expected: np.ndarray | str, words: list[str]
) -> None:
    image = image_of(samples)
    restored, notices = written(image, suffix)
    if isinstance(expected, str):
        expected = np.floor(samples / 257 + 0.5).astype(np.uint8)
    if suffix == ".pgm" and samples is GREY_ALPHA:
        expected = GREY_ALPHA[:, :, :1]
    assert same(restored, image_of(expected))
    assert len(notices) == len(words)
    assert all(word in line for word, line in zip(words, notices, strict=True))


@pytest.mark.parametrize("suffix", [".bmp", ".ppm"])
@pytest.mark.parametrize("orientation", range(2, 9))
def test_formats_without_orientation_get_the_image_upright(suffix: str, orientation: int) -> None:
    image = image_of(RGB, exif=camera_exif(orientation))
    restored, notices = written(image, suffix)
    assert (restored.pixels == np.array(ImageOps.exif_transpose(to_pillow(image)))).all()
    assert "turned upright" in notices[0]
    assert "EXIF left out" in notices[1]


def test_alpha_is_turned_with_the_pixels_and_back() -> None:
    for orientation in range(1, 9):
        upright = exif.turned(RGBA, orientation)
        assert (upright[:, :, 3] == exif.turned(RGBA[:, :, 3:], orientation)[:, :, 0]).all()
        assert (exif.turned_back(upright, orientation) == RGBA).all()


def test_metadata_too_long_for_a_jpeg_is_left_out() -> None:
    image = image_of(RGB, xmp=b"x" * 70_000, exif=camera_exif(1), icc=srgb_profile() + bytes(70_000))
    restored, notices = written(image, ".jpg")
    assert (restored.icc, restored.exif, restored.xmp) == (image.icc, image.exif, b"")
    assert ["XMP left out" in line for line in notices] == [True]


@pytest.mark.filterwarnings("ignore:Truncated File Read", "ignore:Corrupt EXIF")
@pytest.mark.parametrize("suffix", [".png", ".webp", ".jpg", ".tif", ".bmp"])
def test_damaged_exif_does_not_stop_a_image(suffix: str) -> None:
    for damaged in (b"nonsense", camera_exif(6)[:30], b"II*\0\xff\xff\xff\xff"):
        image = image_of(RGB, exif=damaged)
        restored, _ = written(image, suffix)
        assert restored.pixels.shape == RGB.shape
        assert restored.exif == (damaged if suffix not in (".tif", ".bmp") else b"")


@pytest.mark.parametrize("suffix", ["", ".txt", ".PNG", ".gif"])
def test_suffixes_that_cannot_be_written_are_refused(suffix: str) -> None:
    with pytest.raises(MediaError, match=r"known: \.png"):
        image_bytes(image_of(RGB), suffix)


def test_a_image_too_large_for_a_format_is_refused() -> None:
    with pytest.raises(MediaError, match="cannot write the image as WEBP"):
        image_bytes(image_of(np.zeros((1, 20_000, 3), np.uint8)), ".webp")


# ---- Pillow images and depths


@pytest.mark.parametrize(
    ("samples", "mode"), [(GREY, "L"), (GREY_ALPHA, "LA"), (RGB, "RGB"), (RGBA, "RGBA"), (GREY_16, "I;16")]
)
def test_pillow_images_bring_everything_along(samples: np.ndarray, mode: str) -> None:
    image = full(samples)
    shown = to_pillow(image)
    assert shown.mode == mode
    assert shown.getexif()[ExifTags.Base.Make] == "Camera works"
    assert same(read_image(shown), image)


@pytest.mark.parametrize(("samples", "mode"), [(GREY_ALPHA_16, "LA"), (RGB_16, "RGB"), (RGBA_16, "RGBA")])
def test_pillow_images_show_other_images_of_16_bits_in_8(samples: np.ndarray, mode: str) -> None:
    image = to_pillow(image_of(samples))
    assert image.mode == mode
    assert (np.array(image) == np.floor(samples / 257 + 0.5)).all()


def test_depths_change_exactly() -> None:
    every = np.arange(65536, dtype=np.uint16).reshape(256, 256, 1)
    assert (to_8_bits(ImageData(every)).pixels == np.round(every / 257)).all()
    image = image_of(RGBA, **FULL)
    assert (joined(to_16_bits(image)) == RGBA.astype(int) * 257).all()
    assert same(to_8_bits(to_16_bits(image)), image)
    assert to_8_bits(image) is image
    assert to_16_bits(to_16_bits(image)).bit_depth == 16


# ---- the alpha plane


@pytest.mark.parametrize(
    "plane", [GREY[:, :, 0], GREY_16[:, :, 0], np.zeros((1, 1), np.uint8), np.zeros((1, 4000), np.uint16)]
)
def test_alpha_planes_return(plane: np.ndarray) -> None:
    restored = alpha_from(alpha_bytes(plane), plane.shape[1], plane.shape[0], plane.dtype)
    assert restored.dtype == plane.dtype
    assert (restored == plane).all()
    ImageData(np.zeros((*plane.shape, 3), plane.dtype), restored)


def test_alpha_planes_of_another_size_or_kind_are_corrupt() -> None:
    data = alpha_bytes(GREY[:, :, 0])
    for width, height, dtype in ((HEIGHT, WIDTH, np.uint8), (WIDTH, HEIGHT + 1, np.uint8), (WIDTH, HEIGHT, np.uint16)):
        with pytest.raises(CorruptFile, match="not a grey PNG"):
            alpha_from(data, width, height, dtype)
    for other in (pypng(GREY_ALPHA, 8), pypng(BITS, 1), pypng(RGB, 8), saved(pillow(GREY), "BMP"), b""):
        with pytest.raises(CorruptFile, match="not a grey PNG"):
            alpha_from(other, WIDTH, HEIGHT, np.uint8)


def test_an_alpha_bomb_is_refused_before_it_is_unpacked() -> None:
    bomb = png_header(60_000, 60_000, 8, 0)
    with pytest.raises(CorruptFile, match="not a grey PNG"):
        alpha_from(bomb, WIDTH, HEIGHT, np.uint8)
    header = alpha_bytes(GREY[:, :, 0])[:33]
    with pytest.raises(CorruptFile, match="two sizes"):
        alpha_from(header + bomb[8:], WIDTH, HEIGHT, np.uint8)
    with pytest.raises(CorruptFile, match=r"holds uint8 \(7, 5, 3\)"):
        alpha_from(header + pypng(RGB, 8)[8:], WIDTH, HEIGHT, np.uint8)


@pytest.mark.parametrize("plane", [GREY[:, :, 0], GREY_16[:, :, 0]])
def test_damage_anywhere_in_an_alpha_plane_is_a_plane_or_corrupt(plane: np.ndarray) -> None:
    data = alpha_bytes(plane)
    corrupt = 0
    for place in range(len(data)):
        for damaged in (data[:place], data[:place] + bytes((data[place] ^ 0xFF,)) + data[place + 1 :]):
            try:
                restored = alpha_from(damaged, WIDTH, HEIGHT, plane.dtype)
            except CorruptFile:
                corrupt += 1
            else:
                assert restored.shape == plane.shape
    assert corrupt > len(data)


def test_pngs_of_what_repeats_are_packed_by_its_repetitions(parrots: np.ndarray) -> None:
    letters = np.tile(np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8), (20, 20, 1))
    for pixels, most in ((letters, 0.1), (parrots, 0.5)):
        data = image_bytes(ImageData(pixels), ".png")
        assert len(data) <= most * pixels.size
        assert (read_image(data).pixels == pixels).all()
