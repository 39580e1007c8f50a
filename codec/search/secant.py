"""The search for the step of the quantiser whose file meets a target, by real files.

Sizes on a logarithmic scale and decibels are nearly straight lines over log2 of the step, so the secant method needs
few passes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from codec.bitstream import constants
from codec.bitstream.errors import MediaError
from codec.media.notices import notice
from codec.quality import LARGEST_BYTES, QualityCurve

PATIENCE = 5  # files, behind which the bracket is halved instead

Source = TypeVar("Source")


@dataclass(frozen=True)
class Target(Generic[Source]):
    """What a file should have. The level of a file falls with the step: log2 of bytes, or decibels.

    low, high: of the levels that meet the target; aim: the one to search for; slope: levels an octave, a first guess.
    level: of a file and what it was made of. shown: a level in words. bounded: whether a level above is too high, else
    one below is too low.
    """

    low: float
    high: float
    aim: float
    slope: float
    level: Callable[[bytes, Source], float]
    shown: Callable[[float], str]
    bounded: bool


def of_bytes(least: float, most: float) -> Target[Any]:
    """A file of so many bytes. Raises ValueError where they are no positive numbers."""
    if not 0 < most <= LARGEST_BYTES:
        raise ValueError(f"target size {most:g}: expected a positive number of bytes, at most {LARGEST_BYTES}")
    low, high = math.log2(least), math.log2(most)
    return Target(
        low=low,
        high=high,
        aim=(low + high) / 2,
        slope=1.0,
        level=lambda data, source: math.log2(len(data)),
        shown=lambda level: f"{round(2**level)} bytes",
        bounded=True,
    )


@dataclass(frozen=True)
class Found:
    """step_index and level of a file, and how many files were made until it was there."""

    data: bytes
    step_index: int
    level: float
    passes: int


def judge(target: Target[Source], found: Found) -> None:
    """Says in a notice or a MediaError where a file does not meet its target."""
    if target.low <= found.level <= target.high:
        return
    asked, got = target.shown(target.high if target.bounded else target.low), target.shown(found.level)
    if target.bounded == (found.level > target.high):
        end = "even quality 0 takes" if target.bounded else "even quality 100 reaches only"
        raise MediaError(f"{end} {got}; the target is {asked}")
    notice(f"no quality comes nearer to the target of {asked}: {got}")


class Search(Generic[Source]):
    """The secant method over whole step indices, inside a bracket."""

    def __init__(
        self, encode: Callable[[int], bytes], source: Source, target: Target[Source], curve: QualityCurve
    ) -> None:
        """encode: makes the file of `source` at a step index."""
        self.encode, self.source, self.target = encode, source, target
        self.files: dict[int, Found] = {}
        self.finest, self.coarsest = curve.step_index(constants.QUALITY_MAX), curve.step_index(0)
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
        data = self.encode(index)
        self.files[index] = Found(data, index, self.target.level(data, self.source), len(self.files) + 1)
        return self.files[index]

    def following(self, last: Found, slope: float) -> int | None:
        """The next index to try; None where nothing is left between the files that are known."""
        low = self.above.step_index + 1 if self.above else self.finest
        high = self.below.step_index - 1 if self.below else self.coarsest
        if low > high:
            return None
        if len(self.files) >= PATIENCE and self.above and self.below:  # jumps lead the secants astray
            return (low + high) // 2
        octaves = (last.level - self.target.aim) / max(slope, self.target.slope / 4)
        return min(max(last.step_index + round(octaves * constants.STEP_UNITS), low), high)
