"""What arguments of the front door may be, and errors for those that cannot be. Loads nothing heavy."""

from __future__ import annotations

import math
import operator
from numbers import Real
from typing import Any, Literal

from codec.bitstream import constants
from codec.quality import (
    DEFAULT_EFFORT,
    DEFAULT_METRIC,
    EFFORT_MAX,
    LARGEST_BYTES,
    LARGEST_KBPS,
    METRICS,
    REFINING_EFFORT,
    WEIGHED_METRICS,
)

Device = str  # "auto", "cpu", "cuda" or, of several, "cuda:0", "cuda:1" and so on
BitDepth = Literal[8, 16]
JPEG_XL = "jxl"
Lossless = bool | Literal["jxl"]  # every pixel as it is; by JPEG XL where that is smaller
Partial = bool | Literal["draw"]  # of a cut or damaged file, take what there is; draw what is missing
Region = tuple[int, int, int, int]  # x, y, width, height in pixels


def whole_number(name: str, value: Any) -> int:
    """The value as an int: any integer, of numpy too, and floats without a fraction. Raises ValueError."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    try:
        return operator.index(value)
    except TypeError as error:
        raise ValueError(f"{name} {value!r}: expected a whole number") from error


def check_number(name: str, value: Any) -> None:
    """Raises TypeError where a value is not a real number, of Python or numpy."""
    if not isinstance(value, Real):
        raise TypeError(f"{name} is a {type(value).__name__}, not a number")


def check_share(name: str, value: Any) -> None:
    """Raises ValueError where a value is not within 0..1, TypeError where it is no number."""
    check_number(name, value)
    if not 0 <= value <= 1:
        raise ValueError(f"{name} {value}: expected a share in 0..1")


def seed_number(value: Any) -> int:
    """A seed as an int. Raises ValueError where it is not a whole number of 0 or more."""
    seed = whole_number("seed", value)
    if seed < 0:
        raise ValueError(f"seed {seed}: expected 0 or more")
    return seed


def check_quality(quality: float) -> None:
    """Raises ValueError where quality is not within 0..100, TypeError where it is no number."""
    check_number("quality", quality)
    if not 0 <= quality <= constants.QUALITY_MAX:
        raise ValueError(f"quality {quality}: expected 0 to {constants.QUALITY_MAX}")


def check_image_options(
    quality: float | None = None,
    *,
    effort: int = DEFAULT_EFFORT,
    metric: str = DEFAULT_METRIC,
    has_roi: bool = False,
    lossless: Lossless = False,
    target_size: int | None = None,
    target_bpp: float | None = None,
    target_psnr: float | None = None,
    target_ssim: float | None = None,
    target_ssimulacra2: float | None = None,
) -> None:
    """Returns where `compress_image` would take these options together.

    Raises ValueError where there is no such quality, effort or metric, or they contradict each other; TypeError.
    """
    goals = {"quality": quality, "target bpp": target_bpp, "target psnr": target_psnr}
    goals |= {"target size": target_size, "target ssim": target_ssim, "target ssimulacra2": target_ssimulacra2}
    if lossless not in (False, True, JPEG_XL):
        raise ValueError(f"lossless {lossless!r}: expected True, False or '{JPEG_XL}'")
    _check_one(goals | {"lossless": bool(lossless) or None})
    if lossless and has_roi:
        raise ValueError("lossless keeps everything: there is no region of interest")
    effort = whole_number("effort", effort)
    if not 0 <= effort <= EFFORT_MAX:
        raise ValueError(f"effort {effort}: expected 0 to {EFFORT_MAX}")
    if has_roi and not effort:
        raise ValueError("effort 0 rounds all alike: a region of interest needs effort 1 or more")
    if metric not in METRICS:
        raise ValueError(f"metric '{metric}': expected {', '.join(METRICS[:-1])} or {METRICS[-1]}")
    if metric not in WEIGHED_METRICS and effort < REFINING_EFFORT:
        raise ValueError(f"effort {effort} does not refine: metric {metric} needs effort {REFINING_EFFORT} or more")
    if quality is not None:
        check_quality(quality)


def check_audio_options(
    quality: float | None = None, *, target_size: int | None = None, target_bitrate: float | None = None
) -> None:
    """Returns where `compress_audio` would take these options together.

    Raises ValueError where there is no such quality or target, or they contradict each other; TypeError.
    """
    goals = {"quality": quality, "target bitrate": target_bitrate, "target size": target_size}
    _check_one(goals)
    if quality is not None:
        check_quality(quality)
    if target_size is not None and not 0 < whole_number("target size", target_size) <= LARGEST_BYTES:
        raise ValueError(f"target size {target_size}: expected a positive number of bytes, at most {LARGEST_BYTES}")
    if target_bitrate is not None and not 0 < target_bitrate <= LARGEST_KBPS:
        raise ValueError(f"target bitrate {target_bitrate}: expected kbit/s above 0, at most {LARGEST_KBPS}")


def _check_one(goals: dict[str, float | None]) -> None:
    """Raises ValueError where more than one of them is given, TypeError where one is no number."""
    given = {name: value for name, value in sorted(goals.items()) if value is not None}
    if len(given) > 1:
        raise ValueError(f"{' and '.join(given)} contradict each other: give one of them")
    for name, value in given.items():
        check_number(name, value)


def checked_region(region: Region | None) -> Region | None:
    """A region of four ints. Raises ValueError."""
    if region is None:
        return None
    try:
        x, y, width, height = region
    except (TypeError, ValueError) as error:
        raise ValueError(f"region {region!r}: expected x, y, width, height") from error
    return (
        whole_number("x of the region", x),
        whole_number("y of the region", y),
        whole_number("width of the region", width),
        whole_number("height of the region", height),
    )


def seed_of(partial: Partial) -> int | None:
    """By which what is missing is drawn; None where it is not. Raises ValueError for any other word."""
    if isinstance(partial, str) and partial != "draw":
        raise ValueError(f"partial '{partial}': expected True, False or 'draw'")
    return 0 if partial == "draw" else None


def seconds(name: str, value: float) -> float:
    """A time as a float. Raises ValueError where it is not a finite, positive number or zero; TypeError."""
    check_number(name, value)
    if not 0 <= value < math.inf:
        raise ValueError(f"{name} {value}: expected seconds")
    return float(value)
