"""What an evaluation found, as data: points, costs, and what was left out; written as JSON, and as rows by rows.py."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

from codec.eval.bdrate import Curve
from codec.eval.medium import Medium, Metric

OWN = "codec"  # the name of our codec among the coders


@dataclass(frozen=True)
class Item:
    """A thing of the folder. content: hash of its samples; group: the class that it is of, "" where there is none."""

    name: str
    content: str
    group: str

    @property
    def groups(self) -> tuple[str, ...]:
        """All that it counts for: its class, and more where there is more to tell apart."""
        return (self.group,)

    @property
    def extent(self) -> float:
        """What rates are per."""
        raise NotImplementedError


@dataclass(frozen=True)
class Coder:
    """A codec that took part. library: what it ran on, with versions; settings: what was fixed, in words.

    arguments: of our command line, beside the quality; spec: what finds an anchor, as its user says it; trained_on:
    keys of the metrics that it was trained or tuned for.
    """

    name: str
    title: str
    library: str
    settings: str
    setting_name: str
    arguments: tuple[str, ...] = ()
    spec: str = ""
    trained_on: tuple[str, ...] = ()


@dataclass(frozen=True)
class Point:
    """An item through a codec at a setting. size_bytes: what the rate counts; scores: by key of the metric, None: not
    taken, or without a finite value, as for equal samples and silence; container_bytes: the rest of the file, where the
    rate does not count it; file: the key of the coded file in the cache.
    """

    item: str
    coder: str
    setting: float
    size_bytes: int
    rate: float
    scores: dict[str, float | None]
    container_bytes: int = 0
    file: str = ""


@dataclass(frozen=True)
class Cost:
    """Time and memory at one setting, medians; whole: a process from its start to its end, on one thread as all.

    items: how many were timed warm; *_spread: how far the slowest call of an item is above its fastest, as a share of
    its median, the median over the items; peak_*_bytes: of the whole processes.
    """

    coder: str
    setting: float
    items: int
    encode_s: float
    decode_s: float
    whole_encode_s: float
    whole_decode_s: float
    peak_encode_bytes: int
    peak_decode_bytes: int
    encode_spread: float = 0.0
    decode_spread: float = 0.0


@dataclass(frozen=True)
class Published:
    """A curve that others published: means over the items of a known set. points: rate and scores by metric."""

    name: str
    source: str
    points: tuple[tuple[float, dict[str, float | None]], ...]

    def curve(self, metric: Metric) -> Curve:
        """On the metric's scale; empty where it was not published."""
        return _scaled([(rate, scores.get(metric.key)) for rate, scores in self.points], metric)


@dataclass(frozen=True)
class Results:
    """coders: the one that is compared with the others first: ours, or the first anchor where ours is not installed.

    skipped: codecs and metrics that are missing, failures: files that are broken, each with the reason.
    """

    medium: Medium
    date: str
    machine: dict[str, str]
    versions: dict[str, str]
    items: list[Item]
    coders: list[Coder]
    points: list[Point]
    skipped: dict[str, str] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    costs: list[Cost] = field(default_factory=list)
    published: list[Published] = field(default_factory=list)

    @property
    def ours(self) -> Coder:
        """The codec that is compared with the others."""
        return self.coders[0]

    @property
    def subject(self) -> str:
        """What tables call it."""
        return "ours" if self.ours.name == OWN else self.ours.title

    @property
    def anchors(self) -> list[Coder]:
        """The others."""
        return self.coders[1:]

    @property
    def groups(self) -> dict[str, list[str]]:
        """The names of the items of each group that is not all of them, where there is more than one."""
        found: dict[str, list[str]] = {}
        for item in self.items:
            for group in item.groups:
                found.setdefault(group, []).append(item.name)
        parts = {group: names for group, names in found.items() if len(names) < len(self.items)}
        return parts if len(parts) > 1 else {}

    def points_of(self, coder: str, item: str) -> list[Point]:
        """One item through a codec."""
        return self._by_coder_and_item.get((coder, item), [])

    @cached_property
    def _by_coder_and_item(self) -> dict[tuple[str, str], list[Point]]:
        found: dict[tuple[str, str], list[Point]] = {}
        for point in self.points:
            found.setdefault((point.coder, point.item), []).append(point)
        return found

    def curve(self, coder: str, item: str, metric: Metric) -> Curve:
        """(rate, score) of one item through a codec, on the metric's scale."""
        return _scaled([(p.rate, p.scores[metric.key]) for p in self.points_of(coder, item)], metric)

    def mean_points(
        self, coder: str, items: Collection[str] | None = None
    ) -> list[tuple[float, float, dict[str, float | None]]]:
        """For each setting of a codec: setting, mean rate, mean scores over the items, all without `items`.

        A score is None where one of them has none.
        """
        settings: dict[float, list[Point]] = {}
        for point in self.points:
            if point.coder == coder and (items is None or point.item in items):
                settings.setdefault(point.setting, []).append(point)
        return [
            (
                setting,
                math.fsum(p.rate for p in points) / len(points),
                {m.key: _mean([p.scores[m.key] for p in points]) for m in self.medium.metrics},
            )
            for setting, points in sorted(settings.items())
        ]

    def mean_curve(self, coder: str, metric: Metric, items: Collection[str] | None = None) -> Curve:
        """(mean rate, mean score) of each setting, on the metric's scale."""
        return _scaled([(rate, scores[metric.key]) for _, rate, scores in self.mean_points(coder, items)], metric)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def finite(score: float | None) -> float | None:
    """The score, None where it is not finite: it then counts as not taken, and JSON has no such number."""
    return score if score is not None and math.isfinite(score) else None


def _scaled(points: Sequence[tuple[float, float | None]], metric: Metric) -> Curve:
    return [(rate, metric.scaled(score)) for rate, score in points if score is not None]


def _mean(scores: list[float | None]) -> float | None:
    known = [score for score in scores if score is not None]
    return math.fsum(known) / len(known) if len(known) == len(scores) else None
