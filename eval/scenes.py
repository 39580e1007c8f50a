"""Images to look at: ours beside every anchor at our size, cropped to where ours is furthest from the original.

The worst, the middle and the best image by BD-rate; for a sheet, the worst by every metric too, beside fewer anchors.
Lossless, so that what is seen is what the codecs did.
"""

from __future__ import annotations

import base64
import io
import math
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import as_completed
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from codec.eval import anchor, own
from codec.eval.anchor import Anchor
from codec.eval.cache import Cache, key
from codec.eval.comparison import Comparison
from codec.eval.made import Made
from codec.eval.material import Source
from codec.eval.metrics import psnr_db, rgb
from codec.eval.pool import workers
from codec.eval.results import OWN, Coder, Results, finite
from codec.media import ImageData, Pixels, image_bytes, read_image

CROP_WIDTH, CROP_HEIGHT = 384, 288
CROP_STEP = 16
BUDGET_BYTES = 18 << 20  # of the images inside the report, as text
SHEET_SCENES = 12
SHEET_ANCHORS = ("avif420", "avif", "jpegxl")  # beside ours on a sheet, of those that took part
SHEET_COLUMNS = 2  # of anchors
TRIALS = 6  # of a setting that is no whole number


@dataclass(frozen=True)
class Shown:
    """A crop as a data URI. name: of the codec, "" for the original; size_bytes, psnr_db: of the whole image."""

    name: str
    title: str
    setting: float | None
    size_bytes: int | None
    psnr_db: float | None
    uri: str


@dataclass(frozen=True)
class Scene:
    """One place of an image through all codecs. why: worst, middle or best; x, y: of the crop."""

    item: str
    why: str
    x: int
    y: int
    width: int
    height: int
    shown: list[Shown]


@dataclass(frozen=True)
class _Job:
    """An image to code to a size. aim: our quality, or the bytes that an anchor should take; low, high: settings."""

    source: Source
    coder: Coder
    aim: float
    low: float
    high: float

    @property
    def key(self) -> str:
        said = (
            list(self.coder.arguments)
            if self.coder.name == OWN
            else anchor.named("images", self.coder.spec).save_options(self.low)
        )
        return key(
            scene=self.source.item.content,
            coder=self.coder.name,
            library=self.coder.library,
            options=said,
            aim=self.aim,
            high=self.high,
        )


@dataclass(frozen=True)
class _Coded:
    """What a job came to; its image is beside it in the cache."""

    setting: float
    size_bytes: int


def scenes(
    results: Results,
    comparison: Comparison,
    sources: Sequence[Source],
    cache: Cache,
    progress: Callable[[int, int], object],
    sheet: bool = False,
    processes: int | None = None,
) -> list[Scene]:
    """The images for the report; fewer where the folder is small or the budget is spent.

    sheet: also those of a sheet; processes: that share the work, None: one a core.
    """
    by_name = {source.item.name: source for source in sources}
    chosen = {by_name[name]: why for name, why in _chosen(comparison.ranked()).items()}
    extra = _worst_of_all(results, comparison) if sheet else {}
    further = {by_name[name]: why for name, why in extra.items() if by_name[name] not in chosen}
    setting = min(results.mean_points(results.ours.name), key=lambda row: abs(row[1] - results.medium.shown_rate))[0]
    jobs = {
        source: [
            _Job(source, results.ours, setting, setting, setting),
            *(_matching(results, source, coder, setting) for coder in coders),
        ]
        for group, coders in ((chosen, results.anchors), (further, beside(results)))
        for source in group
    }
    chosen |= further
    _run([job for of_source in jobs.values() for job in of_source], cache, progress, processes)
    found: list[Scene] = []
    spent = 0
    for source, of_source in jobs.items():
        scene = _scene(source, chosen[source], of_source, cache)
        spent += sum(len(shown.uri) for shown in scene.shown)
        if spent > BUDGET_BYTES and found:
            break
        found.append(scene)
    return found


def beside(results: Results) -> list[Coder]:
    """The anchors of a sheet."""
    wanted = [coder for name in SHEET_ANCHORS for coder in results.anchors if coder.name == name]
    if {"avif420", "avif"} <= {coder.name for coder in wanted}:
        wanted = [coder for coder in wanted if coder.name != "avif"]
    return [*wanted, *(coder for coder in results.anchors if coder not in wanted)][:SHEET_COLUMNS]


def _worst_of_all(results: Results, comparison: Comparison) -> dict[str, str]:
    """The worst items of each metric in turn, that of the ranking first, as many as a sheet holds; and why."""
    metrics = sorted(results.medium.in_deltas, key=lambda metric: metric.key != comparison.ranked_by)
    found: dict[str, str] = {}
    for place in range(len(results.items)):
        for metric in metrics:
            ranked = comparison.ranked(metric.key)
            if place < len(ranked) and len(found) < SHEET_SCENES:
                found.setdefault(ranked[place], f"worst {place + 1} by {metric.title}".replace("worst 1 ", "worst "))
    return found


