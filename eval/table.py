"""The tables of an evaluation as rows of text; the terminal and the Markdown page show the same ones."""

from __future__ import annotations

import html
from dataclasses import dataclass

from codec.eval.average import Average
from codec.eval.comparison import AtRate, Comparison, mean_rate
from codec.eval.medium import Metric
from codec.eval.results import OWN, Coder, Results

MEBI = 1 << 20
NAMED_ITEMS = 3  # that a cell spells out
WORST_ROWS = 5
OWN_MARK, THEIR_MARK = "\u2020", "\u2021"  # dagger and double dagger
MARK_SAYS = f"{OWN_MARK} trained or tuned for it, so no proof"
MARKS_SAY = f"{OWN_MARK} ours, {THEIR_MARK} the other was trained or tuned for it, so it is no proof"


@dataclass(frozen=True)
class Table:
    """remark: a sentence above it, or ""; every row is as long as the head."""

    title: str
    remark: str
    head: list[str]
    rows: list[list[str]]

    def aligned(self, words: bool = False) -> str:
        """For a terminal: columns as wide as they must be, the first to the left, the others to the right.

        words: all to the left.
        """
        widths = [max(map(len, column)) for column in zip(self.head, *self.rows, strict=True)]
        lines = [self.title + (f" ({self.remark})" if self.remark else "")]
        for row in (self.head, *self.rows):
            cells = zip(row, widths, strict=True)
            first, *others = [cell.ljust(w) if words or i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(cells)]
            lines.append("  " + "  ".join([first, *others]).rstrip())
        return "\n".join(lines)

    def html(self) -> str:
        """As a table with its title as a heading."""
        head, *rows = (
            "<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells) + "</tr>"
            for tag, cells in (("th", self.head), *(("td", row) for row in self.rows))
        )
        remark = f'<p class="quiet">{html.escape(self.remark)}</p>' if self.remark else ""
        table = f"<table><thead>{head}</thead><tbody>{''.join(rows)}</tbody></table>"
        return f'<section><h2>{html.escape(self.title)}</h2>{remark}<div class="scroll">{table}</div></section>'

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
        found += [_worst(results, comparison), _worst_by_metric(results, comparison)]
    if len(results.anchors) > 1:
        ranking = results.medium.metric(comparison.ranked_by)
        found += [_matrix(results, comparison, metric) for metric in dict.fromkeys((ranking, results.medium.main))]
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


def mean_percent(average: Average) -> str:
    """The mean, and of how many items where not of all."""
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
    rows = []
    for anchor in results.anchors:
        against = comparison.against[anchor.name]
        if items is not None:
            against = against.over(items)
        rates = [(_marked(results, m, anchor), against.rate[m.key]) for m in medium.in_deltas]
        if main.window:
            window = f"{main.title}, {low:g} to {high:g} {main.scaled_unit}".rstrip()
            rates.append((window, against.windowed))
        for title, average in rates:
            rows.append([anchor.title, title, mean_percent(average), *sureness(average), _without(average)])
        quality = against.quality
        better = "-" if quality.value is None else f"{quality.value:+.{main.digits}f} {main.scaled_unit}".rstrip()
        counted = _counted(better, len(quality.known), len(quality.by_item))
        rows.append(
            [anchor.title, f"{main.title} for the same bits", counted, *["-"] * 4, f"{quality.overlap:.0%}", ""]
        )
    return Table(
        _titled(f"BD-rate of {results.subject}", group),
        f"negative: fewer bits for the same quality; means of the values of single {medium.item}s; in brackets: of how "
        f"many, where not of all; {MARKS_SAY}",
        ["against", "by", "bits", "95 % interval", "verdict", "better on", "by chance", "overlap", "not defined for"],
        rows,
    )


def sureness(average: Average) -> list[str]:
    """Interval, verdict, items that are better, probability of the sign test, overlap."""
    interval, chance = average.interval, average.by_chance
    verdict = {None: "too few", True: "equal", False: "fewer" if (average.value or 0) < 0 else "more"}
    return [
        f"{interval[0]:+.1f} to {interval[1]:+.1f}" if interval else "-",
        verdict[average.equal] if average.known else "-",
        f"{average.lower} of {len(average.known)}",
        "-" if chance is None else f"{chance:.2g}",
        f"{average.overlap:.0%}",
    ]


