"""The tables of an evaluation as rows of text; the terminal and the Markdown page show the same ones."""

from __future__ import annotations

from dataclasses import dataclass

from codec.eval.comparison import Average, Comparison
from codec.eval.results import OWN, Results

MEBI = 1 << 20
NAMED_ITEMS = 3  # that a cell spells out
WORST_ROWS = 5


@dataclass(frozen=True)
class Table:
    """remark: a sentence above it, or ""; every row is as long as the head."""

    title: str
    remark: str
    head: list[str]
    rows: list[list[str]]

    def aligned(self) -> str:
        """For a terminal: columns as wide as they must be, the first to the left, the others to the right."""
        widths = [max(map(len, column)) for column in zip(self.head, *self.rows, strict=True)]
        lines = [self.title + (f" ({self.remark})" if self.remark else "")]
        for row in (self.head, *self.rows):
            cells = zip(row, widths, strict=True)
            first, *others = [cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(cells)]
            lines.append("  " + "  ".join([first, *others]).rstrip())
        return "\n".join(lines)

    def markdown(self) -> str:
        """With its title as a heading."""
        lines = [self.head, ["---", *("--:" for _ in self.head[1:])], *self.rows]
        remark = f"{self.remark[0].upper()}{self.remark[1:]}.\n\n" if self.remark else ""
        return f"## {self.title}\n\n{remark}" + "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def tables(results: Results, comparison: Comparison) -> list[Table]:
    """Our curve, deltas against every anchor, scores at equal rates, worst items; published curves and costs if any.

    Curve, deltas and scores once for all items, and once for each class.
    """
    groups: list[tuple[str, list[str] | None]] = [("", None), *results.groups.items()]
    found = [_curve(results, *group) for group in groups]
    if results.anchors:
        found += [_deltas(results, comparison, *group) for group in groups]
        found.append(_worst(results, comparison))
    found += [_equal(results, comparison, *group) for group in groups]
    if comparison.published:
        found.append(_published(results, comparison))
    if results.costs:
        found.append(_costs(results))
    return found


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:+.1f} %"


def _counted(text: str, items: int, total: int) -> str:
    """A mean, and over how many items where these are not all."""
    return f"{text} ({items})" if 0 < items < total else text


def _mean_percent(average: Average) -> str:
    return _counted(_percent(average.value), len(average.known), len(average.by_item))


def _without(average: Average) -> str:
    """The items that a mean leaves out, in words."""
    names = average.without
    more = f" and {len(names) - NAMED_ITEMS} more" if len(names) > NAMED_ITEMS else ""
    return ", ".join(names[:NAMED_ITEMS]) + more


def _titled(title: str, group: str) -> str:
    return f"{title}: {group}" if group else title


def _curve(results: Results, group: str, items: list[str] | None) -> Table:
    medium = results.medium
    metrics = medium.metrics
    return Table(
        _titled("Our curve" if results.ours.name == OWN else f"Curve of {results.subject}", group),
        f"means over {len(results.items if items is None else items)} {medium.item}s",
        [results.ours.setting_name, medium.rate_unit, *(m.title for m in metrics)],
        [
            [f"{setting:g}", f"{rate:.{medium.rate_digits}f}", *(_number(scores[m.key], m.digits) for m in metrics)]
            for setting, rate, scores in results.mean_points(results.ours.name, items)
        ],
    )


def _deltas(results: Results, comparison: Comparison, group: str, items: list[str] | None) -> Table:
    medium, main = results.medium, results.medium.main
    low, high = main.window or (0, 0)
    head = ["against", *(m.title for m in medium.in_deltas), f"{low:g}-{high:g} {main.scaled_unit or main.title}"]
    rows = []
    for anchor in results.anchors:
        against = comparison.against[anchor.name]
        if items is not None:
            against = against.over(items)
        whole, quality = against.rate[main.key], against.quality
        better = "-" if quality.value is None else f"{quality.value:+.{main.digits}f} {main.scaled_unit}".rstrip()
        rows.append(
            [
                anchor.title,
                *(_mean_percent(against.rate[m.key]) for m in medium.in_deltas),
                _mean_percent(against.windowed),
                _counted(better, len(quality.known), len(quality.by_item)),
                f"{whole.overlap:.0%}",
                _without(whole),
            ]
        )
    return Table(
        _titled(f"BD-rate of {results.subject}", group),
        f"negative: fewer bits for the same quality; means of the values of single {medium.item}s; in brackets: of how "
        "many, where not of all",
        [*head, "BD-quality", "overlap", "not defined for"],
        rows,
    )


def _worst(results: Results, comparison: Comparison) -> Table:
    main = results.medium.main
    rows = []
    for item in comparison.worst_first[:WORST_ROWS]:
        deltas = [comparison.against[anchor.name].rate[main.key].by_item[item] for anchor in results.anchors]
        rows.append([item, *(_percent(delta.value if delta else None) for delta in deltas)])
    return Table(
        f"Worst {results.medium.item}s",
        f"BD-rate of {results.subject}, {main.title}",
        [results.medium.item, *(anchor.title for anchor in results.anchors)],
        rows,
    )


def _equal(results: Results, comparison: Comparison, group: str, items: list[str] | None) -> Table:
    medium, count = results.medium, len(results.items if items is None else items)
    titles = {coder.name: coder.title for coder in results.coders}
    metrics = [medium.metric(key) for key in medium.compared_at_equal_rates]
    return Table(
        _titled("Quality for the same bits", group),
        f"in brackets: over so many {medium.item}s only, as the others' curves do not reach the rate",
        ["codec", medium.rate_unit, *(m.title for m in metrics)],
        [
            [
                titles[row.coder],
                f"{row.rate:g}",
                *(_counted(_number(row.scores[m.key], m.digits), row.items[m.key], count) for m in metrics),
            ]
            for row in comparison.equal
            if row.group == group and any(row.items.values())
        ],
    )


def _published(results: Results, comparison: Comparison) -> Table:
    unit = results.medium.main.unit
    return Table(
        "Against published curves",
        "between mean curves",
        ["curve", f"BD-rate of {results.subject}", "over"],
        [
            [name, _percent(delta.value), f"{delta.low:.1f}-{delta.high:.1f} {unit}"] if delta else [name, "-", ""]
            for name, delta in comparison.published.items()
        ],
    )


def _costs(results: Results) -> Table:
    titles = {coder.name: coder.title for coder in results.coders}
    return Table(
        "Time and memory",
        "one thread each, medians; warm, then whole processes",
        ["codec", "setting", "encode", "decode", "process: encode", "decode", "memory: encode", "decode"],
        [
            [
                titles[c.coder],
                f"{c.setting:g}",
                *(f"{s * 1000:.0f} ms" for s in (c.encode_s, c.decode_s, c.whole_encode_s, c.whole_decode_s)),
                *(f"{size / MEBI:.0f} MiB" if size else "-" for size in (c.peak_encode_bytes, c.peak_decode_bytes)),
            ]
            for c in results.costs
        ],
    )
