"""Where a probability comes from: one integer table a row, nothing else.

A row holds counts that add up to 2^16, for the symbols -reach .. reach and, last, the escape. Row 0 has none: its
symbol is certainly zero and costs no bit. Tables are stored with the weights, so no decoder ever computes one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

import numpy as np
import numpy.typing as npt

from codec.bitstream import constants

TOTAL = 1 << constants.PROBABILITY_BITS
REACH_IN_SCALES = 12  # beyond this many scales a logistic symbol is escaped


@dataclass(frozen=True)
class Tables:
    """counts: uint16, all rows one after the other; reach: uint16 (rows,), 0 for the certain row 0."""

    counts: npt.NDArray[np.uint16]
    reach: npt.NDArray[np.uint16]

    def __post_init__(self) -> None:
        rows = len(self.reach)
        if not rows or rows > 256 or self.reach[0] != 0 or self._ends[-1] != len(self.counts):
            raise ValueError("tables do not have the size that their reaches declare")
        for row in range(1, len(self.reach)):
            counts = self.row(row)
            if counts.min() < 1 or counts.sum(dtype=np.int64) != TOTAL:
                raise ValueError(f"counts of table row {row} are not positive or do not add up to {TOTAL}")

    def size(self, row: int) -> int:
        """Symbols of a row, the escape among them."""
        return 2 * int(self.reach[row]) + 2 if row else 0

    def row(self, row: int) -> npt.NDArray[np.uint16]:
        """Counts of a row."""
        end = self._ends[row]
        return self.counts[end - self.size(row) : end]

    def bits(self, rows: npt.NDArray[np.uint8], symbols: npt.NDArray[np.int32]) -> npt.NDArray[np.float32]:
        """(n,) what symbols (n,) under table rows (n,) take of an ideal coder; none under row 0."""
        reach = self.reach[rows].astype(np.int64)
        escaped = np.abs(symbols) > reach
        starts = np.array([0, *self._ends[:-1]])
        index = starts[rows] + np.where(escaped, 2 * reach + 1, symbols + reach)
        counts = np.where(rows > 0, self.counts[np.minimum(index, len(self.counts) - 1)].astype(np.float64), TOTAL)
        bits: npt.NDArray[np.float32] = (constants.PROBABILITY_BITS - np.log2(counts)).astype(np.float32)
        if escaped.any():
            excess_bits = np.frexp((np.abs(symbols) - reach)[escaped].astype(np.float64))[1]
            bits[escaped] += np.log2(constants.ESCAPE_BITS) + excess_bits  # its length, its low bits and sign
        return bits

    @cached_property
    def _ends(self) -> list[int]:
        """Where in `counts` each row ends."""
        return list(accumulate(map(self.size, range(len(self.reach)))))


def logistic_tables(log2_scales: npt.NDArray[np.float64]) -> Tables:
    """Tables of zero-centred discretised logistics with these scales; entry 0 is the certain row's and not used."""
    rows, reach = [np.zeros(0, np.int64)], [0]
    for scale in np.exp2(log2_scales[1:]):
        r = int(np.ceil(REACH_IN_SCALES * scale))
        edges = 1 / (1 + np.exp(-np.clip((np.arange(-r, r + 2) - 0.5) / scale, -60, 60)))
        inside = np.diff(edges)
        rows.append(quantised(np.append(inside, max(1 - inside.sum(), 0.0))))
        reach.append(r)
    return Tables(np.concatenate(rows).astype(np.uint16), np.array(reach, np.uint16))


def quantised(pmf: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Positive integer counts that add up to 2^16, near pmf; what rounding leaves over goes to the likeliest symbol."""
    counts: npt.NDArray[np.int64] = np.maximum(np.round(pmf / pmf.sum() * (TOTAL - len(pmf))).astype(np.int64) + 1, 1)
    counts[np.argmax(counts)] += TOTAL - counts.sum()
    return counts
