"""Measurements: metrics, Bjontegaard deltas, anchors, cache, cost."""

from __future__ import annotations

import importlib.metadata
import io
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import pytorch_msssim
import torch
from PIL import Image
from scipy.interpolate import PchipInterpolator
from ssimulacra2 import compute_ssimulacra2

from codec.bitstream.errors import MediaError
from codec.eval import image_measures, machine, own, published
from codec.eval.anchor import Anchor
from codec.eval.anchors import ANCHORS
from codec.eval.bdrate import Curve, UndefinedBdRate, bd_quality, bd_rate
from codec.eval.cache import Cache, key
from codec.eval.comparison import at_rate
from codec.eval.cost import whole_process
from codec.eval.images import ImageItem, ImageMaterial
from codec.eval.material import content_hash
from codec.eval.medium import IMAGES, MS_SSIM, PSNR_RGB
from codec.eval.metrics import MS_SSIM_SMALLEST_SIDE, gmsd, ms_ssim, psnr_db, ssimulacra2
from codec.media import Pixels
from codec.model.registry import IMAGE
from tests.conftest import PARROTS, ROOT, SPEECH, Run

ANCHOR = [(0.1, 25.0), (0.2, 28.0), (0.5, 32.0), (1.0, 36.0), (2.0, 41.0)]
BETTER = [(0.08, 24.0), (0.15, 27.5), (0.4, 32.5), (0.9, 37.0), (1.5, 40.0)]


def integrated(anchor: Curve, test: Curve, low: float, high: float) -> float:
    """BD-rate in percent between two qualities, summed in small steps."""
    steps = np.linspace(low, high, 200_001)
    logs = [PchipInterpolator([q for _, q in c], np.log([r for r, _ in c]))(steps) for c in (anchor, test)]
    return float(100 * (np.exp(np.trapezoid(logs[1] - logs[0], steps) / (high - low)) - 1))


def test_bd_rate_of_a_scaled_curve_is_the_scale() -> None:
    scaled = [(r * 0.7, q) for r, q in ANCHOR]
    assert bd_rate(ANCHOR, scaled).value == pytest.approx(-30)
    assert bd_rate(ANCHOR, scaled, (26, 40)).value == pytest.approx(-30)
    assert bd_rate(ANCHOR, ANCHOR).value == pytest.approx(0)


def test_bd_rate_equals_an_integration_of_our_own() -> None:
    whole = bd_rate(ANCHOR, BETTER)
    assert (whole.low, whole.high) == (25, 40)
    assert whole.overlap == pytest.approx(15 / 17)
    assert whole.value == pytest.approx(integrated(ANCHOR, BETTER, 25, 40), abs=0.01)
    window = bd_rate(ANCHOR, BETTER, (30, 36.5))
    assert (window.low, window.high, window.overlap) == (30, 36.5, 1)
    assert window.value == pytest.approx(integrated(ANCHOR, BETTER, 30, 36.5), abs=0.01)


@pytest.mark.parametrize("name", ["AV1 (libaom)", "HM (HEVC intra)"])
def test_bd_rate_of_vtm_is_that_of_an_integration_of_our_own(name: str) -> None:
    curves = {p.name: p.curve(PSNR_RGB) for p in published.kodak()}
    vtm, other = curves["VTM (VVC intra)"], curves[name]
    low = max(vtm[0][1], other[0][1])
    high = min(vtm[-1][1], other[-1][1])
    found = bd_rate(other, vtm)
    assert -40 < found.value < -5
    assert found.value == pytest.approx(integrated(other, vtm, low, high), abs=0.1)


def test_two_points_of_nearly_one_quality_do_not_move_a_bd_rate_without_end() -> None:
    rates, qualities = zip(*ANCHOR, strict=True)
    one_more = [(rates[1] * 1.01, qualities[1] + 1e-5)]
    assert abs(bd_rate(ANCHOR, [*ANCHOR, *one_more]).value) < 1


def test_bd_quality_of_a_lifted_curve_is_the_lift() -> None:
    lifted = [(r, q + 1.5) for r, q in ANCHOR]
    assert bd_quality(ANCHOR, lifted).value == pytest.approx(1.5)
    assert bd_quality(ANCHOR, lifted).low == pytest.approx(0.1)


def test_curves_that_cannot_be_compared_are_refused() -> None:
    with pytest.raises(UndefinedBdRate, match="share no range of quality"):
        bd_rate(ANCHOR, [(r, q + 30) for r, q in ANCHOR])
    with pytest.raises(UndefinedBdRate, match="share no range of rate"):
        bd_quality(ANCHOR, [(r * 100, q) for r, q in ANCHOR])
    with pytest.raises(UndefinedBdRate, match="0 points"):
        bd_rate([(r, math.inf) for r, _ in ANCHOR], ANCHOR)
    with pytest.raises(UndefinedBdRate, match="share 50% of 20 to 30"):
        bd_rate(ANCHOR, ANCHOR, (20, 30))


