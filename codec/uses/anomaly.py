"""How unusual an image or piece of audio is beside a set of ordinary ones: distances of its places to theirs.

What counts is how far each place of the latents lies from the nearest place of the ordinary ones, beside what ordinary
ones have, each without itself. Of images places are features of 16 x 16 pixels, and the place where that is most counts
too; of audio, whose phases say nothing, they are logarithms of the mean magnitudes of 100 ms, and the mean counts.
Source: Roth 2022, "Towards total recall in industrial anomaly detection" (PatchCore); features here are the codec's.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np

from codec.arguments import Device
from codec.bitstream.errors import CodecError, MediaError
from codec.media import PathLike
from codec.media.paths import open_file
from codec.model.fixed_point import Floats
from codec.quality import DEFAULT_QUALITY
from codec.uses.coded import Source
from codec.uses.features import of_many
from codec.uses.latents import LatentData

LEAST_EXAMPLES = 4
AXES = 80  # that places are compared along, those of the largest variance
SHRINKAGE = 0.05  # share of the mean variance added to each
MOST_PLACES = 10_000  # that are kept, a random choice of all
LEAST_SPREAD = 1e-3  # of a feature
LEAST_VARIETY = 0.05  # of the logarithm of distances, from example to example
LEAST_DISTANCE = 1e-3
LEAST_MAGNITUDE = 0.1  # of features, added before logarithms
WINDOW = 5  # latents of audio, of 20 ms, whose magnitudes are taken together
AT_ONCE = 1024  # places whose distances are in memory together


@dataclass(frozen=True, eq=False)
class View:
    """Ordinary places, looked at in one way.

    mean: (d,) of features; axes: (k, d), onto which places less the mean are projected; places: (n, k) ordinary ones,
    projected; centre, spread: (2,) of `_parts` of ordinary examples beside the places of all others.
    """

    mean: Floats
    axes: Floats
    places: Floats
    centre: Floats
    spread: Floats

    @classmethod
    def of(cls, examples: Sequence[Floats], standardised: bool) -> View:
        """Of the features (places, d) of examples. standardised: whether all features count alike at first."""
        x = np.concatenate(examples)
        mean = x.mean(0)
        scale = x.std(0) + np.float32(LEAST_SPREAD) if standardised else np.ones_like(mean)
        z = (x - mean) / scale
        variances, vectors = np.linalg.eigh(z.T @ z / np.float32(len(z)))
        variances, vectors = np.maximum(variances[::-1][:AXES], 0), vectors[:, ::-1][:, :AXES]
        floor = SHRINKAGE * variances.mean() + LEAST_SPREAD**2
        axes = ((vectors / np.sqrt(variances + floor)).T / scale).astype(np.float32)
        chosen = np.sort(np.random.default_rng(0).permutation(len(x))[:MOST_PLACES])
        owners = np.repeat(np.arange(len(examples)), [len(example) for example in examples])[chosen]
        places: Floats = (x[chosen] - mean) @ axes.T
        parts = np.stack(
            [
                _parts(_nearest((example - mean) @ axes.T, places[owners != number]))
                for number, example in enumerate(examples)
            ]
        )
        spread = parts.std(0) + np.float32(LEAST_VARIETY)
        return cls(*(array.astype(np.float32) for array in (mean, axes, places, parts.mean(0), spread)))

    def distances(self, x: Floats) -> Floats:
        """(places,) of features (places, d), to the nearest ordinary places."""
        projected: Floats = np.matmul(x - self.mean, self.axes.T)
        return _nearest(projected, self.places)


@dataclass(frozen=True, eq=False)
class Ordinary:
    """What is ordinary. media: "image" or "audio"; view: of its places; quality: that examples were coded at."""

    media: str
    view: View
    quality: float

    @classmethod
    def of(cls, media: str, examples: Sequence[Floats], quality: float) -> Ordinary:
        """Of the `described` places of examples. Raises MediaError for too few of them."""
        if len(examples) < LEAST_EXAMPLES:
            raise MediaError(f"{len(examples)} examples: at least {LEAST_EXAMPLES} are needed to tell what is ordinary")
        return cls(media, View.of(examples, standardised=media == "audio"), quality)

    def score(self, places: Floats) -> float:
        """How unusual `described` places are, in standard deviations of ordinary examples.

        Raises MediaError where they are those of other media.
        """
        if places.shape[1:] != self.view.mean.shape:
            raise MediaError("what was learned is of other media, images or audio, or of other weights")
        most, mean = (_parts(self.view.distances(places)) - self.view.centre) / self.view.spread
        return float(mean if self.media == "audio" else max(most, mean))

    def save(self, file: BinaryIO) -> None:
        """Writes it, for `load`."""
        arrays: dict[str, Any] = vars(self.view)
        np.savez_compressed(file, media=self.media, quality=self.quality, **arrays)

    @classmethod
    def load(cls, path: PathLike) -> Ordinary:
        """What was saved. Raises MediaError."""
        try:
            with open_file(path) as file, np.load(file, allow_pickle=False) as held:
                view = View(*(held[part] for part in View.__dataclass_fields__))
                return cls(str(held["media"]), view, float(held["quality"]))
        except (KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
            raise MediaError(f"{path} is not what `codec anomaly fit` writes") from error


def described(data: LatentData) -> Floats:
    """(places, M) features of an image, or logarithms of mean magnitudes of those of audio."""
    x = data.features
    if not x.size:
        raise CodecError("there is nothing in it")
    if data.media == "audio":
        padded = np.pad(np.abs(x), ((0, 0), (0, 0), (WINDOW // 2, WINDOW // 2), (0, 0)), "edge")
        means = np.lib.stride_tricks.sliding_window_view(padded, WINDOW, 2).mean(-1)
        x = np.log10(means + np.float32(LEAST_MAGNITUDE))
    return x.reshape(-1, x.shape[-1])


def _nearest(x: Floats, places: Floats) -> Floats:
    """(m,) distances of x (m, k) to the nearest of places (n, k)."""
    squares = (places * places).sum(1)
    found = [
        (piece * piece).sum(1) + (squares - 2 * piece @ places.T).min(1)
        for piece in np.split(x, range(AT_ONCE, len(x), AT_ONCE))
    ]
    distances: Floats = np.sqrt(np.maximum(np.concatenate(found), 0))
    return distances


def _parts(distances: Floats) -> Floats:
    """(2,) logarithms of the largest of all distances and of their mean."""
    return np.log(np.array([distances.max(), distances.mean()]) + LEAST_DISTANCE)


def fitted(
    examples: Iterable[Source], quality: float = DEFAULT_QUALITY, *, workers: int | None = None, device: Device = "auto"
) -> Ordinary:
    """What is ordinary, learned from examples of one media, the features of all of which are in memory.

    Raises: CodecError where one cannot be read.
    """
    places: list[Floats] = []
    media = ""

    def noted(data: LatentData) -> tuple[str, Floats]:
        return data.media, described(data)

    for found in of_many(noted, examples, quality, workers=workers, device=device):
        if isinstance(found, CodecError):
            raise found
        if places and found[0] != media:
            raise MediaError("images and audio have different features: learn from one of them")
        media = found[0]
        places.append(found[1])
    return Ordinary.of(media, places, quality)


def surprise(source: Source, reference: Ordinary, *, device: Device = "auto") -> float:
    """How unusual an image or audio is beside what was learned by `fitted`, in standard deviations of the examples:
    about 0 to 2 where it is ordinary, more where it is not.

    Raises: as `latents_of`.
    """
    (found,) = of_many(described, [source], reference.quality, workers=1, device=device)
    if isinstance(found, CodecError):
        raise found
    return reference.score(found)
