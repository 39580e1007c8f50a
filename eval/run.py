"""An evaluation of pictures: every picture through every codec at every setting of its ladder, side by side.

What is in the cache is not done again. Workers keep each point as soon as they have it, so a stopped run goes on.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import signal
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

from codec.bitstream.errors import CodecError, MediaError
from codec.eval import machine, metrics, own, published
from codec.eval.anchors import ANCHORS, Anchor
from codec.eval.cache import Cache, key
from codec.eval.medium import IMAGES
from codec.eval.results import Coder, Item, Point, Results
from codec.media import PICTURES, Pixels, picture_file, read_picture, to_8_bits
from codec.media.raster import Picture

OWN_BATCH = 8  # pictures a process of ours: more would share its start, fewer keep more of a stopped run
HASH_BYTES = 16

T = TypeVar("T")


class AnchorFailed(CodecError):
    """An anchor cannot code a picture."""


@dataclass(frozen=True)
class Source:
    """A picture to code: its samples of 8 bits, without alpha and metadata, in a PNG."""

    item: Item
    path: Path

    @property
    def pixels(self) -> Pixels:
        """(H, W, 1 or 3) uint8."""
        return read_picture(self.path).pixels

    @property
    def size(self) -> int:
        """In pixels."""
        return self.item.width * self.item.height


@dataclass(frozen=True)
class Task:
    """A picture at a setting of a codec, and the name of its result."""

    source: Source
    coder: str
    setting: float
    key: str

    def point(self, data: bytes, x_hat: Pixels) -> Point:
        """The result."""
        rate_bpp = len(data) * 8 / self.source.size
        scores = metrics.measured(self.source.pixels, x_hat, rate_bpp)
        return Point(self.source.item.name, self.coder, self.setting, len(data), rate_bpp, scores)


def content_hash(pixels: Pixels) -> str:
    """First bytes of SHA-256 over shape and samples, in hex."""
    return hashlib.sha256(repr(pixels.shape).encode() + pixels.tobytes()).hexdigest()[: 2 * HASH_BYTES]


def prepared(folder: Path, work: Path) -> tuple[list[Source], dict[str, str]]:
    """The pictures of a folder as sources inside `work`, and the files that could not be read, with the reason.

    Raises MediaError where there is no picture at all.
    """
    sources: list[Source] = []
    failures: dict[str, str] = {}
    for path in sorted(p for p in folder.iterdir() if p.suffix.lower() in PICTURES):
        try:
            pixels = to_8_bits(read_picture(path)).pixels
        except CodecError as error:
            failures[path.name] = str(error)
            continue
        height, width = pixels.shape[:2]
        target = work / f"{len(sources):05}.png"
        target.write_bytes(picture_file(Picture(pixels), target.suffix))
        sources.append(Source(Item(path.name, width, height, content_hash(pixels)), target))
    if not sources:
        raise MediaError(f"no pictures in {folder}" + "".join(f"; {n}: {why}" for n, why in failures.items()))
    return sources, failures


def coders(anchors: Sequence[Anchor]) -> tuple[list[Coder], dict[str, str]]:
    """Ours and the anchors that are there; why the others are not."""
    found = [Coder(own.NAME, own.TITLE, own.identity(), "separate processes", "quality")]
    skipped = {}
    for anchor in anchors:
        library = anchor.library()
        if library:
            settings = ", ".join(f"{name} {value}" for name, value in anchor.options.items())
            found.append(Coder(anchor.name, anchor.title, library, settings, anchor.knob))
        else:
            skipped[anchor.title] = "not installed here"
    return found, skipped


def evaluate(
    folder: Path,
    qualities: Sequence[float],
    anchors: Sequence[Anchor],
    cache: Cache,
    work: Path,
    progress: Callable[[int, int], object],
) -> tuple[Results, list[Source]]:
    """Measures a folder of pictures, with temporary files in `work`; its readable pictures as sources, too.

    An anchor that fails on a picture is left out of all, so that every mean is over the same pictures.
    Calls progress(done, total) after every piece of work, in points that were not in the cache.
    Raises CodecError; MediaError where there are no pictures.
    """
    sources, failures = prepared(folder, work)
    found, skipped = coders(anchors)
    ladders = {own.NAME: tuple(qualities), **{a.name: a.ladder for a in anchors}}
    basis: dict[str, object] = {"metrics": metrics.versions(), "perceptual_rates": metrics.PERCEPTUAL_RATES_BPP}
    tasks = [
        Task(source, coder.name, setting, _key(source, coder, setting, basis))
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
            measure = _measure_ours if batch[0].coder == own.NAME else _measure_anchor
            futures[pool.submit(measure, batch, cache.folder)] = batch
        for future in as_completed(futures):
            batch = futures[future]
            try:
                points.update(zip(batch, future.result(), strict=True))
            except AnchorFailed as error:
                skipped[ANCHORS[batch[0].coder].title] = str(error)
            done += len(batch)
            progress(done, len(missing))
    found = [coder for coder in found if coder.title not in skipped]
    names = {coder.name for coder in found}
    results = Results(
        medium=IMAGES,
        date=machine.today(),
        machine=machine.described(),
        versions=machine.versions() | metrics.versions(),
        items=[source.item for source in sources],
        coders=found,
        points=[point for point in points.values() if point and point.coder in names],
        skipped=skipped,
        failures=failures,
        published=published.for_contents(source.item.content for source in sources),
    )
    return results, sources


@contextmanager
def workers(jobs: int) -> Iterator[ProcessPoolExecutor]:
    """A pool of as many processes as there are cores, of one thread each; what waits is dropped on an error."""
    count = max(1, min(machine.cores(), jobs))
    pool = ProcessPoolExecutor(count, multiprocessing.get_context("spawn"), _start_worker)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _start_worker() -> None:
    import torch

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent reports it
    torch.set_num_threads(1)


def _key(source: Source, coder: Coder, setting: float, basis: dict[str, object]) -> str:
    said = ANCHORS[coder.name].save_options(setting) if coder.name in ANCHORS else {}
    return key(
        content=source.item.content, coder=coder.name, setting=setting, options=said, library=coder.library, **basis
    )


def _kept(task: Task, cache: Cache) -> Point | None:
    record = cache.record(task.key)
    return Point(**{**record, "item": task.source.item.name}) if record else None


def _batches(tasks: Sequence[Task]) -> Iterator[list[Task]]:
    """Anchors point by point, ours several pictures at a time; spread, so that an early guess of the end is right."""
    ours: dict[float, list[Task]] = {}
    for task in tasks:
        if task.coder == own.NAME:
            ours.setdefault(task.setting, []).append(task)
    for batch in ours.values():
        yield from _split(batch, OWN_BATCH)
    for task in tasks:
        if task.coder != own.NAME:
            yield [task]


def _split(items: Sequence[T], size: int) -> Iterator[list[T]]:
    for start in range(0, len(items), size):
        yield list(items[start : start + size])


def _measure_ours(batch: list[Task], cache_folder: Path) -> list[Point]:
    """In a worker: pictures at one quality, through processes of the command line."""
    with tempfile.TemporaryDirectory() as work:
        coded = own.code([task.source.path for task in batch], batch[0].setting, Path(work))
        return [
            _keep(task, task.point(data, read_picture(shown).pixels), cache_folder)
            for task, (data, shown) in zip(batch, coded, strict=True)
        ]


def _measure_anchor(batch: list[Task], cache_folder: Path) -> list[Point]:
    """In a worker: pictures through an anchor."""
    found = []
    for task in batch:
        anchor = ANCHORS[task.coder]
        anchor.library()  # registers plug-ins
        try:
            data = anchor.encode(task.source.pixels, task.setting)
            x_hat = anchor.decode(data)
        except (CodecError, OSError, RuntimeError, SystemError, ValueError) as error:  # what Pillow's codecs raise
            raise AnchorFailed(f"fails on {task.source.item.name}: {error}") from error
        found.append(_keep(task, task.point(data, x_hat), cache_folder))
    return found


def _keep(task: Task, point: Point, cache_folder: Path) -> Point:
    Cache(cache_folder).keep(task.key, asdict(point))
    return point
