"""Who does the jobs: this process, processes of this machine, or a Ray cluster. A job that loses its worker is given to
another, which goes on behind what was committed.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from importlib import import_module
from typing import Any

from codec.archive import work
from codec.archive.catalogue import Job
from codec.archive.layout import Archive
from codec.archive.work import Done
from codec.bitstream.errors import CodecError, MissingPackage

WAITING = 2  # jobs handed out for each worker, so that none is idle
ATTEMPTS = 4  # of a job whose workers die
RAY_ATTEMPTS = ATTEMPTS - 1  # that Ray adds to the first

Load = Callable[[int], Job]  # a job of the plan, by its number


def here(archive: Archive, load: Load, numbers: Iterable[int]) -> Iterator[Done]:
    """The jobs, done one after another by this process."""
    for number in numbers:
        yield work.run(archive, load(number))


def processes(archive: Archive, load: Load, numbers: Iterable[int], count: int) -> Iterator[Done]:
    """The jobs, as processes of this machine get them done. Raises what a job raises; CodecError where workers of one
    job die again and again.
    """
    remaining = list(reversed(list(numbers)))
    attempts: dict[int, int] = {}
    while remaining:
        pool = ProcessPoolExecutor(count, multiprocessing.get_context("spawn"), _end_with_parent)
        running: dict[Future[Done], int] = {}
        try:
            while remaining or running:
                while remaining and len(running) < WAITING * count:
                    number = remaining.pop()
                    running[pool.submit(work.run, archive, load(number))] = number
                finished, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    yield future.result()
                    del running[future]
        except BrokenProcessPool as error:
            for number in sorted(running.values(), reverse=True):
                remaining.append(number)
            first = min(running.values())
            attempts[first] = attempts.get(first, 0) + 1
            if attempts[first] == ATTEMPTS:
                raise CodecError(f"workers died {ATTEMPTS} times, at job {first} the last time") from error
        finally:
            pool.shutdown(cancel_futures=True)


def _end_with_parent() -> None:
    """Lets this worker end as soon as the process that started it does, however that ends."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def ray(archive: Archive, load: Load, numbers: Iterable[int], address: str) -> Iterator[Done]:
    """The jobs, as a Ray cluster gets them done: it places them, and runs those again whose workers are lost.

    address: of the cluster, "" for a new one of this machine's cores. Raises MissingPackage; CodecError
    where there is no cluster; what a job raises.
    """
    try:
        engine: Any = import_module("ray")
    except ImportError as error:
        raise MissingPackage("--ray needs Ray: pip install 'codec[ray]'") from error
    try:
        where = {"address": address} if address else {"include_dashboard": False}
        engine.init(log_to_driver=False, configure_logging=False, **where)
    except Exception as error:  # of any kind, Ray's own and others
        raise CodecError(f"there is no Ray cluster {address}: {' '.join(str(error).split())}") from error
    try:
        run: Any = engine.remote(max_retries=RAY_ATTEMPTS)(work.run)
        window = WAITING * max(int(engine.cluster_resources().get("CPU", 1)), 1)
        remaining, running = iter(numbers), []
        while True:
            for number in remaining:
                running.append(run.remote(archive, load(number)))
                if len(running) >= window:
                    break
            if not running:
                return
            finished, running = engine.wait(running)
            try:
                yield from engine.get(finished)
            except engine.exceptions.RayTaskError as error:
                raise error.cause from None  # what the job raised
    finally:
        engine.shutdown()
