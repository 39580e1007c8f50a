"""How unusual an image or piece of audio is beside a set of ordinary ones: distances of its places to theirs.

What counts is how far each place of the latents lies from the nearest place of the ordinary ones, beside what ordinary
ones have, each without itself. Of images places are features of 16 x 16 pixels, coarse ones, of the channels that are
coded first, and all; the place where that is most counts too. Of audio, whose phases say nothing, they are logarithms
of the mean magnitudes of 100 ms, and the mean counts.
Source: Roth 2022, "Towards total recall in industrial anomaly detection" (PatchCore); features here are the codec's.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator, Sequence
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
from codec.uses.latents import LatentData, latents_of

LEAST_EXAMPLES = 4
AXES = 80  # that places are compared along, those of the largest variance
SHRINKAGE = 0.05  # share of the mean variance added to each
MOST_PLACES = 10_000  # that are kept, a random choice of all
LEAST_SPREAD = 1e-3  # of a feature
LEAST_VARIETY = 0.05  # of the logarithm of distances, from example to example
LEAST_DISTANCE = 1e-3
LEAST_MAGNITUDE = 0.1  # of features, added before logarithms
WINDOW = 5  # latents of audio, of 20 ms, whose magnitudes are taken together
COARSE = 2  # groups of channels of an image
COUNTED = {"image": slice(0, 2), "audio": slice(1, 2)}  # of `_parts`
AT_ONCE = 1024  # places whose distances are in memory together


Described = tuple[Floats, ...]  # (places, d) of each view


@dataclass(frozen=True, eq=False)
class View:
    """Ordinary places, described in one way.

    mean: (d,) of features; axes: (k, d), onto which places less the mean are projected; places: (n, k) ordinary ones,
    projected; centre, spread: (2,) of `_parts` of examples beside the places of all others.
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
        """(places,) of features (places, d), to the nearest ordinary places.

        Raises MediaError where they are those of other media.
        """
        if x.shape[1:] != self.mean.shape:
            raise MediaError("what was learned is of other media, images or audio, or of other weights")
        projected: Floats = np.matmul(x - self.mean, self.axes.T)
        return _nearest(projected, self.places)


@dataclass(frozen=True, eq=False)
class Ordinary:
    """What is ordinary. media: "image" or "audio"; quality: that examples were coded at; views: of its places."""

    media: str
    quality: float
    views: tuple[View, ...]

    @classmethod
    def of(cls, media: str, examples: Sequence[Described], quality: float) -> Ordinary:
        """Of the `described` places of examples. Raises MediaError for too few of them."""
        if len(examples) < LEAST_EXAMPLES:
            raise MediaError(f"{len(examples)} examples: at least {LEAST_EXAMPLES} are needed to tell what is ordinary")
        by_view = zip(*examples, strict=True)
        return cls(media, quality, tuple(View.of(seen, standardised=media == "audio") for seen in by_view))

    def score(self, places: Described) -> float:
        """How unusual `described` places are, in standard deviations of ordinary examples, where they are so most.

        Raises as `View.distances`.
        """
        parts = [(_parts(view.distances(x)) - view.centre) / view.spread for view, x in self._seen(places)]
        return float(np.max(np.stack(parts)[:, COUNTED[self.media]]))

    def map(self, places: Described) -> Floats:
        """(places,) of `described` places: how unusual each is beside the most unusual place of an ordinary example, in
        standard deviations of these. Raises as `View.distances`.
        """
        parts = [
            (np.log(view.distances(x) + LEAST_DISTANCE) - view.centre[0]) / view.spread[0]
            for view, x in self._seen(places)
        ]
        found: Floats = np.max(parts, 0)
        return found

    def _seen(self, places: Described) -> Iterator[tuple[View, Floats]]:
        return zip(self.views, places, strict=True)

    def save(self, file: BinaryIO) -> None:
        """Writes it, for `load`."""
        arrays: dict[str, Any] = {
            f"{name}{number}": array for number, view in enumerate(self.views) for name, array in vars(view).items()
        }
        np.savez_compressed(file, media=self.media, quality=self.quality, views=len(self.views), **arrays)

    @classmethod
    def load(cls, path: PathLike) -> Ordinary:
        """What was saved. Raises MediaError."""
        try:
            with open_file(path) as file, np.load(file, allow_pickle=False) as held:
                views = [
                    View(*(held[f"{name}{number}"] for name in View.__dataclass_fields__))
                    for number in range(int(held["views"]))
                ]
                return cls(str(held["media"]), float(held["quality"]), tuple(views))
        except (KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
            raise MediaError(f"{path} is not what `codec anomaly fit` writes") from error


def described(data: LatentData) -> Described:
    """(places, d) of each view: features of an image, or logarithms of mean magnitudes of those of audio."""
    x = data.features
    if not x.size:
        raise CodecError("there is nothing in it")
    if data.media == "audio":
        padded = np.pad(np.abs(x), ((0, 0), (0, 0), (WINDOW // 2, WINDOW // 2), (0, 0)), "edge")
        means = np.lib.stride_tricks.sliding_window_view(padded, WINDOW, 2).mean(-1)
        views = [np.log10(means + np.float32(LEAST_MAGNITUDE))]
    else:
        views = [x[..., : data.groups[:COARSE][-1].stop], x]
    return tuple(view.reshape(-1, view.shape[-1]) for view in views)


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
    places: list[Described] = []
    media = ""

    def noted(data: LatentData) -> tuple[str, Described]:
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
    return reference.score(described(latents_of(source, reference.quality, device=device)))


def surprise_map(source: Source, reference: Ordinary, *, device: Device = "auto") -> Floats:
    """(h, w): how unusual each place of 16 x 16 pixels of an image is beside the most unusual place of an ordinary one,
    in standard deviations of these: below about 2 where nothing is wrong.

    Raises: as `latents_of`; MediaError for audio.
    """
    if reference.media != "image":
        raise MediaError("what was learned is of audio, and maps are of images")
    data = latents_of(source, reference.quality, device=device)
    return reference.map(described(data)).reshape(data.features.shape[1:3])
