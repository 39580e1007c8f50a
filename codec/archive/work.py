"""A job done: each of its entries stored and committed, from the first that is not in the journal yet.

Whoever runs it, a process here or on another machine, needs the source and the archive, by paths or addresses, and
nothing else.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO

from codec.archive import journal, places, state
from codec.archive.catalogue import Job
from codec.archive.layout import Archive
from codec.archive.names import shown
from codec.archive.places import Writer
from codec.archive.records import Entry, Record
from codec.archive.remote import FULL
from codec.archive.source import Source, source_at
from codec.bitstream.errors import CodecError, CorruptFile, MissingPackage, ModelMismatch

SPOOLED_BYTES = 1 << 25  # of an .lcc file, kept in memory before a temporary file takes over
HASHED_AT_ONCE = 1 << 20
NOT_KEPT = "neither a file nor a folder nor a link, or made up by the kernel"


@dataclass(frozen=True)
class Done:
    """A job that is done. new: entries that this call committed; the others were committed before."""

    job: int
    new: int
    entries: int


def run(archive: Archive, job: Job) -> Done:
    """Does what is left of a job. Raises CodecError, OSError where the archive cannot be written."""
    source = source_at(archive.source)
    with journal.opened(archive.journal(job.number)) as log:
        _check(log.done, job)
        with places.writer(archive, job.number, log.done) as writer:
            left = job.entries[len(log.done) :]
            for record in _records(archive, source, left, writer):
                log.commit(record)
        if archive.address:
            state.upload(archive, job.number)
    return Done(job.number, len(left), len(job.entries))


def _records(
    archive: Archive, source: Source, left: list[tuple[Entry, Record | None]], writer: Writer
) -> Iterator[Record]:
    for entry, before in left:
        if entry.kind == "file":
            yield _stored(archive, source, entry, before, writer)
        elif entry.kind == "other":
            yield Record.of(entry, status="left out", notice=f"{NOT_KEPT}: left out")
        else:
            yield Record.of(entry)


def _stored(archive: Archive, source: Source, entry: Entry, before: Record | None, writer: Writer) -> Record:
    """The record of a file whose .lcc file is in its place; of one that cannot be read, why that is."""
    from codec.archive import store

    with tempfile.SpooledTemporaryFile(SPOOLED_BYTES) as spool:
        coded: BinaryIO = spool  # type: ignore[assignment]  # it does all that is asked
        try:
            with source.open(entry) as file:
                same = store.reused(entry, file, before)
                if same is not None:
                    return same
                record = store.stored(entry, file, archive.policy.mode_of(entry.path), coded)
        except (ModelMismatch, MissingPackage):
            raise
        except CodecError as error:
            return Record.of(entry, status="failed", error=shown(" ".join(str(error).split())))
        except OSError as error:
            if error.errno in FULL:
                raise
            return Record.of(entry, status="failed", error=f"cannot be read: {error.strerror or error}")
        record = replace(record, stored_size=coded.tell(), stored_sha256=_sha256(coded))
        coded.seek(0)
        place, offset = writer.put(record, coded)
        return replace(record, place=place, offset=offset)


def _sha256(file: BinaryIO) -> str:
    """Of all of an open file."""
    file.seek(0)
    total = hashlib.sha256()
    while block := file.read(HASHED_AT_ONCE):
        total.update(block)
    return total.hexdigest()


def _check(done: list[Record], job: Job) -> None:
    """Raises CorruptFile where the journal is that of another job."""
    for record, (entry, _) in zip(done, job.entries, strict=False):
        if record.path != entry.path:
            raise CorruptFile(f"the journal of job {job.number} is not that of the plan: {record.path!r}")
    if len(done) > len(job.entries):
        raise CorruptFile(f"the journal of job {job.number} has more lines than the plan has entries")
