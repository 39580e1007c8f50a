"""Bjontegaard deltas: the mean distance between two rate-quality curves, over the range that both cover.

Monotone cubic interpolation (PCHIP), which never leaves the range of two neighbours, however close their qualities, of
log rate over quality or the other way round; computed by the package `bjontegaard`. Curves without a common range are
refused, and every delta says over which range it was taken.
Source: Bjontegaard, VCEG-M33; Fritsch and Carlson 1980 for the interpolation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from codec.bitstream.errors import CodecError

Curve = Sequence[tuple[float, float]]  # (rate, quality), in any order
INTERPOLATION = "pchip"
LEAST_POINTS = 3  # of a curve: fewer say nothing of its bend
LEAST_OF_WINDOW = 0.8  # the share of a fixed window that both curves must cover


class UndefinedBdRate(CodecError):
    """The curves cannot be compared."""


@dataclass(frozen=True)
class Delta:
    """value: percent of rate, or units of quality; low, high: the range it is a mean over; overlap: that range as a
    share of what the two curves cover together, or of the fixed window.
    """

    value: float
    low: float
    high: float
    overlap: float


def bd_rate(anchor: Curve, test: Curve, window: tuple[float, float] | None = None) -> Delta:
    """How many percent more (negative: fewer) bits `test` takes than `anchor` for the same quality.

    window: of quality, which both curves must cover for the larger part; without it, all that they share.
    Raises UndefinedBdRate.
    """
    import bjontegaard  # an extra: only evaluation needs it

    (rates_a, qualities_a), (rates_t, qualities_t) = columns(anchor), columns(test)
    overlap = _overlap(qualities_a, qualities_t, "quality")
    percent, f_anchor, f_test = bjontegaard.bd_rate(
        rates_a,
        qualities_a,
        rates_t,
        qualities_t,
        method=INTERPOLATION,
        require_matching_points=False,
        interpolators=True,
        min_overlap=0,
    )
    if window is None:
        return Delta(_finite(percent), *overlap)
    low, high = max(window[0], overlap[0]), min(window[1], overlap[1])
    share = (high - low) / (window[1] - window[0])
    if share < LEAST_OF_WINDOW:
        raise UndefinedBdRate(f"the curves share {max(share, 0):.0%} of {window[0]:g} to {window[1]:g}")
    log10_ratio = (f_test.integrate(low, high) - f_anchor.integrate(low, high)) / (high - low)
    return Delta(_finite(100 * (10**log10_ratio - 1)), low, high, share)


def bd_quality(anchor: Curve, test: Curve) -> Delta:
    """How much better (negative: worse) `test` is than `anchor` at the same rate; low, high: rates.

    Raises UndefinedBdRate.
    """
    import bjontegaard

    (rates_a, qualities_a), (rates_t, qualities_t) = columns(anchor), columns(test)
    low, high, share = _overlap([math.log(r) for r in rates_a], [math.log(r) for r in rates_t], "rate")
    better = bjontegaard.bd_psnr(
        rates_a, qualities_a, rates_t, qualities_t, method=INTERPOLATION, require_matching_points=False, min_overlap=0
    )
    return Delta(_finite(better), math.exp(low), math.exp(high), share)


def columns(curve: Curve) -> tuple[list[float], list[float]]:
    """Rates and qualities, both rising: a point that costs more than another and is no better is left out.

    Raises UndefinedBdRate where fewer than three points stay.
    """
    rates: list[float] = []
    qualities: list[float] = []
    for rate, quality in sorted(curve):
        if math.isfinite(quality) and (not rates or (rate > rates[-1] and quality > qualities[-1])):
            rates.append(rate)
            qualities.append(quality)
    if len(rates) < LEAST_POINTS:
        raise UndefinedBdRate(f"a curve has {len(rates)} points that rise; {LEAST_POINTS} are needed")
    return rates, qualities


def _overlap(a: list[float], b: list[float], what: str) -> tuple[float, float, float]:
    """The range that two rising lists share, and its share of the range of both."""
    low, high = max(a[0], b[0]), min(a[-1], b[-1])
    if low >= high:
        raise UndefinedBdRate(f"the curves share no range of {what}: the delta is not defined")
    return low, high, (high - low) / (max(a[-1], b[-1]) - min(a[0], b[0]))


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise UndefinedBdRate("a curve is flat: the delta is not defined")
    return float(value)
