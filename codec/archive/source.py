"""The folder that is archived: a walk through it in an order of its own, and its files."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO, Protocol

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
        self.faults: list[str] = []  # folders that could not be listed, a line each

    def walk(self) -> Iterator[Entry]:
        """All that the folder holds, each folder before what is in it, names in the order of their bytes.

        Raises MissingFile, MediaError where the folder itself cannot be listed.
        """
        return depth_first(self._listed)

    def _listed(self, folder: str) -> Iterator[Entry]:
        try:
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
            entry = self.entry(f"{folder}/{name}" if folder else name)
            if entry is not None:
                yield entry

    def entry(self, path: str) -> Entry | None:
        """A thing by its path; None where it is not there."""
        whole = os.path.join(self.root, path)
        try:
            facts = os.lstat(whole)
            kind = _kind_of(facts.st_mode)
            target = os.readlink(whole) if kind == "link" else ""
        except (FileNotFoundError, NotADirectoryError):
            return None
        size = facts.st_size if kind == "file" else 0
        mode = stat.S_IMODE(facts.st_mode) & PERMISSIONS
        return Entry(path, kind, size, clipped(facts.st_mtime_ns), clipped(facts.st_ctime_ns), mode, target)

    def open(self, entry: Entry) -> BinaryIO:
        """A file, opened for reading. Raises OSError; a link that has taken its place is not followed."""
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        return os.fdopen(os.open(os.path.join(self.root, entry.path), flags), "rb")


def _kind_of(mode: int) -> Kind:
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISDIR(mode):
        return "folder"
    return "link" if stat.S_ISLNK(mode) else "other"
