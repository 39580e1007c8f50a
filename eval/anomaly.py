"""What is unusual, told beside plain methods: `python -m codec.eval.anomaly` prints tables of areas under the ROC.

Surfaces and machines of `oddities`: of each 100 ordinary examples are learned from, and 100 others are told from 100
odd ones, 20 of each of five kinds. An area of 1 tells all apart, 0.5 guesses. The plain methods look at grey pixels,
halved, or at log spectra.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import soundfile
from PIL import Image

from codec.eval import oddities
from codec.eval.components import components
from codec.media import Pixels, Samples
from codec.uses.anomaly import Ordinary, described_many

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


def by_codec(task: Task, quality: float) -> dict[str, Scores]:
    """`codec.surprise` of all, and of its latents alone and what it looks at besides alone."""
    is_audio = task.learned[0].dtype == np.float32
    sources = [(x, oddities.RATE) if is_audio else x for x in task.learned + task.tested]
    found = list(described_many(sources, quality, workers=1, threads=1))
    ordinary = Ordinary.of(found[:LEARNED], quality)
    scores = [ordinary.scores(one) for one in found[LEARNED:]]
    return {
        "`surprise`, latents alone": [one["latents"] for one in scores],
        f"`surprise`, {'spectra' if is_audio else 'pixels'} alone": [
            max(score for name, score in one.items() if name != "latents") for one in scores
        ],
        "`surprise`": [max(one.values()) for one in scores],
    }


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


def rows(
    task: Task,
    other_codec: str,
    size: Callable[[Any], int],
    plain: str,
    vector: Callable[[Any], Vectors],
    quality: float,
) -> dict[str, list[Scores]]:
    """Scores of all methods at each of their settings. plain: what vector makes of an example, in a word."""
    return {
        "PCA, reconstruction error": [by_components(task, vector, count) for count in COMPONENTS],
        f"size of {other_codec}": [by_size(task, size)],
        f"{plain}, nearest": [by_nearest(task, vector)],
        **{name: [scores] for name, scores in by_codec(task, quality).items()},
    }


def compare(title: str, tasks: Mapping[str, Task], methods: Callable[[Task], dict[str, list[Scores]]]) -> None:
    """Prints a table of areas, by kind of oddity and by task."""
    kinds = list(dict.fromkeys(odd for task in tasks.values() for odd in task.odd if odd))
    print(f"| {title} | mean | {' | '.join([*kinds, *tasks])} |\n|---|{'---|' * (1 + len(kinds) + len(tasks))}")
    found = [(task, methods(task)) for task in tasks.values()]
    for name, settings in found[0][1].items():
        tables = [
            np.array([list(task.areas(scores[name][number]).values()) for task, scores in found])
            for number in range(len(settings))
        ]
        best = max(tables, key=lambda table: float(table.mean()))
        cells = [best.mean(), *best.mean(0), *best.mean(1)]
        print(f"| {name} | {' | '.join(f'{cell:.3f}' for cell in cells)} |", flush=True)


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(prog="codec.eval.anomaly", description=__doc__)
    parser.add_argument("--image-quality", type=float, default=50, help="that surfaces are coded at; default 50")
    parser.add_argument("--audio-quality", type=float, default=50, help="that machines are coded at; default 50")
    options = parser.parse_args()
    compare(
        "surfaces",
        {kind: Task.of(oddities.surface, kind, list(oddities.DEFECTS)) for kind in oddities.SURFACES},
        lambda task: rows(task, "JPEG", jpeg_size, "pixels", image_vector, options.image_quality),
    )
    print()
    compare(
        "machines",
        {kind: Task.of(oddities.hum, kind, list(oddities.FAULTS)) for kind in oddities.MACHINES},
        lambda task: rows(task, "FLAC", flac_size, "spectra", audio_vector, options.audio_quality),
    )


if __name__ == "__main__":
    main()
