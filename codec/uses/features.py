"""Latents pooled to one vector for each image or piece of audio, for classifiers, search and clustering."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import numpy as np

from codec.arguments import Device
from codec.batches import settled
from codec.bitstream.errors import CodecError
from codec.media import PathLike
from codec.model.fixed_point import Floats
from codec.quality import DEFAULT_QUALITY
from codec.uses.coded import Source
from codec.uses.latents import LatentData, latents_of
from codec.workers import ordered_map, shared_out

Found = TypeVar("Found")

LEAST_POWER = 1e-2  # of features, added before logarithms


def pooled(data: LatentData) -> Floats:
    """(2 M + G,) float32: the mean of each channel over all places, log10 of its standard deviation, and log10 of the
    bits that each channel group takes at a place.
    """
    flat = data.features.reshape(-1, data.features.shape[-1])
    if not len(flat):
        raise CodecError("there is nothing in it")
    spread = np.log10(np.sqrt(flat.var(0) + LEAST_POWER))
    bits = np.log10(data.bits_map.mean((0, 1, 2)) + LEAST_POWER)
    return np.concatenate([flat.mean(0), spread, bits]).astype(np.float32)


def features_many(
    sources: Iterable[Source],
    quality: float = DEFAULT_QUALITY,
    *,
    workers: int | None = None,
    device: Device = "auto",
    threads: int | None = None,
    weights: PathLike | None = None,
) -> Iterator[Floats | CodecError]:
    """The features of each source, `pooled`, in order; where there are none, the error in their place.

    sources: any iterable of what `latents_of` takes; it is taken from while results are, a few ahead of them. Images
        and audio have features of different lengths.
    workers: threads that work side by side; one for each core and at most 8 where None. Others: as `latents_of`.
    Raises: ValueError and TypeError, as `latents_of`, which end the work; what the iterable raises.
    """

    def of(source: Source, threads: int | None) -> Floats:
        return pooled(latents_of(source, quality, device=device, threads=threads, weights=weights))

    yield from of_many(of, sources, workers, threads)


def of_many(
    of: Callable[[Source, int | None], Found],
    sources: Iterable[Source],
    workers: int | None = None,
    threads: int | None = None,
) -> Iterator[Found | CodecError]:
    """What is made of each source, by so many threads of the networks, in order, otherwise as `features_many`."""
    count, threads = shared_out(workers, threads)
    for found, _ in ordered_map(settled(lambda source: of(source, threads)), sources, count, ahead=count):
        yield found