def test_points_that_cost_more_and_are_no_better_are_left_out() -> None:
    bumpy = [*ANCHOR, (0.3, 27.0), (2.5, 41.0)]
    assert bd_rate(ANCHOR, bumpy).value == pytest.approx(0)


def test_psnr() -> None:
    x = np.zeros((4, 4, 3), np.uint8)
    assert psnr_db(x, x) == math.inf
    assert psnr_db(x, x + 255) == 0
    assert psnr_db(x, x + 1) == pytest.approx(48.1308, abs=1e-4)
    green = x.copy()
    green[:, :, 1] = 10
    assert image_measures.Psnr().scores(x, green)["psnr_y_db"] == pytest.approx(20 * math.log10(255 / 5.87))


def test_perceptual_metrics_fall_with_noise(parrots: Pixels) -> None:
    x = parrots[:176, :240]
    noise = np.random.default_rng(0).normal(0, 1, x.shape)
    noisy = [np.clip(x + strength * noise, 0, 255).astype(np.uint8) for strength in (5, 20)]
    for metric in (ms_ssim, ssimulacra2):
        same, little, much = (metric(x, x_hat) for x_hat in (x, *noisy))
        assert same is not None
        assert little is not None
        assert much is not None
        assert same > little > much
    assert ms_ssim(x, x) == pytest.approx(1)
    assert ssimulacra2(x, x) == pytest.approx(100)
    assert MS_SSIM.scaled(0.99) == pytest.approx(20)
    assert gmsd(x, x) == 0 < gmsd(x, noisy[0]) < gmsd(x, noisy[1])


@pytest.mark.parametrize(("height", "width"), [(161, 190), (203, 177), (9, 70), (8, 8), (75, 8)])
def test_ms_ssim_and_ssimulacra2_are_those_of_their_packages(parrots: Pixels, height: int, width: int) -> None:
    for place, strength in ((0, 3), (40, 30)):  # two originals, so that nothing kept of one is taken for another
        x = np.ascontiguousarray(parrots[place:, place:][:height, :width])
        files = []
        noise = np.random.default_rng(0).normal(0, strength, x.shape)
        x_hat = np.clip(x + noise, 0, 255).astype(np.uint8)
        for pixels in (x, x_hat):
            files.append(io.BytesIO())
            Image.fromarray(pixels).save(files[-1], "BMP")
        for _ in range(2):
            assert ssimulacra2(x, x_hat) == pytest.approx(compute_ssimulacra2(*files), abs=1e-9)
        if min(height, width) >= MS_SSIM_SMALLEST_SIDE:
            planes = [torch.from_numpy(pixels).permute(2, 0, 1)[None].double() for pixels in (x, x_hat)]
            assert ms_ssim(x, x_hat) == pytest.approx(float(pytorch_msssim.ms_ssim(*planes)), abs=1e-6)
        else:
            assert ms_ssim(x, x_hat) is None


def test_what_is_kept_of_an_original_is_not_taken_for_another(parrots: Pixels) -> None:
    x = parrots[:176, :240].copy()
    y = x[:, ::-1].copy()
    for metric in (gmsd, ms_ssim, ssimulacra2):
        turned = metric(y, x)
        assert metric(x, x) != turned
        x_before, x[:] = x.copy(), y  # the caller's array, with other samples in it
        assert metric(x, x_before) == turned
        x[:] = x_before


def test_slow_metrics_are_left_out_where_nobody_compares_them(patch: Pixels) -> None:
    low, high = image_measures.SLOW_RATES_BPP
    assert low < min(IMAGES.equal_rates)
    assert max(IMAGES.equal_rates) < high
    item = ImageItem("", "", "", 8, 8)
    slow = image_measures.Ssimulacra2()
    assert slow.wants(item, 0.5)
    assert not slow.wants(item, high * 1.1)
    assert image_measures.Psnr().wants(item, high * 1.1)
    assert slow.scores(patch, patch)["ssimulacra2"] == pytest.approx(100)
    assert image_measures.MsSsim().scores(patch, patch)["ms_ssim"] is None  # too small an image
    with pytest.raises(MediaError, match="changed the size"):
        ImageMaterial().fitted(patch, patch[1:])


def test_grey_images_are_measured_as_rgb(patch: Pixels) -> None:
    grey = np.ascontiguousarray(patch[:, :, :1])
    assert image_measures.Psnr().scores(grey, np.repeat(grey, 3, 2))["psnr_rgb_db"] == math.inf


