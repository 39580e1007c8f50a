"""What image files hold beside pixels: kept, restored where a format has room for it, and else named."""

from __future__ import annotations

import io
import struct
import tracemalloc
import warnings
import zlib

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms
from PIL.MpoImagePlugin import MpoImageFile

import codec
from codec.bitstream import constants
from codec.bitstream.errors import CorruptFile, LimitExceeded, MediaError
from codec.bitstream.extras import ASPECT, CENTIMETRE, INCH, METRE, Chunk, Extras, Resolution, Segment, Text, Trailer
from codec.media import ImageData, MediaNotice, image_bytes, read_image
from codec.media.image import profiles, words, xmp
from tests import image_files as files


def read(data: bytes, **options: bool) -> tuple[ImageData, list[str]]:
    """The image in a file, and the notices of reading it."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("error")
        warnings.simplefilter("always", MediaNotice)
        image = read_image(data, **options)
    return image, [str(one.message) for one in caught]


def written(image: ImageData, suffix: str) -> tuple[bytes, list[str]]:
    """A file of the image, and the notices of writing it."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("error")
        warnings.simplefilter("always", MediaNotice)
        data = image_bytes(image, suffix)
    return data, [str(one.message) for one in caught]


def kept(data: bytes) -> ImageData:
    """The image in a file of which nothing is lost."""
    image, notices = read(data)
    assert notices == []
    return image


def restored(image: ImageData, suffix: str) -> bytes:
    """A file of the image in which nothing is lost."""
    data, notices = written(image, suffix)
    assert notices == []
    return data


# ---- sections

EVERYTHING = Extras(
    resources=files.resources(),
    texts=(Text("Title", "Café"), Text("Comment", "two\nlines"), Text("Titel", "Grün", "de", "Überschrift")),
    resolution=Resolution(23622, 11811, METRE),
    chunks=(Chunk(b"cICP", bytes([9, 16, 0, 1])), Chunk(b"abCd", b"")),
    extended_xmp=b"<x/>" * 50,
    trailer=Trailer(0, files.VIDEO, (Segment(0xE2, b"MPF\0II", 1234),)),
)


def test_extras_are_the_same_behind_their_sections() -> None:
    assert Extras.of(EVERYTHING.sections()) == EVERYTHING
    assert Extras().sections() == {}
    assert Extras.of({}) == Extras()


def test_extras_travel_through_a_file_and_info_lists_them() -> None:
    image = ImageData(files.photo(), None, extras=EVERYTHING, xmp=files.GAIN_XMP)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MediaNotice)
        data = codec.compress(image)
        assert codec.decompress(data, output="image").extras == EVERYTHING
    info = codec.info(data)
    assert info.metadata == ("xmp", "resources", "texts", "resolution", "chunks", "extended_xmp", "trailer")
    assert info.held == (
        f"XMP: {len(files.GAIN_XMP)} bytes",
        "extended XMP: 200 bytes",
        "IPTC: 17 bytes",
        "resolution: 23622 x 11811 dots per metre, 600 x 300 dpi",
        "text Title: Café",
        "comment: two lines",
        "text Titel: Grün",
        "PNG chunk cICP: colour primaries 9, transfer 16, matrix 0, full range 1",
        "PNG chunk abCd: 0 bytes",
        f"a video of {len(files.VIDEO):,} bytes behind the image",
    )


def test_a_part_of_an_image_has_no_gain_map() -> None:
    image = ImageData(files.photo(), None, extras=EVERYTHING, xmp=files.MOTION_XMP)
    data = codec.compress(image)
    with pytest.warns(MediaNotice, match="a video of 1,036 bytes behind the image does not fit a part of it: left out"):
        part = codec.decompress(data, output="image", region=(0, 0, 16, 16))
    assert part.extras.trailer is None
    assert b"MotionPhoto" not in part.xmp


BAD_SECTIONS = {
    "texts that end in the middle": {constants.SECTION_TEXTS: b"\x05ab"},
    "a text of one part": {constants.SECTION_TEXTS: b"\x02ab"},
    "a text that is no UTF-8": {constants.SECTION_TEXTS: b"\x04a\0\xff\xff"},
    "a resolution of nothing": {constants.SECTION_RESOLUTION: b"\1\0\1"},
    "a resolution and more": {constants.SECTION_RESOLUTION: b"\1\1\1\1"},
    "a chunk that decoders must know": {constants.SECTION_CHUNKS: b"IHDR\0"},
    "a chunk that is cut": {constants.SECTION_CHUNKS: b"gAMA\4\0"},
    "a trailer with too many segments": {constants.SECTION_TRAILER: b"\0\xff\xff\3"},
    "a trailer with a marker that is none": {constants.SECTION_TRAILER: b"\0\1\xda\0\0"},
    "an empty trailer": {constants.SECTION_TRAILER: b""},
}


@pytest.mark.parametrize("name", BAD_SECTIONS)
def test_sections_that_make_no_sense_are_corrupt(name: str) -> None:
    with pytest.raises(CorruptFile) as raised:
        Extras.of(BAD_SECTIONS[name])
    assert "\n" not in str(raised.value)


def test_more_texts_than_the_limit_are_refused() -> None:
    with pytest.raises(LimitExceeded, match="more than 4096 texts"):
        Extras.of({constants.SECTION_TEXTS: b"\x03a\0b" * 4097})


# ---- IPTC


