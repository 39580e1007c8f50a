"""The spectral envelope of audio: energies in bands as wide as the ear's, and what they do for a decoder.

Where quantisation leaves nothing of a band, noise of the right energy is better than a hole; where it leaves
something, the right energy is better than a weak copy. So energies are coded beside the coefficients.
Idea: gain and shape apart, and noise filling, as in Opus (RFC 6716) and USAC.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from codec.bitstream.constants import SAMPLE_RATE
from codec.model.config import BANDS
from codec.model.dct import Array, dct_matrix
from codec.model.fixed_point import Floats

if TYPE_CHECKING:
    from codec.model.weights import Loaded

ENERGY_FLOOR = 1e-9  # of a coefficient's square: 90 dB below full scale
# share of the power near a coefficient that was coded: where it is less, its sign is drawn; the higher the steepness,
# the sharper the border. Where coefficients are what they were one and two latents earlier, prediction fills in a
# pattern, and more has to be coded: what is right about waves does not stand still like that
LEAST_CODED = (0.0005, 0.1)  # where nothing repeats; where all does
REPEATING = (0.5, 0.8)  # correlation with what was earlier, from one border to the other
CODED_STEEPNESS = 8
LEAST_POWER = 1e-6  # of companded coefficients
LEAST_DRAWN = 1e-6  # of the power of drawn coefficients: keeps gradients of its root finite
SILENCE = 4 * ENERGY_FLOOR  # energies up to here are decoded as none
UNITS_PER_OCTAVE = 32.0  # of energy; the middle step is then 2 dB
LOG2_ENERGIES = (-32.0, 16.0)  # beyond these nothing makes sense
GAIN_LIMIT = 4.0  # octaves of amplitude that a band is raised at most
LEFT_ABOVE, LEFT_BELOW = 0.25, 1.0  # octaves of amplitude that a band may be left away from its energy
CORRECTION = 0.15  # octaves of energy that networks may move a band: on clips unlike any they know they would run away


def band_edges(hop: int, bands: int = BANDS) -> list[int]:
    """Where bands begin and the last one ends, in frequencies of a frame: about as wide as ERBs, at least one."""

    def edges(share: float) -> list[int]:
        found = [0]
        while found[-1] < hop:
            hertz = found[-1] / hop * SAMPLE_RATE / 2
            width = share * (24.7 + hertz / 9.265) / (SAMPLE_RATE / 2) * hop
            found.append(found[-1] + max(1, round(width)))
        return [*found[:-1], hop]

    share = next(share for share in np.arange(0.5, 8, 0.01) if len(edges(share)) <= bands + 1)
    found = edges(float(share))
    while len(found) < bands + 1:  # split the widest
        k = int(np.argmax(np.diff(found)))
        found.insert(k + 1, (found[k] + found[k + 1]) // 2)
    return found


def spread(hop: int) -> Array:
    """(BANDS, hop): one where a frequency belongs to a band."""
    member = np.zeros((BANDS, hop))
    for band, (start, stop) in enumerate(pairwise(band_edges(hop))):
        member[band, start:stop] = 1
    return member


def nearby(hop: int, frequencies: int) -> Array:
    """(hop, hop) averages over so many frequencies around each."""
    distance = np.abs(np.arange(hop)[:, None] - np.arange(hop))
    near = (distance <= frequencies // 2).astype(np.float64)
    averages: Array = near / near.sum(1, keepdims=True)
    return averages


def silent(loaded: Loaded, channels: int, latents: int) -> Floats:
    """(channels, 1, latents, M or 2 M) features that synthesis makes silence of."""
    features = loaded.model.unknown((channels, 1, latents))
    octaves = np.log2(ENERGY_FLOOR) - loaded.arrays["envelope.mean"].astype(np.float64)
    of_bands = octaves @ dct_matrix(BANDS).T * UNITS_PER_OCTAVE
    features[..., :BANDS] = of_bands * np.exp2(-loaded.model.gains.log2_norm[:BANDS])
    return features
