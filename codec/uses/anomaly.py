"""How unusual an image or piece of audio is beside a set of ordinary ones: distances of its places to theirs.

What counts is how far each of its `places` lies from ordinary ones, beside what ordinary examples have when they are
told from all others. Distances are along axes of equal variance: to the nearest ordinary place where there are many,
as in images; to their mean where a clip is one place. The most unusual way to look at it is what is told.
Source: Roth 2022, "Towards total recall in industrial anomaly detection" (PatchCore), for the nearest; Defard 2020,
PaDiM, for means and variances; what is looked at is our own.
"""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np

from codec.arguments import Device, check_quality
from codec.bitstream.errors import CodecError, MediaError
from codec.devices import device_named
from codec.media import PathLike
from codec.media.paths import open_file
from codec.model.fixed_point import Floats
from codec.quality import DEFAULT_QUALITY
from codec.uses.coded import Source
from codec.uses.features import of_many
from codec.uses.places import KINDS, Described, Kind, Places, described

FORMAT = 2  # of what is saved
LEAST_EXAMPLES = 4
FOLDS = 10  # of examples, each told from all others
AXES = 80  # that places are compared along with the nearest, those of the largest variance
SHRINKAGE = 0.05  # share of the mean variance added to each
LEARNED_PLACES = 40_000  # that axes come from, a random choice of all
MOST_PLACES = 5_000  # of these that are kept
LEAST_SPREAD = 0.1  # of numbers that are standardised, which are logarithms
LEAST_VARIANCE = 1e-6  # along an axis
LEAST_VARIETY = 0.05  # of the logarithm of distances, from example to example
LEAST_DISTANCE = 1e-3


@dataclass(frozen=True, eq=False)
class Model:
    """Ordinary places. mean: (d,); axes: (k, d), onto which places less the mean are projected; places: (n, k) ordinary
    ones, projected, or only their mean.
    """

    mean: Floats
    axes: Floats
    places: Floats

    @classmethod
    def of(cls, kind: Kind, x: Floats) -> Model:
        """Of places (n, d), those that are kept first."""
        mean = x.mean(0)
        scale = x.std(0) + np.float32(LEAST_SPREAD) if kind.standardised else np.ones_like(mean)
        z = (x - mean) / scale
        variances, vectors = np.linalg.eigh(z.T @ z / np.float32(len(z)))
        kept = slice(-AXES if kind.nearest else None, None)
        variances, vectors = np.maximum(variances[kept], 0), vectors[:, kept]
        floor = SHRINKAGE * variances.mean() + LEAST_VARIANCE
        axes = ((vectors / np.sqrt(variances + floor)).T / scale).astype(np.float32)
        places = (x[:MOST_PLACES] - mean) @ axes.T if kind.nearest else np.zeros((1, len(axes)), np.float32)
        return cls(mean, axes, places)

    def distances(self, seen: Places) -> Floats:
        """(n,) of all places, to the nearest ordinary one."""
        squares = (self.places * self.places).sum(1)
        found = []
        for x in seen.pieces():
            z = (x - self.mean) @ self.axes.T
            found.append((z * z).sum(1) + (squares - 2 * z @ self.places.T).min(1))
        distances: Floats = np.sqrt(np.maximum(np.concatenate(found), 0))
        return distances


