"""Audio files of a wanted size or bit rate, by the search over steps in `secant`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from codec.quality import AUDIO, LARGEST_KBPS
from codec.search.secant import Found, Search, Target, judge, of_bytes

SIZE_SLACK = 0.01  # a file may be so much smaller than the size that it must not exceed
RATE_SLACK = 0.02  # and so far from a bit rate on either side; the search keeps a little of it
KBPS_AT_0, OCTAVES_OF_RATE = 4.0, 4.25  # of a channel: bit rates at quality 0, and up to quality 100, roughly


def target_size(size_bytes: int) -> Target[Any]:
    """A file of at most so many bytes, and not many fewer. Raises ValueError where it is not positive."""
    return of_bytes(size_bytes * (1 - SIZE_SLACK), size_bytes)


def target_bitrate(kbps: float, duration_s: float) -> Target[Any]:
    """A file of so many kbit/s over a duration, metadata included. Raises ValueError where it is not positive."""
    if not 0 < kbps <= LARGEST_KBPS:
        raise ValueError(f"target of {kbps:g} kbit/s: expected a positive number, at most {LARGEST_KBPS}")
    size = max(kbps * 1000 / 8 * duration_s, 1)
    return of_bytes(size * (1 - 0.8 * RATE_SLACK), size * (1 + 0.8 * RATE_SLACK))


def search(encode: Callable[[float], bytes], target: Target[Any], duration_s: float, channels: int) -> Found:
    """The file that meets a target. encode: makes it at a quality.

    Warns MediaNotice where nothing comes near. Raises MediaError where even the smallest file is too large.
    """
    kbps = 2**target.aim * 8 / 1000 / max(duration_s, 1e-3) / channels
    share = math.log2(max(kbps / KBPS_AT_0, 1)) / OCTAVES_OF_RATE
    start = AUDIO.step_index(min(100 * share, 100))
    found = Search(lambda index: encode(AUDIO.quality(index)), None, target, AUDIO).run(start, target.slope)
    judge(target, found)
    return found
