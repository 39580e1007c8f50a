"""The folder that is archived: a walk through it in an order of its own, and its files."""

from __future__ import annotations

import errno
import io
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import Any, BinaryIO, Protocol

from codec.archive import mounts
from codec.archive.names import shown
from codec.archive.records import Entry, Kind, clipped
from codec.bitstream.errors import MediaError, MissingFile
from codec.media.paths import is_url

PERMISSIONS = 0o7777


class Source(Protocol):
    """A folder to be archived, wherever it is. faults: what could not be listed, a line each."""

    faults: list[str]

    def walk(self) -> Iterator[Entry]:
        """All that the folder holds, each folder before what is in it, names in the order of their bytes."""

    def entry(self, path: str) -> Entry | None:
        """A thing by its path; None where it is not there."""

    def open(self, entry: Entry) -> BinaryIO:
        """A file, opened for reading. Raises CodecError, OSError."""


def source_at(place: str) -> Source:
    """The folder at a path or an address. Raises MissingPackage; MediaError for addresses of no known kind."""
    if not is_url(place):
        return LocalSource(place)
    from codec.archive.remote_source import RemoteSource

    return RemoteSource(place)


def depth_first(listed: Callable[[str], Iterable[Entry]]) -> Iterator[Entry]:
    """All of a tree, each folder before what is in it; listed: what is in a folder, by its path, in order."""
    waiting = [""]
    while waiting:
        inner = []
        for entry in listed(waiting.pop()):
            if entry.kind == "folder":
                inner.append(entry.path)
            yield entry
        waiting += reversed(inner)


class LocalSource:
    """A folder of this machine, or of a file system that it mounts."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.faults: list[str] = []  # what could not be listed, a line each

    def walk(self) -> Iterator[Entry]:
        """All that the folder holds, each folder before what is in it, names in the order of their bytes.

        Raises MissingFile, MediaError where the folder itself cannot be listed, or is one that the kernel makes up.
        """
        return depth_first(self._listed)

    @cached_property
    def _of_kernel(self) -> dict[int, str]:
        return mounts.of_kernel()

    def _listed(self, folder: str) -> Iterator[Entry]:
        try:
            device = os.stat(self.root).st_dev
            if not folder and device in self._of_kernel:
                raise MediaError(f"{self.root} is of {self._of_kernel[device]}, made up by the kernel: nothing to keep")
            with os.scandir(os.path.join(self.root, folder)) as found:
                names = sorted(os.fsencode(each.name) for each in found)
        except OSError as error:
            text = f"cannot list {folder or self.root!r}: {error.strerror or error}"
            if not folder:
                raise (MissingFile if isinstance(error, FileNotFoundError) else MediaError)(text) from error
            self.faults.append(text)
            return
        for raw in names:
            name = os.fsdecode(raw)
            path = f"{folder}/{name}" if folder else name
            try:
                entry = self.entry(path)
            except OSError as error:  # its path is too long, or the disk is broken
                self.faults.append(f"cannot look at {shown(path)!r}: {error.strerror or error}")
                continue
            if entry is not None:
                yield entry

    def entry(self, path: str) -> Entry | None:
        """A thing by its path; None where it is not there. Raises OSError."""
        whole = os.path.join(self.root, path)
        try:
            facts = os.lstat(whole)
            kind = "other" if facts.st_dev in self._of_kernel else _kind_of(facts.st_mode)
            target = os.readlink(whole) if kind == "link" else ""
        except (FileNotFoundError, NotADirectoryError):
            return None
        size = facts.st_size if kind == "file" else 0
        mode = stat.S_IMODE(facts.st_mode) & PERMISSIONS
        return Entry(path, kind, size, clipped(facts.st_mtime_ns), clipped(facts.st_ctime_ns), mode, target)

    def open(self, entry: Entry) -> BinaryIO:
        """A file, opened for reading, as long as it is now. Raises OSError, and so may its reads; a link that has taken
        its place is not followed, nor is a pipe waited for.
        """
        flags = os.O_RDONLY | sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"))
        whole = os.path.join(self.root, entry.path)
        file = os.fdopen(os.open(whole, flags), "rb", buffering=0)
        facts = os.fstat(file.fileno())
        if not stat.S_ISREG(facts.st_mode):
            file.close()
            raise OSError(errno.EINVAL, "it is no file any more", whole)
        return io.BufferedReader(_Still(file, facts.st_size))


class _Still(io.RawIOBase):
    """An open file of so many bytes, which is read no further: others may add to it for ever.

    Reads raise OSError where they would have to wait, and where a file without a size has content: of one that is
    made up as it is read, nobody can say what it is.
    """

    def __init__(self, file: io.FileIO, size: int) -> None:
        self._file, self._size = file, size

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def readinto(self, buffer: Any) -> int:
        left = max(self._size - self._file.tell(), 0)
        data = self._file.read(min(len(buffer), left) if self._size else 1)
        if data is None:
            raise OSError(errno.EAGAIN, "its content is not there yet")
        if data and not self._size:
            raise OSError(errno.EINVAL, "it has content, but no size: it is made up as it is read")
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()


def _kind_of(mode: int) -> Kind:
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISDIR(mode):
        return "folder"
    return "link" if stat.S_ISLNK(mode) else "other"
