"""Results of the last array, kept: an evaluation measures many copies of one original after another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

T = TypeVar("T")


class OfLast(Generic[T]):
    """A function of an array that is not computed again while the array is the same."""

    def __init__(self, function: Callable[[npt.NDArray[Any]], T]) -> None:
        self._function = function
        self._kept: tuple[npt.NDArray[Any], T] | None = None

    def __call__(self, x: npt.NDArray[Any]) -> T:
        """What the function gives, or gave."""
        if self._kept is None or not np.array_equal(self._kept[0], x):
            self._kept = (x.copy(), self._function(x))
        return self._kept[1]
