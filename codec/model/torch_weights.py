"""Weights files and models of torch: how one becomes the other."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from codec.bitstream.tables import Tables
from codec.devices import Device
from codec.forking import in_children
from codec.model import forms
from codec.model.base import Autoencoder
from codec.model.fixed_layers import FixedLayer
from codec.model.fixed_point import LOG2_BITS, Arrays, Integers
from codec.model.registry import ModelRow
from codec.model.torch_engine import TorchEngine

LOG2_BUFFERS = ("prior.log2_std", "prior.log2_norm")  # on the grid of logarithms: stored as int16


def engine(row: ModelRow[Any], arrays: Arrays, device: Device) -> TorchEngine:
    """The networks of arrays on a device. Raises as `unpack`."""
    # fit for gradients of their inputs; what a new model draws at random is not drawn from the caller's numbers
    with torch.device("cpu"), torch.inference_mode(False), torch.random.fork_rng(devices=[]):
        model = row.build()
        if not any(map(row.is_of_encoder, arrays)):
            for part in row.encoder_parts:
                delattr(model, part)
        unpack(model, arrays, row)
    in_children(_one_thread)
    with torch.inference_mode(False):
        return TorchEngine(model.to(device.name), torch.device(device.name))


def _one_thread() -> None:
    """Leaves torch one thread: in a forked process its pool is there, but no thread in it, and waiting never ends."""
    torch.set_num_threads(1)


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


def unpack(model: Autoencoder, arrays: Arrays, row: ModelRow[Any]) -> Tables:
    """Fills a new model from arrays, freezes it, and returns its tables.

    Raises ValueError where the arrays are not those of this model, or break an exactness bound.
    """
    forms.check(arrays, row)
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
    model.eval().requires_grad_(False)
    return Tables(arrays["tables.counts"], arrays["tables.reach"])
