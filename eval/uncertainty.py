"""How sure a mean over items is: bootstrap intervals and the sign test. Both treat items as drawn at random."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

CONFIDENCE = 0.95
RESAMPLES = 10_000
LEAST_ITEMS = 5  # fewer say too little of how items differ
SEED = 0  # the same values have the same interval


def interval(values: Sequence[float]) -> tuple[float, float] | None:
    """The 95 % interval of the mean: percentiles of means of resamples with replacement; None of fewer than 5 values.

    Source: Efron 1979, "Bootstrap methods: another look at the jackknife".
    """
    if len(values) < LEAST_ITEMS:
        return None
    rng = np.random.default_rng(SEED)
    means = rng.choice(np.asarray(values, np.float64), (RESAMPLES, len(values))).mean(axis=1)
    low, high = np.quantile(means, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)


def sign_test(values: Sequence[float]) -> float | None:
    """The two-sided probability that signs fall as unevenly by chance, zeros left out; None where no value is left."""
    from scipy.stats import binomtest

    below, above = sum(v < 0 for v in values), sum(v > 0 for v in values)
    return float(binomtest(below, below + above).pvalue) if below + above else None
