"""The windows of SSIM and its kin, of 11 pixels, as products with banded matrices.

A plane is smoothed in strips of rows, which stay in the cache of a core while everything needed is made of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import ndimage

REACH = 5  # pixels on both sides
STRIP = 64  # rows, and columns of a product

Plane = npt.NDArray[np.float64]
Window = tuple[float, ...]  # weights, 11 of them
Beyond = Literal["mirror", "zeros", "nothing"]
MODES = {"mirror": "reflect", "zeros": "constant", "nothing": "constant"}  # in SciPy's words


@dataclass(frozen=True)
class Band:
    """The results `out` along one axis: `matrix` times the values `taken`."""

    out: slice
    taken: slice
    matrix: Plane


@lru_cache(maxsize=32)
def bands(length: int, window: Window, beyond: Beyond) -> list[Band]:
    """A window along an axis of this length, in pieces.

    beyond: what lies outside; "nothing": results are only where the whole window lies inside, 10 fewer than values.
    """
    lost = REACH if beyond == "nothing" else 0
    whole = ndimage.correlate1d(np.eye(length), window, axis=0, mode=MODES[beyond])
    whole = whole[lost : length - lost]
    found = []
    for start in range(0, len(whole), STRIP):
        out = slice(start, min(start + STRIP, len(whole)))
        taken = slice(max(start + lost - REACH, 0), min(out.stop + lost + REACH, length))
        found.append(Band(out, taken, np.ascontiguousarray(whole[out, taken])))
    return found


@dataclass(frozen=True)
class Moments:
    """Planes (C, H, W), and their mean and variance under a window, smaller where nothing lies beyond planes."""

    planes: Plane
    mean: Plane
    variance: Plane


def moments(planes: Plane, window: Window, beside: Beyond, above: Beyond) -> Moments:
    """Of planes (C, H, W). beside, above: what lies beyond them, left and right, above and below."""
    columns, strips = bands(planes.shape[2], window, beside), bands(planes.shape[1], window, above)
    shape = len(planes), strips[-1].out.stop, columns[-1].out.stop
    mean, variance = np.empty(shape), np.empty(shape)
    for channel, plane in enumerate(planes):
        for rows in strips:
            strip = plane[rows.taken]
            mean[channel, rows.out] = smoothed(strip, rows, columns)
            variance[channel, rows.out] = smoothed(strip * strip, rows, columns)
    variance -= mean * mean
    return Moments(planes, mean, variance)


def smoothed(strip: Plane, rows: Band, columns: list[Band]) -> Plane:
    """The rows `rows.out` of a plane under the window; strip: its rows `rows.taken`."""
    down = rows.matrix @ strip
    smooth = np.empty((len(down), columns[-1].out.stop))
    for band in columns:
        np.matmul(down[:, band.taken], band.matrix.T, out=smooth[:, band.out])
    return smooth
