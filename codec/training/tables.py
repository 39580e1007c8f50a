"""Tables as the symbols of real pictures want them, in place of the logistics that training assumes.

The encoder's rounding moves symbols towards zero, and no residual is exactly logistic: tables counted from coded
pictures make files about half a percent smaller.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import torch

from codec import coding
from codec.autoencoder import Autoencoder
from codec.bitstream.entropy import Encoder, Models, Rows, Symbols
from codec.bitstream.tables import TOTAL, Tables, quantised
from codec.encoding import padded
from codec.media import Pixels
from codec.rounding import Rounding
from codec.tiles import undisturbed

PRIOR_SYMBOLS = 200.0  # so many symbols of a row are taken on trust from the table before
LOG2_STEPS = (7.25, 6.25, 5.25, 4.25, 3.25, 2.5)


class Census(Encoder):
    """An encoder that writes nothing and counts symbols by table row; zero stands at column `reach`."""

    def __init__(self, models: Models, counts: npt.NDArray[np.int64]) -> None:
        super().__init__(models)
        self.counts = counts

    def put(self, rows: Rows, symbols: Symbols) -> None:
        """One pass."""
        middle = self.counts.shape[1] // 2
        np.add.at(self.counts, (rows, np.clip(symbols, -middle, middle) + middle), 1)


def fitted(model: Autoencoder, tables: Tables, pictures: Iterable[Pixels]) -> Tables:
    """Tables for a frozen model, from the symbols that it codes pictures (H, W, 3) into under `tables`."""
    counts = np.zeros((len(tables.reach), 2 * int(tables.reach.max()) + 3), np.int64)
    models, rounding = Models(tables), Rounding(tables)
    device = torch.device("cpu")
    for pixels in pictures:
        for log2_step in LOG2_STEPS:
            with undisturbed(device):
                step = torch.tensor([log2_step])
                h = model.analysis(padded(pixels, device), step)
                coding.symbols(model, Census(models, counts), h, step, rounding)
    middle = counts.shape[1] // 2
    rows = [np.zeros(0, np.int64)]
    for row in range(1, len(tables.reach)):
        reach = int(tables.reach[row])
        inside = counts[row, middle - reach : middle + reach + 1]
        seen = np.append((inside + inside[::-1]) / 2, counts[row].sum() - inside.sum())
        rows.append(quantised(seen + PRIOR_SYMBOLS * tables.row(row) / TOTAL))
    return Tables(np.concatenate(rows).astype(np.uint16), tables.reach)
