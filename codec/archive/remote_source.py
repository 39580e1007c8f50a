"""A folder at an address that is archived: files and folders, as far as the store knows such things."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, BinaryIO

from codec.archive.names import shown
from codec.archive.places import ELSEWHERE
from codec.archive.records import Entry, Kind, clipped
from codec.archive.remote import Facts, RemoteFolder, Unreachable
from codec.archive.source import depth_first
from codec.bitstream.errors import MissingFile

KINDS: dict[str, Kind] = {"file": "file", "directory": "folder"}
MODES: dict[Kind, int] = {"file": 0o644, "folder": 0o755}  # where the store knows none
# what stores call the same things, without regard to capitals, "-" and "_"; the first that is there counts
CHANGED = ("mtime", "lastmodified", "modified", "updated", "timemodified", "created")
TAGS = ("etag", "md5hash", "contentmd5", "md5", "sha256", "sha", "checksum", "crc32c", "digest")
LONGEST_TAG = 128


class RemoteSource:
    """A folder at an address."""

    def __init__(self, address: str) -> None:
        self._folder = RemoteFolder(address)
        self.faults: list[str] = []  # folders that could not be listed, and impossible names, a line each

    def walk(self) -> Iterator[Entry]:
        """All that the folder holds, each folder before what is in it, names in the order of their bytes.

        Raises MissingFile, MediaError where the folder itself cannot be listed.
        """
        return depth_first(self._listed)

    def _listed(self, folder: str) -> list[Entry]:
        try:
            found = self._folder.listed(folder)
        except (Unreachable, MissingFile) as error:
            if not folder:
                raise
            self.faults.append(str(error))
            return []
        entries: dict[str, Entry] = {}
        for name, facts in found:
            path = f"{folder}/{name}" if folder else name
            if not _is_possible(name):
                self.faults.append(f"{shown(path)!r}: no folder can hold such a name")
            elif path in entries:
                self.faults.append(f"{shown(path)!r}: a file and a folder have this name")
            else:
                entries[path] = _entry(path, facts)
        return sorted(entries.values(), key=lambda entry: os.fsencode(entry.path))

    def entry(self, path: str) -> Entry | None:
        """A thing by its path; None where it is not there."""
        try:
            return _entry(path, self._folder.facts(path))
        except MissingFile:
            return None

    def open(self, entry: Entry) -> BinaryIO:
        """A copy of a file in this machine's temporary folder, opened for reading. Raises MediaError, OSError."""
        with tempfile.TemporaryDirectory(prefix="codec-") as folder:
            path = Path(folder) / "file"
            self._folder.download(entry.path, path)
            size = path.stat().st_size
            if entry.size and size != entry.size:
                raise Unreachable(f"{size} bytes came, it was listed with {entry.size}")
            if os.name == "posix":
                return path.open("rb")  # it lives on without its name
            copy = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
            with path.open("rb") as file:
                shutil.copyfileobj(file, copy)
            copy.seek(0)
            return copy


def _is_possible(name: str) -> bool:
    if name in ELSEWHERE or "/" in name or "\0" in name:
        return False
    try:
        os.fsencode(name)
    except UnicodeEncodeError:
        return False
    return True


def _entry(path: str, facts: Facts) -> Entry:
    kind = KINDS.get(facts["type"], "other")
    known = {name.lower().replace("-", "").replace("_", ""): value for name, value in facts.items()}
    mode = known.get("mode")
    return Entry(
        path,
        kind,
        size=int(facts.get("size") or 0) if kind == "file" else 0,
        mtime_ns=next((_nanoseconds(known[name]) for name in CHANGED if known.get(name)), 0),
        mode=stat.S_IMODE(mode) if isinstance(mode, int) else MODES.get(kind, 0),
        tag=next((shown(str(known[name]))[:LONGEST_TAG] for name in TAGS if known.get(name)), "")
        if kind == "file"
        else "",
    )


def _nanoseconds(time: Any) -> int:
    """ns since 1970 of what a store says: seconds, a datetime or a date of ISO 8601 or HTTP; 0 for all else."""
    try:
        if isinstance(time, str):
            time = parsedate_to_datetime(time) if time[:1].isalpha() else datetime.fromisoformat(time)
        if isinstance(time, datetime):
            time = (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
        return clipped(int(time * 1e9))
    except (TypeError, ValueError, OverflowError):
        return 0
