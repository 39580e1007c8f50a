"""Where networks run, and in what state of torch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


def device_named(name: str) -> torch.device:
    """The device for "auto", "cpu" or "cuda". Raises ValueError where it is none of these or not there."""
    if name not in ("auto", "cpu", "cuda"):
        raise ValueError(f"device '{name}': expected auto, cpu or cuda")
    if name == "cuda" and not torch.cuda.is_available():
        raise ValueError("device 'cuda': no CUDA device is available")
    return torch.device("cuda" if name == "cuda" or (name == "auto" and torch.cuda.is_available()) else "cpu")


@contextmanager
def undisturbed(device: torch.device) -> Iterator[None]:
    """No gradients, and no autocast of the caller's: the networks run as they were exported."""
    with torch.inference_mode(), torch.autocast(device.type, enabled=False):
        yield


def one_thread() -> None:
    """Leaves torch one thread: in a forked process its pool is there, but no thread in it, and waiting never ends."""
    torch.set_num_threads(1)
