"""Weights as models ready for coding, loaded from the shelf once for each device."""

from __future__ import annotations

import ctypes
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from codec.bitstream.errors import ModelMismatch
from codec.bitstream.range_coder import Models
from codec.bitstream.tables import Tables
from codec.devices import Device
from codec.forking import in_children
from codec.model import forms, shelf, weights_file
from codec.model.engine import Engine
from codec.model.frozen import Frozen
from codec.model.registry import ModelRow
from codec.model.shelf import WeightsSet
from codec.model.steps import Gains
from codec.model.weights_file import Arrays, Description, Digests
from codec.quality import Metric


@dataclass(frozen=True)
class Loaded:
    """A model ready for coding, and its tables; digest: what files call these weights."""

    row: ModelRow[Any]
    arrays: Arrays
    model: Frozen
    tables: Models
    digest: bytes


def load(row: ModelRow[Any], device: Device, path: Path | None = None) -> Loaded:
    """A model from its default weights, or from those at `path`. Raises ModelMismatch."""
    path = path or row.path
    description = weights_file.describe(path)
    if description.row.id != row.id:
        raise ModelMismatch(f"{path} does not hold weights of model '{row.name}' but of '{description.row.name}'")
    return _load(path, description, device)


def _load(path: Path, description: Description, device: Device) -> Loaded:
    row = description.row
    # torch takes all arrays at once
    read = weights_file.checked_arrays if device.engine == "torch" else weights_file.DecoderFirst
    arrays: Arrays = read(path, description)
    try:
        model = frozen(row, arrays, device)
        tables = Models(Tables(arrays["tables.counts"], arrays["tables.reach"]))
    except (ValueError, RuntimeError) as error:
        raise weights_file.foreign(path, row, error) from error
    return Loaded(row, arrays, model, tables, description.digests.decoder)


def frozen(row: ModelRow[Any], arrays: Arrays, device: Device) -> Frozen:
    """The model of arrays. Raises ValueError where they are not those of this row, or break an exactness bound."""
    forms.check(arrays, row)
    return Frozen(row.config, Gains.of(arrays, row.config.middle), _engine(row, arrays, device))


def _engine(row: ModelRow[Any], arrays: Arrays, device: Device) -> Engine:
    if device.engine == "torch":
        from codec.model.torch_weights import engine

        return engine(row, arrays, device)
    from codec.model.onnx_engine import OnnxEngine

    return OnnxEngine(arrays, row.config, row.graphs, device.threads)


_cache: dict[tuple[str, Digests, Device], Loaded] = {}
_lock = threading.Lock()


def _start_anew() -> None:
    """Another thread of the parent may have held the lock; and the threads of its sessions are not here.

    To destroy a session is to wait for its threads: those of the parent are kept for ever, even when Python ends.
    """
    global _lock, _cache
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(_cache))
    _lock, _cache = threading.Lock(), {}


in_children(_start_anew)


def installed(model_id: int, device: Device, digest: bytes | None = None, metric: Metric | None = None) -> Loaded:
    """The model with this id on this device, loaded at the first call: with the weights of a digest, or those that
    files are written with under a metric where it is None.

    Raises UnsupportedFile where the model is unknown; ModelMismatch where the weights are missing or broken.
    """
    row, given = shelf.model_of(model_id), device.weights
    if digest is None:
        return _of(shelf.default(row, given, metric), device)
    fault = None
    for found in shelf.find(row, digest, given):
        try:
            return _of(found, device)
        except ModelMismatch as error:
            fault = error  # another set on the shelf may be whole
    raise fault or shelf.missing(row, digest, given)


def _of(found: WeightsSet, device: Device) -> Loaded:
    with _lock:
        key = (found.row.name, found.digests, replace(device, weights=None))
        if key not in _cache:
            _cache[key] = _load(found.path, found.description, device)
        return _cache[key]
