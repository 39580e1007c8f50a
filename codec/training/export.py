"""From a checkpoint to the weights file that a codec loads."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from codec.devices import CPU
from codec.model import torch_weights, weights, weights_file
from codec.model.registry import MODELS
from codec.training import checkpoint
from codec.training.loop import load_averaged
from codec.training.tables import assumed, fitted
from codec.training.tasks import table_signals_of


def export(run: Path, target: Path, sources: Sequence[Path] = ()) -> dict[str, Any]:
    """Writes the averaged weights of a run's checkpoint for the runtime; returns the training record stored inside.

    sources: shards or folders, the first signals of which the tables are fitted to; logistic tables without.
    Raises ModelMismatch, MediaError; OSError where the target cannot be written.
    """
    saved = checkpoint.load(run / checkpoint.NAME, torch.device("cpu"))
    row = next(row for row in MODELS.values() if row.name == saved["plan"].get("model", "image"))
    model = row.build()
    load_averaged(model, saved)
    tables = assumed()
    arrays = torch_weights.pack(model, tables)
    if sources:
        model_of_arrays = weights.frozen(row, arrays, CPU)
        arrays |= torch_weights.table_arrays(fitted(model_of_arrays, tables, *table_signals_of(row.name, sources)))
    record = {
        "model": row.name,
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        **checkpoint.stage_of(saved),
        "earlier": saved["earlier"],
        "torch": torch.__version__,
    }
    weights_file.write(target, row, arrays, record)
    return record