def test_iptc_is_kept_and_returns_to_jpeg_tiff_and_png() -> None:
    image = kept(files.jpeg(None, files.app13()))
    assert image.extras.resources == files.resources()
    assert (0xED, b"Photoshop 3.0\0" + files.resources()) in files.segments(restored(image, ".jpg"))
    with Image.open(io.BytesIO(restored(image, ".tif"))) as tiff:
        assert tiff.tag_v2[34377] == files.resources()
        assert tiff.tag_v2[33723] == files.iptc()
    (text,) = [content for name, content in files.chunks(restored(image, ".png")) if name == b"zTXt"]
    keyword, _, packed = text.partition(b"\0")
    assert keyword == b"Raw profile type iptc"
    lines = zlib.decompress(packed[1:]).split(b"\n")
    assert lines[1:2] == [b"iptc"]
    assert int(lines[2]) == len(files.resources())
    assert bytes.fromhex(b"".join(lines[3:]).decode()) == files.resources()


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif"])
def test_iptc_survives_a_second_round(suffix: str) -> None:
    image = kept(files.jpeg(None, files.app13()))
    assert kept(restored(image, suffix)).extras.resources == files.resources()


def test_iptc_longer_than_a_segment_is_joined_and_cut_again() -> None:
    long = b"8BIM\x04\x04\0\0" + struct.pack(">I", 100_000) + bytes(100_000)
    parts = [files.segment(0xED, b"Photoshop 3.0\0" + part) for part in (long[:60_000], long[60_000:])]
    image = kept(files.jpeg(None, *parts))
    assert image.extras.resources == long
    assert kept(restored(image, ".jpg")).extras.resources == long


@pytest.mark.parametrize("tag", [33723, 34377])
def test_iptc_of_tiff_is_kept(tag: int) -> None:
    info = Image.Exif()
    image = Image.fromarray(files.photo())
    content = files.iptc() if tag == 33723 else files.resources()
    info[tag] = content
    found = kept(files.saved(image, "TIFF", exif=info))
    assert files.iptc() in found.extras.resources
    assert found.extras.resources.startswith(b"8BIM")


@pytest.mark.parametrize("suffix", [".webp", ".avif", ".bmp", ".ppm"])
def test_formats_without_iptc_say_so(suffix: str) -> None:
    _, notices = written(kept(files.jpeg(None, files.app13())), suffix)
    assert len([line for line in notices if line.endswith("IPTC left out")]) == 1


# ---- XMP in parts


def test_extended_xmp_is_kept_whatever_the_order_of_its_segments() -> None:
    packet, whole, (head, *parts) = files.extended(b"x" * 150_000)
    for order in (parts, parts[::-1]):
        image = kept(files.jpeg(None, head, *order))
        assert (image.xmp, image.extras.extended_xmp) == (packet, whole)
    again = kept(restored(image, ".jpg"))
    assert (again.xmp, again.extras.extended_xmp) == (packet, whole)


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif"])
def test_extended_xmp_becomes_one_with_the_packet_where_there_is_room(suffix: str) -> None:
    packet, _, segments = files.extended(b"x" * 150_000)
    found = kept(restored(kept(files.jpeg(None, *segments)), suffix))
    assert b'd:Data="' + b"x" * 150_000 + b'"' in found.xmp
    assert b"HasExtendedXMP" in packet
    assert b"HasExtendedXMP" not in found.xmp
    assert found.xmp.count(b"</rdf:RDF>") == 1


@pytest.mark.parametrize("change", ["lost", "doubled", "of another name", "of another length"])
def test_extended_xmp_that_is_not_whole_is_named(change: str) -> None:
    _, _, (head, *parts) = files.extended(b"x" * 90_000)
    if change == "lost":
        del parts[1]
    elif change == "doubled":
        parts.append(parts[1])
    elif change == "of another name":
        head = files.xmp_segment(b"<x/>")
    else:
        parts = [part[:71] + b"\xff\xff\xff\xff" + part[75:] for part in parts]
    image, notices = read(files.jpeg(None, head, *parts))
    assert image.extras.extended_xmp == b"" or change == "doubled"
    assert ["extended XMP that is not whole" in line for line in notices] == [True]


# ---- resolution


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (files.saved(files.photo(), "JPEG", dpi=(300, 150)), Resolution(300, 150, INCH)),
        (
            files.jpeg().replace(b"JFIF\0\1\1\0\0\1\0\1", b"JFIF\0\1\1\2\0\x76\0\x76", 1),
            Resolution(118, 118, CENTIMETRE),
        ),
        (files.jpeg().replace(b"JFIF\0\1\1\0\0\1\0\1", b"JFIF\0\1\1\0\0\4\0\3", 1), Resolution(4, 3, ASPECT)),
        (files.png(None, files.chunk(b"pHYs", struct.pack(">IIB", 23622, 11811, 1))), Resolution(23622, 11811, METRE)),
        (files.png(None, files.chunk(b"pHYs", struct.pack(">IIB", 4, 3, 0))), Resolution(4, 3, ASPECT)),
        (files.saved(files.photo(), "TIFF", dpi=(600, 400)), Resolution(600, 400, INCH)),
        (
            files.saved(files.photo(), "TIFF", x_resolution=118, y_resolution=118, resolution_unit=3),
            Resolution(118, 118, CENTIMETRE),
        ),
        (files.saved(files.photo(), "TIFF", dpi=(72.5, 72.5)), Resolution(2854, 2854, METRE)),
        (files.saved(files.photo(), "BMP", dpi=(254, 254)), Resolution(10000, 10000, METRE)),
        (files.jpeg(), None),
        (files.png(), None),
        (files.png(None, files.chunk(b"pHYs", struct.pack(">IIB", 0, 7, 1))), None),
    ],
)
def test_resolutions_are_kept_in_their_own_units(data: bytes, expected: Resolution | None) -> None:
    resolution = kept(data).extras.resolution
    if expected and expected.unit == METRE and resolution != expected:  # a number of dots an inch that was rounded
        assert resolution
        assert resolution.per(METRE) == pytest.approx(expected.per(METRE), abs=1)
    else:
        assert resolution == expected


