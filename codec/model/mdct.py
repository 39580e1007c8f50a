"""The classical front end of audio: the modified discrete cosine transform, and companding of its coefficients.

The MDCT (Princen, Johnson, Bradley 1987) with a sine window is orthonormal: hop coefficients a frame, each frame seeing
two hops of samples. Companding, sign(X) |X|^p, lets a plain squared error follow loudness: it shapes noise under the
signal.
"""

from __future__ import annotations

import numpy as np

from codec.bitstream.constants import SAMPLE_RATE
from codec.model.dct import Array

FLOOR = 1e-4  # amplitude below which companding turns linear; full scale is 1
REFERENCE = 0.1  # a coefficient's amplitude at which all frequencies agree ...
LEVEL = 50.0  # ... on this companded value


def mdct_basis(hop: int) -> Array:
    """Orthonormal (hop, 2 hop): rows are frequencies, columns windowed samples."""
    n, k = np.arange(2 * hop)[None], np.arange(hop)[:, None]
    window = np.sin(np.pi * (n + 0.5) / (2 * hop))
    basis: Array = np.sqrt(2 / hop) * window * np.cos(np.pi / hop * (n + 0.5 + hop / 2) * (k + 0.5))
    return basis


def companding(hop: int) -> tuple[Array, Array]:
    """(hop,) power and scale of each frequency: companded are scale * sign(X) ((|X| + FLOOR)^power - FLOOR^power).

    Lower frequencies are companded less, and finer, as the waveform matters where the ear follows it: to about 4 kHz.
    """
    frequency = (np.arange(hop) + 0.5) / hop * SAMPLE_RATE / 2
    power = 0.5 + 0.15 / (1 + (frequency / 3000) ** 2)
    weight = 0.15 + 0.85 / (1 + (frequency / 4000) ** 2)  # of squared errors
    return power, LEVEL * np.sqrt(weight) / REFERENCE**power
