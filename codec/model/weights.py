"""Weights as models: packed into arrays, unpacked again, loaded from the shelf once.

The transforms are float16, the entropy nets and tables integers; the record of the training is in the metadata.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from codec import forking
from codec.bitstream.errors import ModelMismatch
from codec.bitstream.range_coder import Models
from codec.bitstream.tables import Tables
from codec.devices import one_thread
from codec.model import shelf, weights_file
from codec.model.base import Autoencoder
from codec.model.fixed_point import LOG2_BITS, FixedLayer, Integers
from codec.model.prior import ROWS
from codec.model.registry import ModelRow
from codec.model.shelf import WeightsSet
from codec.model.weights_file import Arrays, Description, Digests

LOG2_BUFFERS = ("prior.log2_std", "prior.log2_norm")  # on the grid of logarithms: stored as int16


@dataclass(frozen=True)
class Loaded:
    """A model ready for coding, and its tables; digest: what files call these weights."""

    model: Autoencoder
    tables: Models
    digest: bytes


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


def load(row: ModelRow[Any], device: torch.device, path: Path | None = None) -> Loaded:
    """A model from its default weights, or from those at `path`. Raises ModelMismatch."""
    path = path or row.path
    description = weights_file.describe(path)
    if description.row.id != row.id:
        raise ModelMismatch(f"{path} does not hold weights of model '{row.name}' but of '{description.row.name}'")
    return _load(path, description, device)


def _load(path: Path, description: Description, device: torch.device) -> Loaded:
    row, arrays = description.row, weights_file.checked_arrays(path, description)
    try:
        # fit for gradients of their inputs; what a new model draws at random is not drawn from the caller's numbers
        with torch.device("cpu"), torch.inference_mode(False), torch.random.fork_rng(devices=[]):
            model = row.build()
            if not description.digests.encoder:
                for part in row.encoder_parts:
                    delattr(model, part)
            tables = unpack(model, arrays)
        models = Models(tables)
    except (ValueError, RuntimeError) as error:
        raise ModelMismatch(f"{path} does not hold weights of model '{row.name}': {error}") from error
    with torch.inference_mode(False):
        model = model.to(device)
    forking.in_children(one_thread)
    return Loaded(model, models, description.digests.decoder)


_cache: dict[tuple[str, Digests, str], Loaded] = {}
_lock = threading.Lock()


def _renew_lock() -> None:
    """Another thread of the parent may have held it."""
    global _lock
    _lock = threading.Lock()


forking.in_children(_renew_lock)


def installed(model_id: int, device: torch.device, digest: bytes | None = None, given: Path | None = None) -> Loaded:
    """The model with this id on this device, loaded at the first call: with the weights of a digest, or those that
    files are written with where it is None.

    given: a weights file or a folder of them, see `shelf`. Raises UnsupportedFile where the model is unknown;
    ModelMismatch where the weights are missing or broken.
    """
    row = shelf.model_of(model_id)
    if digest is None:
        return _of(shelf.default(row, given), device)
    fault = None
    for found in shelf.find(row, digest, given):
        try:
            return _of(found, device)
        except ModelMismatch as error:
            fault = error  # another set on the shelf may be whole
    raise fault or shelf.missing(row, digest, given)


def _of(found: WeightsSet, device: torch.device) -> Loaded:
    with _lock:
        key = (found.row.name, found.digests, str(device))
        if key not in _cache:
            _cache[key] = _load(found.path, found.description, device)
        return _cache[key]
