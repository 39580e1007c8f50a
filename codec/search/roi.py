"""Regions of interest: the grey of a mask as a factor on squared error.

Middle grey changes nothing; towards white errors weigh more, towards black less, by the same number of octaves. The
factor reaches the rounding and the refinement of latents; steps are one for the whole image, so decoders see nothing.
"""

from __future__ import annotations

import numpy as np

from codec.bitstream.errors import MediaError
from codec.image.tile_encoder import Importance
from codec.media.image.data import ImageData

OCTAVES = 3.0  # white weighs 2^3, black 2^-3
MIDDLE = 0.5


def importance_of(mask: ImageData, image: ImageData) -> Importance:
    """The weight of each pixel of an image. Raises MediaError for a mask of another size."""
    (height, width), (rows, columns) = image.pixels.shape[:2], mask.pixels.shape[:2]
    if (height, width) != (rows, columns):
        raise MediaError(f"a mask of {columns} x {rows} pixels for an image of {width} x {height}")
    grey = mask.pixels.astype(np.float32).mean(2) / np.iinfo(mask.pixels.dtype).max
    factor: Importance = np.exp2(OCTAVES * (grey - MIDDLE) / MIDDLE).astype(np.float32)
    return factor