@pytest.mark.parametrize(
    "resolution", [Resolution(300, 150, INCH), Resolution(118, 118, CENTIMETRE), Resolution(11811, 11811, METRE)]
)
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".bmp"])
def test_resolutions_are_restored(resolution: Resolution, suffix: str) -> None:
    image = ImageData(files.photo(), extras=Extras(resolution=resolution))
    with Image.open(io.BytesIO(restored(image, suffix))) as shown:
        assert shown.info["dpi"] == pytest.approx(resolution.per(INCH), rel=2e-3)


def test_pixels_that_are_not_square_are_so_again() -> None:
    image = ImageData(files.photo(), extras=Extras(resolution=Resolution(4, 3, ASPECT)))
    assert dict(files.chunks(restored(image, ".png")))[b"pHYs"] == struct.pack(">IIB", 4, 3, 0)
    assert kept(restored(image, ".jpg")).extras.resolution == Resolution(4, 3, ASPECT)
    assert ["resolution left out" in line for line in written(image, ".tif")[1]] == [True]


def test_a_resolution_that_only_exif_has_is_told_by_png_too() -> None:
    tags = Image.Exif()
    tags[ExifTags.Base.XResolution] = tags[ExifTags.Base.YResolution] = 300
    image = ImageData(files.photo(), exif=tags.tobytes().removeprefix(b"Exif\0\0"))
    assert dict(files.chunks(restored(image, ".png")))[b"pHYs"] == struct.pack(">IIB", 11811, 11811, 1)


# ---- texts and comments


def test_texts_of_png_return_as_they_were() -> None:
    texts = [
        (b"tEXt", b"Title\0Caf\xe9"),
        (b"iTXt", b"Title\0\0\0de\0" + "Überschrift\0Grün 漢".encode()),
        (b"tEXt", b"Comment\0a\nb"),
    ]
    data = files.png(None, *(files.chunk(*text) for text in texts))
    image = kept(data)
    assert image.extras.texts == (
        Text("Title", "Café"),
        Text("Title", "Grün 漢", "de", "Überschrift"),
        Text("Comment", "a\nb"),
    )
    assert [one for one in files.chunks(restored(image, ".png")) if one[0] in (b"tEXt", b"iTXt")] == texts


def test_compressed_texts_are_kept() -> None:
    packed = zlib.compress(b"long " * 1000)
    data = files.png(None, files.chunk(b"zTXt", b"Story\0\0" + packed), files.chunk(b"iTXt", b"S\0\1\0\0\0" + packed))
    assert kept(data).extras.texts == (Text("Story", "long " * 1000), Text("S", "long " * 1000))


def test_texts_behind_the_pixels_are_kept() -> None:
    data = files.png()
    data = data[:-12] + files.chunk(b"tEXt", b"Title\0late") + data[-12:]
    assert kept(data).extras.texts == (Text("Title", "late"),)


@pytest.mark.parametrize(
    "data",
    [
        files.jpeg(None, files.segment(0xFE, b"slide 12")),
        files.jpeg(None, files.segment(0xFE, b"slide 12\0")),
        files.saved(Image.fromarray(files.photo()).convert("L"), "GIF", comment=b"slide 12"),
        b"P6\n# slide 12\n2 1\n255\n" + bytes(6),
        b"P5 2 # slide 12\n1 255 " + bytes(2),
    ],
)
def test_comments_are_kept(data: bytes) -> None:
    image, _ = read(data)
    assert image.extras.texts == (Text("Comment", "slide 12"),)
    assert (0xFE, b"slide 12") in files.segments(restored(image, ".jpg"))
    assert (b"tEXt", b"Comment\0slide 12") in files.chunks(restored(image, ".png"))
    with Image.open(io.BytesIO(restored(image, ".tif"))) as tiff:
        assert tiff.tag_v2[ExifTags.Base.ImageDescription] == "slide 12"


def test_zeros_within_a_comment_become_spaces() -> None:
    image = kept(files.jpeg(None, files.segment(0xFE, b"slide\x0012")))
    assert image.extras.comment == "slide 12"
    assert Extras.of(image.extras.sections()) == image.extras


def test_comments_of_any_encoding_are_read() -> None:
    image = kept(files.jpeg(None, files.segment(0xFE, b"caf\xe9"), files.segment(0xFE, "naïf".encode())))
    assert [text.text for text in image.extras.texts] == ["café", "naïf"]
    assert kept(restored(image, ".jpg")).extras == image.extras


def test_what_has_no_room_for_texts_names_each() -> None:
    image = ImageData(files.photo(), extras=Extras(texts=(Text("Title", "x"), Text("Comment", "y"))))
    assert written(image, ".jpg")[1] == ["JPEG cannot hold everything: text 'Title' left out"]
    assert written(image, ".webp")[1] == [
        "WEBP cannot hold everything: text 'Title' left out",
        "WEBP cannot hold everything: a comment left out",
    ]


# ---- colours


CHRM = struct.pack(">8I", 31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)  # P3
COLOURS = {
    b"cICP": bytes([9, 16, 0, 1]),
    b"mDCV": bytes(range(24)),
    b"cLLI": struct.pack(">II", 10_000_000, 4_000_000),
    b"gAMA": struct.pack(">I", 100_000),
    b"cHRM": CHRM,
}


@pytest.mark.parametrize("name", COLOURS)
@pytest.mark.parametrize("deep", [False, True])
def test_chunks_that_say_what_colours_mean_return_to_png(name: bytes, deep: bool) -> None:
    chunk = files.chunk(name, COLOURS[name])
    data = files.png16(files.photo().astype(np.uint16) * 257, chunk) if deep else files.png(None, chunk)
    image = kept(data)
    assert image.extras.chunks == (Chunk(name, COLOURS[name]),)
    again = files.chunks(restored(image, ".png"))
    assert (name, COLOURS[name]) in again
    assert [n for n, _ in again].index(name) < [n for n, _ in again].index(b"IDAT")


