"""Which files a command works on, and where the output of each goes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import click

from codec.bitstream.errors import MediaError
from codec.cli.files import STREAM, shown

SEPARATORS = tuple(filter(None, (os.sep, os.altsep)))  # of folders in paths
SUFFIX = ".lcc"


class Found(NamedTuple):
    """An input; folder: where it lies below the folder that was given, None where the input itself was given."""

    source: str
    folder: Path | None = None


class Job(NamedTuple):
    """An input and its output."""

    source: str
    target: str


def found(sources: Sequence[str], recursive: bool, wanted: Callable[[Path], bool]) -> list[Found]:
    """The inputs; where `recursive`, folders give the files in them that are wanted, by name. Links to folders are not
    followed.

    Raises MediaError for a folder without such files; click.UsageError where standard input is given twice.
    """
    if sources.count(STREAM) > 1:
        raise click.UsageError("standard input can be read only once")
    inputs: list[Found] = []
    for source in sources:
        if not recursive or source == STREAM or not Path(source).is_dir():
            inputs.append(Found(source))
            continue
        held = [path for path in _files_below(source) if wanted(path)]
        if not held:
            raise MediaError(f"{shown(source)}: the folder holds no files for this command")
        inputs += [Found(str(path), path.parent.relative_to(source)) for path in held]
    return inputs


def _files_below(folder: str) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            yield Path(place) / name


def is_coded(path: Path) -> bool:
    """Whether a file has our suffix."""
    return path.suffix.lower() == SUFFIX


def jobs(inputs: Sequence[Found], out: str | None, renamed: Callable[[Path], Path]) -> list[Job]:
    """The output of each input: beside it under the name that it gets, in the folder `out`, or the file `out`.

    Below a folder that was given, its own folders are kept in `out`, which then is a folder, of one file too, and
    need not be there yet.
    Raises click.UsageError where that is impossible, or an output is its input.
    """
    is_new = any(item.folder is not None for item in inputs) and not os.path.lexists(str(out))
    into_folder = out is not None and out != STREAM and (is_new or Path(out).is_dir() or out.endswith(SEPARATORS))
    if into_folder and not is_new and not Path(str(out)).is_dir():
        raise click.UsageError(f"there is no folder {shown(str(out))}")
    if len(inputs) > 1 and out is not None and not into_folder:
        raise click.UsageError(f"several inputs need a folder as output; {shown(out)} is none")
    made = []
    for source, folder in inputs:
        if out is not None and not into_folder:
            made.append(Job(source, out))
        elif source == STREAM:
            if into_folder:
                raise click.UsageError("standard input has no name: give -o a file, not a folder")
            made.append(Job(source, STREAM))
        elif not Path(source).name:
            raise click.UsageError(f"'{source}' is not the name of a file")
        else:
            name = renamed(Path(source))
            made.append(Job(source, str(Path(str(out)) / (folder or "") / name.name if into_folder else name)))
    for source, target in made:
        if source != STREAM != target and os.path.realpath(source) == os.path.realpath(target):
            raise click.UsageError(f"{shown(source)} is its own output: give another one with -o")
    return made
