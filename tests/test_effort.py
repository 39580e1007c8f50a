"""Effort: refined files are better, any decoder reads them, and regions of interest get what others give up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import codec
from codec.devices import CPU
from codec.image import decode as image_decode
from codec.image.encode import ImageEncoder
from codec.image.tile_encoder import padded
from codec.latents import encode as latents_encode
from codec.media import ImageData, Pixels, read_image, to_pillow
from codec.model import weights
from codec.model.fixed_layers import FixedLayer, QuantMode
from codec.model.logistic import logistic_bits
from codec.model.registry import AUDIO, IMAGE
from codec.quality import EFFORT_MAX, METRICS, Metric
from codec.search.distortion import Measure, squared
from codec.search.lagrangian import LAMBDA, ROUNDING
from codec.search.refine import STEPS, differentiable
from codec.search.roi import importance_of
from codec.search.soft_rounding import expected_latents, soft_rounded
from tests import golden
from tests.conftest import PARROTS, Run, only_line, torch_model
from tests.second_decoder import SecondDecoder

pytestmark = pytest.mark.slow  # it refines


@pytest.fixture(scope="module")
def crop(parrots: Pixels) -> Pixels:
    """Detail and plain ground, (60, 121, 3): no whole latents."""
    return np.ascontiguousarray(parrots[200:260, 300:421])


@pytest.fixture(scope="module")
def scrap(parrots: Pixels) -> Pixels:
    """(40, 50, 3), for what needs no gain."""
    return np.ascontiguousarray(parrots[200:240, 300:350])


def cost(data: bytes, pixels: Pixels, quality: float) -> float:
    """Bits of a file, and its error at the price of bits."""
    step = 2.0 ** (IMAGE.curve.step_index(quality) / 256)
    error = ((image_decode.decode(data, CPU).image.pixels.astype(float) - pixels) ** 2).sum() * 3 / pixels.shape[2]
    return float(8 * len(data) + LAMBDA * error / step**2)


def test_every_effort_has_its_steps() -> None:
    assert len(STEPS) == EFFORT_MAX + 1
    assert sorted(STEPS) == list(STEPS)
    assert STEPS[:2] == (0, 0)


@pytest.mark.parametrize(
    ("effort", "metric"), [(0, "ssimulacra2"), (1, "psnr"), (3, "psnr"), (2, "msssim"), (9, "ssimulacra2")]
)
def test_the_second_decoder_reads_files_of_every_effort(scrap: Pixels, effort: int, metric: Metric) -> None:
    """It was written from the specification, which knows of neither."""
    data = codec.compress(scrap, 70, effort=effort, metric=metric)
    latents = SecondDecoder(IMAGE.path_for(metric), AUDIO.path).latents(data)
    assert golden.latents_hash(latents) == golden.latents_hash(golden.latents_of(data))


def test_refinement_is_repeatable_and_works_inside_inference_mode(scrap: Pixels) -> None:
    first = codec.compress(scrap, 60, effort=2)
    weights._cache.clear()
    with torch.inference_mode():
        assert codec.compress(scrap, 60, effort=2) == first
    with torch.no_grad(), torch.autocast("cpu"):
        assert codec.compress(scrap, 60, effort=2) == first


def test_the_installed_model_stays_frozen(patch: Pixels) -> None:
    model = torch_model(IMAGE)
    twin = differentiable(model)
    for own, shared in zip(model.parameters(), twin.parameters(), strict=True):
        assert own.data_ptr() == shared.data_ptr()
    moods = {layer.quant_mode for layer in model.modules() if isinstance(layer, FixedLayer)}
    assert moods == {QuantMode.INTEGER}


@pytest.mark.parametrize("quality", [20, 60, 95])
def test_the_stand_in_for_the_tables_is_near_them(parrots: Pixels, quality: float) -> None:
    loaded = weights.installed(IMAGE.id, CPU)
    log2_step = np.array([IMAGE.curve.step_index(quality) / 256], np.float32)
    twin = differentiable(torch_model(IMAGE))
    h = loaded.model.analysis(padded(parrots), log2_step)
    real = 8 * latents_encode.encode(loaded.model, loaded.tables, h, log2_step, b"", price=ROUNDING).size
    z = loaded.model.hyper_analysis(h)
    with torch.inference_mode():
        tensors = [torch.from_numpy(np.ascontiguousarray(x)) for x in (h, z, log2_step)]
        decided, open_ones = (expected_latents(twin, *tensors, steepness) for steepness in (1e3, 1.0))
    assert float(decided.bits) == pytest.approx(real, rel=0.02)
    assert decided.spread.mean() < 0.05 * open_ones.spread.mean()


def test_open_values_lie_between_neighbours_and_their_cost_is_the_mean_of_both() -> None:
    x = torch.linspace(-3, 3, 2001, requires_grad=True)
    flat, steep = soft_rounded(x, 1.0), soft_rounded(x, 50.0)
    assert (flat.mean - x).abs().max() < 1e-4
    assert (steep.mean - x.round()).abs().mean() < 0.05
    assert (flat.variance > steep.variance - 1e-4).all()
    scale = torch.tensor(0.7)
    both = torch.stack([logistic_bits(flat.below + one, scale) for one in (0, 1)])
    bits = flat.bits(scale)
    assert ((bits >= both.amin(0) - 1e-5) & (bits <= both.amax(0) + 1e-5)).all()
    bits.sum().backward()  # type: ignore[no-untyped-call]
    assert x.grad is not None
    assert (x.grad[x > 0.01] >= 0).all()  # nearer to zero is cheaper


def test_progress_ends_at_one(crop: Pixels) -> None:
    seen: list[float] = []
    tiled = ImageEncoder(ImageData(crop), CPU, tiles=lambda width, height: (1, 1), progress=seen.append)
    tiled.encode(IMAGE.curve.step_index(50), 2)
    assert seen == sorted(seen)
    assert seen[-1] == 1
    assert len(seen) == 1 + 2 * (STEPS[2] + 1)  # its beginning; of each tile the descent, and its stream


def test_grey_images_and_those_of_sixteen_bits_are_refined(crop: Pixels, scrap: Pixels) -> None:
    grey = np.ascontiguousarray(crop[:, :, :1])
    costs = [cost(codec.compress(grey, 60, effort=effort), grey, 60) for effort in (1, 3)]
    assert costs[1] < costs[0]
    deep = scrap.astype(np.uint16) * 257
    assert codec.info(codec.compress(deep, 60, effort=2)).bit_depth == 16


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("channels", [1, 3])
def test_a_measure_is_of_the_scale_of_squared_errors_and_has_gradients(metric: Metric, channels: int) -> None:
    generator = torch.Generator().manual_seed(0)
    x = (torch.rand(1, 16, 48, channels, generator=generator) * 255).expand(-1, -1, -1, 3)
    importance = torch.ones_like(x[..., :1])
    importance[:, :, 40:] = 0
    start = (x[..., :channels] + 30 * torch.randn(1, 16, 48, channels, generator=generator)).requires_grad_()
    measure = Measure(metric, x, importance, start.detach(), torch.tensor([5.0]))
    error = measure(start)
    at_start = float(squared(x[..., :channels], importance, start.detach()))
    if metric == "ssimulacra2":  # its worth goes by the step
        assert 0.2 * at_start < float(error.detach()) < 5 * at_start
    else:
        assert float(error.detach()) == pytest.approx(at_start, rel=1e-4)
    error.backward()
    assert start.grad is not None
    assert start.grad.isfinite().all()
    assert float(measure(x[..., :channels])) < 0.05 * float(error.detach())


@pytest.mark.parametrize(
    ("options", "named"), [(("--metric", "msssim"), "effort 2"), (("--effort", 3, "--metric", "taste"), "ssimulacra2")]
)
def test_metrics_that_cannot_be_are_usage_errors(options: tuple[object, ...], named: str, run: Run) -> None:
    done = run("compress", PARROTS, "-o", "-", *options)
    assert done.returncode == 2
    assert named in done.stderr.decode()
    assert not done.stdout


def test_the_metric_of_a_small_tile_is_finite(scrap: Pixels) -> None:
    for metric in METRICS:
        assert codec.info(codec.compress(scrap, 60, effort=2, metric=metric)).width == scrap.shape[1]


# --- regions of interest ---------------------------------------------------------------------------------------------


def test_middle_grey_changes_next_to_nothing(patch: Pixels) -> None:
    grey = ImageData(np.full((75, 130, 1), 65535 // 2, np.uint16))
    assert np.abs(importance_of(grey, ImageData(patch)) - 1).max() < 1e-3
    assert codec.compress(patch, 50, roi=grey) == codec.compress(patch, 50)


def test_masks_that_do_not_fit_are_refused(patch: Pixels) -> None:
    with pytest.raises(codec.MediaError, match="a mask of 130 x 74 pixels for an image of 130 x 75"):
        codec.compress(patch, roi=np.zeros((74, 130), np.uint8))
    with pytest.raises(ValueError, match="effort 1"):
        codec.compress(patch, effort=0, roi=np.zeros((75, 130), np.uint8))


# --- the command line ------------------------------------------------------------------------------------------------


def test_effort_target_mask_device_and_streams_go_together(scrap: Pixels, run: Run, tmp_path: Path) -> None:
    source, mask = tmp_path / "a.png", tmp_path / "mask.png"
    to_pillow(ImageData(scrap)).save(source)
    Image.new("L", (50, 40), 200).save(mask)
    options = ("--effort", 2, "--target-size", "300", "--roi", mask, "--device", "cpu")
    done = run("compress", "-", *options, stdin=source.read_bytes())
    assert done.returncode == 0, done.stderr
    assert all(b"no quality comes nearer" in line for line in done.stderr.splitlines())  # steps of files are coarse
    assert len(done.stdout) <= 300
    back = run("decompress", "-", stdin=done.stdout)
    assert read_image(back.stdout).pixels.shape == (40, 50, 3)
    assert "mask.png" in only_line(run("compress", source, "--roi", tmp_path / "no" / "mask.png"))
