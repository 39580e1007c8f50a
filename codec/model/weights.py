"""Runtime weights: one safetensors file a model, loaded once, named in every file by its digest.

The transforms are float16, the entropy nets and tables integers; the record of the training is in the metadata.
"""

from __future__ import annotations

import hashlib
import json
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from codec.atomic import write_whole
from codec.bitstream import constants
from codec.bitstream.errors import ModelMismatch, UnsupportedFile
from codec.bitstream.range_coder import Models
from codec.bitstream.tables import Tables
from codec.model.base import Autoencoder
from codec.model.fixed_point import LOG2_BITS, FixedLayer, Integers
from codec.model.prior import ROWS
from codec.model.registry import MODELS, ModelRow

Arrays = dict[str, npt.NDArray[Any]]
LOG2_BUFFERS = ("prior.log2_std", "prior.log2_norm")  # on the grid of logarithms: stored as int16


@dataclass(frozen=True)
class Loaded:
    """A model ready for coding, and its tables; digest: what files call these weights."""

    model: Autoencoder
    tables: Models
    digest: bytes


def digest(arrays: Arrays) -> bytes:
    """The first bytes of SHA-256 over all names, types, shapes and values."""
    total = hashlib.sha256()
    for name in sorted(arrays):
        a = np.ascontiguousarray(arrays[name])
        total.update(f"{name} {a.dtype.str} {a.shape}\n".encode())
        total.update(a.tobytes())
    return total.digest()[: constants.DIGEST_BYTES]


def _fixed_layers(model: Autoencoder) -> dict[str, FixedLayer]:
    """The fixed-point layers, by the prefix of their arrays' names."""
    return {f"{name}.": layer for name, layer in model.named_modules() if isinstance(layer, FixedLayer)}


def pack(model: Autoencoder, tables: Tables) -> Arrays:
    """A trained model as arrays of small types."""
    arrays = table_arrays(tables)
    fixed = _fixed_layers(model)
    for prefix, layer in fixed.items():
        arrays |= {prefix + key: value for key, value in layer.integers()._asdict().items()}
    arrays["gain.log2_offset"] = model.gain.integers().numpy()
    for name, value in model.state_dict().items():
        if name in LOG2_BUFFERS:
            arrays[name] = torch.round(value * 2**LOG2_BITS).to(torch.int16).numpy()
        elif name not in arrays and not any(name.startswith(prefix) for prefix in fixed):
            arrays[name] = value.detach().to(torch.float16).numpy()
    return arrays


def table_arrays(tables: Tables) -> Arrays:
    """The tables' part of a weights file."""
    return {"tables.counts": tables.counts, "tables.reach": tables.reach}


def _forms(model: Autoencoder) -> dict[str, tuple[np.dtype[Any], tuple[int, ...]]]:
    """Type and shape of every array of a model's weights file, by name; a length of -1 is any length."""
    fixed = _fixed_layers(model)
    forms: dict[str, tuple[np.dtype[Any], tuple[int, ...]]] = {
        "tables.counts": (np.dtype(np.uint16), (-1,)),
        "tables.reach": (np.dtype(np.uint16), (ROWS,)),
    }
    for prefix, layer in fixed.items():
        forms[prefix + "weight"] = np.dtype(np.int8), tuple(layer.weight.shape)
        forms[prefix + "exponent"] = np.dtype(np.int8), tuple(layer.bias.shape)
        forms[prefix + "bias"] = np.dtype(np.int32), tuple(layer.bias.shape)
    for name, value in model.state_dict().items():
        if not any(name.startswith(prefix) for prefix in fixed):
            logarithms = name in LOG2_BUFFERS or name == "gain.log2_offset"
            forms[name] = np.dtype(np.int16 if logarithms else np.float16), tuple(value.shape)
    return forms


