"""Our codec against each anchor: Bjontegaard deltas item by item, and scores at equal rates.

All averages are means of values of single items; an item whose value is not defined is left out and named. Only against
published curves, of which nothing but means is known, a delta is taken between mean curves.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from codec.eval.bdrate import Curve, Delta, UndefinedBdRate, bd_quality, bd_rate
from codec.eval.medium import Metric
from codec.eval.results import Results


@dataclass(frozen=True)
class Average:
    """A delta of each item (None where it is not defined), and their mean (None where none is)."""

    by_item: dict[str, Delta | None]

    @property
    def value(self) -> float | None:
        """Mean over the items that have one."""
        known = self.known
        return statistics.fmean(d.value for d in known) if known else None

    @property
    def overlap(self) -> float:
        """Mean share of the curves that was compared."""
        return statistics.fmean(d.overlap for d in self.known) if self.known else 0.0

    def over(self, items: Collection[str]) -> Average:
        """The same over some of the items."""
        return Average({item: delta for item, delta in self.by_item.items() if item in items})

    @property
    def known(self) -> list[Delta]:
        """The deltas that are defined."""
        return [delta for delta in self.by_item.values() if delta]

    @property
    def without(self) -> list[str]:
        """The items that have none."""
        return [item for item, delta in self.by_item.items() if delta is None]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "value": self.value,
            "overlap": self.overlap,
            "items": len(self.known),
            "without": self.without,
            "by_item": {item: delta and asdict(delta) for item, delta in self.by_item.items()},
        }


@dataclass(frozen=True)
class Against:
    """Our codec against one anchor. rate: BD-rate by metric; windowed: of the main metric, over the fixed window;
    quality: BD-quality of the main metric.
    """

    rate: dict[str, Average]
    windowed: Average
    quality: Average

    def over(self, items: Collection[str]) -> Against:
        """The same over some of the items."""
        rate = {key: average.over(items) for key, average in self.rate.items()}
        return Against(rate, self.windowed.over(items), self.quality.over(items))


@dataclass(frozen=True)
class AtRate:
    """Mean scores of a codec at one rate by metric, each None where no item reaches the rate; items: how many do, by
    metric; group: the class of items, "" for all.
    """

    group: str
    coder: str
    rate: float
    scores: dict[str, float | None]
    items: dict[str, int]


@dataclass(frozen=True)
class Comparison:
    """against: by anchor; groups: names of items by class; published: BD-rate of mean curves by name, None where it is
    not defined; equal: a row a class, rate and codec; worst_first: items by the mean of their BD-rates over the
    anchors, those that have none at the end.
    """

    against: dict[str, Against]
    groups: dict[str, list[str]]
    published: dict[str, Delta | None]
    equal: list[AtRate]
    worst_first: list[str]

    @property
    def ranked(self) -> list[str]:
        """`worst_first` without the items that have no BD-rate; all of it where none has one."""
        known = [name for name in self.worst_first if _mean_rate(self.against, name) > -math.inf]
        return known or self.worst_first

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "averages": "means of values of single items; against published curves: between mean curves",
            "against": {
                name: {
                    "bd_rate_percent": {key: average.as_dict() for key, average in a.rate.items()},
                    "bd_rate_percent_in_window": a.windowed.as_dict(),
                    "bd_quality": a.quality.as_dict(),
                }
                for name, a in self.against.items()
            },
            "by_group": {
                group: {
                    name: {
                        key: {"value": average.value, "items": len(average.known)}
                        for key, average in a.over(items).rate.items()
                    }
                    for name, a in self.against.items()
                }
                for group, items in self.groups.items()
            },
            "published": {name: delta and asdict(delta) for name, delta in self.published.items()},
            "at_equal_rates": [asdict(row) for row in self.equal],
            "worst_first": self.worst_first,
        }


def compare(results: Results) -> Comparison:
    """All deltas and tables of an evaluation."""
    medium = results.medium
    against = {anchor.name: _against(results, anchor.name) for anchor in results.anchors}
    ours = results.mean_curve(results.ours.name, medium.main)
    return Comparison(
        against=against,
        groups=results.groups,
        published={p.name: _defined(bd_rate, p.curve(medium.main), ours) for p in results.published},
        equal=[
            _at_rate(results, group, items, coder.name, rate)
            for group, items in (("", None), *results.groups.items())
            for rate in medium.equal_rates
            for coder in results.coders
        ],
        worst_first=sorted((item.name for item in results.items), key=lambda name: -_mean_rate(against, name)),
    )


def at_rate(curve: Curve, rate: float) -> float | None:
    """The score of a curve at a rate, linear over log rate; None outside the curve."""
    if len(curve) < 2:
        return None
    rates, scores = zip(*sorted(curve), strict=True)
    if not rates[0] <= rate <= rates[-1]:
        return None
    return float(np.interp(math.log(rate), np.log(rates), scores))


def _against(results: Results, anchor: str) -> Against:
    medium = results.medium

    def average(metric: Metric, delta: Callable[[Curve, Curve], Delta]) -> Average:
        found = {}
        for item in results.items:
            curves = (results.curve(coder, item.name, metric) for coder in (anchor, results.ours.name))
            found[item.name] = _defined(delta, *curves)
        return Average(found)

    return Against(
        rate={metric.key: average(metric, bd_rate) for metric in medium.in_deltas},
        windowed=average(medium.main, lambda a, t: bd_rate(a, t, medium.main.window)),
        quality=average(medium.main, bd_quality),
    )


def _defined(delta: Callable[[Curve, Curve], Delta], anchor: Curve, test: Curve) -> Delta | None:
    try:
        return delta(anchor, test)
    except UndefinedBdRate:
        return None


def _at_rate(results: Results, group: str, items: list[str] | None, coder: str, rate: float) -> AtRate:
    medium = results.medium
    found: dict[str, list[float]] = {key: [] for key in medium.compared_at_equal_rates}
    for item in [item.name for item in results.items] if items is None else items:
        for key, scores in found.items():
            points = [(p.rate, p.scores[key]) for p in results.points_of(coder, item)]
            score = at_rate([(r, s) for r, s in points if s is not None], rate)
            if score is not None:
                scores.append(score)
    means = {key: statistics.fmean(scores) if scores else None for key, scores in found.items()}
    return AtRate(group, coder, rate, means, {key: len(scores) for key, scores in found.items()})


def _mean_rate(against: dict[str, Against], item: str) -> float:
    deltas: Sequence[Delta | None] = [next(iter(a.rate.values())).by_item[item] for a in against.values()]
    known = [delta.value for delta in deltas if delta]
    return statistics.fmean(known) if known else -math.inf
