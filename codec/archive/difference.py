"""What a folder and its archive do not have in common."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from codec.archive import catalogue
from codec.archive.layout import Archive
from codec.archive.records import Entry, Record
from codec.archive.remote import place_of
from codec.archive.source import Source, source_at
from codec.bitstream.errors import MediaError

Difference = Literal["missing", "changed", "extra"]
READ_AT_ONCE = 1 << 20


def differences(source: Path | str, archive: Archive) -> Iterator[tuple[Difference, str]]:
    """What is "missing" in the archive, "changed" since it was stored, or "extra": no more in the folder; and its path.

    source: a path, or an address of fsspec.

    Files are compared by SHA-256 of their contents, links by their targets; times and modes are not compared.
    Raises MissingFile, MediaError, CorruptFile, OSError.
    """
    folder = source_at(str(place_of(source)))
    with catalogue.opened(archive) as found:
        for entry in folder.walk():
            before = found.record(entry.path)
            if before is None or before.status == "failed":
                yield "missing", entry.path
            elif not _is_same(folder, entry, before):
                yield "changed", entry.path
        for record in found.records():
            if folder.entry(record.path) is None:
                yield "extra", record.path
    if folder.faults:
        raise MediaError(folder.faults[0])


def _is_same(folder: Source, entry: Entry, before: Record) -> bool:
    if (entry.kind, entry.target) != (before.kind, before.target):
        return False
    if entry.kind != "file":
        return True
    if entry.size != before.size:
        return False
    total = hashlib.sha256()
    with folder.open(entry) as file:
        while block := file.read(READ_AT_ONCE):
            total.update(block)
    return total.hexdigest() == before.sha256
