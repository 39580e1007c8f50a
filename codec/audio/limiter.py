"""Turns peaks beyond full scale down: what was quantised peaks a little higher, and cutting it off would be heard.

The gain falls where a peak comes, for a few hops before and behind it, along straight lines; beyond LEAST_GAIN peaks
are left to be cut. It depends on no more than HELD hops on either side, so it is the same wherever decoding begins.
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
HELD = REACH + 1  # hops that must be known beyond those that are given


class Limiter:
    """Takes whole hops, (n * HOP, channels) float32, and gives them back HELD hops later."""

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
