"""The processes that train one model together: each takes its share of every batch, gradients are averaged.

On a CPU two processes of one thread, each pinned to a core, take more steps than one process of two threads.
"""

from __future__ import annotations

import logging
import os
import pickle
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor
from torch.multiprocessing.spawn import ProcessExitedException, spawn

from codec.bitstream.errors import CodecError

# those that this system has
STOP_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


@dataclass(frozen=True)
class Team:
    """This process's place among `size`; rank 0 writes and speaks."""

    rank: int = 0
    size: int = 1

    def share(self, batch: Tensor) -> Tensor:
        """This process's part of a batch."""
        return batch[self.rank :: self.size]

    def mean_(self, tensors: Sequence[Tensor]) -> None:
        """Replaces tensors by their mean over all processes."""
        if self.size == 1:
            return
        flat = torch.cat([t.flatten() for t in tensors])
        dist.all_reduce(flat)
        flat /= self.size
        for t, part in zip(tensors, torch.split(flat, [t.numel() for t in tensors]), strict=True):
            t.copy_(part.view_as(t))


@contextmanager
def stop_requests(pass_on: Callable[[int], None] = lambda number: None) -> Iterator[list[int]]:
    """STOP_SIGNALS as they come in, instead of an end of this process; `pass_on` hears of each.

    What is ignored stays so: `nohup` means that a run outlives its terminal.
    """
    requests: list[int] = []

    def note(number: int, frame: object) -> None:
        requests.append(number)
        pass_on(number)

    heeded = [number for number in STOP_SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, note) for number in heeded}
    try:
        yield requests
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def run(size: int, work: Callable[[Team], None]) -> None:
    """Runs `work`, which must be picklable, in `size` processes; in this one where there is only one.

    Raises what `work` raises of CodecError and OSError, and KeyboardInterrupt where it was asked to stop; CodecError
    where processes cannot be told to stop, or cannot average.
    """
    if size == 1:
        work(Team())
        return
    if sys.platform == "win32" or not (dist.is_available() and dist.is_gloo_available()):
        raise CodecError("several processes do not train together on this system: --processes 1")
    logging.getLogger(spawn.__module__).setLevel(logging.ERROR)  # not a word on members it stops as one has failed
    with tempfile.TemporaryDirectory() as folder:
        meeting = Path(folder) / "meeting"
        context = spawn(_member, (size, work, str(meeting)), nprocs=size, join=False)  # type: ignore[no-untyped-call]

        def pass_on(number: int) -> None:
            for process in context.processes:
                if process.is_alive():
                    os.kill(process.pid, number)

        with stop_requests(pass_on) as requests:
            try:
                while not context.join():
                    pass
            except ProcessExitedException as error:
                if _failure(meeting).exists():
                    raise pickle.loads(_failure(meeting).read_bytes()) from None  # written by our own process
                if error.signal_name is None:
                    raise
                if not requests:
                    raise CodecError(f"one of the {size} processes was ended by {error.signal_name}") from None
        if requests:
            raise KeyboardInterrupt


def _failure(meeting: Path) -> Path:
    """Where the first member that fails leaves its error."""
    return meeting.with_suffix(".error")


def _member(rank: int, size: int, work: Callable[[Team], None], meeting: str) -> None:
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        if len(cores) >= size:
            os.sched_setaffinity(0, {cores[rank]})
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=size)
    try:
        work(Team(rank, size))
    except (CodecError, OSError) as error:
        _failure(Path(meeting)).write_bytes(pickle.dumps(error))
        raise SystemExit(1) from error
    finally:
        dist.destroy_process_group()
