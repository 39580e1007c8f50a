"""An evaluation: everything in a folder through every codec at every setting of its ladder, side by side.

What is in the cache is not done again. Workers keep each point as soon as they have it, so a stopped run goes on.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, as_completed
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from codec.bitstream.errors import CodecError, MediaError
from codec.eval import machine, own
from codec.eval.cache import Cache, key
from codec.eval.material import Anchor, Material, Source
from codec.eval.materials import MATERIALS
from codec.eval.pool import workers
from codec.eval.results import OWN, Coder, Point, Results, finite

OWN_BATCH = 8  # things a process of ours: more would share its start, fewer keep more of a stopped run

T = TypeVar("T")


class AnchorFailed(CodecError):
    """An anchor cannot code something."""


@dataclass(frozen=True)
class Task:
    """A source at a setting of a codec, and the name of its result. arguments: of our command line."""

    medium: str
    source: Source
    coder: str
    setting: float
    key: str
    arguments: tuple[str, ...] = ()

    @property
    def material(self) -> Material:
        """What knows of such sources."""
        return MATERIALS[self.medium]

    def point(self, size_bytes: int, container_bytes: int, x_hat: Any) -> Point:
        """The result."""
        item = self.source.item
        rate = size_bytes * 8 / item.extent
        measured = self.material.measured(self.source, x_hat, rate)
        scores = {key: finite(score) for key, score in measured.items()}
        return Point(item.name, self.coder, self.setting, size_bytes, rate, scores, container_bytes)


def coders(material: Material, anchors: Sequence[Anchor]) -> tuple[list[Coder], dict[str, str]]:
    """Ours and the anchors that are there; why the others are not."""
    found = []
    skipped = {}
    row = own.installed(material.model)
    if row:
        found.append(
            Coder(OWN, own.TITLE, own.identity(row), own.settings(material.arguments), "quality", material.arguments)
        )
    else:
        skipped[own.TITLE] = f"its model '{material.model}' is not installed here"
    for anchor in anchors:
        library = anchor.library()
        if library:
            settings = ", ".join(f"{name} {value}" for name, value in anchor.options.items())
            found.append(Coder(anchor.name, anchor.title, library, settings, anchor.knob))
        else:
            skipped[anchor.title] = "not installed here"
    return found, skipped


def evaluate(
    material: Material,
    folder: Path,
    qualities: Sequence[float],
    anchors: Sequence[Anchor],
    cache: Cache,
    work: Path,
    progress: Callable[[int, int], object],
) -> tuple[Results, list[Source]]:
    """Measures what is in a folder, with temporary files in `work`; what is readable as sources, too.

    An anchor that fails on a source is left out of all, so that every mean is over the same sources.
    Calls progress(done, total) after every piece of work, in points that were not in the cache.
    Raises CodecError; MediaError where there is nothing to code, or nothing to code it with.
    """
    medium = material.medium
    sources, failures = material.sources(folder, work)
    if not sources:
        raise MediaError(f"no {medium.item}s in {folder}" + "".join(f"; {n}: {why}" for n, why in failures.items()))
    found, skipped = coders(material, anchors)
    skipped |= material.missing
    ladders = {OWN: tuple(qualities), **{a.name: a.ladder for a in anchors}}
    basis = material.basis()
    tasks = [
        Task(
            medium.name,
            source,
            coder.name,
            setting,
            _key(material, source, coder, setting, basis),
            coder.arguments,
        )
        for source in sources
        for coder in found
        for setting in ladders[coder.name]
    ]
    points = {task: _kept(task, cache) for task in tasks}
    missing = [task for task, point in points.items() if point is None]
    progress(0, len(missing))
    done = 0
    with workers(len(missing)) as pool:
        futures: dict[Future[list[Point]], list[Task]] = {}
        for batch in _batches(missing):
            measure = measure_ours if batch[0].coder == OWN else measure_anchor
            futures[pool.submit(measure, batch, cache.folder)] = batch
        for future in as_completed(futures):
            batch = futures[future]
            try:
                points.update(zip(batch, future.result(), strict=True))
            except AnchorFailed as error:
                skipped[material.anchors[batch[0].coder].title] = str(error)
            done += len(batch)
            progress(done, len(missing))
    found = [coder for coder in found if coder.title not in skipped]
    if not found:
        raise MediaError("no codec to measure" + "".join(f"; {n}: {why}" for n, why in skipped.items()))
    names = {coder.name for coder in found}
    results = Results(
        medium=medium,
        date=machine.today(),
        machine=machine.described(),
        versions=machine.versions() | material.versions(),
        items=[source.item for source in sources],
        coders=found,
        points=[point for point in points.values() if point and point.coder in names],
        skipped=skipped,
        failures=failures,
        published=material.published(sources),
    )
    return results, sources


def _key(material: Material, source: Source, coder: Coder, setting: float, basis: dict[str, object]) -> str:
    anchor = material.anchors.get(coder.name)
    return key(
        content=source.item.content,
        coder=coder.name,
        setting=setting,
        options=anchor.save_options(setting) if anchor else list(coder.arguments),
        library=coder.library,
        **basis,
    )


def _kept(task: Task, cache: Cache) -> Point | None:
    point = cache.record(task.key, Point)
    return replace(point, item=task.source.item.name) if point else None


def _batches(tasks: Sequence[Task]) -> Iterator[list[Task]]:
    """Anchors point by point, ours several sources at a time; spread, so that an early guess of the end is right."""
    ours: dict[float, list[Task]] = {}
    for task in tasks:
        if task.coder == OWN:
            ours.setdefault(task.setting, []).append(task)
    for batch in ours.values():
        yield from _split(batch, OWN_BATCH)
    for task in tasks:
        if task.coder != OWN:
            yield [task]


def _split(items: Sequence[T], size: int) -> Iterator[list[T]]:
    for start in range(0, len(items), size):
        yield list(items[start : start + size])


def measure_ours(batch: list[Task], cache_folder: Path) -> list[Point]:
    """In a worker: sources at one quality, through processes of the command line."""
    with tempfile.TemporaryDirectory() as work:
        coded = own.code([task.source.path for task in batch], batch[0].setting, Path(work), batch[0].arguments)
        return [
            _keep(task, task.point(len(data), 0, task.material.samples(shown)), cache_folder)
            for task, (data, shown) in zip(batch, coded, strict=True)
        ]


def measure_anchor(batch: list[Task], cache_folder: Path) -> list[Point]:
    """In a worker: sources through an anchor."""
    found = []
    for task in batch:
        material = task.material
        anchor = material.anchors[task.coder]
        anchor.library()  # registers plug-ins
        try:
            data = anchor.encode(material.samples(task.source.path), task.setting)
            x_hat = anchor.decode(data)
        except material.errors as error:
            raise AnchorFailed(f"fails on {task.source.item.name}: {error}") from error
        size = anchor.payload_bytes(data)
        found.append(_keep(task, task.point(size, len(data) - size, x_hat), cache_folder))
    return found


def _keep(task: Task, point: Point, cache_folder: Path) -> Point:
    Cache(cache_folder).keep(task.key, asdict(point))
    return point
