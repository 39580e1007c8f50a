"""The range decoder, and the passes of a stream (SPEC, section 5)."""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections.abc import Sequence
from itertools import takewhile

import numpy as np
from numpy.typing import NDArray

from tests.second_decoder.container import WORD

Ints = NDArray[np.int64]
Model = Sequence[int]  # cumulative frequencies, 0 first and TOTAL last

TOTAL = 2**24

UNIFORM = [range(0, TOTAL + 1, TOTAL >> bits) for bits in range(17)]  # over 2^bits symbols


class RangeDecoder:
    """A range decoder of a stream that goes on with one byte for ever."""

    def __init__(self, coded: bytes, filler: int = 0) -> None:
        padded = coded + bytes([filler]) * (-len(coded) % 4)
        self.words = struct.unpack(f"<{len(padded) // 4}I", padded)
        self.beyond = filler * 0x01010101
        self.range = 2**64 - 1
        self.offset = self.word(0) * WORD + self.word(1)  # point - lower: nothing else is made of the two
        self.read = 2

    def word(self, at: int) -> int:
        """A word of the stream, or one beyond its end."""
        return self.words[at] if at < len(self.words) else self.beyond

    def decode(self, models: Sequence[Model]) -> list[int]:
        """The symbol under each of the models; fewer where the stream comes to spell an impossible one."""
        found = []
        offset, width = self.offset, self.range
        for model in models:
            scale = width >> 24
            quantile = offset // scale
            if quantile >= TOTAL:
                break
            symbol = bisect_right(model, quantile) - 1
            offset -= scale * model[symbol]
            width = scale * (model[symbol + 1] - model[symbol])
            if width < WORD:
                offset = offset * WORD + self.word(self.read)
                width *= WORD
                self.read += 1
            found.append(symbol)
        self.offset, self.range = offset, width
        return found


class Passes:
    """The passes of one stream: whole, or the known beginning of one that is not."""

    def __init__(self, coded: bytes, tables: list[Model], is_whole: bool, least_row: int) -> None:
        self.tables, self.least_row = tables, least_row
        self.reach = np.array([len(table) // 2 - 1 for table in tables])
        self.lowest = RangeDecoder(coded)
        self.highest = None if is_whole else RangeDecoder(coded, 0xFF)
        self.is_over = False  # nothing is known any more

    def read(self, models: Sequence[Model]) -> list[int]:
        """The known symbols, up to the first that is not."""
        if self.is_over:
            return []
        found = self.lowest.decode(models)
        if self.highest:
            both = zip(found, self.highest.decode(models), strict=False)
            found = [low for low, _ in takewhile(lambda pair: pair[0] == pair[1], both)]
        elif len(found) < len(models):
            raise ValueError("the coded stream is corrupt")
        self.is_over = len(found) < len(models)
        return found

    def decode(self, rows: Ints) -> Ints:
        """One pass: the symbol under each of these table rows."""
        rows = np.maximum(rows, self.least_row)
        order = np.argsort(-rows, axis=None, kind="stable")[: np.count_nonzero(rows)]
        rows_in_order = rows.ravel()[order]
        found = np.array(self.read([self.tables[row] for row in rows_in_order.tolist()]), np.int64)
        reach = self.reach[rows_in_order[: len(found)]]
        values = found - reach
        escaped = np.flatnonzero(values > reach)
        values[escaped] = 0  # and so they stay if the stream ends before all of them are told
        sizes = self.read([UNIFORM[4]] * len(escaped))  # L - 1
        tails = self.read([UNIFORM[size + 1] for size in sizes])
        if not self.is_over:
            tail = np.array(tails, np.int64)
            magnitude = reach[escaped] + (1 << np.array(sizes, np.int64)) + (tail >> 1)
            values[escaped] = np.where(tail & 1, -magnitude, magnitude)
        symbols = np.zeros(rows.size, np.int64)
        symbols[order[: len(values)]] = values
        return symbols.reshape(rows.shape)

    def finish(self) -> None:
        """Raise ValueError unless the stream ends here."""
        coder = self.lowest
        is_unused = coder.range == 2**64 - 1
        # Encoders end with a number less than 2^32 above the lower bound. Bytes FF behind it would add as much again; a
        # number beyond that is not the end of a stream but the middle of a longer one.
        if coder.read < len(coder.words) or not (is_unused or coder.offset < 2 * WORD - 1):
            raise ValueError("the coded stream goes on behind its last symbol")
