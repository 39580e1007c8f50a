"""Pieces of a signal side by side: while one is in the coder, another is in the networks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from codec import workers

AT_ONCE = 2  # pieces in work: more would cost memory and gain little, as the networks use all cores already

Item = TypeVar("Item")
Result = TypeVar("Result")


def ordered_map(
    function: Callable[[Item], Result], items: Sequence[Item], threads: int | None = None
) -> Iterator[Result]:
    """function(item) of each item, in order; at most AT_ONCE of them in work, one more result waiting.

    threads: that may be used in all, any number where None.
    """
    return workers.ordered_map(function, items, 1 if threads == 1 else AT_ONCE)
