"""Whether noise stays noise and stereo stays wide: what scores of spectra do not hear.

A decoder that fills bands with the same frame again and again scores well in every mean of spectra, and buzzes; one
that fills both channels with the same noise narrows the image. Samples are (n, channels) float32 at 48 kHz.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from codec.audio.pairing import SILENT_POWER
from codec.bitstream.constants import FRAMES, HOP
from codec.media import Samples

LAGS = (FRAMES * HOP, 2 * FRAMES * HOP)  # of one and two latents: 960 and 1920 samples


def repetition(x: Samples, x_hat: Samples) -> float:
    """How much more x_hat is like itself one or two latents later than x is: the largest of both lags and all channels.

    The absolute autocorrelation over the whole clip, of x_hat less that of x, at least 0, at most 1.
    """
    beyond = [
        abs(_likeness(copy[:-lag], copy[lag:])) - abs(_likeness(side[:-lag], side[lag:]))
        for side, copy in zip(x.T, x_hat.T, strict=True)
        for lag in LAGS
        if len(side) > lag
    ]
    return max(0.0, *beyond)


def _likeness(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32]) -> float:
    """The correlation of two stretches, -1 to 1; 0 in silence."""
    a, b = (side.astype(np.float64) - side.mean(dtype=np.float64) for side in (a, b))
    return float((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum() + SILENT_POWER))
