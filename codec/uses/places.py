"""What places of an image, or stretches of audio, are compared by: latents, and finer than these pixels or spectra.

Latents stand for 16 x 16 pixels side by side, and most marks lie across several: so patches of pixels overlap, at three
scales. Of audio, latents say what is in each band and how that goes on for a tenth of a second; faults that come and go
faster, or are one thin line of a spectrum, show in spectra of a second, by what is usual, least and most in each band.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from codec import media
from codec.bitstream.constants import SAMPLE_RATE
from codec.bitstream.errors import CodecError
from codec.devices import Device
from codec.media import AudioData, ImageData, Samples
from codec.model.envelope import band_edges
from codec.model.fixed_point import Floats
from codec.uses.coded import Source, decoded, latents_only, opened
from codec.uses.latents import LatentData, of_file

AT_ONCE = 1024  # places that are in memory together, or one row of them
LATENT = 16  # pixels
COARSE = 2  # groups of channels of an image's latents that are coded first
PATCH, STEP = 8, 4  # a patch's side, in pixels of its scale, and pixels of the image from patch to patch
SCALES = (1, 2, 4)  # pixels, each way, that are one
LATENTS_TOGETHER = 5  # of audio, of 20 ms
STRETCH = SAMPLE_RATE  # samples whose spectra are described together; stretches overlap by half
SHORT, LONG = (480, 24), (1920, 48)  # samples of a window, and bands
LINES = 400  # frequencies of a long window, 25 Hz each, that are looked at singly
EXTREMES = 8  # the least and the most are the means of one in so many
LEAST_POWER = 1e-6  # of a windowed spectrum of samples in -1..1: below what 16 bits resolve


@dataclass(frozen=True)
class Kind:
    """A way to look. nearest: places are told from the nearest of many ordinary ones, else from their mean; average:
    what all places are counts, else the most unusual one; standardised: whether all numbers count alike at first.
    """

    name: str
    nearest: bool = False
    average: bool = False
    standardised: bool = True


KINDS = {
    "image": (
        Kind("latents", nearest=True, standardised=False),
        *(Kind(name, nearest=True, standardised=False) for name in ("pixels", "halved", "quartered")),
    ),
    "audio": (Kind("latents", average=True), Kind("short"), Kind("long"), Kind("lines")),
}


@dataclass(frozen=True, eq=False)
class Places:
    """An image or audio, looked at in one way.

    windows: (rows, columns, ...) numbers of each place, often a view of fewer. first, step: of images, the pixel that
    is the centre of the first place, and pixels from one to the next.
    """

    windows: np.ndarray[Any, Any]
    first: int = 0
    step: int = 0

    def __len__(self) -> int:
        return int(self.windows.shape[0] * self.windows.shape[1])

    def taken(self, chosen: np.ndarray[Any, Any]) -> Floats:
        """(n, d) numbers of chosen places."""
        rows, columns = np.divmod(chosen, self.windows.shape[1])
        return self.windows[rows, columns].reshape(len(chosen), -1).astype(np.float32)

    def pieces(self) -> Iterator[Floats]:
        """All places, AT_ONCE at a time."""
        for start in range(0, len(self), AT_ONCE):
            yield self.taken(np.arange(start, min(start + AT_ONCE, len(self))))

    def by_latent(self, values: Floats, shape: tuple[int, ...]) -> Floats:
        """(h, w) largest of the values (n,) of all places whose centre is in each latent of an image."""
        found = np.full(shape, -np.inf, np.float32)
        centres = (self.first + self.step * np.arange(count) for count in self.windows.shape[:2])
        rows, columns = (np.minimum(centre // LATENT, side - 1) for centre, side in zip(centres, shape, strict=True))
        np.maximum.at(found, (rows[:, None], columns), values.reshape(self.windows.shape[:2]))
        return found


@dataclass(frozen=True, eq=False)
class Described:
    """An image or audio as it is compared. media: "image" or "audio"; views: its places, by each of its KINDS."""

    media: str
    views: tuple[Places, ...]


def described(source: Source, quality: float, device: Device) -> Described:
    """What is compared. Raises: as `latents_of`; CodecError where there is nothing in it."""
    held = opened(source)
    latents = of_file(latents_only(held, quality, device), device)
    content = decoded(held, device)
    if not latents.features.size:
        raise CodecError("there is nothing in it")
    if isinstance(content, AudioData):
        return Described("audio", (_energies(latents), *_spectra(content)))
    coarse = latents.features[0, ..., : latents.groups[:COARSE][-1].stop]
    return Described("image", (Places(coarse, LATENT // 2, LATENT), *_patches(content)))


def _patches(image: ImageData) -> Iterator[Places]:
    pixels = media.to_8_bits(image).pixels
    missing = [max(0, PATCH * SCALES[-1] - side) for side in pixels.shape[:2]]
    pixels = np.pad(pixels.repeat(3 // pixels.shape[2], 2), [*((0, count) for count in missing), (0, 0)], "edge")
    for scale in SCALES:
        height, width = (side // scale for side in pixels.shape[:2])
        cut = pixels[: height * scale, : width * scale].reshape(height, scale, width, scale, 3)
        x = pixels if scale == 1 else cut.mean((1, 3), dtype=np.float32)
        step = STEP // scale
        windows = np.lib.stride_tricks.sliding_window_view(x, (PATCH, PATCH), (0, 1))[::step, ::step]
        yield Places(windows, PATCH * scale // 2, STEP)


def _energies(latents: LatentData) -> Places:
    """Of bands, which are the first channels of audio's latents."""
    x = latents.features[:, 0, :, latents.groups[0]]
    x = np.pad(x, ((0, 0), (0, max(0, LATENTS_TOGETHER - x.shape[1])), (0, 0)), "edge")
    return Places(np.lib.stride_tricks.sliding_window_view(x, LATENTS_TOGETHER, 1))


