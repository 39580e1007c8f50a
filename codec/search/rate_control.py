"""Files of a wanted size or likeness: a search over the step of the quantiser, by real files.

Sizes on a logarithmic scale and decibels are nearly straight lines over log2 of the step, so the secant method needs
few passes. Refined files are searched for from where the plain ones, which are quick to make, meet the target.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from codec.bitstream import constants
from codec.bitstream.errors import MediaError
from codec.image.decode import decode
from codec.image.encode import ImageEncoder
from codec.media.image.data import STEP_OF_8_BITS, ImageData, Pixels
from codec.media.notices import notice
from codec.model.registry import IMAGE
from codec.quality import DEFAULT_QUALITY, LARGEST_BPP, LARGEST_BYTES, REFINING_EFFORT
from codec.search import ms_ssim

SIZE_SLACK = 0.01  # a file may be so much smaller than its target
DECIBEL_SLACK = 0.05  # an image may be so much nearer to the original
PLAIN = REFINING_EFFORT - 1  # the highest effort that is quick enough to search with
EXACT_DB = 100.0  # stands for images without any error


@dataclass(frozen=True)
class Target:
    """What a file should have. The level of a file falls with the step: log2 of bytes, or decibels.

    low, high: of the levels that meet the target; aim: the one to search for; slope: levels an octave, a first guess.
    level: of a file. shown: a level in words. bounded: whether a level above is too high, else one below is too low.
    """

    low: float
    high: float
    aim: float
    slope: float
    level: Callable[[bytes, ImageEncoder], float]
    shown: Callable[[float], str]
    bounded: bool


def target_size(size_bytes: int) -> Target:
    """A file of at most so many bytes, and not many fewer. Raises ValueError where it is not positive."""
    if not 0 < size_bytes <= LARGEST_BYTES:
        raise ValueError(f"target size {size_bytes}: expected a positive number of bytes, at most {LARGEST_BYTES}")
    high = math.log2(size_bytes)
    low = high + math.log2(1 - SIZE_SLACK)
    return Target(
        low=low,
        high=high,
        aim=(low + high) / 2,
        slope=1.0,
        level=lambda data, encoder: math.log2(len(data)),
        shown=lambda level: f"{round(2**level)} bytes",
        bounded=True,
    )


def bytes_at(rate_bpp: float, image: ImageData) -> int:
    """Bytes of an image's file at so many bits a pixel. Raises ValueError where they are not a positive number."""
    if not 0 < rate_bpp <= LARGEST_BPP:
        raise ValueError(f"target of {rate_bpp} bits a pixel: expected a positive number, at most {LARGEST_BPP}")
    return max(int(rate_bpp * image.pixels.shape[0] * image.pixels.shape[1] / 8), 1)


def target_psnr(psnr_db: float) -> Target:
    """An image of at least this PSNR over all samples, and not much more. Raises ValueError where it is not finite."""
    if not math.isfinite(psnr_db):
        raise ValueError(f"target PSNR {psnr_db}: expected decibels")
    return _decibels(psnr_db, _psnr_db, lambda level: f"{level:.2f} dB")


def target_ssim(ms_ssim: float) -> Target:
    """An image of at least this MS-SSIM, and not much more. Raises ValueError where it is not within 0..1."""
    if not 0 < ms_ssim < 1:
        raise ValueError(f"target MS-SSIM {ms_ssim}: expected a number between 0 and 1")
    return _decibels(_ssim_db(ms_ssim), _similarity_db, lambda level: f"an MS-SSIM of {1 - 10 ** (-level / 10):.4f}")


def _decibels(level: float, measured: Callable[[bytes, ImageEncoder], float], shown: Callable[[float], str]) -> Target:
    high = level + DECIBEL_SLACK
    return Target(level, high, (level + high) / 2, 4.0, measured, shown, bounded=False)


@dataclass(frozen=True)
class Found:
    """step_index and level of a file, and how many files were made until it was there."""

    data: bytes
    step_index: int
    level: float
    passes: int


def file(encoder: ImageEncoder, target: Target, effort: int) -> bytes:
    """The file of an image that meets a target.

    Warns MediaNotice where it is better than asked for, as no step comes nearer.
    Raises MediaError where even the best or smallest file does not meet the target; ValueError from the measure.
    """
    return search(encoder, target, effort).data


def search(encoder: ImageEncoder, target: Target, effort: int) -> Found:
    """`file`, and how it was found."""
    start, slope, passes = IMAGE.curve.step_index(DEFAULT_QUALITY), target.slope, 0
    if effort > PLAIN:
        plain = _Search(encoder, target, PLAIN)
        found = plain.run(start, slope)
        start, slope, passes = found.step_index, plain.slope or slope, found.passes
    found = _Search(encoder, target, effort).run(start, slope)
    _judge(target, found)
    return Found(found.data, found.step_index, found.level, found.passes + passes)


