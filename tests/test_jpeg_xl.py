"""Pixels without loss by JPEG XL: asked for, smaller, and read where the extra is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import codec
from codec.bitstream import constants
from codec.bitstream import image as image_file
from codec.bitstream.errors import CorruptFile, MissingPackage
from codec.image import jpeg_xl, jpeg_xl_header
from codec.image.jpeg_xl_header import Header
from codec.media import Pixels
from codec.media.image import jxl
from tests import golden
from tests.conftest import PATIENCE_S, ROOT, Run

pytest.importorskip("pillow_jxl")
SHAPES = [(1, 1), (8, 256), (300, 200), (64, 64), (2, 20_000), (40, 60), (513, 3)]


def kinds(data: bytes) -> set[int]:
    return {stream.data[0] for stream in image_file.read(data).streams}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("channels", "dtype"), [(1, np.uint8), (3, np.uint8), (1, np.uint16)])
def test_pixels_of_every_shape_come_back_equal(shape: tuple[int, int], channels: int, dtype: type) -> None:
    pixels = np.random.default_rng(1).integers(0, np.iinfo(dtype).max, (*shape, channels), dtype, endpoint=True)
    data = jpeg_xl.encode(pixels)
    assert data is not None
    bit_depth = 8 * pixels.itemsize
    assert jpeg_xl_header.read(data) == Header(shape[1], shape[0], channels, bit_depth)
    found = jpeg_xl.decode(data, pixels.shape, bit_depth)
    assert found.dtype == dtype
    assert np.array_equal(found, pixels)


def changed(data: bytes, bit: int) -> bytes:
    out = bytearray(data)
    out[bit // 8] ^= 1 << bit % 8
    return bytes(out)


def test_other_headers_are_refused_before_anything_is_unpacked(patch: Pixels, monkeypatch: pytest.MonkeyPatch) -> None:
    data = jpeg_xl.encode(patch)
    assert data is not None
    height, width, _ = patch.shape
    unpacked: list[bytes] = []

    class Plugin:
        def Decoder(self, **_: Any) -> Any:  # noqa: N802
            return unpacked.append

    monkeypatch.setattr(jxl, "plugin", Plugin)
    for shape, bit_depth in (((height, width + 1, 3), 8), ((height, width, 1), 8), (patch.shape, 16)):
        with pytest.raises(CorruptFile, match="another kind than its tile"):
            jpeg_xl.decode(data, shape, bit_depth)
    for cut in range(9):
        with pytest.raises(CorruptFile):
            jpeg_xl.decode(data[:cut], patch.shape, 8)
    words = set()
    for bit in range(16, 8 * 10):
        try:
            jpeg_xl_header.read(changed(data, bit))
        except CorruptFile as error:
            words.add(str(error).removeprefix("a JPEG XL with ").removesuffix(", which tiles have not"))
    assert {"several frames", "a frame of another size", "an orientation, a preview or an animation"} <= words
    assert {"noise, patches or splines", "channels beside its colours", "extensions", "blended frames"} <= words
    assert not unpacked


def test_damaged_pixels_are_damage(patch: Pixels) -> None:
    data = jpeg_xl.encode(patch)
    assert data is not None
    for at in range(16, len(data), len(data) // 20):
        with pytest.raises(CorruptFile, match="damaged"):
            jpeg_xl.decode(changed(data, 8 * at), patch.shape, 8)
    with pytest.raises(CorruptFile):
        jpeg_xl.decode(data[: len(data) // 2], patch.shape, 8)


def test_it_is_used_where_somebody_asks_for_it_and_it_is_smaller(patch: Pixels) -> None:
    plain, asked = (codec.compress_image(patch, lossless=lossless) for lossless in (True, "jxl"))
    assert kinds(plain) == {constants.TILE_LOSSLESS}
    assert kinds(asked) == {constants.TILE_JPEG_XL}
    assert len(asked) < len(plain)
    assert np.array_equal(codec.decompress_image(asked, output="array"), patch)
    letters = np.kron(
        np.random.default_rng(1).integers(0, 2, (64, 4, 1), np.uint8) * 255, np.ones((1, 20, 3), np.uint8)
    )
    repeated = np.tile(letters, (4, 4, 1))
    assert kinds(codec.compress_image(repeated, lossless="jxl")) == {constants.TILE_LOSSLESS}


def test_colours_of_sixteen_bits_which_the_package_has_not_are_stored_as_ever(patch: Pixels) -> None:
    deep = patch.astype(np.uint16) * 257 + 1
    data = codec.compress_image(deep, lossless="jxl")
    assert kinds(data) == {constants.TILE_LOSSLESS}
    grey = np.ascontiguousarray(deep[:, :, 1])
    data = codec.compress_image(grey, lossless="jxl")
    assert kinds(data) == {constants.TILE_JPEG_XL}
    assert np.array_equal(codec.decompress_image(data, output="array", bit_depth=16)[:, :, 0], grey)


def test_by_the_command_line_and_pillow(tmp_path: Path, patch: Pixels, run: Run) -> None:
    import codec.pillow

    Image.fromarray(patch).save(tmp_path / "a.png")
    assert run("compress", tmp_path / "a.png", "--lossless-jxl").returncode == 0
    assert kinds((tmp_path / "a.lcc").read_bytes()) == {constants.TILE_JPEG_XL}
    assert run("decompress", tmp_path / "a.lcc", "-o", tmp_path / "b.png").returncode == 0
    assert (np.array(Image.open(tmp_path / "b.png")) == patch).all()
    Image.fromarray(patch).save(tmp_path / "c.lcc", lossless="jxl")
    assert (tmp_path / "c.lcc").read_bytes() == (tmp_path / "a.lcc").read_bytes()
    for contradiction in (["-q", "50"], ["--roi", tmp_path / "a.png"]):
        assert run("compress", tmp_path / "a.png", "--lossless-jxl", *contradiction).returncode == 2
    with pytest.raises(ValueError, match="lossless 'jpg': expected True, False or 'jxl'"):
        codec.compress_image(patch, lossless="jpg")  # type: ignore[arg-type]


def test_without_the_extra_a_line_names_it_and_nothing_is_called_damaged(
    tmp_path: Path, patch: Pixels, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pillow_jxl.py").write_text("raise ImportError('not here')\n")
    file = golden.FOLDER / f"{golden.JPEG_XL}.lcc"
    done = subprocess.run(
        [sys.executable, "-m", "codec.cli.main", "verify", "--deep", file],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 4, done.stderr
    assert "pip install 'codec[jxl]'" in done.stdout + done.stderr
    monkeypatch.setitem(sys.modules, "pillow_jxl", None)
    for call in (lambda: codec.decompress(file), lambda: codec.compress_image(patch, lossless="jxl")):
        with pytest.raises(MissingPackage, match=r"pip install 'codec\[jxl\]'"):
            call()
    assert codec.info(file).tiles == 6
    found = codec.decode_image(file, partial=True)
    assert len(found.damage) == 5
    exact = golden.images()[golden.JPEG_XL][0].pixels[:64, 128:]
    assert np.array_equal(found.image.pixels[:64, 128:], exact)
