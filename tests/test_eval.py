"""Measurements."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.interpolate import Akima1DInterpolator

from codec.eval.anchors import ANCHORS, jpeg
from codec.eval.bdrate import UndefinedBdRate, bd_rate_percent
from codec.eval.metrics import psnr_db
from codec.media import Picture, Pixels, to_pillow
from tests.conftest import Run

ANCHOR = [(0.1, 25.0), (0.2, 28.0), (0.5, 32.0), (1.0, 36.0), (2.0, 41.0)]


def test_bd_rate_of_a_scaled_curve_is_the_scale() -> None:
    assert bd_rate_percent(ANCHOR, [(r * 0.7, q) for r, q in ANCHOR]) == pytest.approx(-30)
    assert bd_rate_percent(ANCHOR, ANCHOR) == pytest.approx(0)


def test_bd_rate_equals_an_integration_of_our_own() -> None:
    test = [(0.08, 24.0), (0.15, 27.5), (0.4, 32.5), (0.9, 37.0), (1.5, 40.0)]
    psnr = np.linspace(25, 40, 200_001)
    logs = [Akima1DInterpolator([q for _, q in curve], np.log([r for r, _ in curve]))(psnr) for curve in (ANCHOR, test)]
    expected = 100 * (np.exp(np.trapezoid(logs[1] - logs[0], psnr) / 15) - 1)
    assert bd_rate_percent(ANCHOR, test) == pytest.approx(expected, abs=0.05)


def test_curves_that_share_no_quality_are_refused() -> None:
    with pytest.raises(UndefinedBdRate, match="share no range"):
        bd_rate_percent(ANCHOR, [(r, q + 30) for r, q in ANCHOR])
    with pytest.raises(UndefinedBdRate):
        bd_rate_percent([(r, float("inf")) for r, _ in ANCHOR], ANCHOR)


def test_psnr() -> None:
    x = np.zeros((4, 4, 3), np.uint8)
    assert psnr_db(x, x) == float("inf")
    assert psnr_db(x, x + 255) == 0
    assert psnr_db(x, x + 1) == pytest.approx(48.1308, abs=1e-4)


def test_jpeg_is_measured_from_its_file(patch: Pixels) -> None:
    data, x_hat = jpeg(patch, 90)
    assert data[:2] == b"\xff\xd8"
    assert x_hat.shape == patch.shape
    assert 30 < psnr_db(patch, x_hat) < 50
    assert list(ANCHORS) == ["jpeg"]


def test_eval_measures_through_real_files(patch: Pixels, tmp_path: Path, run: Run) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for i in range(2):
        to_pillow(Picture(np.ascontiguousarray(patch[i * 5 :]))).save(folder / f"{i}.png")
    out = tmp_path / "result.json"
    done = run("eval", "images", folder, "-o", out, *[a for q in (20, 50, 80, 95) for a in ("-q", q)])
    assert done.returncode == 0, done.stderr
    assert b"BD-rate against jpeg" in done.stdout
    result = json.loads(out.read_text())
    assert result["pictures"] == ["0.png", "1.png"]
    assert [len(points) for points in result["points"].values()] == [2, 2, 2, 2]
    assert all(-90 < value < 0 for value in result["bd_rate"]["jpeg"])
    assert run("eval", "images", folder, "-q", 50).returncode == 2
    assert run("eval", "images", folder, *["-q", "50", "-q", "50", "-q", "60", "-q", "70"]).returncode == 2
    done = run("eval", "images", tmp_path)
    assert done.returncode == 1
    assert b"no pictures in" in done.stderr