def _check(model: Autoencoder, arrays: Arrays) -> None:
    """Raises ValueError where arrays are not exactly those of the model's weights file: names, types, shapes."""
    forms = _forms(model)
    for names, fault in ((forms.keys() - arrays.keys(), "missing"), (arrays.keys() - forms.keys(), "of no such model")):
        if names:
            more = f", and {len(names) - 1} more" if len(names) > 1 else ""
            raise ValueError(f"array {min(names)!r}{more}: {fault}")
    for name, (dtype, shape) in forms.items():
        found = arrays[name]
        fits = len(found.shape) == len(shape) and all(n in (-1, m) for n, m in zip(shape, found.shape, strict=True))
        if found.dtype != dtype or not fits:
            expected = str(shape).replace("-1", "n")
            raise ValueError(f"array {name!r} is {found.dtype} {found.shape}, expected {dtype} {expected}")


def unpack(model: Autoencoder, arrays: Arrays) -> Tables:
    """Fills a new model from arrays, freezes it, and returns its tables.

    Raises ValueError where the arrays are not those of this model, or break an exactness bound.
    """
    _check(model, arrays)
    fixed = _fixed_layers(model)
    for prefix, layer in fixed.items():
        layer.freeze(Integers(*(arrays[prefix + key] for key in Integers._fields)))
    model.gain.freeze(torch.from_numpy(arrays["gain.log2_offset"]))
    with torch.no_grad():
        for name, value in model.state_dict().items():
            if name in LOG2_BUFFERS:
                value.copy_(torch.from_numpy(arrays[name].astype(np.float32) * 2.0**-LOG2_BITS))
            elif name != "gain.log2_offset" and not any(name.startswith(prefix) for prefix in fixed):
                value.copy_(torch.from_numpy(arrays[name].astype(np.float32)))
    model.prior.exact = True
    model.eval().requires_grad_(False)
    return Tables(arrays["tables.counts"], arrays["tables.reach"])


def write(path: Path, arrays: Arrays, record: dict[str, Any]) -> None:
    """Writes a weights file. Raises OSError."""
    data = save(arrays, metadata={"record": json.dumps(record)})
    write_whole(path, lambda file: file.write(data))


def arrays_of(path: Path) -> Arrays:
    """All arrays of a weights file. Raises OSError, SafetensorError."""
    with safe_open(path, "numpy") as stored:
        return {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118


def record_of(path: Path) -> dict[str, Any]:
    """The training record of a weights file. Raises OSError, SafetensorError."""
    with safe_open(path, "numpy") as stored:
        record: dict[str, Any] = json.loads((stored.metadata() or {}).get("record", "{}"))
        return record


def load(row: ModelRow[Any], device: torch.device, path: Path | None = None) -> Loaded:
    """A model from its installed weights, or from those at `path`. Raises ModelMismatch."""
    path = path or row.path
    try:
        arrays = arrays_of(path)
        with torch.device("cpu"), torch.inference_mode(False):  # fit for gradients of their inputs
            model = row.build()
            tables = unpack(model, arrays)
        models = Models(tables)
    except (OSError, SafetensorError) as error:
        raise ModelMismatch(f"weights of model '{row.name}' cannot be read from {path}: {error}") from error
    except (ValueError, RuntimeError) as error:
        raise ModelMismatch(f"{path} does not hold weights of model '{row.name}': {error}") from error
    with torch.inference_mode(False):
        model = model.to(device)
    return Loaded(model, models, digest(arrays))


_cache: dict[tuple[int, str], Loaded] = {}
_lock = threading.Lock()


def installed(model_id: int, device: torch.device) -> Loaded:
    """The model with this id on this device, loaded at the first call. Raises UnsupportedFile, ModelMismatch."""
    if model_id not in MODELS:
        raise UnsupportedFile(f"model {model_id} is unknown here; known: {sorted(MODELS)}")
    with _lock:
        key = (model_id, str(device))
        if key not in _cache:
            _cache[key] = load(MODELS[model_id], device)
        return _cache[key]