def _marked(results: Results, metric: Metric, anchor: Coder) -> str:
    """The title of a metric, and whether one of two codecs was made for it."""
    ours = OWN_MARK if metric.key in results.ours.trained_on else ""
    theirs = THEIR_MARK if metric.key in anchor.trained_on else ""
    return f"{metric.title} {ours}{theirs}".rstrip()


def _matrix(results: Results, comparison: Comparison, metric: Metric) -> Table:
    rows = comparison.pairs[metric.key]
    return Table(
        f"Every pair, {metric.title}",
        f"BD-rate of the codec at the left against that above; equal: the 95 % interval includes zero; {MARK_SAYS}",
        ["", *(_titled_for(coder, metric) for coder in results.coders)],
        [
            [_titled_for(coder, metric), *(_pair(rows[coder.name].get(other.name)) for other in results.coders)]
            for coder in results.coders
        ],
    )


def _titled_for(coder: Coder, metric: Metric) -> str:
    """The title of a codec, and whether it was made for a metric."""
    return f"{coder.title} {OWN_MARK}" if metric.key in coder.trained_on else coder.title


def _pair(average: Average | None) -> str:
    if average is None:
        return ""
    return f"equal ({mean_percent(average)})" if average.equal else mean_percent(average)


def _worst(results: Results, comparison: Comparison) -> Table:
    medium = results.medium
    metric = medium.metric(comparison.ranked_by)
    rows = []
    for item in comparison.worst_first[:WORST_ROWS]:
        deltas = [comparison.against[anchor.name].rate[metric.key].by_item[item] for anchor in results.anchors]
        rows.append([item, *(_percent(delta.value if delta else None) for delta in deltas)])
    return Table(
        f"Worst {medium.item}s",
        f"BD-rate of {results.subject}, {metric.title}",
        [medium.item, *(anchor.title for anchor in results.anchors)],
        rows,
    )


def _worst_by_metric(results: Results, comparison: Comparison) -> Table:
    medium = results.medium
    first = medium.metric(comparison.ranked_by)
    metrics = [first, *(m for m in medium.in_deltas if m != first)]
    columns = [
        [
            f"{item} {_percent(mean_rate(comparison.against, metric.key, item))}"
            for item in comparison.ranked(metric.key)[:WORST_ROWS]
        ]
        for metric in metrics
    ]
    count = min(map(len, columns))
    return Table(
        f"Worst {medium.item}s by each metric",
        f"BD-rate of {results.subject}, the mean over the others",
        ["", *(metric.title for metric in metrics)],
        [[str(place + 1), *(column[place] for column in columns)] for place in range(count)],
    )


def _equal(results: Results, comparison: Comparison, group: str, items: list[str] | None) -> Table:
    medium, count = results.medium, len(results.items if items is None else items)
    coders = {coder.name: coder for coder in results.coders}
    metrics = medium.in_equal
    return Table(
        _titled("Quality for the same bits", group),
        f"in brackets: over so many {medium.item}s only, as the others' curves do not reach the rate; {MARK_SAYS}",
        ["codec", medium.rate_unit, *(m.title for m in metrics)],
        [
            [
                coders[row.coder].title,
                f"{row.rate:g}",
                *(_score(coders[row.coder], m, row, count) for m in metrics),
            ]
            for row in comparison.equal
            if row.group == group and any(row.items.values())
        ],
    )


def _score(coder: Coder, metric: Metric, row: AtRate, count: int) -> str:
    mark = f" {OWN_MARK}" if metric.key in coder.trained_on else ""
    return _counted(_number(row.scores[metric.key], metric.digits), row.items[metric.key], count) + mark


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
        "one thread each, medians; warm, with how far calls spread; then whole processes",
        ["codec", "setting", "encode", "decode", "process: encode", "decode", "memory: encode", "decode"],
        [
            [
                titles[c.coder],
                f"{c.setting:g}",
                f"{c.encode_s * 1000:.0f} ms ({c.encode_spread:.0%})",
                f"{c.decode_s * 1000:.0f} ms ({c.decode_spread:.0%})",
                *(f"{s * 1000:.0f} ms" for s in (c.whole_encode_s, c.whole_decode_s)),
                *(f"{size / MEBI:.0f} MiB" if size else "-" for size in (c.peak_encode_bytes, c.peak_decode_bytes)),
            ]
            for c in results.costs
        ],
    )
