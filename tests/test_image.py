"""Images through the codec: every size and kind, the front door, and what the model promises of the rate."""

from __future__ import annotations

import io
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import codec
from codec.bitstream import constants
from codec.bitstream.image import read
from codec.bitstream.tables import TOTAL, Tables
from codec.devices import CPU
from codec.eval.metrics import psnr_db
from codec.image import encode as image_encode
from codec.image.tile_encoder import padded
from codec.latents import decode as latents_decode
from codec.latents import encode as latents_encode
from codec.latents.header import log2_steps_of
from codec.media import ImageData, ImageSource, Pixels, to_pillow
from codec.model import weights, weights_file
from codec.model.registry import IMAGE
from codec.search.lagrangian import ROUNDING
from codec.search.rdoq import Rdoq
from codec.training.relaxation import relaxed_pass
from codec.training.tables import Histogram
from tests.conftest import PARROTS, torch_model


@pytest.mark.parametrize("size", [(1, 1), (1, 70), (63, 2), (64, 64), (65, 15), (16, 129), (127, 128)])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_size_returns(parrots: Pixels, size: tuple[int, int], channels: int) -> None:
    pixels = np.ascontiguousarray(parrots[100 : 100 + size[0], 250 : 250 + size[1], :channels])
    x_hat = codec.decompress(codec.compress(pixels, 90), output="array")
    assert x_hat.shape == pixels.shape
    assert psnr_db(pixels, x_hat) > 30


def test_large_images_are_tiled_and_small_ones_are_not(parrots: Pixels) -> None:
    large = np.tile(parrots, (3, 2, 1))[:1100, :1000]
    data = codec.compress(large, 30)
    assert codec.info(data).tiles == 2
    assert codec.info(codec.compress(parrots[:9, :9])).tiles == 1
    shown = codec.decompress(data, output="array")
    assert psnr_db(large, shown) > 30
    region = codec.decompress(data, output="array", region=(100, 500, 333, 222))
    assert (region == shown[500:722, 100:433]).all()


def test_a_region_decodes_only_the_tiles_it_needs(parrots: Pixels, monkeypatch: pytest.MonkeyPatch) -> None:
    data = image_encode.encode(ImageData(parrots), 40, CPU, tiles=lambda width, height: (4, 4))
    decoded: list[tuple[int, int]] = []
    original = latents_decode.decode

    def watched(*arguments: Any) -> latents_decode.Latents:
        decoded.append(arguments[3])
        return original(*arguments)

    monkeypatch.setattr(latents_decode, "decode", watched)
    codec.decompress(data, region=(300, 200, 10, 10))
    assert len(decoded) == 4  # its own, and those that synthesis looks at
    codec.decompress(data, region=(0, 0, 5, 5))
    assert len(decoded) == 5


@pytest.mark.parametrize("region", [(0, 0, 0, 5), (-1, 0, 5, 5), (0, 0, 131, 5), (0, 70, 5, 6)])
def test_a_region_outside_the_image_is_refused(region: tuple[int, int, int, int], patch: Pixels) -> None:
    data = codec.compress(patch)
    with pytest.raises(codec.MediaError, match="not inside the image of 130 x 75"):
        codec.decompress(data, region=region)


def test_alpha_returns_exactly_and_metadata_too(patch: Pixels) -> None:
    alpha = np.random.default_rng(0).integers(0, 256, patch.shape[:2], np.uint8)
    source = ImageData(patch, alpha, b"profile", b"II*\0tags", b"<x:xmpmeta/>")
    with pytest.warns(codec.MediaNotice, match="colours under fully transparent pixels are not kept"):
        data = codec.compress(source, 60)
    restored = codec.decompress(data, output="image")
    assert (restored.alpha == alpha).all()
    assert (restored.icc, restored.exif, restored.xmp) == (source.icc, source.exif, source.xmp)
    assert codec.decompress(data, output="array").shape == (75, 130, 4)
    grey = ImageData(np.ascontiguousarray(patch[:, :, :1]), np.maximum(alpha, 1))
    assert codec.decompress(codec.compress(grey), output="array").shape == (75, 130, 2)
    assert codec.decompress(codec.compress(grey)).mode == "LA"