def in_srgb(data: bytes) -> np.ndarray:
    """The pixels of a file as a program shows them that goes by ICC profiles."""
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        profile = ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"]))
        return np.array(ImageCms.profileToProfile(image, profile, ImageCms.createProfile("sRGB"), outputMode="RGB"))


def srgb_of_linear(linear: np.ndarray) -> np.ndarray:
    """What is shown of linear light in the primaries of sRGB."""
    linear = np.clip(linear, 0, 1)
    return 255 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


RAMP = np.repeat(np.linspace(30, 250, 64).astype(np.uint8)[None, :, None], 3, 2).repeat(8, 0)


@pytest.mark.parametrize("gamma", [100_000, 55_556, 45_455, 200_000])
@pytest.mark.parametrize("suffix", [".tif", ".webp"])
def test_a_gamma_means_the_same_as_a_profile(gamma: int, suffix: str) -> None:
    image = kept(files.png(RAMP, files.chunk(b"gAMA", struct.pack(">I", gamma))))
    expected = srgb_of_linear((RAMP / 255) ** (1e5 / gamma))
    assert np.abs(in_srgb(restored(image, suffix)) - expected).max() <= 2


def test_primaries_mean_the_same_as_a_profile() -> None:
    """Half saturated colours of P3, which lie within sRGB; the matrices are those of the two standards."""
    colours = np.array([(160, 120, 120), (110, 150, 120), (120, 120, 170), (128, 128, 128)], np.uint8)
    samples = np.tile(colours, (4, 1, 1))
    image = kept(files.png(samples, files.chunk(b"gAMA", struct.pack(">I", 100_000)), files.chunk(b"cHRM", CHRM)))
    p3_to_srgb = np.array([[1.2249, -0.2247, 0], [-0.0420, 1.0419, 0], [-0.0197, -0.0786, 1.0979]])
    expected = srgb_of_linear(samples / 255 @ p3_to_srgb.T)
    assert np.abs(in_srgb(restored(image, ".tif")) - expected).max() <= 2


def test_cicp_becomes_a_profile_that_names_it_and_goes_before_another() -> None:
    cicp = files.chunk(b"cICP", bytes([12, 13, 0, 1]))
    icc = files.chunk(b"iCCP", b"icc\0\0" + zlib.compress(files.srgb()))
    image = kept(files.png(None, cicp, icc))
    assert image.icc == files.srgb()
    with Image.open(io.BytesIO(restored(image, ".jpg"))) as shown:
        profile = shown.info["icc_profile"]
    assert b"cicp\0\0\0\0" + bytes([12, 13, 0, 1]) in profile
    red = ImageCms.getOpenProfile(io.BytesIO(profile)).profile.red_primary
    assert red[1][:2] == pytest.approx((0.68, 0.32), abs=0.02)  # adapted to D50
    names = [name for name, _ in files.chunks(restored(image, ".png"))]
    assert {b"cICP", b"iCCP"} <= set(names)


@pytest.mark.parametrize("transfer", [1, 4, 5, 8, 13, 16, 18])
@pytest.mark.parametrize("primaries", [1, 4, 5, 6, 9, 11, 12, 22])
def test_every_profile_that_is_made_is_one(primaries: int, transfer: int) -> None:
    extras = Extras(chunks=(Chunk(b"cICP", bytes([primaries, transfer, 0, 1])),))
    for channels, mode in ((1, "L"), (3, "RGB")):
        profile = profiles.of_chunks(extras, channels)
        assert profiles.misfit(profile, channels) == ""
        white = Image.new(mode, (1, 1), 255 if channels == 1 else (255, 255, 255))
        transform = ImageCms.buildTransform(
            ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB"), mode, "RGB"
        )
        assert min(transform.apply(white).getpixel((0, 0))) >= 253


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (b"gAMA", struct.pack(">I", 0)),
        (b"gAMA", struct.pack(">I", 1)),
        (b"cHRM", bytes(32)),
        (b"cHRM", struct.pack(">8I", *[33333] * 8)),
        (b"cHRM", b"\xff" * 32),
        (b"cICP", bytes([77, 13, 0, 1])),
        (b"cICP", bytes([9, 16, 9, 0])),
    ],
)
def test_colours_that_make_no_sense_make_no_profile(name: bytes, content: bytes) -> None:
    image = kept(files.png(None, files.chunk(name, content)))
    data, notices = written(image, ".jpg")
    assert ["of which no profile can be made" in line for line in notices] == [True]
    assert kept(data).icc == b""


def test_what_the_standard_colours_say_is_not_repeated() -> None:
    standard = [files.chunk(b"sRGB", b"\0"), files.chunk(b"gAMA", struct.pack(">I", 45455)), files.chunk(b"cHRM", CHRM)]
    assert kept(files.png(None, *standard)).extras == Extras()


def test_formats_without_profiles_name_what_the_colours_meant() -> None:
    image = kept(files.png(None, files.chunk(b"gAMA", COLOURS[b"gAMA"]), files.chunk(b"cLLI", COLOURS[b"cLLI"])))
    _, notices = written(image, ".ppm")
    assert notices == [
        "PPM cannot hold everything: gAMA, which says what the colours mean, left out",
        "PPM cannot hold everything: PNG chunk cLLI left out",
    ]


MISFITS = {
    "RGB on grey.png": (files.png(files.photo()[:, :, 0]), b"RGB ", "is for RGB, the pixels are grey"),
    "grey on RGB.png": (files.png(), b"GRAY", "is for GRAY, the pixels are RGB"),
    "CMYK on RGB.png": (files.png(), b"CMYK", "is for CMYK, the pixels are RGB"),
    "Lab on RGB.png": (files.png(), b"Lab ", "is for Lab, the pixels are RGB"),
}


