"""Distances between an original and what a decoder made of it."""

from __future__ import annotations

import numpy as np

from codec.media import Pixels


def psnr_db(x: Pixels, x_hat: Pixels) -> float:
    """Peak signal-to-noise ratio over all channels of uint8 pictures; infinite for equal ones."""
    mse = np.mean((x.astype(np.float64) - x_hat.astype(np.float64)) ** 2)
    return float(10 * np.log10(255**2 / mse)) if mse else float("inf")
