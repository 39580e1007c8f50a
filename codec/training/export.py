"""From a checkpoint to the weights file that a codec loads."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch

from codec import weights
from codec.bitstream.tables import logistic_tables
from codec.models import ModelRow
from codec.prior import ROW_OF_UNIT_SCALE, ROWS, ROWS_PER_OCTAVE
from codec.training import checkpoint
from codec.training.loop import load_averaged


def export(row: ModelRow, run: Path, target: Path) -> dict[str, Any]:
    """Writes the averaged weights of a run's checkpoint for the runtime; returns the training record stored inside.

    Raises ModelMismatch; OSError where the target cannot be written.
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
    scales = (np.arange(ROWS) - ROW_OF_UNIT_SCALE) / ROWS_PER_OCTAVE
    weights.write(target, weights.pack(model, logistic_tables(scales)), record)
    return record