def _judge(target: Target, found: Found) -> None:
    """Says in a notice or an error where a file does not meet its target."""
    if target.low <= found.level <= target.high:
        return
    asked, got = target.shown(target.high if target.bounded else target.low), target.shown(found.level)
    if target.bounded == (found.level > target.high):
        end = "even quality 0 takes" if target.bounded else "even quality 100 reaches only"
        raise MediaError(f"{end} {got}; the target is {asked}")
    notice(f"no quality comes nearer to the target of {asked}: {got}")


class _Search:
    """The secant method over whole step indices, inside a bracket."""

    def __init__(self, encoder: ImageEncoder, target: Target, effort: int) -> None:
        self.encoder, self.target, self.effort = encoder, target, effort
        self.files: dict[int, Found] = {}
        finest, coarsest = (IMAGE.curve.step_index(quality) for quality in (constants.QUALITY_MAX, 0))
        self.finest, self.coarsest = finest, coarsest
        self.above: Found | None = None  # the coarsest that is known to lie above the aim
        self.below: Found | None = None  # the finest that is known to lie below it

    @property
    def slope(self) -> float | None:
        """Levels an octave between the two files that are nearest to the aim; None where there are not two."""
        nearest = sorted(self.files.values(), key=lambda found: abs(found.level - self.target.aim))[:2]
        if len(nearest) < 2 or nearest[0].level == nearest[1].level:
            return None
        octaves = (nearest[1].step_index - nearest[0].step_index) / constants.STEP_UNITS
        return (nearest[0].level - nearest[1].level) / octaves

    def run(self, start: int, slope: float) -> Found:
        """The file that meets the target, or the nearest that keeps what it promises, or else the nearest at all."""
        index: int | None = start
        while index is not None:
            found = self.made(index)
            if self.target.low <= found.level <= self.target.high:
                return found
            if found.level > self.target.aim:
                self.above = found
            else:
                self.below = found
            index = self.following(found, self.slope or slope)
        kept, other = (self.below, self.above) if self.target.bounded else (self.above, self.below)
        best = kept or other
        assert best is not None
        return Found(best.data, best.step_index, best.level, len(self.files))

    def made(self, index: int) -> Found:
        """A pass."""
        data = self.encoder.encode(index, self.effort)
        self.files[index] = Found(data, index, self.target.level(data, self.encoder), len(self.files) + 1)
        return self.files[index]

    def following(self, last: Found, slope: float) -> int | None:
        """The next index to try; None where nothing is left between the files that are known."""
        low = self.above.step_index + 1 if self.above else self.finest
        high = self.below.step_index - 1 if self.below else self.coarsest
        if low > high:
            return None
        octaves = (last.level - self.target.aim) / max(slope, self.target.slope / 4)
        return min(max(last.step_index + round(octaves * constants.STEP_UNITS), low), high)


def _psnr_db(data: bytes, encoder: ImageEncoder) -> float:
    x, x_hat = _samples(data, encoder)
    error = float(np.mean((x - x_hat) ** 2))
    return 10 * math.log10(255**2 / error) if error else EXACT_DB


def _similarity_db(data: bytes, encoder: ImageEncoder) -> float:
    x, x_hat = (torch.from_numpy(side).permute(2, 0, 1)[None] for side in _samples(data, encoder))
    if min(x.shape[2:]) < ms_ssim.SMALLEST_SIDE:
        raise MediaError(
            f"an image of {x.shape[3]} x {x.shape[2]} pixels has no MS-SSIM: "
            f"both sides must be at least {ms_ssim.SMALLEST_SIDE}"
        )
    with torch.inference_mode():
        return _ssim_db(float(ms_ssim.ms_ssim(x, x_hat)))


def _ssim_db(ms_ssim: float) -> float:
    """-10 log10 of what is missing to 1."""
    return -10 * math.log10(1 - ms_ssim) if ms_ssim < 1 else EXACT_DB


def _samples(data: bytes, encoder: ImageEncoder) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """The image and what decoders show of it, float32 (H, W, C) in 0..255."""
    image = encoder.image
    shown = decode(data, encoder.device, image.pixels.size, bit_depth=image.bit_depth).image
    return _floats(image.pixels), _floats(shown.pixels)


def _floats(pixels: Pixels) -> npt.NDArray[np.float32]:
    samples = pixels.astype(np.float32)
    return samples / np.float32(STEP_OF_8_BITS) if pixels.dtype == np.uint16 else samples
