"""What restored images are written as, with what each format can hold; names, times and permissions of files."""

from __future__ import annotations

import io
import json
import os
import stat
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

import codec
from codec.bitstream.errors import MissingPackage
from codec.bitstream.extras import Chunk, Extras
from codec.media import ImageData, MediaNotice, image_bytes, read_image
from tests import image_files as files
from tests.conftest import Run

NEVER = 1_000_000_007_000_000_000  # ns: a time of change that no new file has


def written(image: ImageData, suffix: str) -> tuple[bytes, list[str]]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", MediaNotice)
        data = image_bytes(image, suffix)
    return data, [str(one.message) for one in caught]


def exif(orientation: int) -> bytes:
    tags = Image.Exif()
    tags[0x0112], tags[0x010F] = orientation, "Maker"
    return tags.tobytes().removeprefix(b"Exif\0\0")


def test_an_avif_holds_profile_exif_xmp_and_transparency() -> None:
    alpha = files.photo()[:, :, 1].copy()
    image = ImageData(files.photo(), alpha, files.srgb(), exif(6), b"<x:xmpmeta/>")
    data, notices = written(image, ".avif")
    assert notices == []
    found = read_image(data)
    assert np.abs(found.pixels.astype(int) - image.pixels)[alpha > 0].mean() < 4
    assert found.alpha is not None
    assert (found.icc, found.xmp) == (image.icc, image.xmp)
    with Image.open(io.BytesIO(data)) as shown:
        assert (shown.getexif()[0x0112], shown.getexif()[0x010F]) == (6, "Maker")


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_a_jpeg_xl_holds_the_very_pixels_and_exif_and_xmp(channels: int) -> None:
    plugin = pytest.importorskip("pillow_jxl")
    chosen = {1: [0], 2: [0, 3], 3: [0, 1, 2], 4: [0, 1, 2, 3]}[channels]
    samples = np.dstack((files.photo(), files.photo()[:, :, 0]))[:, :, chosen]
    alpha = samples[:, :, -1].copy() if channels in (2, 4) else None
    pixels = np.ascontiguousarray(samples[:, :, : channels - (alpha is not None)])
    data, notices = written(ImageData(pixels, alpha, b"", exif(6), b"<x:xmpmeta/>"), ".jxl")
    assert notices == []
    _, info, raw, _, boxes = plugin.Decoder(num_threads=1)(data)
    assert (np.frombuffer(raw, np.uint8).reshape(info.height, info.width, -1) == samples).all()
    contents = {bytes(box.box_type): bytes(box.data) for box in boxes}
    assert contents[b"xml "] == b"<x:xmpmeta/>"
    assert contents[b"Exif"].endswith(exif(6))


def test_a_jpeg_xl_shows_the_colours_of_a_profile_that_it_cannot_name() -> None:
    plugin = pytest.importorskip("pillow_jxl")
    image = ImageData(files.photo(), extras=Extras(chunks=(Chunk(b"gAMA", (100_000).to_bytes(4)),)))
    data, notices = written(image, ".jxl")
    assert len(notices) == 1
    assert "converted to sRGB" in notices[0]
    _, info, raw, _, _ = plugin.Decoder(num_threads=1)(data)
    found = np.frombuffer(raw, np.uint8).reshape(info.height, info.width, -1)
    tiff, _ = written(image, ".tif")
    with Image.open(io.BytesIO(tiff)) as shown:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(shown.info["icc_profile"]))
        expected = np.array(ImageCms.profileToProfile(shown, profile, ImageCms.createProfile("sRGB")))
    assert np.abs(found.astype(int) - expected).max() <= 1


def test_without_its_plugin_the_extra_of_jpeg_xl_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_jxl", None)
    with pytest.raises(MissingPackage, match=r"pip install 'codec\[jxl\]'"):
        image_bytes(ImageData(files.photo()), ".jxl")


# ---- by the command line


def motion_photo(folder: Path) -> Path:
    """A JPEG with a motion photo's video and metadata, readable by its owner alone, of long ago."""
    path = folder / "photo.jpg"
    head = [files.xmp_segment(files.MOTION_XMP), files.app13(), files.segment(0xFE, b"slide 12")]
    path.write_bytes(files.jpeg(None, *head) + files.VIDEO)
    path.chmod(0o640)
    os.utime(path, ns=(NEVER, NEVER))
    return path


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    return motion_photo(tmp_path)


