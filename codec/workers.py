"""Work side by side: results in order, few of them in memory, and cores shared out among workers.

By threads where nothing else is said: networks and image files compute outside of Python's lock, weights are loaded
once, and nothing has to be copied. Of small images up to two fifths of the time are spent under the lock, so more than
two or three threads gain little there; processes have a lock each.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:  # loaded where there is more than one worker
    from concurrent.futures import Executor, Future

Item = TypeVar("Item")
Result = TypeVar("Result")

MOST_WORKERS = 8  # that are started unasked: each holds an image in memory


def ordered_map(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    workers: int,
    ahead: int = 1,
    ended: Callable[[], object] | None = None,
    pool: Callable[[int], Executor] | None = None,
) -> Iterator[Result]:
    """function(item) of each item, in order; at most so many `workers` at work, and `ahead` more items taken.

    items: may be endless; they are taken in the thread that takes the results. One item, or one worker, is worked on in
    that thread too. What a function raises is raised in its place, and ends the work.
    ended: called when the work ends, before what is in work then is waited for. pool: makes so many workers;
    threads where None.
    """
    items = iter(items)
    first = [] if workers == 1 else list(islice(items, 2))
    if len(first) < 2:
        yield from map(function, chain(first, items))
        return
    from concurrent.futures import ThreadPoolExecutor

    waiting: deque[Future[Result]] = deque()
    with (pool or ThreadPoolExecutor)(workers) as crew:
        try:
            for item in chain(first, items):
                waiting.append(crew.submit(function, item))
                if len(waiting) >= workers + ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            if ended:
                ended()
            for future in waiting:
                future.cancel()


class Once(Generic[Result]):
    """What is made when it is first asked for; other threads that ask wait for it. An error comes to whoever asked."""

    def __init__(self, make: Callable[[], Result]) -> None:
        self._make, self._lock = make, threading.Lock()
        self._found: list[Result] = []

    def get(self) -> Result:
        """It. Raises what making it raises."""
        with self._lock:
            if not self._found:
                self._found.append(self._make())
        return self._found[0]


def processes(workers: int) -> Executor:
    """So many new processes, which share nothing with this one: functions, items and results are copied by pickle."""
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    return ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))


def shared_out(workers: int | None, threads: int | None, items: int | None = None) -> tuple[int, int | None]:
    """How many workers there are, and how many threads the networks of each may use.

    workers: as asked for, one for each core and at most MOST_WORKERS where None. threads: as asked for; where None,
    cores are shared out, and a worker alone has None: all of them. items: how many there are to work on, where known.
    Raises ValueError for fewer than one worker.
    """
    if workers is not None and workers < 1:
        raise ValueError(f"{workers} workers: expected at least one, or None for one a core")
    cores = available_cores()
    count = workers or max(1, min(cores // (threads or 1), MOST_WORKERS))
    if items is not None:
        count = max(1, min(count, items))
    return count, threads or (None if count == 1 else max(1, cores // count))


def available_cores() -> int:
    """Cores that this process may run on; fewer where OMP_NUM_THREADS says so, as other libraries have it."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    if asked.isdecimal() and int(asked):
        return int(asked)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
