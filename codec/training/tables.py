"""Tables as the symbols of real signals want them, in place of the logistics that training assumes.

The encoder's rounding moves symbols towards zero, and no residual is exactly logistic: tables counted from coded
images make files about a fifth of a percent smaller.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from codec.bitstream.errors import MediaError
from codec.bitstream.range_coder import Encoder, Models, Rows, Symbols
from codec.bitstream.tables import TOTAL, Tables, logistic_tables, quantised
from codec.latents import encode as latents_encode
from codec.model.fixed_point import ROW_OF_UNIT_SCALE, ROWS, ROWS_PER_OCTAVE, Floats
from codec.model.frozen import Frozen
from codec.search.lagrangian import Price
from codec.search.rdoq import Rdoq

PRIOR_SYMBOLS = 200.0  # so many symbols of a row are taken on trust from the table before


def assumed() -> Tables:
    """The logistics that training assumes, one for each row."""
    return logistic_tables((np.arange(ROWS) - ROW_OF_UNIT_SCALE) / ROWS_PER_OCTAVE)


class Histogram(Encoder):
    """An encoder that writes nothing and counts symbols by table row; zero stands at column `reach`."""

    def __init__(self, models: Models, counts: npt.NDArray[np.int64]) -> None:
        super().__init__(models)
        self.counts = counts

    def put(self, rows: Rows, symbols: Symbols) -> None:
        """One pass."""
        middle = self.counts.shape[1] // 2
        np.add.at(self.counts, (rows, np.clip(symbols, -middle, middle) + middle), 1)


def fitted(
    model: Frozen, tables: Tables, signals: Iterable[Floats], log2_steps: Sequence[float], price: Price
) -> Tables:
    """Tables for a frozen model, from the symbols that it codes signals into under `tables`.

    signals: as `Frozen.analysis` takes them, one at a time; log2_steps: the nominal steps that each is coded at;
    price: of errors, in rounding.
    Raises MediaError where there are no signals.
    """
    counts = np.zeros((len(tables.reach), 2 * int(tables.reach.max()) + 3), np.int64)
    models, rounding = Models(tables), Rdoq(tables)
    for x in signals:
        for log2_step in log2_steps:
            step = np.array([log2_step], np.float32)
            latents_encode.symbols(
                model, Histogram(models, counts), model.analysis(x, step), step, rounding, price=price
            )
    if not counts.any():
        raise MediaError("no signals of this medium to fit tables to")
    middle = counts.shape[1] // 2
    rows = [np.zeros(0, np.int64)]
    for row in range(1, len(tables.reach)):
        reach = int(tables.reach[row])
        inside = counts[row, middle - reach : middle + reach + 1]
        seen = np.append((inside + inside[::-1]) / 2, counts[row].sum() - inside.sum())
        rows.append(quantised(seen + PRIOR_SYMBOLS * tables.row(row) / TOTAL))
    return Tables(np.concatenate(rows).astype(np.uint16), tables.reach)
