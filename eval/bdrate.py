"""Bjontegaard delta rate: how many percent fewer (negative) bits for the same quality, over the curves' overlap.

Source: Bjontegaard, VCEG-M33, with Akima interpolation, which does not overshoot; computed by `bjontegaard`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from codec.bitstream.errors import CodecError

Curve = Sequence[tuple[float, float]]  # (rate, quality in dB), rate rising


class UndefinedBdRate(CodecError):
    """The curves cannot be compared."""


def bd_rate_percent(anchor: Curve, test: Curve) -> float:
    """Mean rate difference of `test` against `anchor` in percent.

    Raises UndefinedBdRate where the curves share no range of quality.
    """
    import bjontegaard  # an extra: only evaluation needs it

    low = max(min(q for _, q in anchor), min(q for _, q in test))
    high = min(max(q for _, q in anchor), max(q for _, q in test))
    if low >= high:
        raise UndefinedBdRate("the curves share no range of quality: BD-rate is not defined")
    (rate_a, quality_a), (rate_t, quality_t) = (tuple(zip(*sorted(c), strict=True)) for c in (anchor, test))
    percent = float(
        bjontegaard.bd_rate(
            rate_a, quality_a, rate_t, quality_t, method="akima", require_matching_points=False, min_overlap=0
        )
    )
    if not math.isfinite(percent):
        raise UndefinedBdRate("a curve is flat or infinite: BD-rate is not defined")
    return percent
