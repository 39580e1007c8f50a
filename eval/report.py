"""The folder of an evaluation: results.json, results.csv, plots, and report.html, which needs no network.

The page is a skeleton, a style sheet, a script and the data, put together from the files in `page/`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from importlib.resources import files as package_files
from typing import Any

from codec.eval import scenes
from codec.eval.cache import Cache
from codec.eval.comparison import Comparison
from codec.eval.cost import RATE_BPP as COST_RATE_BPP
from codec.eval.cost import REPEAT
from codec.eval.medium import Medium
from codec.eval.metrics import PERCEPTUAL_RATES_BPP
from codec.eval.plots import COLOURS, FORMATS, file_name, plots
from codec.eval.results import Results
from codec.eval.run import Source

JSON, CSV, PAGE = "results.json", "results.csv", "report.html"
SCORE_DIGITS = 5


def file_names(medium: Medium) -> list[str]:
    """All files that `files` gives."""
    return [JSON, CSV, PAGE, *(file_name(metric, suffix) for metric in medium.metrics for suffix in FORMATS)]


def files(
    results: Results,
    comparison: Comparison,
    sources: Sequence[Source],
    cache: Cache,
    progress: Callable[[int, int], object],
) -> dict[str, bytes]:
    """The files of the folder by name; progress as in `run.evaluate`, for the pictures to look at."""
    everything = {**results.as_dict(), "comparison": comparison.as_dict()}
    shown = scenes.scenes(results, comparison, sources, cache, progress)
    return {
        JSON: (json.dumps(everything, indent=1) + "\n").encode(),
        CSV: results.csv(),
        PAGE: page(results, everything, shown).encode(),
        **plots(results),
    }


def page(results: Results, everything: dict[str, Any], shown: Sequence[scenes.Scene]) -> str:
    """report.html as text."""
    data = {
        **everything,
        "colours": COLOURS[: len(results.coders)],
        "means": {
            coder.name: [
                {"setting": setting, "rate": rate, "scores": scores}
                for setting, rate, scores in results.mean_points(coder.name)
            ]
            for coder in results.coders
        },
        "scenes": [asdict(scene) for scene in shown],
        "notes": notes(results, shown),
    }
    text = json.dumps(_rounded(data), separators=(",", ":")).replace("<", "\\u003c")  # no tag ends the script early
    page = _part("report.html")
    for mark, part in {"style": _part("report.css"), "data": text, "script": _part("report.js")}.items():
        page = page.replace(f"/* {mark} */", part)
    return page


def notes(results: Results, shown: Sequence[scenes.Scene] = ()) -> list[str]:
    """How it was measured, a sentence or two each."""
    medium = results.medium
    low, high = PERCEPTUAL_RATES_BPP
    found = [
        f"Averages are means of the values of single {medium.item}s. So are Bjontegaard deltas: each {medium.item} has "
        "its own, and those that are not defined are left out and named.",
        "Bjontegaard deltas: Akima interpolation (package bjontegaard) over all that two curves share; overlap is that "
        f"range as a share of both. The window is {medium.window[0]:g} to {medium.window[1]:g} {medium.main.unit} of "
        f"{medium.main.title}; curves that cover less than 80 % of it are left out.",
        "Rates count whole files. Ours are written and decoded by separate processes of the command line; anchors run "
        "through Pillow. All get 8-bit samples without metadata.",
        f"MS-SSIM and SSIMULACRA 2 are measured between {low:g} and {high:g} {medium.rate_unit} only, because they are "
        f"slow; a mean is shown where every {medium.item} has a value. MS-SSIM enters deltas and plots as "
        "-10 log10(1 - MS-SSIM).",
        f"Scores at equal rates are interpolated for each {medium.item}, linearly over log rate; a {medium.item} whose "
        "curve does not reach the rate is left out, and the number of those that do is given.",
    ]
    if results.costs:
        found.append(
            f"Time: one CPU thread for every codec, one codec after another, at the setting whose mean rate is nearest "
            f"to {COST_RATE_BPP:g} {medium.rate_unit}. Warm: median over {results.costs[0].items} {medium.item}s of "
            f"the median of {REPEAT} calls in one process after a first. Process: a whole process with the start of "
            "Python and libraries (anchors: Python with Pillow), and the peak of its memory."
        )
    if shown:
        found.append(
            f"The viewer holds lossless crops of at most {scenes.CROP_WIDTH} x {scenes.CROP_HEIGHT} pixels, at the "
            "place where ours is furthest from the original. Anchors have the setting that comes nearest to the size "
            "of our file; sizes are those of whole pictures."
        )
    if results.published:
        found.append(
            "Dotted curves were published by others, as means over the same pictures, so deltas against them are taken "
            "between mean curves. " + "; ".join(f"{p.name}: {p.source}" for p in results.published) + "."
        )
    return found


def _part(name: str) -> str:
    return package_files("codec.eval").joinpath("page", name).read_text("utf-8")


def _rounded(value: Any) -> Any:
    """Numbers as short as a page needs them."""
    if isinstance(value, dict):
        return {name: _rounded(v) for name, v in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(v) for v in value]
    return round(value, SCORE_DIGITS) if isinstance(value, float) else value
