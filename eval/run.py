"""An evaluation: everything in a folder through every codec at every setting of its ladder, side by side.

What is in the cache is not done again: coded files by all that they depend on, scores by what was decoded. Workers keep
each as soon as they have it, so a stopped run goes on, and another metric costs nothing but itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, Future, as_completed
from dataclasses import replace
from pathlib import Path

from codec.bitstream.errors import MediaError
from codec.eval import machine, own
from codec.eval.anchor import Anchor
from codec.eval.cache import Cache, key
from codec.eval.material import Material, Source
from codec.eval.pool import workers
from codec.eval.results import OWN, Coder, Point, Results
from codec.eval.work import AnchorFailed, Measured, Task, kept, measure_anchor, measure_ours, source_key

OWN_BATCH = 8  # things a process of ours: more would share its start, fewer keep more of a stopped run


def coders(
    material: Material, anchors: dict[str, Anchor], with_ours: bool = True
) -> tuple[list[Coder], dict[str, str]]:
    """Ours and the anchors that are there; why the others are not. anchors: by what the user calls them."""
    found = []
    skipped = {}
    row = own.installed(material.model)
    if with_ours and row:
        settings = own.settings(material.arguments)
        found.append(
            Coder(
                *(OWN, own.TITLE, own.identity(row), settings, "quality", material.arguments),
                trained_on=material.trained_on,
            )
        )
    elif with_ours:
        skipped[own.TITLE] = f"its model '{material.model}' is not installed here"
    for spec, anchor in anchors.items():
        library = anchor.library()
        if library:
            settings = ", ".join(f"{name} {_said(value)}" for name, value in anchor.options.items())
            found.append(
                Coder(
                    *(anchor.name, anchor.title, library, settings, anchor.knob),
                    spec=spec,
                    trained_on=(*anchor.trained_on, *_trained(material, anchor)),
                )
            )
        else:
            skipped[anchor.title] = anchor.missing() or "not installed here"
    return found, skipped


def _trained(material: Material, anchor: Anchor) -> list[str]:
    """The keys of the metrics that name an anchor themselves."""
    return [metric.key for metric in material.medium.metrics if anchor.name in metric.trained]


def _said(value: object) -> str:
    return ", ".join(f"{name}={v}" for name, v in value.items()) if isinstance(value, dict) else str(value)


def evaluate(
    material: Material,
    folder: Path,
    qualities: Sequence[float],
    anchors: dict[str, Anchor],
    cache: Cache,
    work: Path,
    progress: Callable[[int, int], object],
    jobs: int | None = None,
    with_ours: bool = True,
) -> tuple[Results, list[Source]]:
    """Measures what is in a folder, with temporary files in `work`; what is readable as sources, too.

    anchors: by what the user calls them; jobs: processes, None: one a core.
    An anchor or a measure that fails on a source is left out of all, so that every mean is over the same sources.
    Calls progress(done, total) after every piece of work, in points that were not in the cache.
    Raises CodecError; MediaError where there is nothing to code, or nothing to code it with.
    """
    medium = material.medium
    sources, failures = material.sources(folder, work)
    if not sources:
        raise MediaError(f"no {medium.item}s in {folder}" + "".join(f"; {n}: {why}" for n, why in failures.items()))
    for source in sources:
        if cache.file(source_key(source.item.content)) is None:
            cache.keep_file(
                source_key(source.item.content), source.path.read_bytes()
            )  # for crops of a later comparison
    found, skipped = coders(material, anchors, with_ours)
    skipped |= material.missing
    ladders = {OWN: tuple(qualities), **{a.name: a.ladder for a in anchors.values()}}
    tasks = [
        Task(medium.name, source, coder, setting, _key(anchors, source, coder, setting), tuple(material.measures))
        for source in sources
        for coder in found
        for setting in ladders[coder.name]
    ]
    points = {task: kept(task, cache) for task in tasks}
    missing = [task for task, point in points.items() if point is None]
    failed: dict[str, str] = {}
    progress(0, len(missing))
    done = 0
    with workers(len(missing), jobs) as pool:
        futures: dict[Future[list[Measured]], list[Task]] = {}
        for batch in _batches(missing):
            measure = measure_ours if batch[0].coder.name == OWN else measure_anchor
            futures[pool.submit(measure, batch, cache.folder)] = batch
        for future in as_completed(futures):
            batch = futures[future]
            try:
                for task, measured in zip(batch, future.result(), strict=True):
                    points[task] = measured.point
                    failed |= measured.failed
            except AnchorFailed as error:
                coder = batch[0].coder
                skipped[coder.title] = str(error)
                for other, of_other in futures.items():
                    if of_other[0].coder == coder:
                        other.cancel()
            except CancelledError:  # of an anchor that failed
                pass
            done += len(batch)
            progress(done, len(missing))
    skipped |= failed
    medium = medium.of([m for m in medium.metrics if m.title not in failed])
    found = [coder for coder in found if coder.title not in skipped]
    if not found:
        raise MediaError("no codec to measure" + "".join(f"; {n}: {why}" for n, why in skipped.items()))
    if not medium.metrics:
        raise MediaError("no metric could be taken" + "".join(f"; {n}: {why}" for n, why in failed.items()))
    names = {coder.name for coder in found}
    results = Results(
        medium=medium,
        date=machine.today(),
        machine=machine.described(),
        versions=machine.versions() | material.versions(),
        items=[source.item for source in sources],
        coders=found,
        points=[_of(point, medium.keys) for point in points.values() if point and point.coder in names],
        skipped=skipped,
        failures=failures,
        published=material.published(sources),
    )
    return results, sources


def _of(point: Point, keys: list[str]) -> Point:
    return replace(point, scores={key: point.scores.get(key) for key in keys})


def _key(anchors: dict[str, Anchor], source: Source, coder: Coder, setting: float) -> str:
    anchor = anchors.get(coder.spec)
    return key(
        content=source.item.content,
        coder=coder.name,
        setting=setting,
        options=anchor.save_options(setting) if anchor else list(coder.arguments),
        library=coder.library,
    )


def _batches(tasks: Sequence[Task]) -> Iterator[list[Task]]:
    """Anchors point by point, ours several sources at a time; spread, so that an early guess of the end is right."""
    ours: dict[float, list[Task]] = {}
    for task in tasks:
        if task.coder.name == OWN:
            ours.setdefault(task.setting, []).append(task)
    for batch in ours.values():
        for start in range(0, len(batch), OWN_BATCH):
            yield batch[start : start + OWN_BATCH]
    for task in tasks:
        if task.coder.name != OWN:
            yield [task]
