"""Colours that nobody sees: what stands under fully transparent pixels becomes whatever costs least.

Photographs of objects keep all kinds of things there: black, white, colours that bled, noise. The fill continues what
is visible, ever smoother with the distance (push and pull over a pyramid, after Gortler 1996, "The lumigraph").
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from codec.media.image.data import Pixels

Planes = npt.NDArray[np.floating]
LEAST_WEIGHT = 1e-6


def filled(pixels: Pixels, alpha: Pixels) -> Pixels:
    """The pixels (H, W, C), those under an alpha (H, W) of 0 replaced by what continues the others smoothly."""
    visible = alpha > 0
    if visible.all():
        return pixels
    if not visible.any():
        return np.zeros_like(pixels)
    weight = visible[..., None].astype(np.float32)
    smooth = np.rint(_continued(pixels * weight, weight)).astype(pixels.dtype)
    return np.where(visible[..., None], pixels, smooth)


def _continued(weighed: Planes, weight: Planes) -> Planes:
    """Means of weighed colours (h, w, C) and weights (h, w, 1); from coarser scales where there is no weight."""
    here = weighed / np.maximum(weight, LEAST_WEIGHT)
    if weight.min() > 0:
        return here
    coarse = _continued(_halved(weighed), _halved(weight))
    return np.where(weight > 0, here, _doubled(coarse, weight.shape[0], weight.shape[1]))


def _halved(x: Planes) -> Planes:
    """Sums over 2 x 2, zeros beyond the edges."""
    x = np.pad(x, ((0, x.shape[0] % 2), (0, x.shape[1] % 2), (0, 0)))
    return x[::2, ::2] + x[1::2, ::2] + x[::2, 1::2] + x[1::2, 1::2]


def _doubled(x: Planes, height: int, width: int) -> Planes:
    """Linearly interpolated to twice the size, cut to (height, width)."""
    for axis in (0, 1):
        x = np.moveaxis(x, axis, 0)
        before, after = np.concatenate([x[:1], x[:-1]]), np.concatenate([x[1:], x[-1:]])
        pairs = np.stack([0.75 * x + 0.25 * before, 0.75 * x + 0.25 * after], 1)
        x = np.moveaxis(pairs.reshape(-1, *x.shape[1:]), 0, axis)
    return x[:height, :width]
