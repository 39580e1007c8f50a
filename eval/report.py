"""The folder of an evaluation: results.json, rows, plots, and report.html, which needs no network.

The page is a skeleton, a style sheet, a script and the data, put together from the files in `page/`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.resources import files as package_files
from typing import Any

from codec.eval import rows
from codec.eval.comparison import Comparison
from codec.eval.cost import REPEAT
from codec.eval.materials import MATERIALS
from codec.eval.medium import Medium
from codec.eval.plots import COLOURS, FORMATS, file_name, plots
from codec.eval.results import Results
from codec.eval.uncertainty import LEAST_ITEMS, RESAMPLES

JSON, PAGE = "results.json", "report.html"
SCORE_DIGITS = 5


def file_names(medium: Medium) -> list[str]:
    """All files that `files` gives."""
    return [
        JSON,
        *rows.file_names(),
        PAGE,
        *(file_name(metric, suffix) for metric in medium.metrics for suffix in FORMATS),
    ]


def files(results: Results, comparison: Comparison, exhibits: dict[str, Any]) -> dict[str, bytes]:
    """The files of the folder by name; exhibits: what `Material.exhibits` gave."""
    everything = {**results.as_dict(), "comparison": comparison.as_dict()}
    return {
        JSON: (json.dumps(everything, indent=1, allow_nan=False) + "\n").encode(),
        **rows.files(results),
        PAGE: page(results, everything | exhibits).encode(),
        **plots(results),
    }


def page(results: Results, everything: dict[str, Any]) -> str:
    """report.html as text; everything: results, comparison and exhibits as JSON values."""
    data = {
        **everything,
        "colours": COLOURS[: len(results.coders)],
        "subject": results.subject,
        "means": {group: _means(results, items) for group, items in [("", None), *results.groups.items()]},
        "notes": notes(results),
    }
    text = json.dumps(_rounded(data), separators=(",", ":"), allow_nan=False)
    text = text.replace("<", "\\u003c")  # no tag ends the script early
    page = _part("report.html")
    for mark, part in {"style": _part("report.css"), "data": text, "script": _part("report.js")}.items():
        page = page.replace(f"/* {mark} */", part)
    return page


def _means(results: Results, items: Sequence[str] | None) -> dict[str, list[dict[str, Any]]]:
    """The mean points of every codec."""
    return {
        coder.name: [
            {"setting": setting, "rate": rate, "scores": scores}
            for setting, rate, scores in results.mean_points(coder.name, items)
        ]
        for coder in results.coders
    }


def notes(results: Results) -> list[str]:
    """How it was measured, a sentence or two each."""
    medium = results.medium
    low, high = medium.main.window or (0, 0)
    found = [
        f"Averages are means of the values of single {medium.item}s. So are Bjontegaard deltas: each {medium.item} has "
        "its own. A number in brackets says over how many a mean is, where it is not over all.",
        f"Intervals: 95 % of the mean by bootstrap over {medium.item}s ({RESAMPLES} resamples, percentiles), none for "
        f"fewer than {LEAST_ITEMS}; codecs whose interval includes zero are called equal. By chance: the two-sided "
        f"sign test over {medium.item}s.",
        _trained(results),
        "Bjontegaard deltas: monotone cubic interpolation (PCHIP, package bjontegaard) over all that two curves share; "
        "points that cost more than others and are no better are left out; overlap is the shared range as a share of "
        f"both. The window is {low:g} to {high:g} {medium.main.scaled_unit} of "
        f"{medium.main.title}; curves that cover less than 80 % of it are left out.",
        f"Scores at equal rates are interpolated for each {medium.item}, linearly over log rate; one whose curve "
        "does not reach the rate is left out of the mean.",
        f"A score that is not taken of each {medium.item} (some are too small, too short, silent, or equal to the "
        "original, which has no decibels) leaves the mean of its setting empty.",
        *MATERIALS[medium.name].notes(results),
    ]
    if results.costs:
        found.append(
            "Time: one CPU thread for every codec, one codec after another, at the setting whose mean rate is nearest "
            f"to {medium.timed_rate:g} {medium.rate_unit}. Warm: median over {results.costs[0].items} {medium.item}s "
            f"of the median of {REPEAT} calls in one process after a first, with how far the slowest is above the "
            "fastest. Process: a whole process with the start of "
            "Python and libraries (anchors: Python with the library that holds them), and the peak of its memory."
        )
    return found


def _trained(results: Results) -> str:
    """Which codec was trained or tuned for which metric."""
    said = [
        f"{metric.title} ({', '.join(names)})"
        for metric in results.medium.metrics
        if (names := [coder.title for coder in results.coders if metric.key in coder.trained_on])
    ]
    if not said:
        return "No codec here was trained or tuned for a metric here, as far as is known."
    return "A score that a codec was trained or tuned for is not its proof: " + "; ".join(said) + "."


def _part(name: str) -> str:
    return package_files("codec.eval").joinpath("page", name).read_text("utf-8")


def _rounded(value: Any) -> Any:
    """Numbers as short as a page needs them."""
    if isinstance(value, dict):
        return {name: _rounded(v) for name, v in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(v) for v in value]
    return round(value, SCORE_DIGITS) if isinstance(value, float) else value
