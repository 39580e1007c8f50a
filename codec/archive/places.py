"""Where .lcc files are put in an archive, and read from again: a mirror of the source, or shards."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from typing import BinaryIO, Protocol

from codec.archive import names
from codec.archive.layout import Archive, synced
from codec.archive.records import Record
from codec.archive.remote import RemoteFolder
from codec.archive.shards import FORMS
from codec.bitstream.errors import CorruptFile, MissingFile

Place = tuple[str, int]  # a file of the archive, and the offset in it
COPIED_AT_ONCE = 1 << 20
ELSEWHERE = ("", ".", "..")  # parts of paths that lead there


class Writer(Protocol):
    """Puts .lcc files into an archive, one after another."""

    def put(self, record: Record, coded: BinaryIO) -> Place:
        """Where the .lcc file of a record was put; it is on the disk."""


class MirrorWriter:
    """A file for a file, at its own path with .lcc behind it. Each appears whole or not at all."""

    def __init__(self, archive: Archive, job: int) -> None:
        self._archive, self._part = archive, archive.part(job)

    def put(self, record: Record, coded: BinaryIO) -> Place:
        place = f"files/{names.mirrored(record.path)}"
        target = self._archive.root / place
        target.parent.mkdir(parents=True, exist_ok=True)
        with self._part.open("wb") as out:
            shutil.copyfileobj(coded, out, COPIED_AT_ONCE)
            synced(out)
        os.replace(self._part, target)
        return place, 0


class ShardWriter:
    """A file of .lcc files, which gets its name when it is whole; what is not committed is written over."""

    def __init__(self, archive: Archive, job: int, done: Sequence[Record]) -> None:
        self._form = FORMS[archive.layout]
        self._place, self._part = f"{archive.shard(job)}{self._form.suffix}", archive.part(job)
        self._target = archive.root / self._place
        # a job that ended right before its journal was taken over has its shard already
        self._file = (self._target if self._target.exists() else self._part).open("a+b")
        held = [record for record in done if record.place == self._place]
        end = max((record.offset + self._form.padded(record.stored_size) for record in held), default=0)
        if not self._target.exists():
            self._file.truncate(end)
        self._file.seek(0, os.SEEK_END)

    def put(self, record: Record, coded: BinaryIO) -> Place:
        self._file.write(self._form.head(record, coded))
        offset = self._file.tell()
        shutil.copyfileobj(coded, self._file, COPIED_AT_ONCE)
        self._file.write(bytes(self._form.padded(record.stored_size) - record.stored_size))
        synced(self._file)
        return self._place, offset

    def finish(self) -> None:
        """Ends the file, and gives it its name."""
        if not self._target.exists():
            self._file.write(self._form.end(self._file))
            synced(self._file)
            self._target.parent.mkdir(exist_ok=True)
            os.replace(self._part, self._target)

    def close(self) -> None:
        """Closes the file."""
        self._file.close()


@contextmanager
def writer(archive: Archive, job: int, done: Sequence[Record]) -> Iterator[Writer]:
    """What puts the .lcc files of a job into the archive; done: the job's records that are committed."""
    if archive.layout == "mirror":
        yield MirrorWriter(archive, job)
        return
    shard = ShardWriter(archive, job, done)
    try:
        yield shard
        shard.finish()
    finally:
        shard.close()


class Slice:
    """An .lcc file in an open file that stands at its start, read to its end."""

    def __init__(self, file: BinaryIO, record: Record) -> None:
        self._file, self._left, self._record = file, record.stored_size, record

    def read(self, count: int = -1, /) -> bytes:
        """So many bytes, fewer only at the end. Raises CorruptFile, Unreachable."""
        try:
            data = self._file.read(self._left if count < 0 else min(count, self._left))
        except OSError as error:
            raise _unreadable(self._record, error) from error
        self._left -= len(data)
        return data

    def seekable(self) -> bool:
        """False: it is read once."""
        return False


@contextmanager
def opened(archive: Archive, record: Record) -> Iterator[Slice]:
    """The .lcc file of a record. Raises CorruptFile where there is none, or a shorter one; Unreachable."""
    with closing(_remote(archive, record) if archive.address else _local(archive, record)) as file:
        yield Slice(file, record)


def _local(archive: Archive, record: Record) -> BinaryIO:
    """The .lcc file of a record in a folder. Raises as `opened`."""
    try:
        path = (archive.root / record.place).resolve()
        if not path.is_relative_to(archive.root.resolve()):
            raise CorruptFile(f"{record.place} is no place in the archive")
        with ExitStack() as unfit:
            file = unfit.enter_context(path.open("rb"))
            _check_size(record, file.seek(0, os.SEEK_END))
            file.seek(record.offset)
            unfit.pop_all()
        return file
    except OSError as error:
        raise _unreadable(record, error) from error


def _remote(archive: Archive, record: Record) -> BinaryIO:
    """The .lcc file of a record at an address. Raises as `opened`."""
    if any(part in ELSEWHERE for part in record.place.split("/")):
        raise CorruptFile(f"{record.place} is no place in the archive")
    folder, end = RemoteFolder(archive.address), record.offset + record.stored_size
    try:
        size = folder.facts(record.place).get("size")
    except MissingFile as error:
        raise CorruptFile(str(error)) from error
    if size is not None:
        _check_size(record, size)
    return folder.part(record.place, record.offset, end)


def _check_size(record: Record, size: int) -> None:
    end = record.offset + record.stored_size
    if size < end:
        raise CorruptFile(f"{record.place} has {size} bytes, it should reach to {end}")


def _unreadable(record: Record, error: OSError) -> CorruptFile:
    return CorruptFile(f"cannot read {record.place}: {error.strerror or error}")