def test_sixteen_bits_are_coded_in_full_and_restored_where_asked() -> None:
    steps = np.linspace(20_000, 20_000 + 2 * 257, 128 * 128).round().astype(np.uint16).reshape(128, 128)
    restored = codec.decompress(codec.compress(steps, 100), output="image", bit_depth=16)
    assert restored.pixels.dtype == np.uint16
    error = restored.pixels[:, :, 0].astype(int) - steps
    assert np.abs(error.mean()) < 40  # units of 1/257 of an 8-bit step: better than 8 bits can be
    assert np.sqrt((error**2).mean()) < 74  # a uniform error of 8 bits has 257 / sqrt(12)
    assert codec.decompress(codec.compress(steps, 100), output="image").pixels.dtype == np.uint8
    assert codec.info(codec.compress(steps)).bit_depth == 16


def test_eight_bits_become_sixteen_where_asked(patch: Pixels) -> None:
    data = codec.compress(patch, 90)
    deep = codec.decompress(data, output="array", bit_depth=16)
    assert deep.dtype == np.uint16
    assert np.abs(deep.astype(int) - codec.decompress(data, output="array").astype(int) * 257).max() <= 129


def test_grey_stays_grey(parrots: Pixels) -> None:
    grey = Image.fromarray(parrots[:, :, 1])
    restored = codec.decompress(codec.compress(grey, 80))
    assert restored.mode == "L"
    assert psnr_db(np.asarray(grey), np.asarray(restored)) > 35


@pytest.mark.parametrize("quality", [0, 20, 50, 80, 100])
def test_the_file_is_as_long_as_its_probabilities_say(parrots: Pixels, quality: float) -> None:
    loaded = weights.installed(IMAGE.id, CPU)
    arrays = weights_file.arrays_of(IMAGE.path)
    tables = Tables(arrays["tables.counts"], arrays["tables.reach"])
    data = image_encode.encode(ImageData(parrots), quality, CPU)
    found = read(data)
    log2_step, kind = log2_steps_of(found.header), found.streams[0].parts[0][0]
    histogram = Histogram(loaded.tables, np.zeros((64, 2 * int(tables.reach.max()) + 3), np.int64))
    h = loaded.model.analysis(padded(parrots), log2_step)
    certain = kind == constants.TILE_LATENTS
    latents_encode.symbols(
        loaded.model, histogram, h, log2_step, Rdoq(loaded.tables.tables), price=ROUNDING, certain=certain
    )
    bits = 0.0
    for row in range(1, 64):
        reach, middle = int(tables.reach[row]), histogram.counts.shape[1] // 2
        inside = histogram.counts[row, middle - reach : middle + reach + 1]
        price = -np.log2(tables.row(row) / TOTAL)
        escapes = histogram.counts[row].sum() - inside.sum()
        bits += (inside * price[:-1]).sum() + escapes * (price[-1] + 8)
    assert bits / 8 * 0.999 < len(data) < bits / 8 * 1.003 + 40


@pytest.mark.parametrize("quality", [0, 20, 50, 80, 100])
def test_the_file_is_as_long_as_training_estimates(parrots: Pixels, quality: float) -> None:
    model = torch_model(IMAGE)
    data = image_encode.encode(ImageData(parrots), quality, CPU, effort=0)
    log2_step = torch.tensor([read(data).header.step_index / constants.STEP_UNITS])
    with torch.inference_mode():
        estimate = relaxed_pass(model, torch.tensor(padded(parrots)), log2_step, hard=True)
    estimated_bytes = float(estimate.y_bits + estimate.z_bits) / 8
    # the tables are fitted to the symbols of effort 1, which are a little smaller
    assert estimated_bytes * 0.99 < len(data) < estimated_bytes * 1.015 + 40