@pytest.mark.parametrize("name", MISFITS)
def test_a_profile_that_does_not_fit_its_pixels_is_left_out(name: str) -> None:
    data, space, expected = MISFITS[name]
    with_profile = files.chunk(b"iCCP", b"icc\0\0" + zlib.compress(files.profile_of(space)))
    image, notices = read(data[:33] + with_profile + data[33:])
    assert image.icc == b""
    assert notices == [f"the ICC profile {expected}: it is left out"]


@pytest.mark.parametrize("kind", ["JPEG", "TIFF", "WEBP", "AVIF"])
def test_misfits_are_found_in_every_format(kind: str) -> None:
    image, notices = read(files.saved(files.photo(), kind, icc_profile=files.profile_of(b"GRAY")))
    assert image.icc == b""
    assert [line.startswith("the ICC profile is for GRAY") for line in notices] == [True]


def test_a_profile_that_is_none_is_left_out() -> None:
    image, notices = read(files.saved(files.photo(), "JPEG", icc_profile=b"profile"))
    assert image.icc == b""
    assert notices == ["the ICC profile is damaged: it is left out"]


def test_greys_of_a_palette_keep_a_profile_of_colour() -> None:
    palette = Image.fromarray(files.photo()[:, :, 0] // 32).convert("P")
    palette.putpalette([value for level in range(256) for value in (level, level, level)])
    image, notices = read(files.saved(palette, "PNG", icc_profile=files.srgb()))
    assert image.icc == files.srgb()
    assert image.pixels.shape[2] == 3
    assert notices == ["palette expanded to RGB"]


# ---- what stands behind the image


def test_a_gain_map_returns_to_a_jpeg_that_others_read() -> None:
    data = files.mpo()
    image, notices = read(data)
    assert len(notices) == 1
    assert "a gain map of" in notices[0]
    again = restored(image, ".jpg")
    with MpoImageFile(io.BytesIO(data)) as before, MpoImageFile(io.BytesIO(again)) as after:
        assert after.n_frames == 2
        assert after.info["xmp"] == files.GAIN_XMP
        first, second = after.mpinfo[0xB002]
        assert again[first["Size"] :] == data[before.mpinfo[0xB002][0]["Size"] :]
        assert second["Size"] == before.mpinfo[0xB002][1]["Size"]
        before.seek(1)
        after.seek(1)
        assert (np.array(after) == np.array(before)).all()


def big_ended(data: bytes) -> bytes:
    """The same file of two images, with integers in its index big end first."""
    at = data.index(b"MPF\0II*\0") + 4
    out = bytearray(data)
    out[at : at + 8] = b"MM\0*" + struct.pack(">I", *struct.unpack_from("<I", data, at + 4))
    (start,) = struct.unpack_from("<I", data, at + 4)
    (count,) = struct.unpack_from("<H", data, at + start)
    struct.pack_into(">H", out, at + start, count)
    for number in range(count):
        place = at + start + 2 + 12 * number
        tag, kind, size, value = struct.unpack_from("<HHII", data, place)
        struct.pack_into(">HHI", out, place, tag, kind, size)
        if size > 4 or kind == 4:
            struct.pack_into(">I", out, place + 8, value)
        if tag == 0xB002:
            for entry in range(at + value, at + value + size, 16):
                struct.pack_into(">IIIHH", out, entry, *struct.unpack_from("<IIIHH", data, entry))
    return bytes(out)


def test_an_index_of_images_may_have_its_big_end_first() -> None:
    image, _ = read(big_ended(files.mpo()))
    with MpoImageFile(io.BytesIO(restored(image, ".jpg"))) as again:
        assert again.n_frames == 2
        again.seek(1)
        assert again.size == (32, 24)


@pytest.mark.parametrize("at", range(4, 90, 3))
def test_an_index_of_images_that_lies_does_no_harm(at: int) -> None:
    data = bytearray(files.mpo())
    place = data.index(b"MPF\0") + at
    data[place : place + 4] = b"\xff\xff\xff\xff"
    image, _ = read(bytes(data))
    again, _ = read(restored(image, ".jpg"))
    assert again.extras.trailer
    assert image.extras.trailer
    assert again.extras.trailer.data == image.extras.trailer.data


def test_a_motion_photo_returns_to_jpeg_as_it_was() -> None:
    data = files.jpeg(None, files.xmp_segment(files.MOTION_XMP)) + files.VIDEO
    image, notices = read(data)
    assert notices == ["a video of 1,036 bytes behind the image kept as it is; without extras it is left out"]
    again = restored(image, ".jpg")
    assert again.endswith(b"\xff\xd9" + files.VIDEO)
    assert kept(restored(ImageData(files.photo(), xmp=image.xmp), ".jpg")).xmp == files.MOTION_XMP


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif"])
def test_other_formats_leave_a_video_out_and_announce_none(suffix: str) -> None:
    image, _ = read(files.jpeg(None, files.xmp_segment(files.MOTION_XMP)) + files.VIDEO)
    data, notices = written(image, suffix)
    assert notices == ["a video of 1,036 bytes behind the image belongs into a JPEG: left out"]
    packet = kept(data).xmp
    for word in (b"MotionPhoto", b"Container", b"Item"):
        assert word not in packet
    assert b'GCamera:Special="7"' in packet
    assert b'dc:format="x"' in packet


def test_without_extras_a_video_is_left_out_and_not_announced() -> None:
    image, notices = read(files.jpeg(None, files.xmp_segment(files.MOTION_XMP)) + files.VIDEO, extras=False)
    assert image.extras.trailer is None
    assert notices == ["a video of 1,036 bytes behind the image left out"]
    assert b"MotionPhoto" not in image.xmp
    gain, _ = read(files.mpo(), extras=False)
    assert b"hdrgm" not in gain.xmp


@pytest.mark.parametrize(
    ("data", "suffix"),
    [(files.png(), ".png"), (files.saved(files.photo(), "WEBP", lossless=True), ".webp"), (files.jpeg(), ".jpg")],
)
def test_bytes_behind_an_image_return_to_files_of_its_kind(data: bytes, suffix: str) -> None:
    image, notices = read(data + b"PK\3\4 anything")
    assert notices == ["trailing data of 13 bytes behind the image kept as it is; without extras it is left out"]
    assert restored(image, suffix).endswith(b"PK\3\4 anything")
    _, notices = written(image, ".tif")
    assert ["left out" in line for line in notices] == [True]


def test_a_gain_map_of_the_iso_is_one() -> None:
    data = files.jpeg(None, files.segment(0xE2, b"urn:iso:std:iso:ts:21496:-1\0\0\0\0\0")) + files.jpeg(
        files.photo(16, 16)
    )
    image, notices = read(data)
    assert ["a gain map of" in line for line in notices] == [True]
    assert (0xE2, b"urn:iso:std:iso:ts:21496:-1\0\0\0\0\0") in files.segments(restored(image, ".jpg"))


# ---- what is left out is named


NAMED = {
    "APP3.jpg": (files.jpeg(None, files.segment(0xE3, b"Meta\0\0data")), "JPEG segment APP3 (Meta) left out"),
    "APP11.jpg": (files.jpeg(None, files.segment(0xEB, b"\0\1\2")), "JPEG segment APP11 left out"),
    "JFXX.jpg": (files.jpeg(None, files.segment(0xE0, b"JFXX\0\x10")), "a JFXX thumbnail left out"),
    "part of a profile.jpg": (
        files.jpeg(None, files.segment(0xE2, b"ICC_PROFILE\0\2\2" + bytes(200))),
        "an ICC profile of which parts are missing left out",
    ),
    "bKGD.png": (files.png(None, files.chunk(b"bKGD", bytes(6))), "PNG chunk bKGD left out"),
    "tIME.png": (files.png(None, files.chunk(b"tIME", bytes(7))), "PNG chunk tIME left out"),
    "short gAMA.png": (files.png(None, files.chunk(b"gAMA", bytes(3))), "PNG chunk gAMA left out"),
    "damaged text.png": (
        files.png(None, files.chunk(b"tEXt", b"Title\0x")[:-4] + bytes(4)),
        "damaged PNG chunk tEXt left out",
    ),
    "text without a keyword.png": (
        files.png(None, files.chunk(b"tEXt", b"\0x")),
        "a text that is damaged or too large left out",
    ),
    "chunk.webp": (
        (lambda d: d[:4] + struct.pack("<I", len(d) - 8 + 12) + d[8:] + b"ABCD\4\0\0\0wxyz")(
            files.saved(files.photo(), "WEBP", icc_profile=files.srgb())
        ),
        "WebP chunk ABCD left out",
    ),
    "application.gif": (
        (lambda d: d[:-1] + b"\x21\xff\x0bMADEBYMENOW\3abc\0;")(files.saved(Image.new("L", (9, 9), 3), "GIF")),
        "GIF extension 'MADEBYMENOW' left out",
    ),
    "a chunk that must be known.png": (
        files.png(None, files.chunk(b"ABCD", b"?")),
        "PNG chunk ABCD, which decoders must know, left out",
    ),
    "video.avif": (
        files.saved(files.photo(), "AVIF") + files.box(b"mpvd", files.VIDEO),
        "a video of 1,036 bytes left out",
    ),
    "film.avif": (
        files.saved(files.photo(), "AVIF") + files.VIDEO,
        "a video of 1,036 bytes behind the image left out",
    ),
    "box.avif": (files.saved(files.photo(), "AVIF") + files.box(b"sefd", b"x"), "HEIF box sefd left out"),
    "behind.avif": (files.saved(files.photo(), "AVIF") + b"behind it", "9 bytes behind the image left out"),
    "behind.jp2": (files.saved(files.photo(), "JPEG2000") + b"behind it", "9 bytes behind the image left out"),
    "behind.bmp": (files.saved(files.photo(), "BMP") + b"more", "4 bytes behind the image left out"),
    "another.ppm": (files.saved(files.photo(4, 4), "PPM") * 2, "59 bytes behind the image left out"),
    "another.pbm": (b"P4 # two\n9 2 " + bytes(4) + b"P4 9 2 " + bytes(4), "11 bytes behind the image left out"),
    "another.pgm": (b"P5 3 2 999\n" + bytes(12) + b"P5 3 2 999\n" + bytes(12), "23 bytes behind the image left out"),
    "alpha perhaps.bmp": (
        files.saved(np.dstack((files.photo(), files.photo()[:, :, 0])), "BMP"),
        "the fourth byte of each pixel, which some programs take for transparency, left out",
    ),
    "area.tga": (
        files.saved(files.photo(), "TGA")[:-26] + bytes(495) + struct.pack("<II", 9234, 0) + b"TRUEVISION-XFILE.\0",
        "the extension or developer area of a TGA left out",
    ),
    "behind.gif": (files.saved(Image.new("L", (9, 9), 3), "GIF") + b"more", "4 bytes behind the GIF left out"),
    "tag.tif": (
        files.saved(files.photo(), "TIFF", tiffinfo={33550: (1.0, 1.0, 0.0)}),
        "TIFF tag 33550 (ModelPixelScaleTag) left out",
    ),
    "box.jp2": (
        files.saved(files.photo(), "JPEG2000") + files.box(b"xml ", b"<gml/>"),
        "JPEG 2000 box xml left out",
    ),
}


@pytest.mark.parametrize("name", NAMED)
def test_what_is_left_out_is_named_in_a_line(name: str) -> None:
    data, line = NAMED[name]
    _, notices = read(data)
    notices = [notice for notice in notices if "palette" not in notice and "one bit" not in notice]
    assert len(notices) == 1
    assert notices[0].split(" (")[0].startswith(line.split(" (")[0])


@pytest.mark.parametrize(
    ("kind", "behind", "lost"),
    [
        ("AVIF", b"", []),
        ("AVIF", files.box(b"mpvd", files.VIDEO), ["a video of 1,036 bytes left out"]),
        ("AVIF", files.VIDEO, ["a video of 1,036 bytes behind the image left out"]),
        ("JPEG", files.VIDEO, ["a video of 1,036 bytes behind the image left out"]),
    ],
)
def test_a_video_that_is_left_out_is_not_announced_in_any_format(kind: str, behind: bytes, lost: list[str]) -> None:
    image, notices = read(files.saved(files.photo(), kind, xmp=files.MOTION_XMP) + behind, extras=False)
    assert notices == lost
    assert (b"MotionPhoto" in image.xmp) == (not lost)
    assert b"GCamera:Special" in image.xmp


def test_bytes_that_mean_no_transparency_are_passed_over_in_silence() -> None:
    for unused in (0, 255):
        alpha = np.full((48, 64, 1), unused, np.uint8)
        assert read(files.saved(np.dstack((files.photo(), alpha)), "BMP"))[1] == []


def test_chunks_that_may_be_copied_are() -> None:
    image = kept(files.png(None, files.chunk(b"abCd", b"anything")))
    assert (b"abCd", b"anything") in files.chunks(restored(image, ".png"))
    assert written(image, ".jpg")[1] == ["JPEG cannot hold everything: PNG chunk abCd left out"]


def camera_exif() -> bytes:
    """EXIF with a maker note and a thumbnail, byte by byte."""
    head = b"II*\0\x08\0\0\0"
    inner, thumbnail = 8 + 2 + 3 * 12 + 4, 8 + 2 + 3 * 12 + 4 + 2 + 12 + 4
    first = struct.pack("<HHHIIHHIIHHIII", 3, 0x0112, 3, 1, 6, 0x010F, 2, 4, 0x54534554, 0x8769, 4, 1, inner, thumbnail)
    exif = struct.pack("<HHHI4sI", 1, 0x927C, 7, 4, b"note", 0)
    second = struct.pack("<HHHIII", 1, 0x0100, 4, 1, 160, 0)
    return head + first + exif + second


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
def test_maker_notes_and_thumbnails_in_exif_are_kept(suffix: str) -> None:
    image = ImageData(files.photo(), exif=camera_exif())
    assert kept(restored(image, suffix)).exif == camera_exif()


@pytest.mark.parametrize("suffix", [".tif", ".avif"])
def test_maker_notes_and_thumbnails_are_missed_where_tags_are_written(suffix: str) -> None:
    data, notices = written(ImageData(files.photo(), exif=camera_exif()), suffix)
    kind = {".tif": "TIFF", ".avif": "AVIF"}[suffix]
    assert notices == [
        f"{kind} cannot hold everything: the maker note in EXIF left out",
        f"{kind} cannot hold everything: the thumbnail in EXIF left out",
    ]
    with Image.open(io.BytesIO(data)) as image:
        assert image.getexif()[ExifTags.Base.Orientation] == 6


def test_a_maker_note_in_a_tiff_is_named() -> None:
    data = files.saved(files.photo(), "TIFF")
    (start,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, start)
    entries = data[start + 2 : start + 2 + 12 * count]
    at = len(data) + len(data) % 2
    inner = struct.pack("<HHHI4sI", 1, 0x927C, 7, 4, b"note", 0)
    tags = struct.pack("<H", count + 1) + entries + struct.pack("<HHII", 0x8769, 4, 1, at) + bytes(4)
    data = data[:4] + struct.pack("<I", at + len(inner)) + data[8:].ljust(at - 8, b"\0") + inner + tags
    image, notices = read(data)
    assert (image.pixels == files.photo()).all()
    assert notices == ["the maker note in EXIF left out"]


def test_info_says_where_colours_come_from() -> None:
    chunks = (Chunk(b"gAMA", COLOURS[b"gAMA"]), Chunk(b"cHRM", CHRM))
    assert words.colours(b"", Extras()) == "sRGB, as nothing says otherwise"
    assert words.colours(files.srgb(), Extras()) == "by an ICC profile"
    assert words.colours(b"", Extras(chunks=chunks)) == "by gAMA and cHRM"
    assert words.colours(files.srgb(), EVERYTHING) == "by cICP"


# ---- hostile metadata


def peak(data: bytes, **options: bool) -> tuple[ImageData, list[str], int]:
    """What `read` gives, and the most bytes of memory that it took at once."""
    tracemalloc.start()
    try:
        return *read(data, **options), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


BOMB = zlib.compress(bytes(1 << 28), 9)  # 256 MiB in 256 KiB


@pytest.mark.parametrize(
    "chunk",
    [
        files.chunk(b"zTXt", b"Title\0\0" + BOMB),
        files.chunk(b"iTXt", b"Title\0\1\0\0\0" + BOMB),
        files.chunk(b"iCCP", b"icc\0\0" + BOMB),
        files.chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + BOMB),
        files.chunk(b"zTXt", b"Raw profile type exif\0\0" + BOMB),
    ],
    ids=["zTXt", "iTXt", "iCCP", "XMP", "raw profile"],
)
def test_a_bomb_in_a_chunk_costs_little_and_is_named(chunk: bytes) -> None:
    image, notices, most = peak(files.png(None, *[chunk] * 8))
    assert image.extras == Extras()
    assert image.icc == image.xmp == image.exif == b""
    assert len(notices) == 1
    assert most < 64 << 20


