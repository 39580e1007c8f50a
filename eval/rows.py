"""The points of an evaluation as rows: results.csv, and results.parquet where pyarrow is installed.

Columns, in this order, described for users in docs/benchmark.md: the item, `content`, `codec`, `setting`, `size_bytes`,
`container_bytes`, the rate in its unit, and each metric by its key, empty where there is no score.
"""

from __future__ import annotations

import csv
import io
from importlib.util import find_spec
from typing import Any

from codec.eval.results import Results

CSV, PARQUET = "results.csv", "results.parquet"


def file_names() -> list[str]:
    """Of all files that can be written here."""
    return [CSV, *([PARQUET] if find_spec("pyarrow") else [])]


def files(results: Results) -> dict[str, bytes]:
    """The files by name."""
    columns, rows = _columns(results), _rows(results)
    found = {CSV: _csv(columns, rows)}
    if PARQUET in file_names():
        found[PARQUET] = _parquet(columns, rows)
    return found


def _columns(results: Results) -> dict[str, type]:
    medium = results.medium
    scores = dict.fromkeys(medium.keys, float)
    sizes = {"size_bytes": int, "container_bytes": int, f"rate_{medium.rate_unit}": float}
    return {medium.item: str, "content": str, "codec": str, "setting": float, **sizes, **scores}


def _rows(results: Results) -> list[list[Any]]:
    contents = {item.name: item.content for item in results.items}
    return [
        [
            *(p.item, contents[p.item], p.coder, p.setting, p.size_bytes, p.container_bytes, p.rate),
            *(p.scores[key] for key in results.medium.keys),
        ]
        for p in results.points
    ]


def _csv(columns: dict[str, type], rows: list[list[Any]]) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    at = list(columns).index("setting")
    writer.writerows([*row[:at], f"{row[at]:g}", *row[at + 1 :]] for row in rows)
    return out.getvalue().encode()


def _parquet(columns: dict[str, type], rows: list[list[Any]]) -> bytes:
    import pyarrow
    from pyarrow import parquet

    kinds = {str: pyarrow.string(), int: pyarrow.int64(), float: pyarrow.float64()}
    arrays = [
        pyarrow.array([None if row[place] is None else kind(row[place]) for row in rows], kinds[kind])
        for place, kind in enumerate(columns.values())
    ]
    out = io.BytesIO()
    parquet.write_table(pyarrow.table(arrays, names=list(columns)), out)
    return out.getvalue()
