"""What is unusual, told beside plain methods: `python -m codec.eval.anomaly` prints tables of areas under the ROC.

Surfaces and machines of `oddities`: of each 100 ordinary examples are learned from, and 100 others are told from 100
odd ones, 20 of each of five kinds. An area of 1 tells all apart, 0.5 guesses. The plain methods look at grey pixels,
halved, or at log spectra; "nearest places" does what `codec.surprise` does, with pixels and spectra for latents.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import soundfile
from PIL import Image

import codec
from codec.eval import oddities
from codec.eval.components import components
from codec.media import Pixels, Samples
from codec.uses.anomaly import Described, Ordinary, described
from codec.uses.features import of_many
from codec.uses.latents import LatentData

LEARNED, ORDINARY, ODD = 100, 100, 20  # the last of each kind
FIRST_ODD = 10_000  # seed
COMPONENTS = (5, 20, 50)  # of PCA: that of the best mean counts
JPEG_QUALITY = 75
BANDS, LEAST_POWER = 64, 1e-6
Vectors = np.ndarray
Scores = Sequence[float]


@dataclass(frozen=True)
class Task:
    """Examples of one kind of surface or machine. learned, tested: images or clips; odd: the kind of each of tested,
    None where it is ordinary.
    """

    learned: list[Any]
    tested: list[Any]
    odd: list[str | None]

    @classmethod
    def of(cls, make: Callable[..., Any], kind: str, odd: Sequence[str]) -> Task:
        """make: `oddities.surface` or `oddities.hum`."""
        ordinary = [make(kind, seed) for seed in range(LEARNED + ORDINARY)]
        kinds = [name for name in odd for _ in range(ODD)]
        others = [make(kind, FIRST_ODD + number, name) for number, name in enumerate(kinds)]
        return cls(ordinary[:LEARNED], ordinary[LEARNED:] + others, [None] * ORDINARY + kinds)

    def areas(self, scores: Scores) -> dict[str, float]:
        """Under the ROC, by kind of oddity."""
        found = np.asarray(scores)
        usual = found[[odd is None for odd in self.odd]]
        return {
            kind: float(
                np.mean([(x > usual).mean() + (x == usual).mean() / 2 for x in found[np.array(self.odd) == kind]])
            )
            for kind in dict.fromkeys(odd for odd in self.odd if odd)
        }


def image_vector(x: Pixels) -> Vectors:
    """Grey pixels, halved."""
    grey = x.mean(2)
    height, width = grey.shape
    halved: Vectors = grey.reshape(height // 2, 2, width // 2, 2).mean((1, 3)).reshape(-1)
    return halved


def spectra(x: Samples) -> Vectors:
    """(frames of 20 ms, BANDS) logarithms of power, bands of equal width up to a third of the sample rate."""
    frames = x[: len(x) // 960 * 960, 0].reshape(-1, 960) * np.hanning(960)
    power = np.abs(np.fft.rfft(frames)[:, : 5 * BANDS]) ** 2
    found: Vectors = np.log10(power.reshape(len(power), BANDS, 5).mean(2) + LEAST_POWER)
    return found


def audio_vector(x: Samples) -> Vectors:
    """Spectra of a clip."""
    return spectra(x).reshape(-1)


def image_places(x: Pixels) -> LatentData:
    """Pixels as if they were latents, 16 x 16 a place."""
    rows, columns = (side // 16 for side in x.shape[:2])
    patches = x.reshape(rows, 16, columns, 16, 3).transpose(0, 2, 1, 3, 4).reshape(1, rows, columns, -1)
    return _as_latents("image", patches)


def audio_places(x: Samples) -> LatentData:
    """Spectra as if they were latents."""
    return _as_latents("audio", spectra(x)[None, None])


def _as_latents(media: str, features: Vectors) -> LatentData:
    x = features.astype(np.float32)
    nothing = np.zeros_like(x)
    return LatentData(media, x, x, nothing, nothing, nothing, (slice(None),))


def jpeg_size(x: Pixels) -> int:
    """In bytes."""
    file = io.BytesIO()
    Image.fromarray(x).save(file, "JPEG", quality=JPEG_QUALITY)
    return file.tell()


def flac_size(x: Samples) -> int:
    """In bytes."""
    file = io.BytesIO()
    soundfile.write(file, x, oddities.RATE, format="FLAC", subtype="PCM_16")
    return len(file.getvalue())


def by_codec(task: Task, quality: float) -> Scores:
    """`codec.surprise` of all."""
    sources = [(x, oddities.RATE) if x.dtype == np.float32 else x for x in task.learned + task.tested]
    found = []
    for places in of_many(described, sources, quality, workers=1, threads=1):
        if isinstance(places, codec.CodecError):
            raise places
        found.append(places)
    return by_places("audio" if isinstance(sources[0], tuple) else "image", found)


def by_places(media: str, found: Sequence[Described]) -> Scores:
    """Of the `described` places of all."""
    ordinary = Ordinary.of(media, found[:LEARNED], 0)
    return [ordinary.score(places) for places in found[LEARNED:]]


def by_size(task: Task, size: Callable[[Any], int]) -> Scores:
    """How far sizes are from their mean, smaller or larger."""
    mean = np.mean([size(x) for x in task.learned])
    return [float(abs(size(x) - mean)) for x in task.tested]


def by_components(task: Task, vector: Callable[[Any], Vectors], count: int) -> Scores:
    """Squared errors of vectors projected onto so many principal components."""
    learned, tested = (np.stack([vector(x) for x in part]) for part in (task.learned, task.tested))
    mean, axes = components(learned, count)
    beyond = (tested - mean) - (tested - mean) @ axes.T @ axes
    return [float(error) for error in (beyond**2).sum(1)]


def by_nearest(task: Task, vector: Callable[[Any], Vectors]) -> Scores:
    """Distances of vectors to the nearest."""
    learned, tested = (np.stack([vector(x) for x in part]) for part in (task.learned, task.tested))
    return [float(((learned - x) ** 2).sum(1).min()) for x in tested]


Method = Callable[[Task], Scores]


def compare(title: str, tasks: Mapping[str, Task], methods: Mapping[str, Sequence[Method]]) -> None:
    """Prints a table of areas, by kind of oddity and by task."""
    kinds = list(dict.fromkeys(odd for task in tasks.values() for odd in task.odd if odd))
    print(f"| {title} | mean | {' | '.join([*kinds, *tasks])} |\n|---|{'---|' * (1 + len(kinds) + len(tasks))}")
    for name, settings in methods.items():
        tables = [
            np.array([list(task.areas(setting(task)).values()) for task in tasks.values()]) for setting in settings
        ]
        best = max(tables, key=lambda table: float(table.mean()))
        cells = [best.mean(), *best.mean(0), *best.mean(1)]
        print(f"| {name} | {' | '.join(f'{cell:.3f}' for cell in cells)} |", flush=True)


def methods(
    media: str,
    other_codec: str,
    size: Callable[[Any], int],
    plain: str,
    vector: Callable[[Any], Vectors],
    places: Callable[[Any], LatentData],
    quality: float,
) -> dict[str, Sequence[Method]]:
    """Of one media, at each of their settings. plain: what vector and places make of an example, in a word."""
    return {
        "PCA, reconstruction error": [partial(by_components, vector=vector, count=count) for count in COMPONENTS],
        f"size of {other_codec}": [partial(by_size, size=size)],
        f"{plain}, nearest": [partial(by_nearest, vector=vector)],
        f"{plain}, nearest places": [
            lambda task: by_places(media, [described(places(x)) for x in task.learned + task.tested])
        ],
        "codec": [partial(by_codec, quality=quality)],
    }


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(prog="codec.eval.anomaly", description=__doc__)
    parser.add_argument("--image-quality", type=float, default=50, help="that surfaces are coded at; default 50")
    parser.add_argument("--audio-quality", type=float, default=50, help="that machines are coded at; default 50")
    options = parser.parse_args()
    compare(
        "surfaces",
        {kind: Task.of(oddities.surface, kind, list(oddities.DEFECTS)) for kind in oddities.SURFACES},
        methods("image", "JPEG", jpeg_size, "pixels", image_vector, image_places, options.image_quality),
    )
    print()
    compare(
        "machines",
        {kind: Task.of(oddities.hum, kind, list(oddities.FAULTS)) for kind in oddities.MACHINES},
        methods("audio", "FLAC", flac_size, "spectra", audio_vector, audio_places, options.audio_quality),
    )


if __name__ == "__main__":
    main()
