"""A whole evaluation through real processes: what it writes, what it keeps, and the page in a browser."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from codec.eval.images import ImageMaterial
from codec.eval.report import file_names
from codec.media import ImageData, Pixels, to_pillow
from tests.conftest import PATIENCE_S

pytestmark = pytest.mark.slow  # a whole evaluation

QUALITIES = (15, 50, 90)
MILLISECONDS = PATIENCE_S * 1000
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
CHROMIUM_ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

Done = subprocess.CompletedProcess[str]


@dataclass
class Evaluation:
    """A folder of two images and a broken one, evaluated where JPEG XL is missing."""

    root: Path
    first: Done

    @property
    def report(self) -> Path:
        return self.root / "report"

    @property
    def results(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.report / "results.json").read_text())
        return found


def command(root: Path, arguments: Sequence[object], without: Sequence[str] = (), site: Path | None = None) -> Done:
    """Runs `codec eval ARGUMENTS` where some packages cannot be imported; site: a folder with others."""
    broken = root / "broken-packages"
    shutil.rmtree(broken, ignore_errors=True)
    for package in without:
        (broken / package).mkdir(parents=True)
        (broken / package / "__init__.py").write_text("raise ImportError('broken for a test')\n")
    return subprocess.run(
        [sys.executable, "-m", "codec.cli", "eval", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(map(str, [broken, *([site] if site else [])]))},
    )


def evaluate(root: Path, *without: str) -> Done:
    """Evaluates the images."""
    arguments: list[object] = ["images", root / "images", "-o", root / "report", "--results-page", root / "page.md"]
    arguments += ["--cache", root / "cache", "--force", "-a", "jpeg", "-a", "webp", "-a", "jpegxl"]
    arguments += ["--look", root / "look.png"]
    arguments += [a for quality in QUALITIES for a in ("-q", quality)]
    return command(root, arguments, without)


@pytest.fixture(scope="module")
def evaluation(parrots: Pixels, tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    root = tmp_path_factory.mktemp("evaluation")
    (root / "images").mkdir()
    for name, x in (("<b>left", 0), ("right", 400)):
        crop = np.ascontiguousarray(parrots[100:292, x : x + 256])
        to_pillow(ImageData(crop)).save(root / "images" / f"{name}.png")
    (root / "images" / "torn.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    return Evaluation(root, evaluate(root, "pillow_jxl"))


def test_a_broken_image_and_a_missing_anchor_are_named_and_the_run_goes_on(evaluation: Evaluation) -> None:
    first = evaluation.first
    assert first.returncode == 1, first.stderr
    lines = first.stderr.splitlines()
    assert "Traceback" not in first.stderr
    assert any("torn.png" in line for line in lines)
    assert any("JPEG XL" in line and "left out" in line for line in lines)
    assert lines[-1] == "codec: 1 of 3 images failed"
    results = evaluation.results
    assert list(results["failures"]) == ["torn.png"]
    assert "JPEG XL" in results["skipped"]
    assert not {"JPEG 4:2:0", "WebP", "SSIMULACRA 2"} & set(results["skipped"])
    assert [coder["name"] for coder in results["coders"]] == ["codec", "jpeg", "webp"]


def test_the_terminal_shows_every_table(evaluation: Evaluation) -> None:
    for title in ("Our curve", "BD-rate of ours", "Worst images", "Quality for the same bits", "Time and memory"):
        assert title in evaluation.first.stdout
    assert re.search(r"JPEG 4:2:0 +PSNR RGB . +-\d\d\.\d %", evaluation.first.stdout)


def test_the_report_folder_holds_everything(evaluation: Evaluation) -> None:
    assert sorted(p.name for p in evaluation.report.iterdir()) == sorted(file_names(ImageMaterial().medium))
    results = evaluation.results
    assert [item["name"] for item in results["items"]] == ["<b>left.png", "right.png"]
    ours = [p for p in results["points"] if p["coder"] == "codec"]
    assert len(ours) == 2 * len(QUALITIES)
    assert all(20 < p["scores"]["psnr_rgb_db"] < 50 for p in ours)
    assert all(0.5 < p["scores"]["ms_ssim"] < 1 for p in results["points"] if 0.08 < p["rate"] < 2)
    against = results["comparison"]["against"]["jpeg"]
    by_item = against["bd_rate_percent"]["psnr_rgb_db"]["by_item"]
    mean = sum(delta["value"] for delta in by_item.values()) / 2
    assert against["bd_rate_percent"]["psnr_rgb_db"]["value"] == pytest.approx(mean)
    assert -90 < mean < 0
    assert sorted(results["comparison"]["worst_first"]) == ["<b>left.png", "right.png"]
    with (evaluation.report / "results.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(results["points"])
    assert {row["codec"] for row in rows} == {"codec", "jpeg", "webp"}
    if "results.parquet" in file_names(ImageMaterial().medium):
        from pyarrow import parquet

        table = parquet.read_table(evaluation.report / "results.parquet")
        assert table.column_names == list(rows[0])
        assert table["size_bytes"].to_pylist() == [int(row["size_bytes"]) for row in rows]


def test_the_sheet_shows_each_image_through_ours_and_two_others(evaluation: Evaluation) -> None:
    with Image.open(evaluation.root / "look.png") as sheet:
        assert sheet.width > 4 * 256
        assert sheet.height > 2 * 192


def test_time_and_memory_are_those_of_each_codec(evaluation: Evaluation) -> None:
    ours, jpeg, _ = evaluation.results["costs"]
    for cost in (ours, jpeg):
        assert min(cost["decode_s"], cost["whole_decode_s"]) > 0
    assert ours["peak_decode_bytes"] > 2 * jpeg["peak_decode_bytes"] > 10 << 20


def test_the_results_page_says_when_where_and_with_what(evaluation: Evaluation) -> None:
    page = (evaluation.root / "page.md").read_text()
    results = evaluation.results
    for said in (results["date"], results["machine"]["cpu"], "torch", "SSIMULACRA 2", "torn.png", "JPEG XL"):
        assert said in page
    assert "means of the values of single images" in page


def test_the_page_needs_no_network(evaluation: Evaluation) -> None:
    page = (evaluation.report / "report.html").read_text()
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", page)
    assert "@import" not in page
    assert "<b>left" not in page
    assert page.count("data:image/webp;base64,") == 2 * (1 + 3)
    assert len(page) < 8 << 20


def test_a_second_run_measures_nothing_again(evaluation: Evaluation) -> None:
    before = evaluation.results
    kept = {p: p.stat().st_mtime_ns for p in (evaluation.root / "cache").rglob("*.*")}
    second = evaluate(evaluation.root, "pillow_jxl", "ssimulacra2")  # without which nothing can be measured
    assert second.returncode == 1
    assert second.stderr == evaluation.first.stderr
    assert second.stdout == evaluation.first.stdout
    assert evaluation.results == before
    assert kept == {p: p.stat().st_mtime_ns for p in (evaluation.root / "cache").rglob("*.*")}


def test_flat_images_odd_names_and_a_damaged_cache_cost_no_report(patch: Pixels, tmp_path: Path) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    to_pillow(ImageData(patch)).save(folder / "patch.png")
    to_pillow(ImageData(np.full((40, 40, 3), 128, np.uint8))).save(
        folder / os.fsdecode(b"caf\xe9.png")
    )  # lossless in JPEG
    arguments = ["images", folder, "-o", tmp_path / "report", "--results-page", tmp_path / "page.md"]
    arguments += ["--cache", tmp_path / "cache", "--force", "-a", "jpeg", "-q", 15, "-q", 50, "-q", 90]
    first = command(tmp_path, arguments)
    assert first.returncode == 0, first.stderr
    results = json.loads((tmp_path / "report" / "results.json").read_text(), parse_constant=pytest.fail)
    assert [item["name"] for item in results["items"]] == ["caf\\xe9.png", "patch.png"]
    flat = [p["scores"]["psnr_rgb_db"] for p in results["points"] if p["coder"] == "jpeg" and "caf" in p["item"]]
    assert flat == [None] * len(flat)
    found = re.search(r"<script[^>]*>\s*(\{.*?\})\s*</script>", (tmp_path / "report" / "report.html").read_text(), re.S)
    assert found
    json.loads(found[1], parse_constant=pytest.fail)
    for i, record in enumerate(sorted((tmp_path / "cache").rglob("*.json"))):
        record.write_text(("[1]", "{}", '{"item": "x"}', "no JSON")[i % 4])
    again = command(tmp_path, arguments)
    assert (again.returncode, again.stderr) == (0, first.stderr)
    assert again.stdout.split("Time and memory")[0] == first.stdout.split("Time and memory")[0]


def started_browser() -> Iterator[Any]:
    """Chromium without a window; skips the test where there is none."""
    sync_api = pytest.importorskip("playwright.sync_api")
    if not CHROMIUM:
        pytest.skip("there is no Chromium")
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGUMENTS, timeout=MILLISECONDS)
        yield started
        started.close()


def new_page(browser: Any, width: int) -> Any:
    """An empty page of a width in pixels that waits as long as a busy machine takes."""
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.set_default_timeout(MILLISECONDS)
    return page


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    yield from started_browser()


@pytest.mark.parametrize("width", [1280, 400])
def test_the_page_works_in_a_browser(evaluation: Evaluation, browser: Any, width: int) -> None:
    page = new_page(browser, width)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda r: errors.append(r.url) if not r.url.startswith(("file:", "data:")) else None)
    page.goto((evaluation.report / "report.html").as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") == width

    clip = "getComputedStyle(document.getElementById('over')).clipPath"
    assert "50%" in page.evaluate(clip)
    page.locator("#slider").focus()
    page.keyboard.press("Home")
    assert re.fullmatch(r"inset\(0(px)?( 0(px)? 0(px)? 0(px|%))?\)", page.evaluate(clip))
    page.keyboard.press("ArrowRight")
    assert "0.5%" in page.evaluate(clip)
    page.locator("#stage").scroll_into_view_if_needed()
    stage = page.locator("#stage").bounding_box()
    page.mouse.move(stage["x"] + 10, stage["y"] + 10)
    page.mouse.down()
    page.mouse.move(stage["x"] + stage["width"] * 0.75, stage["y"] + 10, steps=3)
    page.mouse.up()
    assert float(page.input_value("#slider")) == pytest.approx(75, abs=1)

    widths = []
    for zoom in ("first", "last"):
        page.click(f"#zooms button:{zoom}-child")
        widths.append(page.locator("#stage").bounding_box()["width"])
    assert widths[1] == 4 * widths[0]
    curve = "document.querySelector('#chart .curve').getAttribute('d')"
    before = page.evaluate(curve)
    page.click("#metrics button:nth-child(2)")
    assert page.evaluate(curve) != before
    assert (
        page.locator("#items tbody tr").first.inner_text().split("\t")[0]
        == (evaluation.results["comparison"]["worst_first"][0])
    )
    assert page.locator("#trouble").inner_text().startswith("Left out: torn.png")
    assert page.locator("#matrix tbody tr").count() == 3
    assert page.locator("#matrix th").nth(1).inner_text() == "codec (ours) \u2020"  # it was trained on what ranks
    assert page.locator("#sheet img").count() == 2 * 4
    page.keyboard.press("m")
    assert page.locator("#metrics button").nth(2).get_attribute("aria-pressed") == "true"
    swapped = [page.input_value("#right"), page.input_value("#left")]
    page.keyboard.press("x")
    assert [page.input_value("#left"), page.input_value("#right")] == swapped
    assert errors == []
    page.close()
