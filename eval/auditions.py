"""Clips to hear and to see: an excerpt of the original, of ours and of the next codec at our rate, with spectrograms.

The worst clip of every class and the best of all, cut to where ours is furthest from the original; without loss, so
that what is heard is what the codecs did.
"""

from __future__ import annotations

import base64
import io
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from codec.eval import anchor, own
from codec.eval.audio_anchors import RATE
from codec.eval.audio_metrics import mel_distance
from codec.eval.cache import Cache, key
from codec.eval.comparison import Comparison
from codec.eval.made import Made
from codec.eval.material import Source
from codec.eval.results import OWN, Coder, Point, Results
from codec.media import AudioData, Samples, audio_bytes, read_audio

EXCERPT_S = 5.0
STEP_S = 0.5  # between the places that are tried
HEARD = 2  # codecs beside the original: ours and the next
BUDGET_BYTES = 12 << 20  # of the clips inside the report, as text

WINDOW, ADVANCE = 1024, 256  # samples, of spectrograms
TOP_HZ = 20_000
RANGE_DB = 90
IMAGE_WIDTH, IMAGE_HEIGHT = 640, 220


@dataclass(frozen=True)
class Heard:
    """An excerpt. name: of the codec, "" for the original; rate, scores: of the whole clip; audio, spectrogram: data
    URIs.
    """

    name: str
    title: str
    setting: float | None
    rate: float | None
    scores: dict[str, float | None]
    audio: str
    spectrogram: str


@dataclass(frozen=True)
class Audition:
    """One place of a clip. why: it was chosen; start_s: of the excerpt."""

    item: str
    why: str
    start_s: float
    duration_s: float
    top_hz: int
    heard: list[Heard]


def auditions(
    results: Results,
    comparison: Comparison,
    sources: Sequence[Source],
    cache: Cache,
    progress: Callable[[int, int], object],
) -> list[Audition]:
    """The clips for the report; fewer where the budget is spent."""
    by_name = {source.item.name: source for source in sources}
    chosen = _chosen(results, comparison)
    progress(0, len(chosen))
    found: list[Audition] = []
    spent = 0
    for done, (name, why) in enumerate(chosen.items(), 1):
        audition = _audition(results, by_name[name], why, cache)
        spent += sum(len(heard.audio) + len(heard.spectrogram) for heard in audition.heard)
        if spent > BUDGET_BYTES and found:
            break
        found.append(audition)
        progress(done, len(chosen))
    return found


def _chosen(results: Results, comparison: Comparison) -> dict[str, str]:
    """Names and why they are heard."""
    order = comparison.worst_first
    groups = results.groups or {"all": order}
    found = {next(name for name in order if name in items): f"worst {group}" for group, items in groups.items()}
    found.setdefault(comparison.ranked()[-1], "best of all")
    return found


def _audition(results: Results, source: Source, why: str, cache: Cache) -> Audition:
    x = read_audio(source.path).samples
    points = _points(results, source.item.name)
    decoded = [_decoded(source, coder, point, cache)[: len(x)] for coder, point in points]
    start, end = _furthest(x, decoded[0])
    loudest = float(np.max(_power(x[start:end])))
    heard = [Heard("", "Original", None, None, {}, _audio_uri(x[start:end]), _image_uri(x[start:end], loudest))]
    for (coder, point), x_hat in zip(points, decoded, strict=True):
        excerpt = x_hat[start:end]
        heard.append(
            Heard(
                name=coder.name,
                title=coder.title,
                setting=point.setting,
                rate=point.rate,
                scores=point.scores,
                audio=_audio_uri(excerpt),
                spectrogram=_image_uri(excerpt, loudest),
            )
        )
    return Audition(source.item.name, why, start / RATE, (end - start) / RATE, TOP_HZ, heard)


def _points(results: Results, item: str) -> list[tuple[Coder, Point]]:
    """Ours near the common rate, and the next codec near the rate that ours has there."""
    found: list[tuple[Coder, Point]] = []
    aim = results.medium.shown_rate
    for coder in results.coders[:HEARD]:
        point = min(results.points_of(coder.name, item), key=lambda p: abs(np.log(p.rate / aim)))
        found.append((coder, point))
        aim = point.rate
    return found


def _decoded(source: Source, coder: Coder, point: Point, cache: Cache) -> Samples:
    """A clip through a codec, from the cache where it was before."""
    name = key(audition=source.item.content, coder=coder.name, library=coder.library, setting=point.setting)
    kept = cache.file(name)
    if kept is None:
        kept = audio_bytes(AudioData(_coded(source, coder, point.setting).clip(-1, 1), RATE), ".flac")
        cache.keep_file(name, kept)
    return read_audio(kept).samples


def _coded(source: Source, coder: Coder, setting: float) -> Samples:
    if coder.name == OWN:
        with tempfile.TemporaryDirectory() as work:
            _, shown = own.code(source.path, setting, Path(work), coder.arguments)
            return read_audio(shown).samples
    codec = anchor.named("audio", coder.spec)
    if isinstance(codec, Made):
        return codec.samples(source.item.name, setting)  # type: ignore[no-any-return]
    return codec.decode(codec.encode(read_audio(source.path).samples, setting))  # type: ignore[no-any-return]


def _furthest(x: Samples, x_hat: Samples) -> tuple[int, int]:
    """Start and end of the excerpt with the largest mel distance."""
    length = min(len(x), int(EXCERPT_S * RATE))
    starts = range(0, len(x) - length + 1, int(STEP_S * RATE))
    start = max(starts, key=lambda s: mel_distance(x[s : s + length], x_hat[s : s + length]))
    return start, start + length


def _power(x: Samples) -> npt.NDArray[np.float64]:
    """(frequencies, frames) of the mean of both channels."""
    frames = np.lib.stride_tricks.sliding_window_view(x.mean(axis=1), WINDOW)[::ADVANCE]
    spectra = np.fft.rfft(frames * np.hanning(WINDOW))[:, : TOP_HZ * WINDOW // RATE]
    return np.abs(spectra.T) ** 2


def _image_uri(x: Samples, loudest: float) -> str:
    """A spectrogram, low tones below, as bright as it is loud in decibels."""
    from matplotlib import colormaps

    level_db = 10 * np.log10(np.maximum(_power(x) / (loudest or 1), 10 ** (-RANGE_DB / 10)))
    shade = colormaps["magma"](1 + level_db[::-1] / RANGE_DB, bytes=True)[:, :, :3]
    image = Image.fromarray(np.ascontiguousarray(shade)).resize((IMAGE_WIDTH, IMAGE_HEIGHT), Image.Resampling.BOX)
    out = io.BytesIO()
    image.save(out, "WEBP", quality=80)
    return "data:image/webp;base64," + base64.b64encode(out.getvalue()).decode()


def _audio_uri(x: Samples) -> str:
    return "data:audio/flac;base64," + base64.b64encode(audio_bytes(AudioData(x, RATE), ".flac")).decode()
