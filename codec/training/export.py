"""From a checkpoint to the weights file that a codec loads."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from codec import weights
from codec.bitstream.tables import logistic_tables
from codec.models import ModelRow
from codec.prior import ROW_OF_UNIT_SCALE, ROWS, ROWS_PER_OCTAVE
from codec.training import checkpoint
from codec.training.data import pictures, pixels
from codec.training.loop import load_averaged
from codec.training.tables import fitted

TABLE_PICTURES = 60  # that tables are fitted to


def export(row: ModelRow, run: Path, target: Path, sources: Sequence[Path] = ()) -> dict[str, Any]:
    """Writes the averaged weights of a run's checkpoint for the runtime; returns the training record stored inside.

    sources: shards or folders of pictures, the first of which the tables are fitted to; logistic tables without.
    Raises ModelMismatch, MediaError; OSError where the target cannot be written.
    """
    model = row.model(row.config)
    saved = checkpoint.load(run / checkpoint.NAME, torch.device("cpu"))
    load_averaged(model, saved)
    record = {
        "model": row.name,
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "steps": saved["step"],
        "core_hours": round(saved["core_seconds"] / 3600, 2),
        "plan": saved["plan"],
        "torch": torch.__version__,
    }
    tables = logistic_tables((np.arange(ROWS) - ROW_OF_UNIT_SCALE) / ROWS_PER_OCTAVE)
    arrays = weights.pack(model, tables)
    if sources:
        weights.unpack(model, arrays)
        found = chain.from_iterable(pictures(source) for source in sources)
        tables = fitted(model, tables, (pixels(image).numpy() for image in islice(found, TABLE_PICTURES)))
        arrays |= weights.table_arrays(tables)
    weights.write(target, arrays, record)
    return record
