"""What encoders see before the first sample of a clip, where there is nothing.

Silence there would make of a tone that begins at full level an onset that fills the first frame with all frequencies;
bands of the first latents get their energy back as a whole, and so a click. What the clip would have been before it
begins, by linear prediction, leaves it as it is. Decoders drop it.
Source: Burg 1975, "Maximum entropy spectral analysis": predictors that are always stable.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from codec.media import Samples

ORDER = 32
SEEN = 960  # samples that the predictor is made of: 20 ms
LEAST_SEEN = 4 * ORDER
QUIET_POWER = 1e-12  # of a sample: below it nothing goes on

Array = npt.NDArray[np.float64]


def before(samples: Samples, count: int) -> Samples:
    """(count, channels) that samples (n, channels) would go on from."""
    out = np.zeros((count, samples.shape[1]), np.float32)
    if len(samples) >= LEAST_SEEN:
        for side, found in zip(samples[:SEEN].T, out.T, strict=True):
            found[:] = _continued(side[::-1].astype(np.float64), count)[::-1]
    return out


def _continued(x: Array, count: int) -> Array:
    """(count,) behind x (n,)."""
    if np.mean(x**2) < QUIET_POWER:
        return np.zeros(count)
    coefficients = _predictor(x)[:0:-1]
    known = np.concatenate([x[-ORDER:], np.zeros(count)])
    for at in range(ORDER, ORDER + count):
        known[at] = -(coefficients @ known[at - ORDER : at])
    peak = np.abs(x).max()
    kept: Array = np.clip(known[ORDER:], -peak, peak)
    return kept


def _predictor(x: Array) -> Array:
    """(ORDER + 1,) with a one in front: what they make of a sample and those before it is as small as can be."""
    forward = backward = x
    found = np.ones(1)
    for _ in range(ORDER):
        forward, backward = forward[1:], backward[:-1]
        power = forward @ forward + backward @ backward
        reflection = -2 * (forward @ backward) / (power + QUIET_POWER)
        longer = np.append(found, 0)
        found = longer + reflection * longer[::-1]
        forward, backward = forward + reflection * backward, backward + reflection * forward
    return found
