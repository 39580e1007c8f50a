"""Our codec against each anchor: Bjontegaard deltas item by item, and scores at equal rates.

All averages are means of values of single items; an item whose value is not defined is left out and named. Only against
published curves, of which nothing but means is known, a delta is taken between mean curves.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from codec.eval.average import Average, defined
from codec.eval.bdrate import Curve, Delta, bd_quality, bd_rate
from codec.eval.medium import Metric
from codec.eval.results import Results


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
    not defined; equal: a row a class, rate and codec; pairs: BD-rates by metric, by codec and by the codec that it is
    compared with; ranked_by: key of the metric of `worst_first`; worst: by metric, items by the mean of their BD-rates
    over the anchors, those that have none at the end.
    """

    against: dict[str, Against]
    groups: dict[str, list[str]]
    published: dict[str, Delta | None]
    equal: list[AtRate]
    pairs: dict[str, dict[str, dict[str, Average]]]
    ranked_by: str
    worst: dict[str, list[str]]

    @property
    def worst_first(self) -> list[str]:
        """The items by the metric that they are ranked by."""
        return self.worst[self.ranked_by]

    def ranked(self, key: str | None = None) -> list[str]:
        """The worst by a metric first, without the items that have no BD-rate; all of them where none has one."""
        key = key or self.ranked_by
        known = [name for name in self.worst[key] if mean_rate(self.against, key, name) > -math.inf]
        return known or self.worst[key]

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
            "pairs": {
                key: {
                    name: {
                        other: {"value": a.value, "interval": a.interval, "equal": a.equal, "items": len(a.known)}
                        for other, a in row.items()
                    }
                    for name, row in rows.items()
                }
                for key, rows in self.pairs.items()
            },
            "ranked_by": self.ranked_by,
            "worst": {key: self.ranked(key) for key in self.worst},
            "worst_first": self.worst_first,
        }


def compare(results: Results) -> Comparison:
    """All deltas and tables of an evaluation."""
    medium = results.medium
    against = {anchor.name: _against(results, anchor.name) for anchor in results.anchors}
    ours = results.mean_curve(results.ours.name, medium.main)
    names = [item.name for item in results.items]
    ranked_by = medium.ranking
    return Comparison(
        against=against,
        groups=results.groups,
        published={p.name: defined(bd_rate, p.curve(medium.main), ours) for p in results.published},
        equal=[
            _at_rate(results, group, items, coder.name, rate)
            for group, items in (("", None), *results.groups.items())
            for rate in medium.equal_rates
            for coder in results.coders
        ],
        pairs=_pairs(results, against),
        ranked_by=ranked_by.key,
        worst={
            metric.key: sorted(names, key=lambda name, key=metric.key: -mean_rate(against, key, name))  # type: ignore[misc]
            for metric in medium.in_deltas
        },
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
            found[item.name] = defined(delta, *curves)
        return Average(found)

    return Against(
        rate={metric.key: average(metric, bd_rate) for metric in medium.in_deltas},
        windowed=average(medium.main, lambda a, t: bd_rate(a, t, medium.main.window)),
        quality=average(medium.main, bd_quality),
    )


def _at_rate(results: Results, group: str, items: list[str] | None, coder: str, rate: float) -> AtRate:
    medium = results.medium
    found: dict[str, list[float]] = {metric.key: [] for metric in medium.in_equal}
    for item in [item.name for item in results.items] if items is None else items:
        for key, scores in found.items():
            points = [(p.rate, p.scores[key]) for p in results.points_of(coder, item)]
            score = at_rate([(r, s) for r, s in points if s is not None], rate)
            if score is not None:
                scores.append(score)
    means = {key: statistics.fmean(scores) if scores else None for key, scores in found.items()}
    return AtRate(group, coder, rate, means, {key: len(scores) for key, scores in found.items()})


def mean_rate(against: dict[str, Against], key: str, item: str) -> float:
    """BD-rate of an item by one metric, the mean over the anchors; minus infinity where none is defined."""
    known = [delta.value for a in against.values() if (delta := a.rate[key].by_item[item])]
    return statistics.fmean(known) if known else -math.inf


def _inverse(delta: Delta | None) -> Delta | None:
    """The same difference seen from the other codec."""
    return delta and replace(delta, value=100 * (100 / (100 + delta.value) - 1))


def _pairs(results: Results, against: dict[str, Against]) -> dict[str, dict[str, dict[str, Average]]]:
    """By metric, by the codec that is compared and by the one that it is compared with."""
    found: dict[str, dict[str, dict[str, Average]]] = {}
    for metric in results.medium.in_deltas:
        rows: dict[str, dict[str, Average]] = {coder.name: {} for coder in results.coders}
        for place, coder in enumerate(results.coders):
            for other in results.coders[place + 1 :]:
                if coder == results.ours:
                    average = against[other.name].rate[metric.key]
                else:
                    average = Average(
                        {
                            item.name: defined(
                                bd_rate,
                                results.curve(other.name, item.name, metric),
                                results.curve(coder.name, item.name, metric),
                            )
                            for item in results.items
                        }
                    )
                rows[coder.name][other.name] = average
                rows[other.name][coder.name] = Average({n: _inverse(d) for n, d in average.by_item.items()})
        found[metric.key] = rows
    return found