@pytest.fixture(scope="module")
def coded(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The file that is made of it."""
    with pytest.warns(MediaNotice, match="a video of"):
        return codec.compress_image(motion_photo(tmp_path_factory.mktemp("coded")))


@pytest.fixture
def packed(tmp_path: Path, coded: bytes) -> Path:
    """The same as a file of its own."""
    path = tmp_path / "photo.lcc"
    path.write_bytes(coded)
    return path


@pytest.mark.slow
def test_all_of_a_file_comes_back_by_the_command_line(run: Run, photo: Path) -> None:
    packed, again = photo.with_suffix(".lcc"), photo.with_name("again.jpg")
    done = run("compress", photo, "--keep-times")
    assert done.returncode == 0, done.stderr
    assert b"a video of 1,036 bytes behind the image kept as it is" in done.stderr
    assert packed.stat().st_mtime_ns == NEVER
    assert run("decompress", packed, "-o", again, "--keep-times").returncode == 0
    assert again.stat().st_mtime_ns == NEVER
    assert again.read_bytes().endswith(files.VIDEO)
    found = files.segments(again.read_bytes())
    for one in files.segments(photo.read_bytes()):
        assert one in found or one[0] not in (0xE1, 0xED, 0xFE)
    if os.name == "posix":  # new files have the permissions of their inputs
        assert stat.S_IMODE(packed.stat().st_mode) == 0o640
        assert stat.S_IMODE(again.stat().st_mode) == 0o640


@pytest.mark.slow
def test_times_are_those_of_writing_where_nothing_else_is_asked_for(run: Run, photo: Path) -> None:
    assert run("compress", photo, "--no-extras").returncode == 0
    assert photo.with_suffix(".lcc").stat().st_mtime_ns != NEVER


@pytest.mark.slow
def test_info_lists_what_a_file_holds(run: Run, packed: Path) -> None:
    lines = run("info", packed).stdout.decode().splitlines()
    for line in ("IPTC: 17 bytes", "comment: slide 12", "a video of 1,036 bytes behind the image"):
        assert line in lines
    facts = json.loads(run("info", packed, "--json").stdout)
    assert facts["metadata"] == ["xmp", "resources", "texts", "trailer"]
    assert "comment: slide 12" in facts["held"]


@pytest.mark.slow
def test_texts_of_a_file_do_not_control_the_terminal(run: Run, tmp_path: Path) -> None:
    text = files.chunk(b"tEXt", b"Title\0\x1b[2Jx\x07")
    (tmp_path / "a.lcc").write_bytes(codec.compress_image(files.png(None, text)))
    out = run("info", tmp_path / "a.lcc").stdout
    assert b"text Title" in out
    assert b"\x1b" not in out
    assert b"\x07" not in out


@pytest.mark.slow
def test_no_extras_leaves_the_video_out(run: Run, photo: Path) -> None:
    done = run("compress", photo, "--no-extras")
    assert b"a video of 1,036 bytes behind the image left out" in done.stderr
    info = codec.info(photo.with_suffix(".lcc"))
    assert info.metadata == ("xmp", "resources", "texts")


@pytest.mark.slow
def test_half_a_file_is_compressed_with_partial_alone(run: Run, tmp_path: Path) -> None:
    data = files.jpeg(files.photo(160, 120))
    (tmp_path / "half.jpg").write_bytes(data[: len(data) // 2])
    assert run("compress", tmp_path / "half.jpg").returncode == 1
    assert not (tmp_path / "half.lcc").exists()
    done = run("compress", tmp_path / "half.jpg", "--partial")
    assert done.returncode == 0
    assert b"read as far as it goes" in done.stderr
    assert (tmp_path / "half.lcc").exists()


@pytest.mark.slow
def test_whole_names_never_clash_and_return(run: Run, photo: Path) -> None:
    other = photo.with_suffix(".png")
    other.write_bytes(files.png())
    done = run("compress", photo, other, "--keep-suffix")
    assert done.returncode == 0, done.stderr
    packed = [photo.with_name("photo.jpg.lcc"), photo.with_name("photo.png.lcc")]
    assert all(path.exists() for path in packed)
    photo.unlink()
    other.unlink()
    assert run("decompress", *packed, "--keep-suffix").returncode == 0
    with Image.open(photo) as first, Image.open(other) as second:
        assert (first.format, second.format) == ("JPEG", "PNG")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("option", "names"),
    [
        ((), {"a.png.lcc": "a.png", "b.jpg.lcc": "b.jpg.png", "c.lcc": "c.png", "v1.2.lcc": "v1.2.png"}),
        (
            ("--keep-suffix",),
            {"a.heic.lcc": "a.heic.png", "b.tif.lcc": "b.tif", "c.lcc": "c.png", "v1.2.lcc": "v1.2.png"},
        ),
    ],
)
def test_names_of_restored_files(
    run: Run, tmp_path: Path, coded: bytes, option: tuple[str, ...], names: dict[str, str]
) -> None:
    for name in names:
        (tmp_path / name).write_bytes(coded)
    assert run("decompress", *(tmp_path / name for name in names), *option).returncode == 0
    assert {path.name for path in tmp_path.iterdir()} == {*names, *names.values()}


@pytest.mark.slow
@pytest.mark.parametrize(("suffix", "lost"), [(".avif", 3), (".jxl", 3), (".jpg", 0)])
def test_every_format_is_written_by_the_command_line(run: Run, packed: Path, suffix: str, lost: int) -> None:
    if suffix == ".jxl":
        pytest.importorskip("pillow_jxl")
    out = packed.with_name(f"out{suffix}")
    done = run("decompress", packed, "-o", out)
    assert done.returncode == 0, done.stderr
    assert out.stat().st_size > 100
    assert done.stderr.count(b"left out") == lost, done.stderr
