"""What settings of our encoder buy: `python -m codec.eval.settings REPORT REPORT...` compares our curves of reports.

Each is a folder that `codec eval` wrote, or its results.json; a row says how many bits more or fewer its curves take
than those of the first report, for the same quality, as the mean over items that both have.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from statistics import fmean
from typing import Any

from codec.eval.bdrate import Curve, UndefinedBdRate, bd_rate
from codec.eval.materials import MATERIALS
from codec.eval.medium import Metric
from codec.eval.results import OWN

Report = dict[str, Any]  # what results.json holds

LEAST_POINTS = 3  # of a curve


def own_curves(report: Report, metric: Metric) -> dict[str, Curve]:
    """Our rates and scores by the content of the item."""
    contents = {item["name"]: item["content"] for item in report["items"]}
    curves: dict[str, list[tuple[float, float]]] = {}
    for point in report["points"]:
        score = point["scores"][metric.key]
        if point["coder"] == OWN and score is not None:
            curves.setdefault(contents[point["item"]], []).append((point["rate"], metric.scaled(score)))
    return {item: sorted(curve) for item, curve in curves.items() if len(curve) >= LEAST_POINTS}


def mean_delta(base: Report, other: Report, metric: Metric) -> str:
    """Mean BD-rate, and of how many items; a dash where it is defined for none."""
    curves, others = own_curves(base, metric), own_curves(other, metric)
    found = []
    for item in sorted(curves.keys() & others.keys()):
        with suppress(UndefinedBdRate):
            found.append(bd_rate(curves[item], others[item]).value)
    return f"{fmean(found):+.1f} % ({len(found)})" if found else "-"


def table(reports: Sequence[Report]) -> str:
    """Markdown: a row for each report."""
    medium = MATERIALS[reports[0]["medium"]["name"]].medium
    lines = [["settings", *(metric.title for metric in medium.in_deltas), "encode, one thread"]]
    lines.append(["---"] * len(lines[0]))
    for report in reports:
        (coder,) = (coder for coder in report["coders"] if coder["name"] == OWN)
        seconds = [f"{cost['encode_s']:.2f} s" for cost in report["costs"] if cost["coder"] == OWN]
        deltas = [mean_delta(reports[0], report, metric) for metric in medium.in_deltas]
        lines.append([" ".join(coder["arguments"]) or "-", *deltas, *(seconds or ["-"])])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def load(path: Path) -> Report:
    """The results of a report."""
    found: Report = json.loads((path / "results.json" if path.is_dir() else path).read_text())
    return found


def main() -> None:
    """Prints the table of the reports that the command line names."""
    parser = argparse.ArgumentParser(prog="python -m codec.eval.settings", description=__doc__)
    parser.add_argument("reports", nargs="+", type=Path, metavar="REPORT")
    try:
        reports = [load(path) for path in parser.parse_args().reports]
        if len({report["medium"]["name"] for report in reports}) > 1:
            parser.error("the reports are of different media")
        print(table(reports))
    except (OSError, KeyError, TypeError, ValueError) as error:
        parser.exit(1, f"no reports of codec eval: {error}\n")


if __name__ == "__main__":
    main()
