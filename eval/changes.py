"""What moved from one report to another: two versions, two weights, two settings, two machines.

Codecs are matched by name, images and clips by their samples; a codec of the later report is compared with itself in
the earlier one.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Sequence
from dataclasses import dataclass

from codec.bitstream.errors import CodecError
from codec.eval.average import Average, defined
from codec.eval.bdrate import bd_rate
from codec.eval.medium import Metric
from codec.eval.results import Coder, Results
from codec.eval.stored import Stored
from codec.eval.table import Table, mean_percent, sureness

MOVED_ROWS = 5
CONDITION = re.compile(
    r"\s*(?P<what>bd_rate|encode_s|decode_s)(?P<names>(\.[\w-]+)*)\s*(?P<sign>[<>]=?)\s*(?P<limit>[+-]?\d+(\.\d+)?)\s*%?\s*"
)
SIGNS = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}


class NotComparable(CodecError):
    """Two reports have nothing in common."""


@dataclass(frozen=True)
class Condition:
    """A bound that a change must not pass. what: bd_rate, encode_s or decode_s; metric: "" where time is meant; coder:
    "" for the one that the reports are about; limit: in percent.
    """

    text: str
    what: str
    metric: str
    coder: str
    sign: str
    limit: float

    @classmethod
    def read(cls, text: str) -> Condition:
        """From "bd_rate.METRIC > 1%", "bd_rate.METRIC.CODEC > 1%" or "encode_s > 10%". Raises ValueError."""
        found = CONDITION.fullmatch(text)
        names = found["names"].split(".")[1:] if found else []
        if not found or len(names) > (2 if found["what"] == "bd_rate" else 1):
            raise ValueError(f"'{text}' is no condition such as 'bd_rate.ssimulacra2 > 1%' or 'decode_s > 20%'")
        metric, coder = "", ""
        if found["what"] == "bd_rate":
            if not names:
                raise ValueError(f"'{text}' names no metric, as 'bd_rate.ssimulacra2 > 1%' does")
            metric, *names = names
        if names:
            coder = names[0]
        return cls(text.strip(), found["what"], metric, coder, found["sign"], float(found["limit"]))


@dataclass(frozen=True)
class Changes:
    """From `base` to `new`. rates: by codec and metric, the BD-rate against itself; common: names of items in the later
    report by those in the earlier one.
    """

    base: Stored
    new: Stored
    common: dict[str, str]
    rates: dict[str, dict[str, Average]]

    @property
    def subject(self) -> Coder:
        """The codec that the later report is about."""
        return self.new.results.ours

    @property
    def metrics(self) -> list[Metric]:
        """Those that both have deltas of."""
        known = self.base.results.medium.keys
        return [metric for metric in self.new.results.medium.in_deltas if metric.key in known]

    @property
    def ranking(self) -> Metric:
        """The metric that items are looked at by."""
        wanted = self.new.results.medium.ranking
        return wanted if wanted in self.metrics else self.metrics[0]

    def moved(self) -> list[tuple[str, float]]:
        """The items of the subject by their BD-rate, those that lost most first."""
        by_item = self.rates.get(self.subject.name, {self.ranking.key: Average({})})[self.ranking.key].by_item
        return sorted(((n, d.value) for n, d in by_item.items() if d), key=lambda pair: -pair[1])

    def time_percent(self, coder: str, what: str) -> float | None:
        """How much longer a codec takes, None where one report has no time. what: encode_s or decode_s."""
        times = [
            next((getattr(cost, what) for cost in stored.results.costs if cost.coder == coder), None)
            for stored in (self.base, self.new)
        ]
        return 100 * (times[1] / times[0] - 1) if times[0] and times[1] else None

    def broken(self, condition: Condition) -> str | None:
        """A sentence, where a condition is met or cannot be judged; None where all is well."""
        coder = condition.coder or self.subject.name
        if condition.what == "bd_rate":
            average = self.rates.get(coder, {}).get(condition.metric)
            value = average.value if average else None
        else:
            value = self.time_percent(coder, condition.what)
        what = ".".join(part for part in (condition.what, condition.metric) if part)
        if value is None:
            return f"{what} of {coder} is not defined between {self.base.label} and {self.new.label}"
        if SIGNS[condition.sign](value, condition.limit):
            return f"{what} of {coder} is {value:+.2f} % from {self.base.label} to {self.new.label}: {condition.text}"
        return None

    def tables(self) -> list[Table]:
        """What moved, where most, what it costs."""
        return [self._rates(), *([self._moved()] if self.moved() else []), *([self._times()] if self._timed() else [])]

    def _rates(self) -> Table:
        titles = {coder.name: coder.title for coder in self.new.results.coders}
        same = "the same"
        return Table(
            f"BD-rate of {self.new.label} against {self.base.label}",
            f"each codec against itself, over {len(self.common)} {self.new.results.medium.item}s; negative: fewer bits",
            ["codec", "by", "bits", "95 % interval", "verdict", "better on", "by chance", "overlap"],
            [
                [titles[name], metric.title, same, *["-"] * 5]
                if self._unmoved(name, metric)
                else [titles[name], metric.title, mean_percent(rates[metric.key]), *sureness(rates[metric.key])]
                for name, rates in self.rates.items()
                for metric in self.metrics
            ],
        )

    def _unmoved(self, coder: str, metric: Metric) -> bool:
        """Whether every point is the same in both reports."""
        return all(
            sorted(self.base.results.curve(coder, before, metric))
            == sorted(self.new.results.curve(coder, after, metric))
            for before, after in self.common.items()
        )

    def _moved(self) -> Table:
        moved = self.moved()
        count = min(MOVED_ROWS, len(moved))
        return Table(
            f"Where {self.subject.title} moved most",
            f"BD-rate against itself, {self.ranking.title}",
            ["", "worst", "", "best", ""],
            [
                [
                    str(place + 1),
                    *(moved[place][0], f"{moved[place][1]:+.1f} %"),
                    *(moved[-1 - place][0], f"{moved[-1 - place][1]:+.1f} %"),
                ]
                for place in range(count)
            ],
        )

    def _timed(self) -> list[str]:
        return [c.name for c in self.new.results.coders if self.time_percent(c.name, "encode_s") is not None]

    def _times(self) -> Table:
        titles = {coder.name: coder.title for coder in self.new.results.coders}
        rows = []
        for name in self._timed():
            before, after = (
                next(cost for cost in stored.results.costs if cost.coder == name) for stored in (self.base, self.new)
            )
            rows.append(
                [
                    titles[name],
                    *(
                        f"{getattr(before, what) * 1000:.0f} to {getattr(after, what) * 1000:.0f} ms"
                        f" ({self.time_percent(name, what):+.0f} %)"
                        for what in ("encode_s", "decode_s")
                    ),
                    f"{max(before.encode_spread, after.encode_spread, before.decode_spread, after.decode_spread):.0%}",
                ]
            )
        return Table("Time", "warm, one thread", ["codec", "encode", "decode", "calls spread up to"], rows)


def changes(base: Stored, new: Stored) -> Changes:
    """What moved from one report to a later one. Raises NotComparable."""
    if base.results.medium.name != new.results.medium.name:
        raise NotComparable(f"{base.label} is of {base.results.medium.name}, {new.label} of {new.results.medium.name}")
    by_content = {item.content: item.name for item in base.results.items}
    common = {by_content[i.content]: i.name for i in new.results.items if i.content in by_content}
    metrics = [m for m in new.results.medium.in_deltas if m.key in base.results.medium.keys]
    coders = [c.name for c in new.results.coders if c.name in {b.name for b in base.results.coders}]
    if not common or not metrics or not coders:
        lacking = "item" if not common else "metric" if not metrics else "codec"
        raise NotComparable(f"{base.label} and {new.label} have no {lacking} in common")
    rates = {
        coder: {metric.key: _against_itself(base.results, new.results, coder, metric, common) for metric in metrics}
        for coder in coders
    }
    return Changes(base, new, common, rates)


def _against_itself(base: Results, new: Results, coder: str, metric: Metric, common: dict[str, str]) -> Average:
    return Average(
        {
            after: defined(bd_rate, base.curve(coder, before, metric), new.curve(coder, after, metric))
            for before, after in common.items()
        }
    )


def all_changes(reports: Sequence[Stored]) -> list[Changes]:
    """The first report against each of the others. Raises NotComparable."""
    return [changes(reports[0], report) for report in reports[1:]]