@pytest.mark.parametrize("kind", ["path", "str", "bytes", "pillow", "array", "grey array", "tensor"])
def test_every_kind_of_source_gives_the_same_file(kind: str, patch: Pixels, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    to_pillow(ImageData(patch)).save(path)
    sources: dict[str, ImageSource] = {
        "path": path,
        "str": str(path),
        "bytes": path.read_bytes(),
        "pillow": Image.open(io.BytesIO(path.read_bytes())),
        "array": patch,
        "tensor": torch.from_numpy(patch.copy()),
        "grey array": patch[:, :, 0],
    }
    data = codec.compress(sources[kind], 40)
    expected = codec.compress(patch[:, :, :1] if kind == "grey array" else patch, 40)
    assert data == expected


def test_every_kind_of_output_holds_the_same_pixels(patch: Pixels, tmp_path: Path) -> None:
    path = tmp_path / "a.lcc"
    path.write_bytes(codec.compress(patch, 40))
    array = codec.decompress(path.read_bytes(), output="array")
    assert (np.asarray(codec.decompress(path)) == array).all()
    assert (codec.decompress(str(path), output="tensor").numpy() == array).all()


def test_info_says_what_was_compressed(patch: Pixels) -> None:
    data = codec.compress(patch, 62)
    info = codec.info(data)
    assert (info.width, info.height, info.channels, info.quality) == (130, 75, 3, 62)
    assert info.size_bytes == len(data)
    assert info.rate_bpp == pytest.approx(len(data) * 8 / (130 * 75))
    assert info.weights == weights.installed(IMAGE.id, CPU).digest.hex()


def test_quality_survives_the_step_index_within_a_tenth() -> None:
    for quality in np.linspace(0, 100, 401):
        assert IMAGE.curve.quality(IMAGE.curve.step_index(quality)) == pytest.approx(quality, abs=0.1)


def test_threads_may_share_the_codec(parrots: Pixels) -> None:
    crops = [np.ascontiguousarray(parrots[y : y + 100, y : y + 120]) for y in range(0, 320, 40)]
    expected = [codec.compress(crop, 50) for crop in crops]
    weights._cache.clear()
    found: list[bytes | None] = [None] * len(crops)

    def work(i: int) -> None:
        data = codec.compress(crops[i], 50)
        codec.decompress(data)
        found[i] = data

    threads = [threading.Thread(target=work, args=(i,)) for i in range(len(crops))]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert found == expected


@pytest.mark.parametrize("effort", [-1, 10])
def test_efforts_that_do_not_exist_are_mistakes(effort: int, patch: Pixels) -> None:
    with pytest.raises(ValueError, match="effort"):
        codec.compress(patch, effort=effort)


@pytest.mark.parametrize("quality", [-1, 101, float("nan")])
def test_qualities_that_do_not_exist_are_mistakes(quality: float, patch: Pixels) -> None:
    with pytest.raises(ValueError, match="quality"):
        codec.compress(patch, quality)


def test_devices_and_outputs_that_do_not_exist_are_mistakes(patch: Pixels) -> None:
    with pytest.raises(ValueError, match="device 'tpu'"):
        codec.compress(patch, device="tpu")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="output 'list'"):
        codec.decompress(b"", output="list")  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="int"):
        codec.compress(5)  # type: ignore[arg-type]


def test_arrays_of_any_layout_are_taken(patch: Pixels) -> None:
    flipped = patch[::-1, ::-1, ::-1]
    locked = patch.copy()
    locked.flags.writeable = False
    assert codec.compress(flipped) == codec.compress(flipped.copy())
    assert codec.compress(locked) == codec.compress(patch)
    assert codec.compress(memoryview(PARROTS.read_bytes())) == codec.compress(PARROTS)


def test_the_orientation_of_a_image_stays_data(patch: Pixels) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter
    restored = codec.decompress(codec.compress(saved(to_pillow(ImageData(patch)), "PNG", exif=exif)))
    assert restored.size == (130, 75)
    assert restored.getexif()[0x0112] == 6


