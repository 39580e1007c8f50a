"""Weights files: exactly the arrays of their model, or none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import codec
from codec.bitstream.errors import ModelMismatch, UnsupportedFile
from codec.bitstream.image import read, write
from codec.media import Pixels
from codec.model import weights_file
from codec.model.registry import IMAGE
from codec.model.weights_file import Arrays


def without(arrays: Arrays, name: str) -> Arrays:
    return {other: value for other, value in arrays.items() if other != name}


# what is done to the arrays, and what the error says of it
FOREIGN: dict[str, tuple[Callable[[Arrays], Arrays], str]] = {
    "a scalar that would be broadcast": (
        lambda arrays: arrays | {"h_a.0.bias": np.zeros(1, np.float16)},
        r"'h_a.0.bias' is float16 \(1,\), expected float16 \(256,\)",
    ),
    "a column that would be broadcast": (
        lambda arrays: arrays | {"h_a.0.weight": arrays["h_a.0.weight"][:, :1]},
        r"'h_a.0.weight' is float16 \(256, 1\), expected float16 \(256, 320\)",
    ),
    "offsets of steps for one channel": (
        lambda arrays: arrays | {"gain.log2_offset": np.zeros((3, 1), np.int16)},
        r"'gain.log2_offset' is int16 \(3, 1\), expected int16 \(3, 320\)",
    ),
    "one logarithm for all channels": (
        lambda arrays: arrays | {"prior.log2_std": np.zeros(1, np.int16)},
        r"'prior.log2_std' is int16 \(1,\), expected int16 \(320,\)",
    ),
    "names too many": (
        lambda arrays: arrays | {"prior.surplus": np.zeros(3, np.float16), "surplus": np.zeros(3, np.float16)},
        r"'prior.surplus', and 1 more: of no such model",
    ),
    "a name too many of the encoder": (
        lambda arrays: arrays | {"h_a.7.weight": np.zeros(3, np.float16)},
        "'h_a.7.weight': of no such model",
    ),
    "a name too few": (lambda arrays: without(arrays, "h_a.0.bias"), r"'h_a.0.bias': missing"),
    "wider floats": (
        lambda arrays: arrays | {"h_a.0.bias": arrays["h_a.0.bias"].astype(np.float32)},
        r"'h_a.0.bias' is float32 \(256,\), expected float16 \(256,\)",
    ),
    "floats as integers": (
        lambda arrays: arrays | {"prior.z_scale.bias": arrays["prior.z_scale.bias"].astype(np.float32)},
        r"'prior.z_scale.bias' is float32 \(96,\), expected int32 \(96,\)",
    ),
    "wider integers": (
        lambda arrays: arrays | {"prior.z_scale.weight": arrays["prior.z_scale.weight"].astype(np.int32) * 5000},
        r"'prior.z_scale.weight' is int32 \(96, 1\), expected int8 \(96, 1\)",
    ),
    "fewer tables": (
        lambda arrays: arrays | {"tables.reach": np.zeros(1, np.uint16), "tables.counts": np.zeros(0, np.uint16)},
        r"'tables.reach' is uint16 \(1,\), expected uint16 \(64,\)",
    ),
    "tables in two dimensions": (
        lambda arrays: arrays | {"tables.counts": arrays["tables.counts"][None]},
        r"'tables.counts' is uint16 \(1, \d+\), expected uint16 \(n,\)",
    ),
}


@pytest.mark.parametrize("case", FOREIGN)
def test_weights_with_foreign_arrays_are_a_mismatch(tmp_path: Path, patch: Pixels, case: str) -> None:
    change, said = FOREIGN[case]
    path = tmp_path / "foreign.safetensors"
    weights_file.write(path, IMAGE, change(weights_file.arrays_of(IMAGE.path)), {})
    with pytest.raises(ModelMismatch, match=said):
        codec.compress(patch, weights=path)


def test_a_file_of_an_unknown_model_is_unsupported(patch: Pixels) -> None:
    parsed = read(codec.compress(patch))
    stranger = write(replace(parsed, header=replace(parsed.header, model=99)))
    with pytest.raises(UnsupportedFile, match="model 99 is unknown"):
        codec.decompress(stranger)


def test_arrays_of_the_encoder_are_read_and_checked_when_one_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "damaged.safetensors"
    whole = weights_file.arrays_of(IMAGE.path)
    weights_file.write(path, IMAGE, whole, {})
    of_encoder = whole["a16.0.widen.weight"].tobytes()
    path.write_bytes(path.read_bytes().replace(of_encoder, bytes(len(of_encoder))))
    arrays = weights_file.DecoderFirst(path, weights_file.describe(path))
    assert arrays.keys() == {name for name in whole if not IMAGE.is_of_encoder(name)}
    with pytest.raises(ModelMismatch, match=r"damaged.safetensors is damaged: its arrays have the digest"):
        arrays["a8.0.widen.weight"]
