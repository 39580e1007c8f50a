"""Symbols drawn from the prior: samples of what it expects, the same on every machine."""

from __future__ import annotations

import numpy as np

from codec.bitstream.range_coder import Rows, Symbols
from codec.bitstream.tables import Tables
from codec.model.fixed_point import SYMBOLS

WORD_BITS = 32  # of what is drawn for a symbol


class Draw:
    """A `Source` of symbols that are drawn, each under its table row. Escapes, which say nothing, are never drawn.

    seed, number: name the stream of chance: of a whole signal, and of a tile or chunk of it. Only raw words of PCG64
    are used, which numpy promises to keep, and integers: so samples repeat exactly.
    """

    def __init__(self, tables: Tables, seed: int, number: int = 0) -> None:
        self._tables, self._begun = tables, False
        self._chance = np.random.PCG64(np.random.SeedSequence((seed, number)))

    def take(self, rows: Rows) -> Symbols:
        """The symbols (n,) of one pass under table rows (n,)."""
        words = self._chance.random_raw(len(rows)) >> np.uint64(64 - WORD_BITS)
        symbols = np.zeros(len(rows), np.int32)
        for row in np.unique(rows[rows > 0]):
            here = rows == row
            cumulative = np.cumsum(self._tables.row(row)[:-1], dtype=np.uint64)
            level = words[here] * cumulative[-1] >> np.uint64(WORD_BITS)
            symbols[here] = np.searchsorted(cumulative, level, side="right") - int(self._tables.reach[row])
        if not self._begun:  # hyper-latents, which have a range of their own
            self._begun = True
            np.clip(symbols, SYMBOLS.low, SYMBOLS.high, out=symbols)
        return symbols
