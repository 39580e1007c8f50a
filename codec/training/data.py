"""Data for training: files from tar shards or folders, in the order of their names, and signals kept on a device."""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from codec.bitstream.errors import MediaError

Given = TypeVar("Given")
Made = TypeVar("Made")

VALIDATION = 40  # so many of the first files, but at most a tenth of all, are kept out of training


def files(source: Path, suffixes: Collection[str]) -> Iterator[bytes]:
    """The files with these suffixes of a tar shard, a folder (recursively) or a folder of shards.

    Raises MediaError for a file that is no shard.
    """
    if source.is_dir():
        for path in sorted(source.rglob("*")):
            if not path.is_file():
                continue
            if path.suffix == ".tar":
                yield from files(path, suffixes)
            elif path.suffix.lower() in suffixes:
                yield path.read_bytes()
        return
    try:
        with tarfile.open(source) as shard:
            for member in sorted(shard.getmembers(), key=lambda m: m.name):
                data = shard.extractfile(member) if Path(member.name).suffix.lower() in suffixes else None
                if data is not None:
                    yield data.read()
    except (tarfile.TarError, EOFError) as error:
        raise MediaError(f"{source} is neither a folder nor a tar shard that can be read: {error}") from error


def on_all_cores(make: Callable[[Given], Made | None], given: Iterable[Given]) -> Iterator[Made]:
    """What `make` makes of each, in threads; None is left out."""
    with ThreadPoolExecutor() as threads:
        yield from (made for made in threads.map(make, given) if made is not None)


def held_out(signals: list[Made]) -> tuple[list[Made], list[Made]]:
    """Those for validation, and those to train on: the same whatever is left out of either for its size."""
    count = min(VALIDATION, len(signals) // 10)
    return signals[:count], signals[count:]


class Pool:
    """Signals (n, ...) of any lengths on a device, one behind the other, so that a batch is one look-up.

    lengths, starts: (count,) of the signals within `row`.
    """

    def __init__(self, signals: Sequence[Tensor], device: torch.device) -> None:
        self.lengths = np.array([len(signal) for signal in signals])
        self.starts = np.cumsum(np.append(0, self.lengths))[:-1]
        self.row = torch.cat(list(signals)).to(device)

    def __len__(self) -> int:
        return len(self.starts)
