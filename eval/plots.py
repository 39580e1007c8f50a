"""Rate-quality curves as PNG and SVG, one figure a metric; the first few published curves dotted."""

from __future__ import annotations

import io
from collections.abc import Collection
from typing import TYPE_CHECKING

from codec.eval.medium import Metric
from codec.eval.results import Results

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#e8590c", "#1c7ed6", "#4dabf7", "#2f9e44", "#ae3ec9", "#c2255c", "#0c8599", "#868e96")  # ours first
GREY = "#6c757d"
DOTS = ((1, 1), (1, 2.5), (4, 1.5, 1, 1.5), (1, 4))  # of published curves, as many as can be told apart
FORMATS = ("png", "svg")
TICKS = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)
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
    """A panel for each class that has the metric."""
    from matplotlib.figure import Figure

    groups: dict[str, Collection[str] | None] = {**results.groups} or {"": None}
    shown = {g: items for g, items in groups.items() if results.mean_curve(results.ours.name, metric, items)}
    panels = max(1, len(shown))
    figure = Figure(figsize=(2 + (6 if panels == 1 else 4 * panels), 5.4), layout="constrained")
    axes = figure.subplots(1, panels, squeeze=False)[0]
    for axis, (group, items) in zip(axes, shown.items(), strict=False):
        _draw(axis, results, metric, group, items)
    axes[0].set_ylabel(" ".join([metric.title, f"({metric.scaled_unit})" if metric.scaled_unit else ""]).strip())
    if shown:
        axes[-1].legend(fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def _draw(axes: Axes, results: Results, metric: Metric, group: str, items: Collection[str] | None) -> None:
    curves = {coder.title: results.mean_curve(coder.name, metric, items) for coder in results.coders}
    for colour, (title, curve) in zip(COLOURS, curves.items(), strict=False):
        if curve:
            own = title == results.ours.title
            width, size, order = (2.4, 4, 3) if own else (1.4, 3, 2)
            axes.plot(*zip(*curve, strict=True), "o-", c=colour, label=title, lw=width, ms=size, zorder=order)
    for dashes, published in zip(DOTS, results.published, strict=False):
        curve = curves[published.name] = published.curve(metric)
        if curve:
            axes.plot(*zip(*curve, strict=True), ls=(0, dashes), lw=1.3, c=GREY, label=published.name, zorder=1)
    ours = curves[results.ours.title]
    axes.set_xscale("log")
    axes.set_xticks(TICKS, [f"{tick:g}" for tick in TICKS], minor=False)
    axes.xaxis.set_minor_formatter("")
    low, high = ours[0][0] * 0.9, ours[-1][0] * 1.1
    inside = [score for curve in curves.values() for rate, score in curve if low <= rate <= high]
    margin = (max(inside) - min(inside)) * 0.04
    axes.set_xlim(low, high)
    if margin:
        axes.set_ylim(min(inside) - margin, max(inside) + margin)
    count = len(results.items if items is None else items)
    axes.set_xlabel(f"{results.medium.rate_unit} (mean over {count} {results.medium.item}s)")
    axes.set_title(group)
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
