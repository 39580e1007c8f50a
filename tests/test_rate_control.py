"""Targets: sizes are kept and nearly used up, likeness is reached and hardly exceeded, or a line says why not."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import pytorch_msssim
import torch

import codec
from codec.devices import CPU
from codec.eval.metrics import ms_ssim, psnr_db, ssimulacra2
from codec.image.encode import ImageEncoder
from codec.media import ImageData, Pixels
from codec.search.ms_ssim import ms_ssim as differentiable_ms_ssim
from codec.search.rate_control import search, target_psnr, target_size, target_ssim, target_ssimulacra2
from tests.conftest import PARROTS, Run

pytestmark = pytest.mark.slow  # it searches


@pytest.mark.parametrize("size", [1_000, 3_000, 7_000])
def test_sizes_are_kept_and_used_to_a_hundredth(parrots: Pixels, size: int) -> None:
    crop = np.ascontiguousarray(parrots[100:301, 200:437])
    found = search(ImageEncoder(ImageData(crop), CPU), target_size(size), 1)
    assert 0.99 * size <= len(found.data) <= size
    assert found.passes <= 8


@pytest.mark.parametrize("psnr", [31.0, 35.5, 41.0])
def test_psnr_is_reached_and_exceeded_by_a_twentieth_at_most(parrots: Pixels, psnr: float) -> None:
    crop = np.ascontiguousarray(parrots[50:451, 200:637])  # of smaller ones neighbouring steps differ by more
    found = search(ImageEncoder(ImageData(crop), CPU), target_psnr(psnr), 1)
    assert psnr <= psnr_db(crop, codec.decompress(found.data, output="array")) <= psnr + 0.05
    assert found.passes <= 8


@pytest.mark.parametrize("target", [0.96, 0.985])
def test_ms_ssim_is_reached(parrots: Pixels, target: float) -> None:
    crop = np.ascontiguousarray(parrots[50:451, 200:637])
    found = search(ImageEncoder(ImageData(crop), CPU), target_ssim(target), 1)
    reached = ms_ssim(crop, codec.decompress(found.data, output="array"))
    assert reached is not None
    assert target - 1e-5 <= reached <= 1 - (1 - target) * 10**-0.0055
    assert found.passes <= 8


def test_ssimulacra2_is_reached(parrots: Pixels) -> None:
    crop = np.ascontiguousarray(parrots[50:351, 200:537])
    found = search(ImageEncoder(ImageData(crop), CPU), target_ssimulacra2(60), 1)
    reached = ssimulacra2(crop, codec.decompress(found.data, output="array"))
    assert reached is not None
    assert 59.8 <= reached <= 60.7  # ours and the package's differ by some hundredths
    assert found.passes <= 8


def test_bits_a_pixel_are_those_of_the_whole_file(patch: Pixels) -> None:
    alpha = np.random.default_rng(0).integers(1, 256, patch.shape[:2], np.uint8)
    data = codec.compress(ImageData(patch, alpha, icc=b"profile"), target_bpp=9)
    assert 0.985 * 9 < codec.info(data).rate_bpp <= 9


def test_refined_and_tiled_files_meet_targets_too(parrots: Pixels) -> None:
    pixels = np.ascontiguousarray(parrots[:256, 300:556])  # smaller files jump by more than the hundredth
    encoder = ImageEncoder(ImageData(pixels), CPU, tiles=lambda width, height: (2, 2))
    found = search(encoder, target_size(2_500), 2)
    assert codec.info(found.data).tiles == 4
    assert 0.99 * 2_500 <= len(found.data) <= 2_500


def test_targets_out_of_reach_are_said(patch: Pixels) -> None:
    with pytest.raises(codec.MediaError, match=r"even quality 0 takes \d+ bytes; the target is 50 bytes"):
        codec.compress(patch, target_size=50)
    with pytest.raises(codec.MediaError, match=r"even quality 100 reaches only \d+\.\d\d dB; the target is 90.00 dB"):
        codec.compress(patch, target_psnr=90)
    with pytest.warns(codec.MediaNotice, match="no quality comes nearer to the target of 1000000 bytes"):
        best = codec.compress(patch, target_size=1_000_000)
    assert best == codec.compress(patch, 100)
    with pytest.warns(codec.MediaNotice, match=r"the target of 5\.00 dB"):
        assert codec.compress(patch, target_psnr=5) == codec.compress(patch, 0)
    with pytest.raises(codec.MediaError, match="130 x 75 pixels has no MS-SSIM"):
        codec.compress(patch, target_ssim=0.9)
    with pytest.raises(codec.MediaError, match="130 x 7 pixels has no SSIMULACRA 2"):
        codec.compress(np.ascontiguousarray(patch[:7]), target_ssimulacra2=50)


def test_plain_images_end_the_search() -> None:
    black = np.zeros((64, 64, 3), np.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", codec.MediaNotice)
        assert psnr_db(black, codec.decompress(codec.compress(black, target_psnr=40), output="array")) >= 40
        assert len(codec.compress(black, target_size=1_000)) < 1_000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"quality": 50, "target_size": 1000}, "quality and target size contradict"),
        ({"target_psnr": 40, "target_bpp": 1}, "target bpp and target psnr contradict"),
        ({"target_size": 0}, "target size 0"),
        ({"target_bpp": float("nan")}, "bits a pixel"),
        ({"target_psnr": float("inf")}, "target PSNR"),
        ({"target_ssim": 1.0}, "target MS-SSIM"),
        ({"target_ssimulacra2": 100}, "target SSIMULACRA 2"),
        ({"target_ssimulacra2": 70, "target_psnr": 40}, "target psnr and target ssimulacra2 contradict"),
    ],
)
def test_targets_that_make_no_sense_are_mistakes(arguments: dict[str, float], message: str, patch: Pixels) -> None:
    with pytest.raises(ValueError, match=message):
        codec.compress(patch, **arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("-q", 50, "--target-size", "1kB"), "contradict"),
        (("--target-psnr", 40, "--target-ssim", "0.9"), "contradict"),
        (("--target-size", "many"), "not a size"),
        (("--target-size", "0kB"), "not a size"),
        (("--target-size", "9" * 400), "not a size"),
        (("--target-bpp", "1e308"), "65536"),
        (("--target-ssim", "1.5"), "1.5"),
        (("--target-ssimulacra2", "100"), "100"),
        (("--target-bpp", "nan"), "not a number"),
        (("--effort", 10), "10"),
        (("--effort", 0, "--roi", "mask.png"), "effort 1"),
    ],
)
def test_contradictions_are_wrong_usage(options: tuple[object, ...], message: str, run: Run) -> None:
    done = run("compress", PARROTS, "-o", "-", *options)
    assert done.returncode == 2
    assert message in done.stderr.decode()


@pytest.mark.parametrize(
    ("text", "size"), [("50kB", 50_000), ("48KiB", 49_152), ("1.5 MB", 1_500_000), ("700", 700), ("9b", 9)]
)
def test_sizes_have_units(text: str, size: int) -> None:
    from codec.cli.options import size_bytes

    assert size_bytes(text) == size


@pytest.mark.parametrize("shape", [(1, 3, 161, 200), (2, 1, 187, 163)])
def test_our_ms_ssim_is_the_usual_one(shape: tuple[int, int, int, int]) -> None:
    generator = torch.Generator().manual_seed(0)
    x = (torch.rand(shape, generator=generator) * 255).cumsum(3) % 255
    x_hat = (x + 20 * torch.randn(shape, generator=generator)).clamp(0, 255)
    expected = pytorch_msssim.ms_ssim(x, x_hat, data_range=255, size_average=False)
    torch.testing.assert_close(differentiable_ms_ssim(x, x_hat), expected, rtol=1e-4, atol=1e-5)
    assert float(differentiable_ms_ssim(x, x).min()) == pytest.approx(1)
    with pytest.raises(ValueError, match="at least 161"):
        differentiable_ms_ssim(x[..., :160], x_hat[..., :160])
