"""The processes that train one model together: each takes its share of every batch, gradients are averaged.

On a CPU two processes of one thread, each pinned to a core, take more steps than one process of two threads.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor
from torch.multiprocessing.spawn import spawn


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


def run(size: int, work: Callable[[Team], None]) -> None:
    """Runs `work`, which must be picklable, in `size` processes; in this one where there is only one."""
    if size == 1:
        work(Team())
        return
    with tempfile.TemporaryDirectory() as folder:
        spawn(_member, (size, work, str(Path(folder) / "meeting")), nprocs=size)  # type: ignore[no-untyped-call]


def _member(rank: int, size: int, work: Callable[[Team], None], meeting: str) -> None:
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) >= size:
        os.sched_setaffinity(0, {cores[rank]})
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=size)
    try:
        work(Team(rank, size))
    finally:
        dist.destroy_process_group()
