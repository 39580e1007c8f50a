"""Rate-distortion optimised quantisation: a latent becomes the nearest integer, or the next one towards zero where that
saves more bits than its error is worth.

An encoder's choice: decoders do not know of it. Source: Karczewicz 2008, for video encoders.
"""

from __future__ import annotations

import numpy as np

from codec.bitstream.range_coder import Rows
from codec.bitstream.tables import TOTAL, Tables
from codec.model.fixed_point import Floats


class Rdoq:
    """Rounds latents at the rates that tables give symbols."""

    def __init__(self, tables: Tables) -> None:
        width = int(tables.reach.max())
        savings = np.zeros((len(tables.reach), width + 1), np.float32)
        for row in range(1, len(tables.reach)):
            reach = int(tables.reach[row])
            bits = -np.log2(tables.row(row)[reach : 2 * reach + 1] / TOTAL)  # of 0 .. reach; tables are symmetric
            savings[row, 1 : reach + 1] = np.diff(bits)
        self.savings = savings  # (rows, magnitude): bits saved by one step towards zero

    def __call__(self, values: Floats, rows: Rows, price: Floats) -> Floats:
        """Integers (B, n, C) for values (B, n, C) under table rows.

        price: (B, 1 or n, C) bits that a squared error of one, in the values' own steps, is worth.
        """
        nearest = np.rint(values)
        magnitude = np.abs(nearest)
        saved = self.savings[rows, np.minimum(magnitude, self.savings.shape[1] - 1).astype(np.intp)]
        # (v - s + 1)^2 - (v - s)^2 for s nearest to v > 0
        error = 1 + 2 * (np.abs(values) - magnitude)
        out: Floats = nearest - np.sign(nearest) * (saved > price * error)
        return out
