"""Symbols to bytes and back: the range coder, and the only file that imports constriction.

One call codes one pass. Symbols of a pass are sorted by table row, so that each row is one call into the coder however
many symbols it has; the widest come first, because a cut file misses them most. Symbols outside a row's reach follow as
escapes. Row 0 is certain: nothing is written.
Coder: range coder of constriction (Bamler 2022), 32-bit words, written little-endian.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

import constriction
import numpy as np
import numpy.typing as npt

from codec.bitstream import constants
from codec.bitstream.errors import CorruptFile
from codec.bitstream.tables import TOTAL, Tables

Rows = npt.NDArray[np.uint8]
Symbols = npt.NDArray[np.int32]

_LENGTHS = constriction.stream.model.Uniform(constants.ESCAPE_BITS)
_UNIFORM = constriction.stream.model.Uniform()
ROW_MAX = np.uint8(255)
WORD_BYTES = 4  # of the range coder
LOOK_AHEAD = 4  # words; the coder's state holds two
SYMBOL_MAX = (1 << constants.ESCAPE_BITS) - 1


class Models:
    """Tables as the coder takes them; make once, share freely."""

    def __init__(self, tables: Tables) -> None:
        self.tables, self.reach = tables, tables.reach.astype(np.int32)
        self._models = [None] + [
            constriction.stream.model.Categorical(tables.row(row) / np.float64(TOTAL), perfect=False)
            for row in range(1, len(tables.reach))
        ]

    def runs(self, rows: Rows) -> tuple[npt.NDArray[np.int64], list[tuple[int, int, int, object]]]:
        """The order of coding (certain symbols left out), and (start, end, reach, model) of each run in it."""
        counts = np.bincount(rows, minlength=len(self._models))
        order = np.argsort(ROW_MAX - rows, kind="stable")[: len(rows) - counts[0]]
        present = np.flatnonzero(counts[1:])[::-1] + 1
        ends = np.cumsum(counts[present])
        return order, [
            (int(end - counts[row]), int(end), int(self.reach[row]), self._models[row])
            for row, end in zip(present, ends, strict=True)
        ]


class Encoder:
    """Writes passes; `bytes` ends the stream."""

    def __init__(self, models: Models) -> None:
        self._models, self._coder = models, constriction.stream.queue.RangeEncoder()

    def put(self, rows: Rows, symbols: Symbols) -> None:
        """One pass: symbols (n,) under table rows (n,). Symbols of row 0 must be zero.

        Raises ValueError for a symbol that no escape can hold.
        """
        if len(symbols) and np.abs(symbols).max() > SYMBOL_MAX:
            raise ValueError(f"a symbol is beyond {SYMBOL_MAX}")
        order, runs = self._models.runs(rows)
        ordered = symbols[order]
        reach = self._models.reach[rows[order]]
        escaped = np.abs(ordered) > reach
        index = np.where(escaped, 2 * reach + 1, ordered + reach).astype(np.int32)
        for start, end, _, model in runs:
            self._coder.encode(index[start:end], model)
        if escaped.any():
            values = ordered[escaped]
            excess = np.abs(values) - reach[escaped]  # at least 1
            length = np.frexp(excess.astype(np.float64))[1].astype(np.int32)  # bits of the excess
            self._coder.encode(length - 1, _LENGTHS)
            low = excess - (1 << (length - 1))  # without its leading one
            self._coder.encode((2 * low + (values < 0)).astype(np.int32), _UNIFORM, 1 << length)

    @property
    def size(self) -> int:
        """Bytes that are about complete by now."""
        return int(self._coder.pos()[0]) * WORD_BYTES

    def bytes(self) -> bytes:
        """The stream so far, closed."""
        return bytes(self._coder.get_compressed().astype("<u4").tobytes())


class Attempt(NamedTuple):
    """A pass in coded order. known: how many symbols are valid; complete: whether all are, with their escapes."""

    order: npt.NDArray[np.int64]
    symbols: Symbols
    known: int
    complete: bool


class Decoder:
    """Reads the passes of a stream in the order in which they were written."""

    def __init__(self, models: Models, data: bytes) -> None:
        if len(data) % WORD_BYTES:
            raise CorruptFile(f"a coded stream of {len(data)} bytes, not a multiple of {WORD_BYTES}")
        self._models = models
        self._coder = constriction.stream.queue.RangeDecoder(np.frombuffer(data, "<u4").astype(np.uint32))

    def take(self, rows: Rows) -> Symbols:
        """The symbols (n,) of one pass under table rows (n,). Raises CorruptFile where the stream cannot hold them."""
        found = self.attempt(rows)
        if not found.complete:
            raise CorruptFile("the coded stream does not fit its probabilities")
        symbols = np.zeros(len(rows), np.int32)
        symbols[found.order] = found.symbols
        return symbols

    def attempt(self, rows: Rows) -> Attempt:
        """A pass as far as the stream fits its probabilities."""
        order, runs = self._models.runs(rows)
        ordered = np.zeros(len(order), np.int32)
        for start, end, zero, model in runs:
            decoded = self._as_far_as_valid(model, end - start)
            ordered[start : start + len(decoded)] = decoded - zero
            if len(decoded) < end - start:
                return Attempt(order, ordered, start + len(decoded), complete=False)
        reach = self._models.reach[rows[order]]
        escaped = np.flatnonzero(ordered > reach)
        try:
            if len(escaped):
                length = self._coder.decode(_LENGTHS, len(escaped)) + 1
                packed = self._coder.decode(_UNIFORM, (1 << length).astype(np.int32))
                value = (1 << (length - 1)) + packed // 2 + reach[escaped]
                ordered[escaped] = np.where(packed % 2, -value, value)
        except AssertionError:
            return Attempt(order, ordered, len(order), complete=False)
        return Attempt(order, ordered, len(order), complete=True)

    def _as_far_as_valid(self, model: object, count: int) -> Symbols:
        """Up to `count` symbols of one model."""
        before = self._coder.clone()
        try:
            run: Symbols = self._coder.decode(model, count)
            return run
        except AssertionError:
            self._coder = before
        singles: list[int] = []
        with suppress(AssertionError):
            while len(singles) < count:
                singles.append(self._coder.decode(model))
        return np.array(singles, np.int32)

    def finish(self) -> None:
        """Raises CorruptFile where data is left over."""
        if not self._coder.maybe_exhausted():
            raise CorruptFile("the coded stream holds more than is needed")


def _zeros(rows: Rows) -> Symbols:
    return np.zeros(len(rows), np.int32)


class PrefixDecoder:
    """Reads a stream that was cut: the symbols that are certain whatever followed, and zero for all others, or those
    that `rest` gives under their rows.

    A range decoder's symbols rise with the number that the stream spells, so what the smallest and the largest
    continuation agree on holds for every one between them.
    """

    def __init__(self, models: Models, data: bytes, rest: Callable[[Rows], Symbols] = _zeros) -> None:
        self._models, self._rest, self._ended = models, rest, False
        self._least, self._most = (Decoder(models, _continued(data, byte)) for byte in (b"\x00", b"\xff"))

    def take(self, rows: Rows) -> Symbols:
        """The symbols (n,) of one pass under table rows (n,)."""
        if self._ended:
            return self._rest(rows)
        least, most = self._least.attempt(rows), self._most.attempt(rows)
        # Escapes stand behind a pass: that a symbol is one may be certain and its value not.
        reach = self._models.reach[rows[least.order]]
        escapes = (np.abs(least.symbols) > reach) & (np.abs(most.symbols) > reach)
        differ = least.symbols != most.symbols
        known = min(least.known, most.known)
        self._ended = bool(differ.any()) or not (least.complete and most.complete)
        if self._ended:
            symbols_differ = np.flatnonzero(differ & ~escapes)
            known = min([known, *symbols_differ[:1]])
            least.symbols[escapes] = 0
        symbols = self._rest(rows) if self._ended else np.zeros(len(rows), np.int32)
        symbols[least.order[:known]] = least.symbols[:known]
        return symbols


def _continued(data: bytes, byte: bytes) -> bytes:
    """data up to the next word and LOOK_AHEAD words more, all filled with one byte."""
    return data + byte * (-len(data) % WORD_BYTES + LOOK_AHEAD * WORD_BYTES)
