"""The classical transform coder that every model starts from: orthonormal DCT, colour rotation, spreads.

Pure numpy; used once, when a training run begins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def dct_matrix(n: int) -> Array:
    """Orthonormal DCT-II, (n, n): rows are frequencies."""
    k, t = np.arange(n)[:, None], np.arange(n)[None]
    m: Array = np.sqrt(2 / n) * np.cos(np.pi * (2 * t + 1) * k / (2 * n))
    m[0] /= np.sqrt(2)
    return m


def block_transform(n: int, color: Array) -> Array:
    """Orthonormal (3 n^2, 3 n^2): rows are coefficients (colour, v, u), columns pixels (colour, y, x)."""
    return np.kron(color, np.kron(dct_matrix(n), dct_matrix(n)))


@dataclass(frozen=True)
class ImageStatistics:
    """Colour rotation (3, 3), and the root mean square of 8x8 (192,) and 16x16 (768,) coefficients."""

    color: Array
    rms8: Array
    rms16: Array


def image_statistics(tiles: Sequence[npt.NDArray[np.uint8]], count: int = 4000, seed: int = 0) -> ImageStatistics:
    """Statistics of `count` random 16x16 blocks of uint8 tiles (H, W, 3).

    The colour rotation is the Karhunen-Loeve transform of the detail in a block, not of its mean.
    """
    rng = np.random.default_rng(seed)
    blocks = []
    for _ in range(count):
        tile = tiles[int(rng.integers(len(tiles)))]
        y, x = (rng.integers(0, side - 15) for side in tile.shape[:2])
        blocks.append(tile[y : y + 16, x : x + 16].astype(np.float64) - 128)
    x = np.stack(blocks).transpose(0, 3, 1, 2)
    detail = x - x.mean((2, 3), keepdims=True)
    _, vectors = np.linalg.eigh(np.einsum("ncyx,ndyx->cd", detail, detail))
    color = vectors.T[::-1].copy()
    color *= np.sign(color[:, 1:2])

    def rms(block: Array, n: int) -> Array:
        coefficients = block.reshape(count, -1) @ block_transform(n, color).T
        out: Array = np.sqrt((coefficients**2).mean(0)) + 0.3
        return out

    return ImageStatistics(color, rms(x[:, :, :8, :8], 8), rms(x, 16))
