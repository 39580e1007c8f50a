"""The plan of a run: what of the source is new or changed, cut into jobs, the same for the same source."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from codec.archive.catalogue import Catalogue
from codec.archive.layout import Layout
from codec.archive.records import Entry, Record


@dataclass(frozen=True)
class JobSize:
    """A job ends where it has so many entries or so many bytes of files."""

    entries: int
    bytes: int


SHARD = JobSize(10_000, 1 << 28)
SIZES: dict[Layout, JobSize] = {"mirror": JobSize(64, 1 << 26), "shards": SHARD, "zip shards": SHARD}


def jobs(entries: Iterable[Entry], size: JobSize) -> Iterator[list[Entry]]:
    """The entries in their order, a list for each job."""
    job: list[Entry] = []
    held = 0
    for entry in entries:
        if job and (len(job) >= size.entries or held + entry.size > size.bytes):
            yield job
            job, held = [], 0
        job.append(entry)
        held += entry.size
    if job:
        yield job


def new_or_changed(entries: Iterable[Entry], catalogue: Catalogue | None) -> Iterator[Entry]:
    """Those of which nothing is stored yet, or that are not what they were when they were stored.

    A file whose size and times of content and state are as they were is the same; the time of state (ctime) cannot be
    set. Stores have a tag or a time of their own for it. All others are looked at by the worker, who compares their
    contents by SHA-256.
    """
    for entry in entries:
        before = catalogue.record(entry.path) if catalogue else None
        if before is None or not is_as_before(entry, before):
            yield entry


def is_as_before(entry: Entry, before: Record) -> bool:
    """Whether nothing of a thing has changed since it was stored."""
    is_known = entry.kind != "file" or entry.tag or entry.mtime_ns or entry.ctime_ns
    return before.status != "failed" and bool(is_known) and entry == before.entry()
