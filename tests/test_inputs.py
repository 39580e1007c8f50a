"""Files that a tool for daily use takes: several images in one, cut ones, HEIC; by library and command line."""

from __future__ import annotations

import io
import struct
import sys
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image

from codec.bitstream.errors import LimitExceeded, MediaError
from codec.bitstream.extras import Chunk
from codec.media import ImageData, MediaNotice, read_image
from tests import image_files as files

PARTLY = "the file is cut or damaged: read as far as it goes"


def read(data: bytes, **options: bool) -> tuple[ImageData, list[str]]:
    """The image in a file, and the notices of reading it."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", MediaNotice)
        image = read_image(data, **options)
    return image, [str(one.message) for one in caught if issubclass(one.category, MediaNotice)]


# ---- pages and icons


def pages(*sizes: tuple[int, int], kinds: dict[int, int] | None = None) -> bytes:
    """A TIFF of pages; kinds: the tag NewSubfileType of some of them."""
    made = [Image.fromarray(files.photo(*size)) for size in sizes]
    for number, kind in (kinds or {}).items():
        made[number].encoderinfo = {"tiffinfo": {254: kind}}
    return files.saved(made[0], "TIFF", save_all=True, append_images=made[1:], **(getattr(made[0], "encoderinfo", {})))


@pytest.mark.parametrize("sizes", [((64, 48), (16, 12)), ((16, 12), (64, 48)), ((64, 48), (32, 24), (16, 12))])
def test_the_page_of_a_tiff_is_taken_and_its_thumbnails_named(sizes: tuple[tuple[int, int], ...]) -> None:
    image, notices = read(pages(*sizes))
    assert (image.pixels == files.photo(64, 48)).all()
    assert len(notices) == len(sizes) - 1
    assert all("a thumbnail or mask of" in line for line in notices)


@pytest.mark.parametrize("kind", [1, 4])
def test_a_page_that_says_it_is_a_thumbnail_or_mask_is_one(kind: int) -> None:
    image, notices = read(pages((64, 48), (64, 40), kinds={1: kind}))
    assert image.pixels.shape == (48, 64, 3)
    assert notices == ["a thumbnail or mask of 64 x 40 pixels, page 2 of the TIFF, left out"]


@pytest.mark.parametrize("sizes", [((64, 48), (64, 48)), ((64, 48), (60, 40)), ((64, 48), (20, 24)), ((9, 9),) * 3])
def test_pages_that_are_no_thumbnails_are_refused_by_number(sizes: tuple[tuple[int, int], ...]) -> None:
    with pytest.raises(MediaError, match=f"a TIFF of {len(sizes)} pages; only single pages are supported"):
        read(pages(*sizes))


def test_the_page_of_16_bits_behind_a_thumbnail_is_read_in_full() -> None:
    deep = files.photo().astype(np.uint16) * 257 + 5
    rows = deep.astype("<u2").tobytes()
    thumbnail = files.saved(files.photo(16, 12), "TIFF")
    (first,) = struct.unpack_from("<I", thumbnail, 4)
    (count,) = struct.unpack_from("<H", thumbnail, first)
    link = first + 2 + 12 * count
    at = len(thumbnail) + len(thumbnail) % 2
    tags = {256: 64, 257: 48, 259: 1, 262: 2, 273: at, 277: 3, 278: 48, 279: len(rows), 284: 1}
    directory = struct.pack("<H", len(tags) + 1)
    for tag, value in sorted((tags | {258: at + len(rows)}).items()):
        directory += struct.pack("<HHII", tag, 3 if tag == 258 else 4, 3 if tag == 258 else 1, value)
    data = thumbnail[:link] + struct.pack("<I", at + len(rows) + 6) + thumbnail[link + 4 :]
    data = data.ljust(at, b"\0") + rows + struct.pack("<3H", 16, 16, 16) + directory + bytes(4)
    image, _ = read(data)
    assert (image.pixels == deep).all()


def icon(*images: bytes, sizes: tuple[tuple[int, int, int], ...]) -> bytes:
    """An icon of encoded images with the width, height and bits that its directory says."""
    at = 6 + 16 * len(images)
    directory = struct.pack("<HHH", 0, 1, len(images))
    for (width, height, bits), content in zip(sizes, images, strict=True):
        directory += struct.pack("<BBBBHHII", width % 256, height % 256, 0, 0, 1, bits, len(content), at)
        at += len(content)
    return directory + b"".join(images)


def dib(samples: np.ndarray) -> bytes:
    """A bitmap of 24 bits as icons hold it: rows from the bottom, then a mask by which all is opaque."""
    height, width, _ = samples.shape
    head = struct.pack("<IiiHHIIiiII", 40, width, 2 * height, 1, 24, 0, 0, 0, 0, 0, 0)
    rows = b"".join(row[:, ::-1].tobytes().ljust(-(-3 * width // 4) * 4, b"\0") for row in samples[::-1])
    return head + rows + bytes(-(-width // 32) * 4 * height)


def test_the_largest_image_of_an_icon_is_read() -> None:
    small, large = files.png(files.photo(16, 16)), files.png(files.photo(48, 48, 7))
    image, notices = read(icon(small, large, small, sizes=((16, 16, 32), (48, 48, 32), (16, 16, 24))))
    assert (image.pixels == files.photo(48, 48, 7)).all()
    assert notices == ["an icon of 3 images: the largest, of 48 x 48 pixels, is read"]


def test_an_icon_may_hold_a_bitmap() -> None:
    image, notices = read(icon(dib(files.photo(24, 24)), sizes=((24, 24, 24),)))
    assert (image.pixels == files.photo(24, 24)).all()
    assert (image.alpha is None) or (image.alpha == 255).all()
    assert notices == []


def test_an_icon_of_one_size_that_holds_another_is_measured() -> None:
    bomb = files.png()[:16] + struct.pack(">II", 60_000, 60_000) + files.png()[24:29]
    bomb += struct.pack(">I", zlib.crc32(bomb[12:29])) + files.png()[33:]
    with pytest.raises(LimitExceeded, match="60000 x 60000"):
        read(icon(bomb, sizes=((16, 16, 32),)))
    tall = bytearray(dib(files.photo(16, 16)))
    tall[4:12] = struct.pack("<ii", 60_000, 60_000)
    with pytest.raises(MediaError, match="its image is not one of 16 x 16 pixels"):
        read(icon(bytes(tall), sizes=((16, 16, 24),)))
    with pytest.raises(MediaError, match=r"damaged|without images"):
        read(b"\0\0\1\0\0\0" + bytes(40))


# ---- cut files


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("PNG", {}),
        ("JPEG", {"quality": 92}),
        ("JPEG", {"progressive": True}),
        ("WEBP", {"lossless": True}),
        ("PPM", {}),
    ],
)
def test_cut_files_are_read_as_far_as_they_go_where_that_is_asked_for(
    kind: str, options: dict[str, object], share: float
) -> None:
    samples = files.photo(160, 120)
    data = files.saved(samples, kind, **options)
    cut = data[: int(len(data) * share)]
    with pytest.raises(MediaError):
        read(cut)
    image, notices = read(cut, partial=True)
    assert notices[-1] == PARTLY
    assert image.pixels.shape == samples.shape
    there = int(120 * share * 0.6)  # what certainly lies before the cut
    if kind in ("PNG", "PPM"):
        assert (image.pixels[:there] == samples[:there]).all()
    elif not options.get("progressive"):
        assert np.abs(image.pixels[: there // 2].astype(int) - samples[: there // 2]).mean() < 12


def test_a_png_is_read_to_the_row_where_it_is_cut() -> None:
    samples = np.random.default_rng(0).integers(0, 256, (100, 50, 3), np.uint8)
    data = files.png(samples)
    image, _ = read(data[: len(data) // 2], partial=True)
    equal = (image.pixels == samples).all((1, 2))
    assert 46 <= equal.sum() <= 51
    assert equal[:46].all()
    assert (image.pixels[52:] == 0).all()


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGBA", "I;16"])
def test_cut_pngs_of_every_mode_are_read(mode: str) -> None:
    grey = files.photo(160, 120)[:, :, 0]
    image = Image.fromarray(grey.astype(np.uint16) * 257) if mode == "I;16" else Image.fromarray(grey).convert(mode)
    data = files.saved(image, "PNG")
    found, notices = read(data[: len(data) * 2 // 3], partial=True)
    assert notices[-1] == PARTLY
    assert found.pixels.shape[:2] == (120, 160)
    whole, _ = read(data)
    assert (found.pixels[:40] == whole.pixels[:40]).all()


def test_an_interlaced_png_that_is_cut_shows_its_first_passes() -> None:
    import png

    samples = files.photo(64, 64)
    out = io.BytesIO()
    png.Writer(64, 64, greyscale=False, interlace=True).write_array(out, samples.reshape(-1).tolist())
    image, _ = read(out.getvalue()[:-2000], partial=True)
    assert (image.pixels[::8, ::8] == samples[::8, ::8]).all()


def test_damage_within_a_png_is_no_end_of_what_lies_before_it() -> None:
    samples = np.random.default_rng(0).integers(0, 256, (200, 100, 3), np.uint8)
    data = bytearray(files.png(samples))
    data[len(data) // 2] ^= 0xFF
    image, notices = read(bytes(data), partial=True)
    assert notices == [PARTLY]
    assert (image.pixels[:80] == samples[:80]).all()


def test_whole_files_are_read_the_same_and_without_a_notice() -> None:
    for data in (files.png(), files.jpeg()):
        image, notices = read(data, partial=True)
        assert (image.pixels == read(data)[0].pixels).all()
        assert notices == []


def test_metadata_of_a_cut_file_is_kept() -> None:
    data = files.jpeg(files.photo(160, 120), files.app13(), files.segment(0xFE, b"slide 12"))
    image, _ = read(data[: len(data) * 2 // 3], partial=True)
    assert image.extras.resources == files.resources()
    assert image.extras.comment == "slide 12"
    assert image.extras.trailer is None


@pytest.mark.parametrize(
    "data",
    [
        files.png()[:20],
        files.png()[:28] + bytes(20),
        files.jpeg()[:15],
        b"GIF89a\xff\xff\xff\xff\0\0\0,\0\0\0\0\xff\xff\xff\xff\0\2\2D",
        b"RIFF\xff\xff\xff\xffWEBPVP8L",
        b"",
        b"text",
    ],
)
def test_files_of_which_nothing_is_left_are_refused_all_the_same(data: bytes) -> None:
    with pytest.raises((MediaError, LimitExceeded)):
        read(data, partial=True)


def test_a_cut_bomb_is_refused() -> None:
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + files.chunk(b"IHDR", header) + files.chunk(b"IDAT", zlib.compress(bytes(999)))[:-9]
    with pytest.raises((MediaError, LimitExceeded)):
        read(data, partial=True)


def test_animations_stay_refused() -> None:
    frames = [Image.new("RGB", (9, 9), colour) for colour in ("red", "lime")]
    for kind in ("GIF", "PNG", "WEBP"):
        data = files.saved(frames[0], kind, save_all=True, append_images=frames[1:])
        with pytest.raises(MediaError, match=f"an animated {kind} of 2 frames"):
            read(data, partial=True)


# ---- HEIC and AVIF


def heif(samples: np.ndarray, **options: object) -> bytes:
    pillow_heif = pytest.importorskip("pillow_heif")
    out = io.BytesIO()
    pillow_heif.from_pillow(Image.fromarray(samples)).save(out, format="HEIF", quality=-1, **options)
    return out.getvalue()


def test_heic_is_read_with_its_metadata() -> None:
    tags = Image.Exif()
    tags[0x010F] = "Maker"
    image, notices = read(heif(files.photo(), exif=tags.tobytes(), xmp=b"<x/>", icc_profile=files.srgb()))
    assert np.abs(image.pixels.astype(int) - files.photo()).max() < 16
    assert (image.icc, image.xmp) == (files.srgb(), b"<x/>")
    assert b"Maker" in image.exif
    assert notices == []


def test_heic_of_grey_alpha_and_more_bits_is_read() -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    assert read(heif(files.photo()[:, :, 0]))[0].is_grey
    assert read(heif(np.dstack((files.photo(), files.photo()[:, :, 0]))))[0].alpha is not None
    deep = pillow_heif.from_bytes("RGB;16", (64, 48), (files.photo().astype(np.uint16) * 257).tobytes())
    out = io.BytesIO()
    deep.save(out, format="HEIF", quality=-1)
    image, _ = read(out.getvalue())
    assert image.bit_depth == 16
    assert np.abs(image.pixels.astype(int) // 257 - files.photo()).max() < 16


def test_further_images_of_a_heic_are_named_and_limits_hold() -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    several = pillow_heif.from_pillow(Image.fromarray(files.photo()))
    several.add_from_pillow(Image.fromarray(files.photo(32, 24)))
    out = io.BytesIO()
    several.save(out, format="HEIF")
    image, notices = read(out.getvalue())
    assert image.pixels.shape == (48, 64, 3)
    assert notices == ["a further image of 32 x 24 pixels left out"]
    with pytest.raises(LimitExceeded):
        read_image(out.getvalue(), max_pixels=99)
    with pytest.raises(MediaError, match="damaged"):
        read(out.getvalue()[:300])


def test_without_pillow_heif_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    data = files.box(b"ftyp", b"heic\0\0\0\0mif1heic") + bytes(100)
    with pytest.raises(MediaError, match=r"pip install 'codec\[heif\]'"):
        read(data)


@pytest.mark.parametrize("with_profile", [False, True])
def test_colours_of_an_avif_are_kept_unless_a_profile_says_them(with_profile: bool) -> None:
    data = bytearray(files.saved(files.photo(), "AVIF"))
    at = data.index(b"colrnclx")
    data[at + 8 : at + 12] = struct.pack(">HH", 9, 16)
    image, _ = read(bytes(data))
    assert image.extras.chunks == (Chunk(b"cICP", bytes([9, 16, 0, 1])),)
    if with_profile:
        image, _ = read(files.saved(files.photo(), "AVIF", icc_profile=files.srgb()))
        assert image.icc == files.srgb()
        assert image.extras.chunks == ()


def test_metadata_of_jpeg_2000_is_kept() -> None:
    xmp = files.box(b"uuid", bytes.fromhex("be7acfcb97a942e89c71999491e3afac") + b"<x/>")
    iptc = files.box(b"uuid", bytes.fromhex("33c7a4d2b81d4723a0baf1a3e097ad38") + files.iptc())
    image, notices = read(files.saved(files.photo(), "JPEG2000") + xmp + iptc)
    assert image.xmp == b"<x/>"
    assert files.iptc() in image.extras.resources
    assert notices == []


def test_the_profile_of_a_bitmap_is_kept() -> None:
    plain = files.saved(files.photo(), "BMP")
    pixels = plain[54:]
    header = plain[14:54].ljust(124, b"\0")
    header = (
        b"\x7c\0\0\0" + header[4:56] + b"DEBM" + header[60:112] + struct.pack("<II", 124, len(files.srgb())) + bytes(4)
    )
    place = 14 + 124 + len(files.srgb())
    data = b"BM" + struct.pack("<IHHI", place + len(pixels), 0, 0, place) + header + files.srgb() + pixels
    image, _ = read(data)
    assert image.icc == files.srgb()
    assert (image.pixels == files.photo()).all()
