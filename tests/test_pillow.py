"""The plugin of Pillow, by the ideas of Pillow's own tests of its formats; imageio through it; paths of fsspec."""

from __future__ import annotations

import io
import mimetypes
import pickle
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile, UnidentifiedImageError

import codec
import codec.pillow
from codec.image_api import ImageCompression
from tests.conftest import ROOT
from tests.test_imports import loaded

GOLDEN = ROOT / "tests" / "golden"
IMAGES = ["quality-50", "alpha", "grey", "deep", "deep-alpha-grey", "lossless", "metadata", "tiles", "extras"]


def golden(name: str) -> bytes:
    return (GOLDEN / f"{name}.lcc").read_bytes()


@pytest.mark.parametrize("name", IMAGES)
def test_an_image_is_opened_as_the_library_decodes_it(name: str) -> None:
    expected, told = codec.decompress(golden(name), output="pil"), codec.info(golden(name))
    assert isinstance(told, codec.ImageInfo)
    with Image.open(GOLDEN / f"{name}.lcc") as image:
        assert (image.format, image.get_format_mimetype()) == ("LCC", "image/x-lcc")
        if told.bit_depth == 16 and told.channels == 1 and not told.alpha:
            expected = codec.decompress(golden(name), output="pil", bit_depth=16)
        assert (image.size, image.mode, image.info) == (expected.size, expected.mode, expected.info)
        assert np.array_equal(image, expected)


def test_opening_decodes_nothing_and_tells_size_mode_and_metadata() -> None:
    path = str(GOLDEN / "metadata.lcc")
    code = f"import codec.pillow; from PIL import Image; im = Image.open({path!r}); print(im.size, sorted(im.info))"
    modules = loaded(code)
    assert "PIL.Image" in modules
    assert not modules & {"onnxruntime", "torch"}
    with Image.open(path) as image:
        assert image.info["icc_profile"]
        assert dict(image.getexif())


def test_the_file_is_closed_once_it_is_loaded_and_the_image_stays() -> None:
    image = Image.open(GOLDEN / "grey.lcc")
    file = image.fp  # type: ignore[attr-defined]
    image.load()
    assert file.closed
    assert image.copy().size == image.size
    assert np.array_equal(pickle.loads(pickle.dumps(image)), image)
    with (GOLDEN / "grey.lcc").open("rb") as ours:  # a file of the caller's is the caller's to close
        Image.open(ours).load()
        assert not ours.closed


def test_there_is_one_frame() -> None:
    with Image.open(GOLDEN / "grey.lcc") as image:
        image.seek(0)
        assert image.tell() == 0
        with pytest.raises(EOFError):
            image.seek(1)


@pytest.mark.parametrize("name", ["quality-50", "metadata", "tiles"])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_none_or_cannot_be_loaded(name: str, share: float) -> None:
    data = golden(name)[: int(share * len(golden(name)))]
    try:
        image = Image.open(io.BytesIO(data))
    except UnidentifiedImageError:
        assert share < 0.5
        return
    assert image.size == Image.open(io.BytesIO(golden(name))).size
    with pytest.raises(OSError, match=r"truncated|ends inside|missing"):
        image.verify()
    with pytest.raises(OSError, match=r"truncated|ends inside|missing"):
        Image.open(io.BytesIO(data)).load()