def _spectra(audio: AudioData) -> list[Places]:
    x = media.resample(audio.samples, audio.sample_rate, SAMPLE_RATE)
    last = max(0, len(x) - STRETCH)
    starts = sorted({*range(0, last, STRETCH // 2), last})
    found = [[_stretch(channel[start : start + STRETCH]) for start in starts] for channel in x.T]
    return [Places(np.array([[of_kind[number] for of_kind in row] for row in found])) for number in range(3)]


def _stretch(x: Samples) -> tuple[Floats, Floats, Floats]:
    """Numbers of each kind of one channel (n,)."""
    x = np.pad(x, (0, max(0, LONG[0] - len(x))))
    short, long = (_powers(x, window) for window, _ in (SHORT, LONG))
    lines: Floats = np.log(long[:, :LINES].mean(0) + np.float32(LEAST_POWER))
    return _usual_and_extreme(short, SHORT[1]), _usual_and_extreme(long, LONG[1]), lines


def _powers(x: Samples, window: int) -> Floats:
    """(frames, window / 2) of frames that overlap by half."""
    frames = np.lib.stride_tricks.sliding_window_view(x, window)[:: window // 2] * np.hanning(window)
    powers: Floats = (np.abs(np.fft.rfft(frames)[:, :-1]) ** 2).astype(np.float32)
    return powers


def _usual_and_extreme(powers: Floats, bands: int) -> Floats:
    """(3 bands,): the mean over frames of the logarithm of each band, and those of the lowest and highest frames."""
    edges = band_edges(powers.shape[1], bands)
    levels = np.log(np.add.reduceat(powers, edges[:-1], 1) / np.diff(edges) + LEAST_POWER)
    ordered, few = np.sort(levels, 0), max(1, round(len(levels) / EXTREMES))
    found: Floats = np.concatenate([levels.mean(0), ordered[:few].mean(0), ordered[-few:].mean(0)]).astype(np.float32)
    return found
