"""How much of a call's work is done, told to a caller, who may end the work by raising."""

from __future__ import annotations

import threading
from collections.abc import Callable

Report = Callable[[float], None]  # takes the share that is done, maybe from several threads


class Progress:
    """Counts the steps of a work. report: called at once with 0, and after each step; what it raises goes through."""

    def __init__(self, report: Report | None, steps: int) -> None:
        self._report, self._steps, self._done = report, steps, 0
        self._lock = threading.Lock()
        if report:
            report(0.0)

    def step(self, count: int = 1) -> None:
        """Says that so many steps more are done."""
        with self._lock:
            self._done += count
            if self._report:
                self._report(self._done / self._steps)