def test_what_there_is_of_a_truncated_file_is_loaded_when_that_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    data = golden("quality-50")
    whole = np.asarray(Image.open(io.BytesIO(data)), float)
    part = np.asarray(Image.open(io.BytesIO(data[: len(data) * 9 // 10])), float)
    assert 0 < np.square(whole - part).mean() < whole.var()


def test_verify_finds_a_flipped_bit_and_passes_what_is_whole() -> None:
    data = bytearray(golden("quality-50"))
    Image.open(io.BytesIO(data)).verify()
    data[len(data) // 2] ^= 1
    with pytest.raises(OSError, match="checksum"):
        Image.open(io.BytesIO(data)).verify()


@pytest.mark.parametrize("name", ["audio-mono", "originals/text"])
def test_what_holds_no_image_is_not_identified(name: str) -> None:
    with pytest.raises(UnidentifiedImageError):
        Image.open(GOLDEN / f"{name}.lcc")


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "I;16", "P", "1", "CMYK"])
@pytest.mark.filterwarnings("ignore::codec.MediaNotice")
def test_every_mode_is_saved_as_the_library_compresses_it(mode: str, tmp_path: Path) -> None:
    source = Image.linear_gradient("L").resize((40, 24))
    image = (
        source.convert("RGB").convert(mode) if mode != "I;16" else Image.fromarray(np.asarray(source) * np.uint16(257))
    )
    image.save(tmp_path / "a.lcc", quality=80)
    assert (tmp_path / "a.lcc").read_bytes() == codec.compress(image, 80)


def test_options_and_metadata_of_save_count() -> None:
    image = Image.open(GOLDEN / "metadata.lcc")
    sizes = {}
    for quality in (10, 90):
        out = io.BytesIO()
        image.save(out, "LCC", quality=quality)
        sizes[quality] = out.tell()
        assert Image.open(out).info == image.info
    assert sizes[10] < sizes[90]
    exif = Image.Exif()
    exif[0x010F] = "a maker"
    out = io.BytesIO()
    image.save(out, "LCC", icc_profile=None, exif=exif)
    again = Image.open(out)
    assert dict(again.getexif()) == {0x010F: "a maker"}
    assert "icc_profile" not in again.info
    assert "icc_profile" in image.info  # the image itself is as it was
    with pytest.raises(ValueError, match="quality 101"):
        image.save(io.BytesIO(), "LCC", quality=101)


def test_save_takes_every_target_of_the_library() -> None:
    targets = {name for name in ImageCompression.__annotations__ if name.startswith("target_")}
    assert targets <= set(codec.pillow.OPTIONS)


def test_an_image_that_cannot_be_saved_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="target"):
        Image.new("RGB", (64, 64)).save(tmp_path / "a.lcc", target_size=3)
    assert not list(tmp_path.iterdir())


def test_imageio_reads_and_writes_through_the_plugin(tmp_path: Path) -> None:
    iio = pytest.importorskip("imageio.v3", reason="needs imageio")
    path = tmp_path / "a.lcc"
    pixels = np.asarray(Image.open(GOLDEN / "lossless.lcc"))
    iio.imwrite(path, pixels, plugin="pillow", extension=".lcc", lossless=True)
    assert np.array_equal(iio.imread(path, plugin="pillow"), pixels)
    assert iio.immeta(path, plugin="pillow")["mode"] == "RGBA"


def test_the_type_by_name_is_what_the_documents_say() -> None:
    types = mimetypes.MimeTypes()
    types.add_type(codec.pillow.MIME, ".lcc")
    assert types.guess_type("a.lcc") == ("image/x-lcc", None)
    assert Image.MIME["LCC"] == codec.pillow.MIME


@pytest.mark.skipif(shutil.which("file") is None, reason="needs file(1)")
def test_the_magic_lines_of_the_documents_tell_files_apart(tmp_path: Path) -> None:
    lines = (ROOT / "docs" / "apps.md").read_text().split("```magic\n")[1].split("```")[0]
    (tmp_path / "magic").write_text(lines)

    def kind(name: str, *options: str) -> str:
        command = ["file", "-b", *options, "-m", tmp_path / "magic", GOLDEN / name]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    assert kind("grey.lcc") == "lcc image (version 3)"
    assert kind("audio-mono.lcc") == "lcc audio (version 3)"
    assert kind("originals/text.lcc") == "lcc of a file as it was (version 3)"
    assert kind("grey.lcc", "--mime-type") == "image/x-lcc"
    assert kind("latents.json") != kind("grey.lcc")


# --- fsspec ---------------------------------------------------------------------------------------------------------


def test_paths_of_fsspec_are_read_and_written() -> None:
    fsspec = pytest.importorskip("fsspec", reason="needs fsspec")
    image = codec.decompress(golden("grey"), output="array")
    data = codec.compress(image, out="memory://photos/a.lcc")
    assert fsspec.filesystem("memory").cat("/photos/a.lcc") == data
    assert codec.info("memory://photos/a.lcc").size_bytes == len(data)
    assert np.array_equal(
        codec.decompress("memory://photos/a.lcc", output="array"), codec.decompress(data, output="array")
    )
    with pytest.raises(codec.MissingFile):
        codec.decompress("memory://photos/none.lcc")
    with pytest.raises(codec.MediaError, match="nonsense"):
        codec.decompress("nonsense://photos/a.lcc")
    speech = codec.AudioData(np.zeros((4800, 1), np.float32), 48_000)
    codec.compress(speech, out="memory://a.lcc")
    assert len(codec.decompress_audio("memory://a.lcc").samples) == 4800


def test_a_url_without_fsspec_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(codec.MissingPackage, match="pip install fsspec"):
        codec.info("s3://bucket/a.lcc")
