"""What features tell: `python -m codec.eval.probes [TAR...]` prints how often linear classifiers of them are right.

Images are the digits of scikit-learn, 8 x 8 pixels four times as large, and pieces of the three textures that are in
the wheel of scikit-image; the features are those of the codec, principal components and histograms of oriented
gradients (HOG). Each TAR holds clips whose names end in -KIND.SUFFIX, such as 00000-music.opus, two seconds of which
are told apart by kind; the features are those of the codec, and means and spreads of 20 cepstral coefficients (MFCC).
Logistic regression on standardised features, five folds; textures are tested on parts of the images that were not
learned from.
"""

from __future__ import annotations

import argparse
import io
import sys
import tarfile
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from pathlib import PurePath
from typing import Any

import numpy as np

import codec
from codec import media
from codec.eval.audio_metrics import mel_bands
from codec.eval.components import components
from codec.media import Pixels, Samples
from codec.uses.features import of_many, pooled
from codec.uses.latents import latents_of

FOLDS = 5
LARGER = 4  # digits
TEXTURES, PIECE = ("brick", "grass", "gravel"), 32
SECONDS, RATE = 2, 48_000
WINDOW, COEFFICIENTS = 2048, 20
COMPONENTS = 40
Rows = np.ndarray


def library(name: str) -> Any:
    """A module of scikit-learn or scikit-image. Raises MissingPackage."""
    try:
        return import_module(name)
    except ImportError as error:
        raise codec.MissingPackage(
            "probes need scikit-learn and scikit-image: pip install scikit-learn scikit-image"
        ) from error


def accuracy(x: Rows, y: Rows, folds: Rows) -> float:
    """The share that is right of folds that were not learned from."""
    linear, scaling, pipeline = (library(f"sklearn.{name}") for name in ("linear_model", "preprocessing", "pipeline"))
    right = 0
    for fold in range(FOLDS):
        learned = folds != fold
        model = pipeline.make_pipeline(scaling.StandardScaler(), linear.LogisticRegression(C=0.1, max_iter=300))
        model.fit(x[learned], y[learned])
        right += int((model.predict(x[~learned]) == y[~learned]).sum())
    return right / len(y)


def of_codec(sources: Sequence[Any], quality: float, *, as_they_lie: bool = False) -> Rows:
    """Pooled features of images or audio; or those of every place, for images of one size."""
    rows = []
    make: Callable[[Any], Rows] = (lambda data: data.features.reshape(-1)) if as_they_lie else pooled

    def of(source: Any, threads: int | None) -> Rows:
        return make(latents_of(source, quality, threads=threads))

    for found in of_many(of, sources, workers=1, threads=1):
        if isinstance(found, codec.CodecError):
            raise found
        rows.append(found)
    return np.stack(rows)


def of_components(images: Sequence[Pixels]) -> Rows:
    """Principal components of pixels."""
    x = np.stack(images).reshape(len(images), -1).astype(np.float64)
    mean, axes = components(x, COMPONENTS)
    found: Rows = (x - mean) @ axes.T
    return found


def of_gradients(images: Sequence[Pixels]) -> Rows:
    """HOG of grey pixels."""
    hog = library("skimage.feature").hog
    return np.stack([hog(x, pixels_per_cell=(8, 8), cells_per_block=(2, 2)) for x in images])


def of_cepstra(clips: Sequence[Samples]) -> Rows:
    """Means and spreads of cepstral coefficients."""
    bands = mel_bands(WINDOW, COEFFICIENTS * 2)
    order = np.arange(COEFFICIENTS)[:, None] * (np.arange(2 * COEFFICIENTS) + 0.5) * np.pi / (2 * COEFFICIENTS)
    rows = []
    for x in clips:
        frames = np.lib.stride_tricks.sliding_window_view(x[:, 0], WINDOW)[:: WINDOW // 4] * np.hanning(WINDOW)
        cepstra = np.log(np.abs(np.fft.rfft(frames)) ** 2 @ bands + 1e-6) @ np.cos(order).T
        rows.append(np.concatenate([cepstra.mean(0), cepstra.std(0)]))
    return np.stack(rows)


def digits() -> tuple[list[Pixels], Rows, Rows]:
    """Images, classes and folds."""
    held = library("sklearn.datasets").load_digits()
    images = [np.kron(np.uint8(15 * x), np.ones((LARGER, LARGER), np.uint8)) for x in held.images]
    return images, held.target, np.arange(len(images)) * FOLDS // len(images)


def textures() -> tuple[list[Pixels], Rows, Rows]:
    """Pieces of images, classes and folds, each a strip of each image."""
    images, classes, folds = [], [], []
    for number, name in enumerate(TEXTURES):
        image: Pixels = getattr(library("skimage.data"), name)()
        strips = image.shape[0] // PIECE
        for row in range(strips):
            for column in range(image.shape[1] // PIECE):
                images.append(image[row * PIECE : (row + 1) * PIECE, column * PIECE : (column + 1) * PIECE])
                classes.append(number)
                folds.append(row * FOLDS // strips)
    return images, np.array(classes), np.array(folds)


def clips(paths: Sequence[str]) -> Iterator[tuple[Samples, str]]:
    """Clips of archives, and their kinds."""
    for path in paths:
        with tarfile.open(path) as archive:
            for member in archive:
                file = archive.extractfile(member)
                if file is None:
                    continue
                audio = media.read_audio(io.BytesIO(file.read()))
                whole = media.resample(audio.samples[:, :1], audio.sample_rate, RATE)
                yield whole[: SECONDS * RATE], PurePath(member.name).stem.split("-")[-1]


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(prog="codec.eval.probes", description=__doc__)
    parser.add_argument("archives", nargs="*", metavar="TAR")
    parser.add_argument("--quality", type=float, default=50, help="that images and audio are coded at; default 50")
    options = parser.parse_args()
    try:
        _print(options.archives, options.quality)
    except codec.CodecError as error:
        sys.exit(f"codec: {error}")


def _print(archives: Sequence[str], quality: float) -> None:
    for title, (images, classes, folds) in (("digits", digits()), ("textures", textures())):
        features = {
            "codec, pooled": of_codec(images, quality),
            "codec, as they lie": of_codec(images, quality, as_they_lie=True),
            "PCA": of_components(images),
            "HOG": of_gradients(images),
        }
        for name, x in features.items():
            print(f"| {title} | {name} | {x.shape[1]} | {100 * accuracy(x, classes, folds):.1f} % |", flush=True)
    if archives:
        samples, kinds = zip(*clips(archives), strict=True)
        folds = np.random.default_rng(0).permutation(len(samples)) % FOLDS
        features = {
            "codec, pooled": of_codec([(x, RATE) for x in samples], quality),
            "MFCC": of_cepstra(samples),
        }
        for name, x in features.items():
            print(f"| audio | {name} | {x.shape[1]} | {100 * accuracy(x, np.array(kinds), folds):.1f} % |", flush=True)


if __name__ == "__main__":
    main()
