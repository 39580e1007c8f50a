"""Symbols to bytes and back: the range coder, and the only file that imports constriction.

One call codes one pass. Symbols of a pass are sorted by table row, so that each row is one call into the coder however
many symbols it has; symbols outside a row's reach follow as escapes. Row 0 is certain: nothing is written.
Coder: range coder of constriction (Bamler 2022), 32-bit words, written little-endian.
"""

from __future__ import annotations

import constriction
import numpy as np
import numpy.typing as npt

from codec.bitstream import format
from codec.bitstream.errors import CorruptFile
from codec.bitstream.tables import TOTAL, Tables

Rows = npt.NDArray[np.uint8]
Symbols = npt.NDArray[np.int32]

_LENGTHS = constriction.stream.model.Uniform(format.ESCAPE_BITS)
_UNIFORM = constriction.stream.model.Uniform()
SYMBOL_MAX = (1 << format.ESCAPE_BITS) - 1


class Models:
    """Tables as the coder takes them; make once, share freely."""

    def __init__(self, tables: Tables) -> None:
        self.reach = tables.reach.astype(np.int32)
        self._models = [None] + [
            constriction.stream.model.Categorical(tables.row(row) / np.float64(TOTAL), perfect=False)
            for row in range(1, len(tables.reach))
        ]

    def runs(self, rows: Rows) -> tuple[npt.NDArray[np.int64], list[tuple[int, int, int, object]]]:
        """The order of coding (certain symbols left out), and (start, end, reach, model) of each run in it."""
        counts = np.bincount(rows, minlength=len(self._models))
        order = np.argsort(rows, kind="stable")[counts[0] :]
        ends = np.cumsum(counts[1:])
        present = np.flatnonzero(counts[1:]) + 1
        return order, [
            (int(ends[row - 1] - counts[row]), int(ends[row - 1]), int(self.reach[row]), self._models[row])
            for row in present
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

    def bytes(self) -> bytes:
        """The stream so far, closed."""
        return bytes(self._coder.get_compressed().astype("<u4").tobytes())


class Decoder:
    """Reads the passes of a stream in the order in which they were written."""

    def __init__(self, models: Models, data: bytes) -> None:
        if len(data) % 4:
            raise CorruptFile(f"a coded stream of {len(data)} bytes, not a multiple of 4")
        self._models = models
        self._coder = constriction.stream.queue.RangeDecoder(np.frombuffer(data, "<u4").astype(np.uint32))

    def take(self, rows: Rows) -> Symbols:
        """The symbols (n,) of one pass under table rows (n,). Raises CorruptFile where the stream cannot hold them."""
        order, runs = self._models.runs(rows)
        ordered = np.empty(len(order), np.int32)
        try:
            for start, end, zero, model in runs:
                ordered[start:end] = self._coder.decode(model, end - start) - zero
            reach = self._models.reach[rows[order]]
            escaped = np.flatnonzero(ordered > reach)
            if len(escaped):
                length = self._coder.decode(_LENGTHS, len(escaped)) + 1
                packed = self._coder.decode(_UNIFORM, (1 << length).astype(np.int32))
                value = (1 << (length - 1)) + packed // 2 + reach[escaped]
                ordered[escaped] = np.where(packed % 2, -value, value)
        except AssertionError as error:
            raise CorruptFile("the coded stream does not fit its probabilities") from error
        symbols = np.zeros(len(rows), np.int32)
        symbols[order] = ordered
        return symbols

    def finish(self) -> None:
        """Raises CorruptFile where data is left over."""
        if not self._coder.maybe_exhausted():
            raise CorruptFile("the coded stream holds more than the picture needs")