def _chosen(worst_first: Sequence[str]) -> dict[str, str]:
    """Names and why they are shown, the worst first; one of two has no middle, one of one is the worst."""
    places = {"middle": worst_first[len(worst_first) // 2], "best": worst_first[-1], "worst": worst_first[0]}
    reasons = {name: why for why, name in places.items()}
    return {name: reasons[name] for name in worst_first if name in reasons}


def _matching(results: Results, source: Source, coder: Coder, quality: float) -> _Job:
    """An anchor to the size of our file, its setting between two rungs of its ladder."""
    ours = results.points_of(results.ours.name, source.item.name)
    aim = next(point.size_bytes for point in ours if point.setting == quality)
    rungs = sorted((p.size_bytes, p.setting) for p in results.points_of(coder.name, source.item.name))
    low = [setting for size, setting in rungs if size <= aim][-1:] or [rungs[0][1]]
    high = [setting for size, setting in rungs if size > aim][:1] or [rungs[-1][1]]
    return _Job(source, coder, aim, *low, *high)


def _run(
    jobs: Sequence[_Job], cache: Cache, progress: Callable[[int, int], object], processes: int | None = None
) -> None:
    """Fills the cache with what is missing."""
    missing = [job for job in jobs if cache.record(job.key, _Coded) is None or cache.file(job.key) is None]
    progress(0, len(missing))
    if not missing:
        return
    with workers(len(missing), processes) as pool:
        futures = [pool.submit(_code, job, cache.folder) for job in missing]
        for done, future in enumerate(as_completed(futures), 1):
            future.result()
            progress(done, len(missing))


def _code(job: _Job, cache_folder: Path) -> None:
    """In a worker."""
    if job.coder.name == OWN:
        setting = job.aim
        with tempfile.TemporaryDirectory() as work:
            data, decoded = own.code(job.source.path, setting, Path(work), job.coder.arguments)
            x_hat = read_image(decoded).pixels
    else:
        codec = anchor.named("images", job.coder.spec)
        codec.library()  # registers plug-ins
        if isinstance(codec, Made):
            setting, size, x_hat = _nearest_made(job, codec)
            data = bytes(size)
        else:
            setting, data = _nearest(job, codec)
            x_hat = codec.decode(data)
    cache = Cache(cache_folder)
    cache.keep_file(job.key, image_bytes(ImageData(rgb(x_hat)), ".png"))
    cache.keep(job.key, asdict(_Coded(setting, len(data))))


def _nearest(job: _Job, codec: Anchor) -> tuple[float, bytes]:
    """The setting whose file is nearest to the size aimed at, and the file."""
    pixels = read_image(job.source.path).pixels
    tried = {setting: codec.encode(pixels, setting) for setting in {job.low, job.high}}
    low, high = job.low, job.high
    for _ in range(TRIALS):
        middle = (low + high) / 2
        middle = float(math.floor(middle)) if codec.whole else middle
        if middle in tried:
            break
        tried[middle] = codec.encode(pixels, middle)
        low, high = (middle, high) if len(tried[middle]) <= job.aim else (low, middle)
    return min(tried.items(), key=lambda pair: abs(math.log(len(pair[1]) / job.aim)))


def _nearest_made(job: _Job, codec: Made) -> tuple[float, int, Pixels]:
    """The setting, the size and the pixels of the file that is nearest to the size aimed at."""
    item = job.source.item.name
    sizes = {setting: codec.file(item, setting).size_bytes for setting in (job.low, job.high)}
    setting = min(sizes, key=lambda s: abs(math.log(sizes[s] / job.aim)))
    return setting, sizes[setting], codec.samples(item, setting)


def _scene(source: Source, why: str, jobs: Sequence[_Job], cache: Cache) -> Scene:
    x = rgb(read_image(source.path).pixels)
    decoded = [read_image(cache.file(job.key) or b"").pixels for job in jobs]
    left, top, width, height = furthest(x, decoded[0])
    rows, columns = slice(top, top + height), slice(left, left + width)
    shown = [Shown("", "Original", None, None, None, data_uri(x[rows, columns]))]
    for job, x_hat in zip(jobs, decoded, strict=True):
        coded = cache.record(job.key, _Coded)
        assert coded
        shown.append(
            Shown(
                name=job.coder.name,
                title=job.coder.title,
                setting=coded.setting,
                size_bytes=coded.size_bytes,
                psnr_db=finite(psnr_db(x, x_hat)),
                uri=data_uri(x_hat[rows, columns]),
            )
        )
    return Scene(source.item.name, why, left, top, width, height, shown)


def furthest(x: Pixels, x_hat: Pixels) -> tuple[int, int, int, int]:
    """Left, top, width, height of the crop with the largest squared error."""
    height, width = min(CROP_HEIGHT, x.shape[0]), min(CROP_WIDTH, x.shape[1])
    error = ((x.astype(np.float64) - x_hat) ** 2).sum(2)
    total = np.pad(error.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    tops = np.arange(0, x.shape[0] - height + 1, CROP_STEP)[:, None]
    lefts = np.arange(0, x.shape[1] - width + 1, CROP_STEP)[None, :]
    inside = total[tops + height, lefts + width] - total[tops, lefts + width] - total[tops + height, lefts]
    row, column = np.unravel_index(np.argmax(inside + total[tops, lefts]), inside.shape)
    return int(lefts[0, column]), int(tops[row, 0]), width, height


def data_uri(pixels: Pixels) -> str:
    """Pixels as a lossless WebP inside a page."""
    out = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(out, "WEBP", lossless=True, quality=100, method=4)
    return "data:image/webp;base64," + base64.b64encode(out.getvalue()).decode()
