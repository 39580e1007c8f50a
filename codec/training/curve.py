"""An image of a training run, drawn from its log."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

SMOOTHING_ROWS = 20


def _rows(log: Path) -> list[dict[str, float]]:
    """One a step, the last that was written: a run that was killed takes steps again, and may leave half a line."""
    rows: dict[float, dict[str, float]] = {}
    for line in log.read_text().splitlines():
        with suppress(ValueError):  # half a line, maybe with a whole one behind
            row = json.loads(line)
            rows[row["step"]] = row
    return sorted(rows.values(), key=lambda row: row["step"])


def draw(log: Path, target: Path) -> None:
    """Writes a PNG of loss and validation cost over core-hours from log.jsonl."""
    from matplotlib.figure import Figure  # needed by training only

    rows = _rows(log)
    hours = [row["core_seconds"] / 3600 for row in rows]
    losses = [row["loss"] for row in rows]
    smooth = [sum(part) / len(part) for part in (losses[max(0, i - SMOOTHING_ROWS) : i + 1] for i in range(len(rows)))]
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    axes.plot(hours, losses, color="0.85", linewidth=0.8)
    axes.plot(hours, smooth, label="loss, smoothed")
    axes.set(xlabel="core-hours", ylabel="loss")
    right = axes.twinx()
    checked = [(h, row["validation"]) for h, row in zip(hours, rows, strict=True) if "validation" in row]
    if checked:
        right.plot(*zip(*checked, strict=True), "o-", color="C1", label="validation")
    right.set_ylabel("validation: mean root cost")
    figure.legend(loc="upper right", bbox_to_anchor=(0.9, 0.97))
    figure.savefig(target, dpi=110)
