"""The catalogue of an archive: its plan, and a record of everything in it, in SQLite.

Commits are the truth. The catalogue takes them over job by job, and can be made anew of them.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import astuple, dataclass
from itertools import islice

from codec.archive import journal
from codec.archive.layout import Archive
from codec.archive.records import ENTRY_FIELDS, RECORD_FIELDS, Entry, Record
from codec.bitstream.errors import CorruptFile, MediaError

ROWS_AT_ONCE = 10_000
BLOBS = ("path", "target", "place")  # names of files are bytes, not always text
SCHEMA = f"""
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value INTEGER);
CREATE TABLE IF NOT EXISTS jobs (job INTEGER PRIMARY KEY, entries INTEGER, bytes INTEGER, done INTEGER);
CREATE TABLE IF NOT EXISTS plan (id INTEGER PRIMARY KEY, job INTEGER, {", ".join(ENTRY_FIELDS)});
CREATE TABLE IF NOT EXISTS records ({", ".join(RECORD_FIELDS)}, verified INTEGER DEFAULT 0, PRIMARY KEY (path));
CREATE INDEX IF NOT EXISTS plan_by_job ON plan (job);
"""


@dataclass(frozen=True)
class Job:
    """Some entries that one worker stores, in order, with the records of what stood at their paths before."""

    number: int
    entries: list[tuple[Entry, Record | None]]


@dataclass(frozen=True)
class Planned:
    """How much a plan holds. files, bytes: of files among the entries."""

    jobs: int
    entries: int
    bytes: int


class Catalogue:
    """An open catalogue. is_kept: whether what is noted in it is there the next time."""

    def __init__(self, database: sqlite3.Connection, is_kept: bool) -> None:
        self._database, self.is_kept = database, is_kept

    # the plan

    def plan(self, jobs: Iterable[list[Entry]]) -> None:
        """Replaces the plan, whole or not at all; numbers of jobs are never used again."""
        with self._database:
            self._database.execute("DELETE FROM plan")
            self._database.execute("DELETE FROM jobs")
            for number, entries in enumerate(jobs, self._fact("next job")):
                rows = [(number, *_row(entry, ENTRY_FIELDS)) for entry in entries]
                self._insert("plan", ("job", *ENTRY_FIELDS), rows)
                size = sum(entry.size for entry in entries)
                self._database.execute("INSERT INTO jobs VALUES (?, ?, ?, 0)", (number, len(entries), size))
                self._database.execute("INSERT OR REPLACE INTO facts VALUES ('next job', ?)", (number + 1,))

    def unfinished(self) -> list[int]:
        """Numbers of the jobs that are not done."""
        return [job for (job,) in self._database.execute("SELECT job FROM jobs WHERE NOT done ORDER BY job")]

    def planned(self, done: bool = False) -> Planned:
        """What the plan holds, or what of it is done."""
        where = "WHERE done" if done else ""
        query = f"SELECT COUNT(*), COALESCE(SUM(entries), 0), COALESCE(SUM(bytes), 0) FROM jobs {where}"
        return Planned(*self._database.execute(query).fetchone())

    def job(self, number: int) -> Job:
        """A job of the plan."""
        names = [f"plan.{name}" for name in ENTRY_FIELDS] + [f"records.{name}" for name in RECORD_FIELDS]
        query = f"SELECT {', '.join(names)} FROM plan LEFT JOIN records USING (path) WHERE job = ? ORDER BY id"
        entries = []
        for row in self._database.execute(query, (number,)):
            before = row[len(ENTRY_FIELDS) :]
            entries.append((_entry(row), None if before[0] is None else _record(before)))
        return Job(number, entries)

    # records

    def take(self, job: int, records: Iterable[Record]) -> None:
        """Takes the records of a job over, and counts it as done."""
        with self._database:
            self._put(records)
            self._database.execute("UPDATE jobs SET done = 1 WHERE job = ?", (job,))

    def record(self, path: str) -> Record | None:
        """The record of a path."""
        row = self._database.execute(f"{SELECT} WHERE path = ?", (os.fsencode(path),)).fetchone()
        return None if row is None else _record(row)

    def records(self) -> Iterator[Record]:
        """All records, by path."""
        for row in self._database.execute(f"{SELECT} ORDER BY path"):
            yield _record(row)

    def least_verified(self, count: int) -> list[str]:
        """The paths of so many files in the archive: those that were verified longest ago."""
        query = f"SELECT path FROM records WHERE {IN_PLACE} ORDER BY verified, path LIMIT ?"
        return [os.fsdecode(path) for (path,) in self._database.execute(query, (count,))]

    def count(self, where: str = "1") -> int:
        """How many records there are, or of them those for which SQL says so."""
        found: int = self._database.execute(f"SELECT COUNT(*) FROM records WHERE {where}").fetchone()[0]
        return found

    def stored_bytes(self) -> tuple[int, int]:
        """Of all files that are stored: bytes in the source, and in the archive."""
        query = "SELECT COALESCE(SUM(size), 0), COALESCE(SUM(stored_size), 0) FROM records WHERE status = 'stored'"
        found: tuple[int, int] = self._database.execute(query).fetchone()
        return found

    def weights(self) -> list[str]:
        """Model and digest of all weights that files need."""
        return [each for (each,) in self._database.execute("SELECT DISTINCT weights FROM records WHERE weights != ''")]

    def verified(self, paths: Iterable[str]) -> None:
        """Notes that records were verified now, later than all others, unless the archive can only be read."""
        if not self.is_kept:
            return
        with self._database:
            turn = self._fact("verifications") + 1
            self._database.execute("INSERT OR REPLACE INTO facts VALUES ('verifications', ?)", (turn,))
            rows = [(turn, os.fsencode(path)) for path in paths]
            self._database.executemany("UPDATE records SET verified = ? WHERE path = ?", rows)

    def is_filled(self) -> bool:
        """Whether it has what the commits had when it was made."""
        return self._database.execute("SELECT 1 FROM facts WHERE name = 'next job'").fetchone() is not None

    def rebuild(self, archive: Archive) -> None:
        """Fills an empty catalogue from the commits. Raises CorruptFile, OSError."""
        if not archive.commits.is_dir():
            raise CorruptFile(f"{archive.root} has neither a catalogue nor commits: nothing says what lies where in it")
        with self._database:
            last = -1
            for path in sorted(archive.commits.glob("*.jsonl")):
                self._put(journal.read(path))
                last = int(path.stem)
            self._database.execute("INSERT OR REPLACE INTO facts VALUES ('next job', ?)", (last + 1,))

    def _put(self, records: Iterable[Record]) -> None:
        """Takes records over; what was in folders that are none any more goes."""
        found = list(records)
        paths = [os.fsencode(record.path) for record in found if record.kind != "folder"]
        below = [(path + b"/", path + b"0") for path in paths]  # "0" comes behind "/"
        self._database.executemany("DELETE FROM records WHERE path >= ? AND path < ?", below)
        self._insert("records", RECORD_FIELDS, (_row(record, RECORD_FIELDS) for record in found))

    def _insert(self, table: str, names: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> None:
        marks, remaining = ", ".join("?" * len(names)), iter(rows)
        while some := list(islice(remaining, ROWS_AT_ONCE)):
            self._database.executemany(f"INSERT OR REPLACE INTO {table} ({', '.join(names)}) VALUES ({marks})", some)

    def _fact(self, name: str) -> int:
        row = self._database.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return 0 if row is None else int(row[0])


PRIMARY_CODE = 0xFF  # of an error's code, whose other bits are details
UNUSABLE = (
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_READONLY,
)
IN_PLACE = "place != x''"  # of a record whose .lcc file is in the archive
SELECT = f"SELECT {', '.join(RECORD_FIELDS)} FROM records"


@contextmanager
def opened(archive: Archive) -> Iterator[Catalogue]:
    """The catalogue of an archive, made anew of the commits where it is lost: in memory where nothing can be written.

    Raises CorruptFile; MediaError where the disk is full or another process keeps it busy; OSError.
    """
    try:
        with closing(_connected(archive)) as database:
            catalogue = Catalogue(database, _is_writable(archive))
            if not catalogue.is_filled():
                catalogue.rebuild(archive)
            yield catalogue
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", 0) & PRIMARY_CODE in UNUSABLE:
            raise MediaError(f"cannot use {archive.catalogue}: {error}") from error
        text = f"{archive.catalogue} is damaged ({error}): move it away, and it is made anew of the commits"
        raise CorruptFile(text) from error


def _connected(archive: Archive) -> sqlite3.Connection:
    """The database with all its tables."""
    path = archive.catalogue
    is_there = path.exists()
    if is_there and not _is_writable(archive):
        return sqlite3.connect(f"{path.absolute().as_uri()}?immutable=1", uri=True)
    database = sqlite3.connect(path if _is_writable(archive) else ":memory:")
    database.executescript(SCHEMA)
    return database


def _is_writable(archive: Archive) -> bool:
    path = archive.catalogue
    return os.access(archive.root, os.W_OK) and (not path.exists() or os.access(path, os.W_OK))


def _row(item: Entry | Record, names: tuple[str, ...]) -> tuple[object, ...]:
    return tuple(
        os.fsencode(str(value)) if name in BLOBS else value for name, value in zip(names, astuple(item), strict=True)
    )


def _values(row: tuple[object, ...], names: tuple[str, ...]) -> list[object]:
    found = zip(names, row, strict=False)
    return [os.fsdecode(value) if name in BLOBS and isinstance(value, bytes) else value for name, value in found]


def _entry(row: tuple[object, ...]) -> Entry:
    return Entry(*_values(row, ENTRY_FIELDS))  # type: ignore[arg-type]


def _record(row: tuple[object, ...]) -> Record:
    return Record(*_values(row, RECORD_FIELDS))  # type: ignore[arg-type]
