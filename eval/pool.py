"""Processes that share the work of an evaluation."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager

from codec.eval import machine


@contextmanager
def workers(jobs: int, processes: int | None = None) -> Iterator[ProcessPoolExecutor]:
    """A pool of processes of one thread each, None: as many as there are cores; what waits is dropped on an error."""
    count = max(1, min(processes or machine.cores(), jobs))
    pool = ProcessPoolExecutor(count, multiprocessing.get_context("spawn"), _start_worker)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _start_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent reports it
    os.environ.update(machine.ONE_THREAD)  # for NumPy and torch, neither of which this module loads