def test_thousands_of_chunks_are_a_limit_and_one_notice() -> None:
    data = files.png(None, *(files.chunk(b"tEXt", b"k%d\0x" % number) for number in range(20_000)))
    image, notices = read(data)
    assert len(image.extras.texts) == constants.MAX_EXTRAS
    assert notices == [f"texts beyond the limits of metadata left out, {20_000 - constants.MAX_EXTRAS} times"]


def test_thousands_of_kinds_are_a_few_notices() -> None:
    letters = [bytes([a, b, 67, d]) for a in b"abcdefgh" for b in b"abcdefgh" for d in b"ABCDEFGH"]
    _, notices = read(files.png(None, *(files.chunk(name, b"") for name in letters)))
    assert 10 < len(notices) < 30


def test_a_jpeg_of_segments_alone_is_refused_or_read_within_its_size() -> None:
    data = files.jpeg(None, *[files.segment(0xE1, b"Exif\0\0" + bytes(60_000))] * 300)
    _, _, most = peak(data)
    assert most < 12 * len(data)
    with pytest.raises(MediaError, match="more than 65,536 segments"):
        read(files.jpeg(None, files.segment(0xE5, b"") * 70_000))


def test_a_png_of_chunks_alone_is_refused() -> None:
    with pytest.raises(MediaError, match="more than 262,144 chunks"):
        read(files.png(None, files.chunk(b"abCd", b"") * (1 << 18)))


