"""Rate-distortion optimised quantisation: a latent becomes the nearest integer, or the next one towards zero where that
saves more bits than its error is worth.

An encoder's choice: decoders do not know of it. Source: Karczewicz 2008, for video encoders.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from codec.bitstream.tables import TOTAL, Tables


class Rdoq:
    """Rounds latents at the rates that tables give symbols."""

    def __init__(self, tables: Tables, device: torch.device) -> None:
        """device: that of the values."""
        width = int(tables.reach.max())
        savings = np.zeros((len(tables.reach), width + 1), np.float32)
        for row in range(1, len(tables.reach)):
            reach = int(tables.reach[row])
            bits = -np.log2(tables.row(row)[reach : 2 * reach + 1] / TOTAL)  # of 0 .. reach; tables are symmetric
            savings[row, 1 : reach + 1] = np.diff(bits)
        self.savings = torch.from_numpy(savings).to(device)  # (rows, magnitude): bits saved by one step towards zero

    def __call__(self, values: Tensor, rows: Tensor, price: Tensor) -> Tensor:
        """Integers (B, n, C) for values (B, n, C) under table rows.

        price: (B, 1 or n, C) bits that a squared error of one, in the values' own steps, is worth.
        """
        nearest = values.round()
        magnitude = nearest.abs()
        index = magnitude.long().clamp(max=self.savings.shape[1] - 1)
        saved = self.savings[rows.long(), index]
        # (v - s + 1)^2 - (v - s)^2 for s nearest to v > 0
        error = 1 + 2 * (values.abs() - magnitude)
        return torch.where(saved > price * error, nearest - nearest.sign(), nearest)
