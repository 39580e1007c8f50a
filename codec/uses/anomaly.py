"""How unusual an image or piece of audio is beside a set of ordinary ones: distance of latent features.

Features (`features.pooled`) of the ordinary ones are taken as Gaussian; the score is the Mahalanobis distance, with
variances shrunk towards their mean, as there are more features than examples. Source: Rippel 2021, "Modeling the
distribution of normal data in pre-trained deep features for anomaly detection"; here the features are the codec's.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
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
from codec.uses.features import features_many

LEAST_EXAMPLES = 4
SHRINKAGE = 0.1  # share of the mean variance in each
LEAST_SPREAD = 1e-3  # of a feature


@dataclass(frozen=True, eq=False)
class Ordinary:
    """What is ordinary. mean, spread: (d,) of features; axes: (k, d) orthonormal, of standardised ones; variances: (k,)
    along them; rest: the variance along all others; quality: that examples were coded at.
    """

    mean: Floats
    spread: Floats
    axes: Floats
    variances: Floats
    rest: float
    quality: float

    @classmethod
    def of(cls, features: Floats, quality: float) -> Ordinary:
        """Of the features (n, d) of examples. Raises MediaError for too few of them."""
        count = len(features)
        if count < LEAST_EXAMPLES:
            raise MediaError(f"{count} examples: at least {LEAST_EXAMPLES} are needed to tell what is ordinary")
        mean, spread = features.mean(0), features.std(0) + LEAST_SPREAD
        _, sizes, axes = np.linalg.svd((features - mean) / spread, full_matrices=False)
        variances = sizes[: count - 1] ** 2 / (count - 1)
        floor = SHRINKAGE * float(variances.sum()) / min(count - 1, features.shape[1])
        variances = (1 - SHRINKAGE) * variances + floor
        return cls(mean, spread, axes[: count - 1], variances.astype(np.float32), floor, quality)

    def score(self, vector: Floats) -> float:
        """How far features (d,) lie from what is ordinary, in standard deviations a feature: about 1 for ordinary ones.

        Raises MediaError where they are those of other media.
        """
        if vector.shape != self.mean.shape:
            raise MediaError("what was learned is of other media, images or audio, or of other weights")
        x = (vector - self.mean) / self.spread
        along = self.axes @ x
        beyond = max(float(x @ x - along @ along), 0.0)
        return float(np.sqrt((float((along**2 / self.variances).sum()) + beyond / self.rest) / len(x)))

    def save(self, file: BinaryIO) -> None:
        """Writes it, for `load`."""
        arrays: dict[str, Any] = vars(self)
        np.savez_compressed(file, **arrays)

    @classmethod
    def load(cls, path: PathLike) -> Ordinary:
        """What was saved. Raises MediaError."""
        try:
            with open_file(path) as file, np.load(file, allow_pickle=False) as held:
                arrays = {name: held[name] for name in cls.__dataclass_fields__}
        except (KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
            raise MediaError(f"{path} is not what `codec anomaly fit` writes") from error
        rest, quality = float(arrays.pop("rest")), float(arrays.pop("quality"))
        return cls(**arrays, rest=rest, quality=quality)


def fitted(
    examples: Iterable[Source], quality: float = DEFAULT_QUALITY, *, workers: int | None = None, device: Device = "auto"
) -> Ordinary:
    """What is ordinary, learned from examples of one media. Raises CodecError where one cannot be read."""
    vectors: list[Floats] = []
    for found in features_many(examples, quality, workers=workers, device=device):
        if isinstance(found, CodecError):
            raise found
        if vectors and len(found) != len(vectors[0]):
            raise MediaError("images and audio have different features: learn from one of them")
        vectors.append(found)
    return Ordinary.of(np.stack(vectors) if vectors else np.zeros((0, 1), np.float32), quality)


def surprise(source: Source, reference: Ordinary, *, device: Device = "auto") -> float:
    """How unusual an image or audio is beside what was learned by `fitted`: about 1 where it is ordinary, more where
    it is not.

    Raises: as `latents_of`.
    """
    (found,) = features_many([source], reference.quality, workers=1, device=device)
    if isinstance(found, CodecError):
        raise found
    return reference.score(found)
