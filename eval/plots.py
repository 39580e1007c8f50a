"""Rate-quality curves as PNG and SVG, one figure a metric; published curves dotted."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from codec.eval.medium import Metric
from codec.eval.results import Results

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = ("#e8590c", "#1c7ed6", "#4dabf7", "#2f9e44", "#ae3ec9", "#0c8599", "#c2255c", "#868e96")  # ours first
GREYS = ("#495057", "#868e96", "#adb5bd")
FORMATS = ("png", "svg")
TICKS = (0.05, 0.1, 0.2, 0.5, 1, 2, 5)
DPI = 160


def file_name(metric: Metric, suffix: str) -> str:
    """Of the plot of a metric."""
    return f"curves-{metric.key}.{suffix}"


def plots(results: Results) -> dict[str, bytes]:
    """The files of all plots by name."""
    found = {}
    for metric in results.medium.metrics:
        figure = _figure(results, metric)
        for suffix in FORMATS:
            out = io.BytesIO()
            date = {"Date": None} if suffix == "svg" else {}
            figure.savefig(out, format=suffix, dpi=DPI, metadata=date)
            found[file_name(metric, suffix)] = out.getvalue()
    return found


def _figure(results: Results, metric: Metric) -> Figure:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5.4), layout="constrained")
    axes = figure.add_subplot()
    for index, published in enumerate(results.published):
        curve = published.curve(metric)
        if curve:
            axes.plot(*zip(*curve, strict=True), ":", lw=1.3, c=GREYS[index % len(GREYS)], label=published.name)
    for colour, coder in reversed(list(zip(COLOURS, results.coders, strict=False))):
        curve = results.mean_curve(coder.name, metric)
        if curve:
            own = coder is results.ours
            axes.plot(
                *zip(*curve, strict=True), "o-", c=colour, label=coder.title, lw=2.4 if own else 1.4, ms=4 if own else 3
            )
    ours = results.mean_curve(results.ours.name, metric)
    axes.set_xscale("log")
    if ours:
        axes.set_xlim(ours[0][0] * 0.9, ours[-1][0] * 1.1)
    axes.set_xticks(TICKS, [f"{tick:g}" for tick in TICKS], minor=False)
    axes.xaxis.set_minor_formatter("")
    if ours:
        axes.set_xlim(ours[0][0] * 0.9, ours[-1][0] * 1.1)
    axes.set_xlabel(f"{results.medium.rate_unit} (mean over {len(results.items)} {results.medium.item}s)")
    axes.set_ylabel(f"{metric.title} ({metric.scaled_unit})")
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(handles[::-1], labels[::-1], fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return figure
