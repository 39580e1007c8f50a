"""A Bjontegaard delta of each item, their mean, and how sure it is."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from codec.eval.bdrate import Curve, Delta, UndefinedBdRate
from codec.eval.uncertainty import interval, sign_test


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

    @cached_property
    def interval(self) -> tuple[float, float] | None:
        """Of the mean, 95 %; None of few items."""
        return interval([delta.value for delta in self.known])

    @property
    def equal(self) -> bool | None:
        """Whether the interval includes zero; None where there is none."""
        return None if self.interval is None else self.interval[0] <= 0 <= self.interval[1]

    @property
    def lower(self) -> int:
        """The items whose delta is below zero."""
        return sum(delta.value < 0 for delta in self.known)

    @cached_property
    def by_chance(self) -> float | None:
        """The probability of the sign test."""
        return sign_test([delta.value for delta in self.known])

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "value": self.value,
            "interval": self.interval,
            "equal": self.equal,
            "items_below_zero": self.lower,
            "sign_test": self.by_chance,
            "overlap": self.overlap,
            "items": len(self.known),
            "without": self.without,
            "by_item": {item: delta and asdict(delta) for item, delta in self.by_item.items()},
        }


def defined(delta: Callable[[Curve, Curve], Delta], anchor: Curve, test: Curve) -> Delta | None:
    """The delta of two curves, None where it is not defined."""
    try:
        return delta(anchor, test)
    except UndefinedBdRate:
        return None
