"""How two channels are coded: as left and right, or as sum and difference; and which of many belong together.

Where both have much in common the weaker of sum and difference takes a coarser step, as the stronger one masks its
errors; what is filled in then has as much in common as what it stands for, where left and right of their own would have
nothing. Where they have little, sum and difference would give both the mean of what each holds, as far as it is noise.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from codec.bitstream import constants
from codec.bitstream.audio_header import AudioHeader, MidSide
from codec.media import Samples
from codec.media.audio.layout import usual_mask
from codec.quality import AUDIO

WEAKER_OCTAVES = 1.75  # that the step of the weaker one is coarser by
ROOT_HALF = np.float32(np.sqrt(0.5))
BANDS_HZ = ((1000, 4000), (4000, 12_000))  # in which what is in common is heard as width
SILENT_POWER = 1e-20  # of a whole clip: below it nothing is alike
LEFT_AND_RIGHT = ((0, 1), (4, 5), (6, 7), (9, 10), (12, 14), (15, 17))  # bits of a channel mask


def as_coded(samples: Samples, header: AudioHeader) -> Samples:
    """Channels (n, channels) as they are coded, or back: sum and difference, orthonormal, are their own inverse."""
    out = np.array(samples, np.float32, order="C")
    for pair in header.pairs:
        left, right = samples[:, pair.first], samples[:, pair.first + 1]
        out[:, pair.first], out[:, pair.first + 1] = (left + right) * ROOT_HALF, (left - right) * ROOT_HALF
    return out


def mid_side_of(samples: Samples, first: int, step_index: int) -> MidSide:
    """The steps of sum and difference of two channels (n, 2), of which the left one has a number, at a nominal one."""
    left, right = samples.T
    coarser = min(step_index + round(WEAKER_OCTAVES * constants.STEP_UNITS), AUDIO.step_index(0))
    is_mid_weaker = ((left + right) ** 2).sum() < ((left - right) ** 2).sum()
    return MidSide(first, coarser, step_index) if is_mid_weaker else MidSide(first, step_index, coarser)


def lefts_of(channels: int, mask: int) -> list[int]:
    """The numbers of left channels that their right ones follow, of a layout; of two channels the first.

    Of a layout that is not known those of the usual one.
    """
    if channels == 2:
        return [0]
    bits = [bit for bit in range(32) if (mask or usual_mask(channels)) >> bit & 1][:channels]
    return [n for n, two in enumerate(pairwise(bits)) if two in LEFT_AND_RIGHT]


def narrowing(x: Samples, x_hat: Samples) -> tuple[float, float]:
    """How far the correlation of left and right is from that of x, in each of BANDS_HZ; of (n, 2) at 48 kHz, 0 to 2."""
    low, high = (abs(_correlation(x_hat, band) - _correlation(x, band)) for band in BANDS_HZ)
    return low, high


def _correlation(x: Samples, band: tuple[int, int]) -> float:
    """That of left and right (n, 2) in a band of frequencies, -1 to 1; 0 in silence."""
    spectra = np.fft.rfft(x, axis=0)
    bin_hz = constants.SAMPLE_RATE / len(x)
    left, right = spectra[round(band[0] / bin_hz) : round(band[1] / bin_hz)].T
    together = float((left * right.conj()).real.sum())
    powers = [float((np.abs(side) ** 2).sum()) for side in (left, right)]
    return together / float(np.sqrt(powers[0] * powers[1] + SILENT_POWER))