@pytest.mark.parametrize("source", [0, 3.5, None, open])
def test_things_that_are_no_images_or_files_are_type_errors(source: object) -> None:
    with pytest.raises(TypeError):
        codec.compress(source)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        codec.decompress(source)  # type: ignore[call-overload]


def test_paths_that_cannot_be_are_media_errors() -> None:
    with pytest.raises(codec.MediaError):
        codec.compress("a\0b")
    with pytest.raises(codec.MediaError):
        codec.decompress("nowhere.lcc")


def test_a_truncated_pillow_image_is_a_media_error() -> None:
    with pytest.raises(codec.MediaError, match="damaged"):
        codec.compress(Image.open(io.BytesIO(PARROTS.read_bytes()[:100_000])))


DEFAULTS = """
import sys, torch, numpy, codec
kind, first = sys.argv[1], sys.argv[2] == "first"
pixels = numpy.arange(60 * 70 * 3, dtype=numpy.uint8).reshape(60, 70, 3)
if not first:
    codec.compress(pixels)
{"float64": lambda: torch.set_default_dtype(torch.float64),
 "bfloat16": lambda: torch.set_default_dtype(torch.bfloat16),
 "meta": lambda: torch.set_default_device("meta"),
 "tf32": lambda: setattr(torch.backends.cuda.matmul, "fp32_precision", "tf32"),
 "bf16": lambda: setattr(torch.backends.mkldnn.matmul, "fp32_precision", "bf16"),
 "nothing": lambda: None}[kind]()
data = codec.compress(pixels)
codec.decompress(data)
sys.stdout.buffer.write(data)
"""


def test_defaults_that_the_caller_set_change_nothing() -> None:
    def run(*arguments: str) -> bytes:
        done = subprocess.run([sys.executable, "-c", DEFAULTS, *arguments], capture_output=True, check=False)
        assert done.returncode == 0, (arguments, done.stderr.decode()[-500:])
        return done.stdout

    expected = run("nothing", "first")
    for kind in ("float64", "bfloat16", "meta", "tf32"):
        assert run(kind, "first") == expected, kind
    assert run("meta", "later") == expected
    # here the float transforms of the encoder may differ too, but what it writes decodes to nearly the same
    shown = [codec.decompress(data, output="array") for data in (run("bf16", "first"), expected)]
    assert psnr_db(*shown) > 40


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


REFUSED = {
    "floats": saved(Image.new("F", (9, 9)), "TIFF"),
    "animation": saved(Image.new("RGB", (9, 9)), "PNG", save_all=True, append_images=[Image.new("RGB", (9, 9), "red")]),
    "text": b"this is not an image",
    "nothing": b"",
    "half an image": PARROTS.read_bytes()[:200_000],
    "damaged image": PARROTS.read_bytes()[:5000] + bytes(1000) + PARROTS.read_bytes()[6000:],
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_coded_is_refused_by_name(what: str) -> None:
    with pytest.raises(codec.MediaError) as error:
        codec.compress(REFUSED[what])
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((5, 5, 3), np.float32),
        np.zeros((5, 5, 5), np.uint8),
        np.zeros((5, 5, 5, 3), np.uint8),
        np.zeros((0, 5, 3), np.uint8),
        np.zeros(5, np.uint8),
    ],
)
def test_arrays_that_are_no_images_are_refused(array: np.ndarray) -> None:
    with pytest.raises(codec.MediaError, match="expected uint8"):
        codec.compress(array)


def test_limits_are_checked_both_ways(patch: Pixels) -> None:
    with pytest.raises(codec.LimitExceeded):
        codec.compress(patch, max_pixels=9749)
    data = codec.compress(patch, max_pixels=9750)
    with pytest.raises(codec.LimitExceeded):
        codec.decompress(data, max_pixels=9749)


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    bomb = saved(Image.new("L", (20_000, 20_000)), "PNG")
    with pytest.raises(codec.LimitExceeded):
        codec.compress(bomb)
