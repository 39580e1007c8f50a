"""Files for training: from tar shards or folders, in the order of their names."""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

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


def held_out(count: int) -> int:
    """How many of `count` files are for validation."""
    return min(VALIDATION, count // 10)