@pytest.mark.parametrize("anchor", ANCHORS.values(), ids=list(ANCHORS))
def test_an_anchor_is_measured_from_its_file(patch: Pixels, anchor: object) -> None:
    assert isinstance(anchor, Anchor)
    if not anchor.library():
        pytest.skip(f"{anchor.title} is not installed")
    settings = anchor.ladder[2], anchor.ladder[-2]
    files = [anchor.encode(patch, setting) for setting in settings]
    coarse, fine = (anchor.decode(data) for data in files)
    assert len(files[0]) < len(files[1])
    assert coarse.shape == fine.shape == patch.shape
    assert 15 < psnr_db(patch, coarse) < psnr_db(patch, fine) < 55
    assert list(anchor.ladder) == sorted(anchor.ladder)


def test_a_score_at_a_rate_is_linear_over_log_rate() -> None:
    assert at_rate([(0.25, 30.0), (1.0, 40.0)], 0.5) == pytest.approx(35)
    assert at_rate([(0.25, 30.0), (1.0, 40.0)], 2.0) is None
    assert at_rate([], 0.5) is None


def test_kodak_is_recognised_by_its_samples(parrots: Pixels) -> None:
    known = published._stored()["images"]
    assert content_hash(parrots) in known
    assert len(set(known)) == 24
    assert [p.name for p in published.for_contents(known)][:2] == ["VTM (VVC intra)", "AV1 (libaom)"]
    assert published.for_contents(known[1:]) == []
    assert all("commit" in p.source and p.curve(PSNR_RGB) for p in published.kodak())


def test_results_are_named_by_every_module_that_codes(tmp_path: Path) -> None:
    """Those of the command line too, as it does the coding: what it loads for all that is measured."""
    script = f"""
import sys, warnings
from codec.cli.main import cli
warnings.simplefilter("ignore")
for source, decoded in (({str(PARROTS)!r}, "a.png"), ({str(SPEECH)!r}, "b.wav")):
    cli(["compress", source, "-o", decoded + ".lcc"], standalone_mode=False)
    cli(["decompress", decoded + ".lcc", "-o", decoded], standalone_mode=False)
print(*(name for name in sys.modules if name.split(".")[0] == "codec"))
"""
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, cwd=tmp_path)
    loaded = {name for name in done.stdout.split() if not name.startswith("codec.eval")}
    assert {"codec.cli.compress", "codec.bitstream.range_coder", "codec.latents.encode"} <= loaded
    assert loaded <= own.modules().keys()


def test_results_are_named_by_the_source_of_what_codes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, modules = own.identity(IMAGE), own.modules()
    assert own.identity(IMAGE) == before
    changed = tmp_path / "files.py"
    changed.write_bytes(modules["codec.cli.files"].read_bytes() + b"# changed\n")
    monkeypatch.setattr(own, "modules", lambda: modules | {"codec.cli.files": changed})
    assert own.identity(IMAGE) != before


@pytest.mark.parametrize("library", ["numpy", "soxr", "constriction", "torch"])
def test_results_are_named_by_the_versions_of_libraries(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = own.identity(IMAGE)
    monkeypatch.setattr(
        machine, "version", lambda name: "99.1" if name == library else importlib.metadata.version(name)
    )
    assert own.identity(IMAGE) != before


def test_the_cache_gives_back_what_was_kept_under_the_same_name(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    name = key(content="a", setting=3)
    assert name == key(setting=3, content="a") != key(content="a", setting=4)
    assert cache.record(name, dict) is None
    assert cache.file(name) is None
    cache.keep(name, {"rate": 0.5})
    cache.keep_file(name, b"data")
    assert cache.record(name, dict) == {"rate": 0.5}
    assert cache.file(name) == b"data"
    next((tmp_path / "cache").rglob("*.json")).write_text("{")
    assert cache.record(name, dict) is None


def test_a_process_is_charged_its_own_memory_only() -> None:
    ballast = bytearray(200 << 20)
    _, peak = whole_process([sys.executable, "-S", "-c", "pass"])
    assert 1 << 20 < peak < 100 << 20 < len(ballast)


def test_wrong_usage_of_eval_is_said_in_a_line(tmp_path: Path, run: Run) -> None:
    assert run("eval", "images", tmp_path, "-q", 50).returncode == 2
    assert run("eval", "images", tmp_path, *["-q", "50", "-q", "50", "-q", "60", "-q", "70"]).returncode == 2
    assert b"'gif' is none of jpeg" in run("eval", "images", tmp_path, "-a", "gif").stderr
    done = run("eval", "images", tmp_path)
    assert done.returncode == 1
    assert b"no images in" in done.stderr
    page = tmp_path / "page.md"
    page.touch()
    done = run("eval", "images", ROOT / "examples", "--results-page", page)
    assert done.returncode == 1
    assert b"--force" in done.stderr
