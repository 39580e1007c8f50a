"""What the highest qualities promise: an error that no tile exceeds, whatever the model can reach.

Latents cannot follow everything: of each block of 16 pixels the weakest coefficients are not kept. Where they leave
more than is promised, the tile is coded without loss, of pixels that are rounded as coarsely as the promise allows.
"""

from __future__ import annotations

import numpy as np

from codec.bitstream import constants
from codec.media import Pixels
from codec.media.image.data import STEP_OF_8_BITS

PROMISED_DB = 42.0  # PSNR of every tile at the highest quality ...
PROMISED_FROM, DB_PER_QUALITY = 95.0, 1.2  # ... and so much less for each quality below it, down to here


def promised_error(asked: float) -> float | None:
    """Mean squared error of samples, in grey levels of 8 bits, that no tile exceeds; None where nothing is promised.

    asked: the quality.
    """
    if asked < PROMISED_FROM:
        return None
    psnr_db = PROMISED_DB - DB_PER_QUALITY * (constants.QUALITY_MAX - asked)
    return float(255**2 / 10 ** (psnr_db / 10))


def rounded(pixels: Pixels, error: float) -> Pixels:
    """uint8 or uint16 pixels as multiples of the largest number that keeps within a mean squared error of 8 bits."""
    unit = 1 if pixels.dtype == np.uint8 else STEP_OF_8_BITS
    x, highest = pixels.astype(np.float32), np.iinfo(pixels.dtype).max
    for multiple in range(int(np.sqrt(12 * error)) + 1, 1, -1):
        step = multiple * unit
        near = np.minimum(np.rint(x / step) * step, highest)
        if float(np.mean(((near - x) / unit) ** 2)) <= error:
            found: Pixels = near.astype(pixels.dtype)
            return found
    return pixels
