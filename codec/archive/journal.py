"""The commits of a job: a line for each entry that is done, on the disk before the next one begins.

What is in the journal is done and is never done again; a line that a crash has cut off is dropped.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from codec.archive.layout import locked, synced
from codec.archive.records import Record
from codec.bitstream.errors import CorruptFile


class Journal:
    """The open journal of a job. done: the records that were in it."""

    def __init__(self, file: IO[bytes], done: list[Record]) -> None:
        self._file, self.done = file, done

    def commit(self, record: Record) -> None:
        """Adds a record; what it tells of must be on the disk."""
        self._file.write(record.line())
        synced(self._file)


@contextmanager
def opened(path: Path) -> Iterator[Journal]:
    """The journal, ready for more; a process that still writes to it is waited for. Raises CorruptFile, OSError."""
    with locked(path, wait=True) as file:
        file.seek(0)
        lines = file.read().splitlines(keepends=True)
        if lines and not lines[-1].endswith(b"\n"):
            lines.pop()
            file.truncate(sum(map(len, lines)))
        file.seek(0, 2)
        yield Journal(file, [_record(line, path) for line in lines])


def read(path: Path) -> list[Record]:
    """The records of a journal that nobody writes to. Raises CorruptFile, OSError."""
    whole = [line for line in path.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]
    return [_record(line, path) for line in whole]


def _record(line: bytes, path: Path) -> Record:
    try:
        return Record.of_line(line)
    except ValueError as error:
        raise CorruptFile(f"{path} is damaged: {error}") from error
