"""Principal components of vectors."""

from __future__ import annotations

import numpy as np

Rows = np.ndarray


def components(x: Rows, count: int) -> tuple[Rows, Rows]:
    """The mean (d,) of vectors (n, d), and the (count, d) orthonormal axes of their largest variances."""
    mean = x.mean(0)
    axes: Rows = np.linalg.svd(x - mean, full_matrices=False)[2][:count]
    return mean, axes
