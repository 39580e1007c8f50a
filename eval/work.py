"""What a worker of an evaluation does: a source through a codec at a setting, coded and measured, kept in the cache.

A coded file and what is known of it are kept under `Task.key`; scores under the samples that were decoded, so that the
same samples are never measured twice.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from codec.bitstream.errors import CodecError
from codec.eval import anchor, measure, own
from codec.eval.cache import Cache, key
from codec.eval.made import Made
from codec.eval.material import Material, Source, content_hash
from codec.eval.materials import MATERIALS
from codec.eval.measure import Measure
from codec.eval.results import Coder, Point, finite


class AnchorFailed(CodecError):
    """An anchor cannot code something."""


class MeasureFailed(CodecError):
    """A measure gives what is no score of it."""


@dataclass(frozen=True)
class Task:
    """A source at a setting of a codec. key: of its coded file in the cache; measures: what to take of it."""

    medium: str
    source: Source
    coder: Coder
    setting: float
    key: str
    measures: tuple[str, ...]

    @property
    def material(self) -> Material:
        """What knows of such sources."""
        return MATERIALS[self.medium]

    def score_key(self, spec: str, decoded: str) -> str:
        """Of what one measure says of the samples with this hash."""
        taken = measure.named(self.medium, spec)
        return key(score=taken.name, identity=taken.identity(), content=self.source.item.content, decoded=decoded)


@dataclass(frozen=True)
class Coded:
    """What is kept of a coded file beside its bytes. decoded: hash of the samples that it decodes to."""

    size_bytes: int
    container_bytes: int
    decoded: str


@dataclass(frozen=True)
class Measured:
    """A point, and the titles of metrics that could not be taken of it, with the reason."""

    point: Point
    failed: dict[str, str]


def source_key(content: str) -> str:
    """Of a source in the cache, by the hash of its samples."""
    return key(source=content)


def kept(task: Task, cache: Cache) -> Point | None:
    """The point, where the cache has everything of it."""
    coded = cache.record(task.key, Coded)
    if coded is None:
        return None
    scores: dict[str, float | None] = {}
    for spec in task.measures:
        found = _kept_scores(task, spec, coded, cache)
        if found is None:
            return None
        scores |= found
    return _point(task, coded, scores)


def measure_ours(batch: list[Task], cache_folder: Path) -> list[Measured]:
    """In a worker: sources at one quality, through processes of the command line. Raises CodecError."""
    cache = Cache(cache_folder)
    with tempfile.TemporaryDirectory() as work:
        coded = [_kept_file(task, cache) for task in batch]
        fresh = [task.source.path for task, known in zip(batch, coded, strict=True) if known is None]
        setting, arguments = batch[0].setting, batch[0].coder.arguments
        new = iter(own.compressed(fresh, setting, Path(work) / "new", arguments) if fresh else [])
        files = []
        for place, known in enumerate(coded):
            path = Path(work) / f"{place:03}{own.SUFFIX}"
            path.write_bytes(next(new) if known is None else known)
            files.append(path)
        shown = own.decompressed(files, Path(work) / "shown")
        return [
            _measured(task, file.read_bytes(), 0, lambda t=task, s=path: t.material.samples(s), cache)  # type: ignore[misc]
            for task, file, path in zip(batch, files, shown, strict=True)
        ]


def measure_anchor(batch: list[Task], cache_folder: Path) -> list[Measured]:
    """In a worker: sources through an anchor. Raises AnchorFailed."""
    cache = Cache(cache_folder)
    found = []
    for task in batch:
        codec = anchor.named(task.medium, task.coder.spec)
        codec.library()  # registers plug-ins
        item = task.source.item.name
        try:
            if isinstance(codec, Made):
                size = codec.file(item, task.setting).size_bytes
                found.append(
                    _measured(task, None, size, lambda c=codec, i=item, t=task: c.samples(i, t.setting), cache)  # type: ignore[misc]
                )
                continue
            data = _kept_file(task, cache) or _bytes(codec.encode(_source(task), task.setting))
            container = len(data) - codec.payload_bytes(data)
            found.append(_measured(task, data, container, lambda c=codec, d=data: c.decode(d), cache))  # type: ignore[misc]
        except Exception as error:  # codecs of others raise what they like
            said = str(error) if isinstance(error, CodecError) else f"{type(error).__name__}: {error}"
            raise AnchorFailed(f"fails on {item}: {said}") from error
    return found


def _measured(task: Task, data: bytes | None, container: int, decode: Callable[[], Any], cache: Cache) -> Measured:
    """The point of a coded file, kept; without bytes, `container` is the size of a file that lies elsewhere."""
    x = _source(task)
    x_hat = task.material.fitted(x, decode())
    size, rest = (container, 0) if data is None else (len(data) - container, container)
    coded = Coded(size, rest, content_hash(x_hat))
    if data is not None:
        cache.keep_file(task.key, data)
    scores: dict[str, float | None] = {}
    failed: dict[str, str] = {}
    for spec in task.measures:
        found = _kept_scores(task, spec, coded, cache)
        if found is None:
            taken = measure.named(task.medium, spec)
            try:
                found = _scored(taken, x, x_hat)
            except Exception as error:  # as do metrics of others
                failed |= {m.title: f"fails on {task.source.item.name}: {error}" for m in taken.metrics}
                continue
            cache.keep(task.score_key(spec, coded.decoded), found)
        scores |= found
    cache.keep(task.key, asdict(coded))
    return Measured(_point(task, coded, scores), failed)


def _bytes(given: Any) -> bytes:
    """What an encoder gave. Raises AnchorFailed where that is no file."""
    if not isinstance(given, bytes | bytearray | memoryview):
        raise AnchorFailed(f"the encoder gave a {type(given).__name__}, expected bytes")
    if not given:
        raise AnchorFailed("the encoder gave no bytes")
    return bytes(given)


def _scored(taken: Measure, x: Any, x_hat: Any) -> dict[str, float | None]:
    """The scores of a measure. Raises MeasureFailed where they are not those that it promises."""
    given = taken.scores(x, x_hat)
    promised = [metric.key for metric in taken.metrics]
    if set(given) != set(promised):
        raise MeasureFailed(f"it gave scores of {', '.join(given)}, expected {', '.join(promised)}")
    return {key: None if score is None else finite(float(score)) for key, score in given.items()}


def _source(task: Task) -> Any:
    """The samples of the source, which codecs and metrics of others may write over."""
    return _last_source(task.medium, task.source.path).copy()


@lru_cache(maxsize=1)
def _last_source(medium: str, path: Path) -> Any:
    """Many rows of one source follow each other."""
    return MATERIALS[medium].samples(path)


def _kept_file(task: Task, cache: Cache) -> bytes | None:
    """The coded file, where it and what is known of it are kept."""
    return cache.file(task.key) if cache.record(task.key, Coded) else None


def _kept_scores(task: Task, spec: str, coded: Coded, cache: Cache) -> dict[str, float | None] | None:
    """Scores of one measure; all None where it does not want this rate."""
    taken = measure.named(task.medium, spec)
    keys = [metric.key for metric in taken.metrics]
    if not taken.wants(task.source.item, _rate(task, coded)):
        return dict.fromkeys(keys)
    found: dict[str, float | None] | None = cache.record(task.score_key(spec, coded.decoded), dict)
    return found if found is not None and set(found) == set(keys) else None


def _rate(task: Task, coded: Coded) -> float:
    return coded.size_bytes * 8 / task.source.item.extent


def _point(task: Task, coded: Coded, scores: dict[str, float | None]) -> Point:
    rate = _rate(task, coded)
    name = task.source.item.name
    return Point(name, task.coder.name, task.setting, coded.size_bytes, rate, scores, coded.container_bytes, task.key)
