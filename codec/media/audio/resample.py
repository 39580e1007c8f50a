"""Samples at another rate, by soxr's best filter ("VHQ"), all at once or block by block.

n samples become exactly n * to_rate / from_rate, rounded to the nearest and halves up, whatever the blocks were: audio
and its copy stay as long as each other. Source: github.com/dofuuz/python-soxr.
"""

from __future__ import annotations

import numpy as np

from codec.bitstream.audio import resampled_length
from codec.media.audio.data import Samples

QUALITY = "VHQ"


def resample(samples: Samples, from_rate: int, to_rate: int) -> Samples:
    """(n', channels) of (n, channels), n' = resampled_length(n, from_rate, to_rate)."""
    return Resampler(from_rate, to_rate, samples.shape[1]).process(samples, last=True)


class Resampler:
    """One audio, resampled block by block; what comes out depends on what went in, not on its blocks.

    Blocks come out later than they go in, and some are empty.
    """

    def __init__(self, from_rate: int, to_rate: int, channels: int) -> None:
        self.from_rate, self.to_rate = from_rate, to_rate
        self._read = self._written = 0
        self._stream = None
        if from_rate != to_rate:
            import soxr

            self._stream = soxr.ResampleStream(from_rate, to_rate, channels, "float32", QUALITY)

    def process(self, samples: Samples, last: bool = False) -> Samples:
        """(n', channels) float32 of the next (n, channels); last: nothing follows, so that the rest comes out."""
        if self._stream is None:
            return samples
        self._read += len(samples)
        found: Samples = self._stream.resample_chunk(np.ascontiguousarray(samples), last=last)
        if last:
            rest = resampled_length(self._read, self.from_rate, self.to_rate) - self._written
            found = np.pad(found[:rest], ((0, rest - min(rest, len(found))), (0, 0)))
        self._written += len(found)
        return found
