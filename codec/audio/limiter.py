"""Turns peaks beyond full scale down: what was quantised peaks a little higher, and cutting it off would be heard.

First, at 48 kHz, the gain falls where a peak comes, for a few hops before and behind it, along straight lines, but not
below LEAST_GAIN. What is beyond full scale then, or again by resampling, is turned down within half a millisecond, at
the source's rate. Both depend on no more than their reach on either side, so the result is the same wherever decoding
begins.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from codec.bitstream import constants
from codec.media import Samples

HOP = constants.HOP
CEILING = np.float32(0.998)  # a little room for resampling
LEAST_GAIN = np.float32(0.65)  # 3.7 dB: noise that peaks far beyond full scale shall not become quiet
REACH = 4  # hops that a gain holds before and behind its peak: a period of 50 Hz
PEAK_CEILING = np.float32(0.999)
PEAKS_A_SECOND = 2000  # the reach of the fast limiter is this part of a second ...
LONGEST_REACH = 32  # ... and at most so many samples
HELD = REACH + 1  # hops that must be known beyond those that are given


class Limiter:
    """The slow one. Takes whole hops, (n * HOP, channels) float32, and gives them back HELD hops later."""

    def __init__(self, channels: int) -> None:
        self._hops: npt.NDArray[np.float32] = np.zeros((0, HOP, channels), np.float32)
        self._gains = np.zeros(0, np.float32)  # that each hop of its own would need
        self._behind = 0  # hops in front that have been given

    def push(self, samples: Samples) -> Samples:
        """The samples that are ready."""
        hops = samples.reshape(-1, HOP, samples.shape[1])
        peaks = np.maximum(np.abs(hops).max((1, 2), initial=0), CEILING)
        self._hops = np.concatenate([self._hops, hops])
        self._gains = np.concatenate([self._gains, np.maximum(CEILING / peaks, LEAST_GAIN)])
        return self._given(len(self._hops) - HELD)

    def finish(self) -> Samples:
        """What is left."""
        return self._given(len(self._hops))

    def _given(self, stop: int) -> Samples:
        """The hops before `stop` that were not given yet."""
        first, channels = self._behind, self._hops.shape[2]
        if stop <= first:
            return np.zeros((0, channels), np.float32)
        # the least gain of all whose reach touches the boundary before each hop, from `first` to `stop`
        padded = np.pad(self._gains, HELD, constant_values=1)
        around = np.lib.stride_tricks.sliding_window_view(padded, 2 * HELD)
        ends = around[first : stop + 1].min(1)
        ramp = np.arange(HOP, dtype=np.float32)[:, None] / HOP
        gains = ends[:-1, None, None] + (ends[1:] - ends[:-1])[:, None, None] * ramp
        out: Samples = (self._hops[first:stop] * gains).reshape(-1, channels)
        self._behind = min(stop, HELD)
        drop = stop - self._behind
        self._hops, self._gains = self._hops[drop:], self._gains[drop:]
        return out


class PeakLimiter:
    """The fast one. Takes samples (n, channels) float32 at the source's rate, and gives them back a little later.

    The gain of a sample is the mean, over `reach` samples on either side, of the least gain that any sample needs
    within `reach` of those: none is left above PEAK_CEILING, and what lies beyond 2 * reach from a peak is untouched.
    """

    def __init__(self, channels: int, sample_rate: int) -> None:
        self.reach = min(max(sample_rate // PEAKS_A_SECOND, 1), LONGEST_REACH)
        self._samples: Samples = np.zeros((0, channels), np.float32)
        self._behind = 0  # samples in front that have been given

    def push(self, samples: Samples) -> Samples:
        """The samples that are ready."""
        self._samples = np.concatenate([self._samples, samples])
        return self._given(len(self._samples) - 2 * self.reach)

    def finish(self) -> Samples:
        """What is left."""
        return self._given(len(self._samples))

    def _given(self, stop: int) -> Samples:
        """The samples before `stop` that were not given yet."""
        first = self._behind
        if stop <= first:
            return self._samples[:0]
        out = self._samples[first:stop]
        peaks = np.abs(self._samples).max(1)
        if peaks.max() > PEAK_CEILING:
            out = out * self._gains(peaks)[first:stop, None]
        self._behind = min(stop, 2 * self.reach)
        self._samples = self._samples[stop - self._behind :]
        return out

    def _gains(self, peaks: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """(n,) of peaks (n,). Sums run in one order wherever the peaks begin."""
        width = 2 * self.reach + 1
        needed = np.pad(PEAK_CEILING / np.maximum(peaks, PEAK_CEILING), 2 * self.reach, constant_values=1)
        least = needed[: len(needed) - width + 1].copy()
        for shift in range(1, width):
            np.minimum(least, needed[shift : shift + len(least)], out=least)
        total = np.zeros(len(peaks), np.float32)
        for shift in range(width):
            total += least[shift : shift + len(peaks)]
        gains: npt.NDArray[np.float32] = total / np.float32(width)
        return gains