@dataclass(frozen=True, eq=False)
class View:
    """What is ordinary, looked at in one way. centre, spread: () of the logarithm of the distance of an example from
    all others.
    """

    kind: Kind
    model: Model
    centre: Floats
    spread: Floats

    @classmethod
    def of(cls, kind: Kind, examples: Sequence[Places]) -> View:
        """Of examples, each of which is also told from the others, in FOLDS parts."""
        chance = np.random.default_rng(0)
        count = -(-LEARNED_PLACES // len(examples))
        chosen = [seen.taken(np.sort(chance.permutation(len(seen))[:count])) for seen in examples]
        order = chance.permutation(sum(map(len, chosen)))
        owners = np.repeat(np.arange(len(examples)), [len(x) for x in chosen])[order]
        x = np.concatenate(chosen)[order]
        found: list[float] = []
        for fold in range(min(FOLDS, len(examples))):
            others = Model.of(kind, x[owners % FOLDS != fold])
            found += [_total(kind, others.distances(seen)) for seen in examples[fold::FOLDS]]
        spread = np.float32(np.std(found) + LEAST_VARIETY)
        return cls(kind, Model.of(kind, x), np.asarray(np.mean(found), np.float32), np.asarray(spread))

    @classmethod
    def of_arrays(cls, kind: Kind, held: Mapping[str, Any]) -> View:
        """Of arrays that `arrays` gave. Raises KeyError; ValueError where they cannot be such."""
        found = {name: held[f"{kind.name}.{name}"] for name in (*OF_MODELS, *OF_VIEWS)}
        mean, axes, places, centre, spread = found.values()
        shapes = [mean.shape, axes.shape, places.shape, centre.shape, spread.shape]
        if shapes != [mean.shape[:1], (len(axes), *mean.shape), (len(places), len(axes)), (), ()]:
            raise ValueError(f"shapes {shapes}")
        if any(array.dtype != np.float32 or not np.isfinite(array).all() for array in found.values()):
            raise ValueError("not all are finite float32")
        if not len(places) or spread <= 0:
            raise ValueError(f"{len(places)} places, a spread of {spread}")
        return cls(kind, Model(mean, axes, places), centre, spread)

    def arrays(self) -> dict[str, Floats]:
        """All that it is, by name."""
        found = {name: getattr(self.model, name) for name in OF_MODELS}
        found |= {name: getattr(self, name) for name in OF_VIEWS}
        return {f"{self.kind.name}.{name}": array for name, array in found.items()}

    def score(self, seen: Places) -> float:
        """How unusual places are, all in all, in standard deviations of ordinary examples."""
        return float((_total(self.kind, self.model.distances(seen)) - self.centre) / self.spread)

    def scores(self, seen: Places) -> Floats:
        """(n,) how unusual each place is beside an ordinary example, in standard deviations of these."""
        found: Floats = (np.log(self.model.distances(seen) + LEAST_DISTANCE) - self.centre) / self.spread
        return found


@dataclass(frozen=True, eq=False)
class Ordinary:
    """What is ordinary. media: "image" or "audio"; quality: that examples were coded at; views: by its KINDS."""

    media: str
    quality: float
    views: tuple[View, ...]

    @classmethod
    def of(cls, examples: Sequence[Described], quality: float) -> Ordinary:
        """Of `described` examples. Raises MediaError for too few of them, or of several media."""
        if len(examples) < LEAST_EXAMPLES:
            raise MediaError(f"{len(examples)} examples: at least {LEAST_EXAMPLES} are needed to tell what is ordinary")
        found = examples[0].media
        if any(example.media != found for example in examples):
            raise MediaError("images and audio have different features: learn from one of them")
        by_view = zip(*(example.views for example in examples), strict=True)
        return cls(found, quality, tuple(View.of(kind, seen) for kind, seen in zip(KINDS[found], by_view, strict=True)))

    def score(self, found: Described) -> float:
        """How unusual it is, in standard deviations of ordinary examples, in the way in which it is so most.

        Raises MediaError where it is of other media.
        """
        return max(self.scores(found).values())

    def scores(self, found: Described) -> dict[str, float]:
        """How unusual it is in each way, by its name. Raises as `score`."""
        return {view.kind.name: view.score(seen) for view, seen in self._seen(found)}

    def map(self, found: Described) -> Floats:
        """(h, w): how unusual each latent of an image is beside an ordinary example, in standard deviations of these.

        Raises as `score`.
        """
        shape = found.views[0].windows.shape[:2]
        heat: Floats = np.max([seen.by_latent(view.scores(seen), shape) for view, seen in self._seen(found)], 0)
        return heat

    def _seen(self, found: Described) -> Iterator[tuple[View, Places]]:
        if found.media != self.media:
            raise MediaError(f"what was learned is of other media: of {self.media}, not of {found.media}")
        return zip(self.views, found.views, strict=True)

    def save(self, file: BinaryIO) -> None:
        """Writes it, for `load`."""
        arrays: dict[str, Any] = {}
        for view in self.views:
            arrays |= view.arrays()
        np.savez_compressed(file, format=FORMAT, media=self.media, quality=self.quality, **arrays)

    @classmethod
    def load(cls, path: PathLike) -> Ordinary:
        """What was saved. Raises MediaError."""
        try:
            with open_file(path) as file, np.lib.npyio.NpzFile(file) as held:
                if "views" in held or int(held["format"]) != FORMAT:
                    raise MediaError(f"{path} was learned by another version of codec: learn anew")
                media, quality = str(held["media"]), float(held["quality"])
                check_quality(quality)
                return cls(media, quality, tuple(View.of_arrays(kind, held) for kind in KINDS[media]))
        except UNREADABLE as error:
            raise MediaError(f"{path} is not what `codec anomaly fit` writes") from error


OF_MODELS = ("mean", "axes", "places")
OF_VIEWS = ("centre", "spread")  # that are saved beside their models
# what numpy and zipfile raise for files that are no such archive, or damaged
UNREADABLE = (KeyError, ValueError, TypeError, EOFError, RuntimeError, MemoryError, zipfile.BadZipFile, zlib.error)


def _total(kind: Kind, distances: Floats) -> float:
    """The logarithm of a whole's distance: that of its most unusual place, or the mean."""
    return float(np.log((distances.mean() if kind.average else distances.max()) + LEAST_DISTANCE))


def described_many(
    sources: Iterable[Source],
    quality: float,
    *,
    workers: int | None = None,
    device: Device = "auto",
    threads: int | None = None,
) -> Iterator[Described]:
    """What is compared of each source, in order, as `features_many`. Raises: as `latents_of`, with the file's name."""
    check_quality(quality)

    def of(source: Source, threads: int | None) -> Described:
        try:
            return described(source, quality, device_named(device, threads))
        except CodecError as error:
            if isinstance(source, (str, os.PathLike)):
                raise type(error)(f"{os.fspath(source)}: {error}") from error
            raise

    for found in of_many(of, sources, workers, threads):
        if isinstance(found, CodecError):
            raise found
        yield found


def fitted(
    examples: Iterable[Source], quality: float = DEFAULT_QUALITY, *, workers: int | None = None, device: Device = "auto"
) -> Ordinary:
    """What is ordinary, learned from examples of one media, which are all in memory.

    Raises: CodecError where one cannot be read.
    """
    return Ordinary.of(list(described_many(examples, quality, workers=workers, device=device)), quality)


def surprise(source: Source, reference: Ordinary, *, device: Device = "auto") -> float:
    """How unusual an image or audio is beside what was learned by `fitted`, in standard deviations of the examples:
    about 0 to 2 where it is ordinary, more where it is not.

    Raises: as `latents_of`; TypeError for a reference of another type.
    """
    _check_reference(reference)
    return reference.score(described(source, reference.quality, device_named(device)))


def surprise_map(source: Source, reference: Ordinary, *, device: Device = "auto") -> Floats:
    """(h, w): how unusual each place of 16 x 16 pixels of an image is beside the most unusual place of an ordinary one,
    in standard deviations of these: below about 2 where nothing is wrong.

    Raises: as `surprise`; MediaError for audio.
    """
    _check_reference(reference)
    if reference.media != "image":
        raise MediaError("what was learned is of audio, and maps are of images")
    return reference.map(described(source, reference.quality, device_named(device)))


def _check_reference(reference: Any) -> None:
    if not isinstance(reference, Ordinary):
        raise TypeError(f"reference is a {type(reference).__name__}: expected what fitted or Ordinary.load gave")
