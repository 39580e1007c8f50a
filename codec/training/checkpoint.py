"""Checkpoints of training runs: everything that a resumed run needs, in one file written whole."""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch

from codec.atomic import write_whole
from codec.bitstream.errors import ModelMismatch

NAME = "checkpoint.pt"
KEYS = frozenset({"model", "average", "optimizer", "step", "core_seconds", "plan", "earlier"})


def save(path: Path, state: dict[str, Any]) -> None:
    """Writes a checkpoint. Raises OSError."""
    data = io.BytesIO()  # torch.save would turn a full disk into a RuntimeError
    torch.save(state, data)
    write_whole(path, lambda file: file.write(data.getbuffer()))


def load(path: Path, device: torch.device) -> dict[str, Any]:
    """Reads a checkpoint, tensors only, nothing executed. Raises ModelMismatch where it is none of ours."""
    if path.exists() and not zipfile.is_zipfile(path):
        raise ModelMismatch(f"{path} is not a checkpoint")
    try:
        state: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
    except OSError as error:
        raise ModelMismatch(f"{path} cannot be read: {error.strerror or error}") from error
    except (EOFError, RuntimeError, ValueError, KeyError, pickle.UnpicklingError) as error:
        raise ModelMismatch(f"{path} is not a checkpoint") from error
    # the keys also tell apart what was made before blocks divided by norms: that had no "earlier"
    if not isinstance(state, dict) or set(state) != KEYS or not isinstance(state["plan"], dict):
        raise ModelMismatch(f"{path} is not a checkpoint of a training run of this version")
    return state


def stage_of(state: dict[str, Any]) -> dict[str, Any]:
    """What a record says of a run: steps, hours of cores, plan."""
    return {
        "steps": state["step"],
        "core_hours": round(state["core_seconds"] / 3600, 2),
        "plan": state["plan"],
    }