@pytest.mark.parametrize("size", [b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\xff\xff"])
def test_a_length_that_lies_is_damage(size: bytes) -> None:
    data = files.png(None, size + b"tEXtTitle\0x")
    with pytest.raises(MediaError, match="damaged"):
        read(data)


def test_metadata_beyond_its_limit_is_left_out_with_a_notice() -> None:
    blocks = b"8BIM\x04\x04\0\0" + struct.pack(">I", 20 << 20) + bytes(20 << 20)
    parts = [files.segment(0xED, b"Photoshop 3.0\0" + blocks[at : at + 65_000]) for at in range(0, len(blocks), 65_000)]
    image, notices = read(files.jpeg(None, *parts))
    assert image.extras.resources == b""
    assert notices == [f"Photoshop resources of {len(blocks):,} bytes left out"]


@pytest.mark.parametrize(
    "body",
    [
        b"<rdf:RDF" * 200_000,
        b" xmlns:hdrgm='http://ns.adobe.com/hdr-gain-map/1.0/'" + b" hdrgm:a='" * 100_000,
        b" xmlns:hdrgm='http://ns.adobe.com/hdr-gain-map/1.0/'" + b"<hdrgm:a>" * 100_000,
        b"".join(b" xmlns:p%d='http://ns.adobe.com/hdr-gain-map/1.0/'" % number for number in range(30_000)),
        b"xmlns:" + b"x" * 1_000_000,
        b"\n" * 1_000_000,
    ],
    ids=["RDF", "attributes", "elements", "prefixes", "a name", "spaces"],
)
def test_xmp_that_is_meant_to_take_long_does_not(body: bytes) -> None:
    """It ends: ways that are quadratic in the length take many minutes here."""
    for packet in (body, files.XMP_HEAD + body + files.XMP_TAIL):
        xmp.harmless(packet)
        xmp.extended_name(packet)
        xmp.merged(packet, packet)


def test_an_icon_of_very_many_images_is_read() -> None:
    image = files.png(files.photo(16, 16))
    entry = struct.pack("<BBBBHHII", 16, 16, 0, 0, 1, 32, len(image), 6 + 16 * 65_535)
    found, notices = read(struct.pack("<HHH", 0, 1, 65_535) + entry * 65_535 + image)
    assert found.pixels.shape == (16, 16, 3)
    assert len(notices) == 1


def test_what_stands_twice_is_named() -> None:
    twice = [files.xmp_segment(b"<a/>"), files.xmp_segment(b"<b/>")]
    image, notices = read(files.jpeg(None, *twice))
    assert image.xmp == b"<a/>"
    assert notices == ["a further XMP packet left out"]
    _, notices = read(files.png(None, *[files.chunk(b"eXIf", b"II*\0\x08\0\0\0\0\0\0\0\0\0")] * 2))
    assert notices == ["further EXIF left out"]


def test_info_names_the_tags_of_exif() -> None:
    tags = Image.Exif()
    tags[ExifTags.Base.ImageDescription] = "Harbour"
    tags[ExifTags.IFD.Exif] = {ExifTags.Base.ISOSpeedRatings: 200}
    content = tags.tobytes().removeprefix(b"Exif\0\0")
    (line,) = words.lines(b"", content, b"", Extras())
    assert line == f"EXIF: {len(content)} bytes: ImageDescription, ISOSpeedRatings"
    (line,) = words.lines(b"", b"nonsense", b"", Extras())
    assert line.startswith("EXIF: 8 bytes")


# ---- Pillow images that a caller has opened


def test_an_opened_jpeg_or_png_brings_its_metadata() -> None:
    data = files.jpeg(None, files.app13(), files.segment(0xFE, b"slide 12"))
    with Image.open(io.BytesIO(data)) as opened:
        image, notices = read(opened)  # type: ignore[arg-type]
    assert notices == []
    assert image.extras.resources == files.resources()
    assert image.extras.texts == (Text("Comment", "slide 12"),)
    chunks = [files.chunk(b"gAMA", COLOURS[b"gAMA"]), files.chunk(b"tEXt", b"Title\0x")]
    with Image.open(io.BytesIO(files.png(None, *chunks))) as opened:
        image, notices = read(opened)  # type: ignore[arg-type]
    assert image.extras == Extras(texts=(Text("Title", "x"),), chunks=(Chunk(b"gAMA", COLOURS[b"gAMA"]),))


def test_an_opened_file_of_several_images_names_those_that_it_leaves_out() -> None:
    with Image.open(io.BytesIO(files.mpo())) as opened:
        _, notices = read(opened)  # type: ignore[arg-type]
    assert notices == ["further images behind the first left out"]


def test_lines_about_metadata_are_short() -> None:
    lines = list(words.lines(b"", b"", b"", Extras(texts=(Text("T", "x" * 1000),))))
    assert lines == ["text T: " + "x" * 57 + "..."]
