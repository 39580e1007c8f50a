"""Peaks are turned down, not cut off, and alike however the hops come."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from codec.audio.limiter import CEILING, HOP, LEAST_GAIN, PEAK_CEILING, REACH, Limiter, PeakLimiter
from codec.media import Samples


def limited(samples: Samples, cuts: list[int]) -> Samples:
    """What a limiter makes of samples that come in pieces, cut before these hops."""
    limiter = Limiter(samples.shape[1])
    ends = [0, *(HOP * cut for cut in cuts), len(samples)]
    pieces = [limiter.push(samples[a:b]) for a, b in pairwise(ends)]
    return np.concatenate([*pieces, limiter.finish()])


def loud(hops: int, channels: int = 2) -> Samples:
    """Noise whose level changes from hop to hop, now and then beyond full scale."""
    rng = np.random.default_rng(hops)
    levels = np.repeat(rng.uniform(0, 0.7, hops) ** 2, HOP)[:, None]
    return (rng.standard_normal((hops * HOP, channels)) * levels).astype(np.float32)


@given(st.lists(st.integers(0, 60)).map(sorted))
def test_any_pieces_give_the_same(cuts: list[int]) -> None:
    x = loud(60)
    assert np.array_equal(limited(x, cuts), limited(x, []))


def test_peaks_are_turned_down_to_full_scale_and_no_further_than_the_least_gain() -> None:
    x = loud(400)
    found = limited(x, [])
    assert np.abs(x).max() > 1 / LEAST_GAIN  # or nothing would be shown
    assert (np.abs(found) <= np.maximum(CEILING, LEAST_GAIN * np.abs(x)) + 1e-6).all()
    assert (np.abs(found) >= LEAST_GAIN * np.abs(x) - 1e-6).all()


def test_what_is_far_from_a_peak_is_untouched() -> None:
    x = 0.3 * loud(40)
    x[20 * HOP + 17, 1] = -1.2
    found = limited(x, [])
    touched = np.flatnonzero((found != x).any(1))
    assert touched[0] >= (20 - REACH - 1) * HOP
    assert touched[-1] < (20 + REACH + 2) * HOP
    steady = slice((20 - REACH) * HOP, (20 + REACH + 1) * HOP)
    assert np.allclose(found[steady], x[steady] * (CEILING / 1.2))  # both channels, so that nothing moves


def test_a_steady_tone_stays_a_pure_one() -> None:
    x = 1.2 * np.sin(2 * np.pi * 50 / 48_000 * np.arange(100 * HOP, dtype=np.float32))[:, None]
    inner = slice(20 * HOP, -20 * HOP)
    assert np.allclose(limited(x, [])[inner], x[inner] * (CEILING / 1.2), atol=1e-3)


def peak_limited(samples: Samples, cuts: list[int], rate: int = 48_000) -> Samples:
    limiter = PeakLimiter(samples.shape[1], rate)
    pieces = [limiter.push(samples[a:b]) for a, b in pairwise([0, *cuts, len(samples)])]
    return np.concatenate([*pieces, limiter.finish()])


@given(st.lists(st.integers(0, 3000)).map(sorted), st.sampled_from([1, 8000, 44_100, 1 << 20]))
def test_peaks_are_turned_down_alike_whatever_the_pieces(cuts: list[int], rate: int) -> None:
    x = 4 * loud(13)[:3000]
    assert np.array_equal(peak_limited(x, cuts, rate), peak_limited(x, [], rate))


def test_no_sample_is_left_beyond_full_scale_and_none_far_from_a_peak_is_touched() -> None:
    x = 3 * loud(400)
    found = peak_limited(x, [])
    assert np.abs(x).max() > 3
    assert np.abs(found).max() <= PEAK_CEILING * 1.000001
    assert len(found) == len(x)
    quiet = 0.5 * np.sin(np.arange(4000, dtype=np.float32))[:, None]
    quiet[2000] = 1.7
    touched = np.flatnonzero((peak_limited(quiet, []) != quiet).any(1))
    reach = PeakLimiter(1, 48_000).reach
    assert 2000 - 2 * reach <= touched[0] <= touched[-1] <= 2000 + 2 * reach
    assert np.array_equal(peak_limited(quiet[:1900], []), quiet[:1900])


def test_where_decoding_begins_makes_no_difference() -> None:
    x = 3 * loud(40)
    start = 4096
    reach = 2 * PeakLimiter(2, 48_000).reach
    assert np.array_equal(peak_limited(x[start:], [])[reach:], peak_limited(x, [])[start + reach :])
