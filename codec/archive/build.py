"""An archive made, resumed or brought up to date."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field, replace
from itertools import islice
from pathlib import Path

from codec.archive import catalogue, journal, layout, names, places, plan, state, workers
from codec.archive.catalogue import Catalogue, Planned
from codec.archive.layout import Archive, Layout
from codec.archive.policy import Policy
from codec.archive.records import RECORD_FIELDS, Record
from codec.archive.remote import FULL, place_of
from codec.archive.source import source_at
from codec.archive.work import Done
from codec.archive.workers import Load
from codec.atomic import write_whole
from codec.bitstream.errors import MediaError
from codec.media.paths import is_url

ROWS_AT_ONCE = 10_000
Show = Callable[[Planned, Planned, "Summary"], None]  # what is planned, what of it is done, and what became of it


@dataclass
class Summary:
    """What a run did.

    resumed: whether it went on with an earlier plan. entries: of the plan; new: committed by this run; stored, failed,
    left_out: files by their status; source_bytes, stored_bytes: of those stored; notices: of files that are stored
    otherwise than the policy says; errors: of those that failed, and of folders that could not be listed.
    """

    resumed: bool = False
    entries: int = 0
    new: int = 0
    stored: int = 0
    failed: int = 0
    left_out: int = 0
    source_bytes: int = 0
    stored_bytes: int = 0
    notices: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def add(self, record: Record) -> None:
        """Counts a record."""
        if record.status == "failed":
            self.failed += 1
            self.errors.append(f"{names.shown(record.path)}: {record.error}")
        elif record.status == "left out":
            self.left_out += 1
        elif record.kind == "file":
            self.stored += 1
            self.source_bytes += record.size
            self.stored_bytes += record.stored_size
        if record.notice:
            self.notices.append(f"{names.shown(record.path)}: {record.notice}")


@dataclass(frozen=True)
class Crew:
    """Who works. workers: processes of this machine; ray: the address of a Ray cluster, "" for a new one, or None."""

    workers: int = 1
    ray: str | None = None

    def done(self, archive: Archive, load: Load, numbers: list[int]) -> Iterator[Done]:
        """The jobs, in whatever order they are done."""
        if self.ray is not None:
            return workers.ray(archive, load, numbers, self.ray)
        if self.workers > 1:
            return workers.processes(archive, load, numbers, self.workers)
        return workers.here(archive, load, numbers)


def build(
    source: Path | str,
    dest: Path | str,
    *,
    policy: Policy | None = None,
    kind: Layout | None = None,
    crew: Crew | None = None,
    show: Show | None = None,
    state_folder: Path | None = None,
) -> Summary:
    """What was done to store a folder in an archive: made new, gone on with where it stopped, or brought up to date.

    source, dest: paths, or addresses of fsspec. policy, kind: of a new archive, exact and a mirror where None; an old
    one keeps its own. state_folder: what this machine keeps of an archive at an address; one of its own where None.
    Raises CodecError: MediaError where another process is at work there, or the archive is one of another source or
    policy; OSError.
    """
    place = place_of(dest)
    root, address = (place, "") if isinstance(place, Path) else (state_folder or state.folder_of(place), place)
    whole = _whole(source)
    _check_apart(whole, root, address)
    root.mkdir(parents=True, exist_ok=True)
    try:
        with layout.locked(root / "lock", wait=False), state.held(address, root) if address else nullcontext():
            archive = _archive(whole, root, address, policy, kind)
            with catalogue.opened(archive) as found:
                return _run(archive, found, crew or Crew(), show)
    except OSError as error:
        if error.errno not in FULL or error.filename is not None:
            raise
        raise MediaError(f"{root}, or the temporary folder: {error.strerror}; the next run goes on there") from error


def _whole(source: Path | str) -> str:
    """The path or address of a source, from wherever it is looked at. Raises MediaError."""
    place = place_of(source)
    if isinstance(place, str):
        return place
    if not place.is_dir():
        raise MediaError(f"{place} is no folder")
    return os.path.abspath(place)


def _check_apart(source: str, root: Path, address: str) -> None:
    """Raises MediaError for an archive, or a state of one, that lies in its source."""
    if is_url(source):
        within = f"{address}/".startswith(f"{source}/")
    else:
        within = Path(os.path.realpath(root)).is_relative_to(os.path.realpath(source))
    if within:
        raise MediaError(f"{address or root} lies in {source}: an archive cannot hold itself")


def _archive(source: str, root: Path, address: str, policy: Policy | None, kind: Layout | None) -> Archive:
    if not (state.fetch(address, root) if address else layout.is_archive(root)):
        from codec.archive.policy import EXACT, Mode

        archive = layout.created(root, kind or "mirror", policy or Policy(Mode(EXACT)), source, address)
        if address:
            state.begin(archive)
        return archive
    archive = layout.opened(root, address)
    shown = address or root
    if policy not in (None, archive.policy):
        raise MediaError(f"{shown} has another policy, which stands in its {layout.ABOUT}: leave the policy out")
    if kind not in (None, archive.layout):
        raise MediaError(f"{shown} is laid out as {archive.layout}, not as {kind}")
    return replace(archive, source=source)


def _run(archive: Archive, found: Catalogue, crew: Crew, show: Show | None) -> Summary:
    source, summary = source_at(archive.source), Summary(resumed=bool(found.unfinished()))
    if not summary.resumed:
        _close_shards(archive)
        known = found if found.count() else None
        entries = plan.new_or_changed(source.walk(), known)
        found.plan(plan.jobs(entries, plan.SIZES[archive.layout]))
        summary.errors += source.faults
        summary.failed += len(source.faults)
    planned = found.planned()
    summary.entries = planned.entries
    for done in crew.done(archive, found.job, found.unfinished()):
        records = journal.read(archive.journal(done.job))
        found.take(done.job, records)
        summary.new += done.new
        for record in records:
            summary.add(record)
        if show:
            show(planned, found.planned(done=True), summary)
    _take_weights_in(archive, found)
    _export(archive, found)
    for part in archive.parts.iterdir():  # nobody is at work any more
        part.unlink()
    if archive.address:
        state.end(archive)
    return summary


def _close_shards(archive: Archive) -> None:
    """Ends the shards of jobs that no plan has any more: it was lost with the catalogue, their commits were not."""
    for part in archive.parts.glob("*.part") if archive.layout != "mirror" else ():
        with journal.opened(archive.journal(int(part.stem))) as log, places.writer(archive, int(part.stem), log.done):
            pass


def _take_weights_in(archive: Archive, found: Catalogue) -> None:
    """Copies the sets of weights that files need into the archive. Raises ModelMismatch, OSError."""
    from codec.model import shelf
    from codec.model.releases import asset_name

    for name in found.weights():
        model, _, digest = name.partition(":")
        target = archive.weights / asset_name(shelf.model_of(int(model)), bytes.fromhex(digest))
        part = archive.parts / target.name
        if not target.exists():
            data = shelf.export(bytes.fromhex(digest))[1]
            with part.open("wb") as file:
                file.write(data)
                layout.synced(file)
            os.replace(part, target)


def _export(archive: Archive, found: Catalogue) -> None:
    """Writes all records as Parquet, for programs that look at millions; the commits have them as JSON lines."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        return

    def column(name: str) -> pyarrow.Field:
        kinds = {"int": pyarrow.int64(), "float | None": pyarrow.float64()}
        return pyarrow.field(name, kinds.get(str(Record.__annotations__[name]), pyarrow.string()))

    schema = pyarrow.schema([column(name) for name in RECORD_FIELDS])

    def fill(file: object) -> None:
        with parquet.ParquetWriter(file, schema) as out:
            records = found.records()
            while rows := [_texts(record) for record in islice(records, ROWS_AT_ONCE)]:
                out.write_table(pyarrow.Table.from_pylist(rows, schema))

    write_whole(archive.root / "catalogue.parquet", fill)


def _texts(record: Record) -> dict[str, object]:
    """The facts of a record, names that are no UTF-8 as readers see them."""
    facts = asdict(record)
    return {name: names.shown(value) if isinstance(value, str) else value for name, value in facts.items()}
