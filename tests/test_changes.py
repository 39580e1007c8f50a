"""`codec eval compare`: what moved between reports, and when that is a failure."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from codec.eval.anchors import ANCHORS
from codec.eval.cache import Cache
from codec.eval.changes import Condition, changes
from codec.eval.changes_page import page
from codec.eval.images import ImageItem
from codec.eval.medium import IMAGES, PSNR_RGB
from codec.eval.results import Coder, Cost, Point, Results
from codec.eval.stored import NoReport, read
from codec.eval.work import source_key
from codec.media import ImageData, Pixels, image_bytes
from tests.conftest import Run

RATES = (0.1, 0.2, 0.4, 0.8)
Save = Callable[..., Path]


@pytest.fixture
def save(tmp_path: Path) -> Save:
    """Writes a report of JPEG, as ours and as an anchor: bits of ours are multiplied, item by item."""

    def saved(name: str, factors: list[float], seconds: float = 1.0) -> Path:
        items = [ImageItem(f"{name}-{i}.png", f"content {i}", "", 8, 8) for i in range(len(factors))]
        points = [
            Point(
                item.name, coder, q, round(1000 * rate), rate * (factor if coder == "codec" else 1), {PSNR_RGB.key: db}
            )
            for item, factor in zip(items, factors, strict=True)
            for coder in ("codec", "jpeg")
            for q, (rate, db) in enumerate(zip(RATES, (28.0, 31.0, 34.0, 36.0), strict=True))
        ]
        coders = [Coder(n, n, "", "", "quality") for n in ("codec", "jpeg")]
        costs = [Cost("codec", 1, 1, seconds, 0.5, 1, 1, 1, 1, 0.1, 0.1)]
        found = Results(IMAGES.of([PSNR_RGB]), "2026-01-01", {}, {}, items, coders, points, costs=costs)
        (tmp_path / name).mkdir()
        (tmp_path / name / "results.json").write_text(json.dumps(asdict(found)))
        return tmp_path / name

    return saved


def test_each_codec_is_compared_with_itself_over_the_same_samples(save: Save) -> None:
    found = changes(read(save("old", [1.0] * 6)), read(save("new", [0.9, 0.9, 0.9, 0.9, 0.9, 1.2, 1.0])))
    assert next(iter(found.common.items())) == ("old-0.png", "new-0.png")
    assert len(found.common) == 6  # the seventh is new
    ours = found.rates["codec"][PSNR_RGB.key]
    assert ours.value == pytest.approx((5 * -10 + 20) / 6)
    assert ours.interval
    assert found.rates["jpeg"][PSNR_RGB.key].value == pytest.approx(0)
    assert found.moved()[0] == ("new-5.png", pytest.approx(20))
    text = "\n".join(table.aligned() for table in found.tables())
    assert "the same" in text
    assert "5 of 6" in text


@pytest.mark.parametrize(
    ("condition", "fails"),
    [
        ("bd_rate.psnr_rgb_db > 1%", True),
        ("bd_rate.psnr_rgb_db > 6", False),
        ("bd_rate.psnr_rgb_db.jpeg >= 0.1 %", False),
        ("bd_rate.psnr_rgb_db.jpeg <= 0.1", True),
        ("bd_rate.ssimulacra2 > 1%", True),  # which is not defined
        ("encode_s > 20%", True),
        ("encode_s > 60%", False),
        ("decode_s.codec < 0", False),
        ("decode_s.jpeg > 0", True),  # which has no time
    ],
)
def test_conditions_fail_where_they_are_met_or_not_defined(save: Save, condition: str, fails: bool) -> None:
    found = changes(read(save("old", [1.0] * 3)), read(save("new", [1.05] * 3, 1.5)))
    assert (found.broken(Condition.read(condition)) is not None) == fails


@pytest.mark.parametrize("text", ["", "bd_rate > 1", "psnr > 1", "bd_rate.x = 1", "encode_s.a.b > 1", "bd_rate.x > y"])
def test_what_is_no_condition_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"condition|metric"):
        Condition.read(text)


@pytest.mark.slow
def test_the_command_ends_with_1_where_a_condition_is_met(save: Save, tmp_path: Path, run: Run) -> None:
    old, new = save("old", [1.0] * 3), save("new", [1.05] * 3)
    done = run("eval", "compare", old, new, "--fail-if", "bd_rate.psnr_rgb_db > 1%", "-o", tmp_path / "page.html")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(b"codec: bd_rate.psnr_rgb_db of codec is +5.00 %")
    assert b"too few" in done.stdout
    assert "BD-rate of" in (tmp_path / "page.html").read_text()
    assert run("eval", "compare", old, new, "--fail-if", "bd_rate.psnr_rgb_db > 9%").returncode == 0
    wrong: list[subprocess.CompletedProcess[bytes]] = [
        run("eval", "compare", old),
        run("eval", "compare", old, tmp_path),
    ]
    assert [done.returncode for done in wrong] == [2, 1]
    assert all(b"Traceback" not in done.stderr for done in wrong)


def test_what_is_no_report_is_said_in_a_line(tmp_path: Path) -> None:
    for text in ("", "[]", "{}", '{"medium": {"name": "smells", "metrics": []}}'):
        (tmp_path / "results.json").write_text(text)
        with pytest.raises(NoReport, match="is no report"):
            read(tmp_path)


def test_the_page_shows_crops_of_what_the_cache_has(patch: Pixels, tmp_path: Path) -> None:
    cache, jpeg = Cache(tmp_path), ANCHORS["jpeg"]
    cache.keep_file(source_key("content"), image_bytes(ImageData(patch), ".png"))
    reports = []
    for name, qualities in (("old", (20, 40, 60)), ("new", (30, 50, 80))):
        points = []
        for quality in qualities:
            data = jpeg.encode(patch, quality)
            cache.keep_file(f"{name}-{quality}", data)
            size = len(data)
            scores: dict[str, float | None] = {PSNR_RGB.key: 20 + quality / 10}
            points.append(Point("a.png", "jpeg", quality, size, size / 500, scores, file=f"{name}-{quality}"))
        height, width = patch.shape[:2]
        results = Results(
            IMAGES.of([PSNR_RGB]),
            *("", {}, {}),
            [ImageItem("a.png", "content", "", width, height)],
            [Coder("jpeg", "JPEG", "", "", "quality", spec="jpeg")],
            points,
        )
        folder = tmp_path / name
        folder.mkdir()
        (folder / "results.json").write_text(json.dumps(asdict(results)))
        reports.append(read(folder))
    found = changes(*reports)
    assert page([found], cache).count("data:image/webp;base64,") == 3
    assert page([found], Cache(tmp_path / "none")).count("data:image/webp;base64,") == 0
    assert np.isfinite(found.moved()[0][1])
