"""Weights files: the arrays of one model in the safetensors format, their digests, and the record of their training.

Files of images and audio name the digest of what their decoder needs: arrays of the decoder and tables. The arrays
that only an encoder reads have a digest of their own, so that a better encoder changes nothing for old files. Both
stand in the metadata of a weights file, so that a shelf of many is searched without reading them. Loads no torch.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from codec.atomic import write_whole
from codec.bitstream import constants
from codec.bitstream.errors import ModelMismatch
from codec.model import forms
from codec.model.registry import MODELS, ModelRow

Arrays = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Digests:
    """Names of weights. decoder: what files name; encoder: of the other arrays, empty where there are none."""

    decoder: bytes
    encoder: bytes


@dataclass(frozen=True)
class Description:
    """What a weights file says of itself. record: of its training; recorded: whether its digests stand in it."""

    row: ModelRow[Any]
    digests: Digests
    record: dict[str, Any]
    recorded: bool


def digest(arrays: Mapping[str, npt.NDArray[Any]]) -> bytes:
    """The first bytes of SHA-256 over all names, types, shapes and values: SPEC, section 7."""
    total = hashlib.sha256()
    for name in sorted(arrays):
        array = arrays[name]
        little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
        total.update(f"{name} {little.dtype.str} {array.shape}\n".encode())
        total.update(little.data)
    return total.digest()[: constants.DIGEST_BYTES]


def digests_of(row: ModelRow[Any], arrays: Arrays) -> Digests:
    """The digests of a model's arrays."""
    encoder = {name: array for name, array in arrays.items() if row.is_of_encoder(name)}
    return Digests(
        digest({name: array for name, array in arrays.items() if name not in encoder}),
        digest(encoder) if encoder else b"",
    )


def write(path: Path, row: ModelRow[Any], arrays: Arrays, record: dict[str, Any]) -> None:
    """Writes a weights file. Raises OSError."""
    data = contents(row, arrays, record)
    write_whole(path, lambda file: file.write(data))


def contents(row: ModelRow[Any], arrays: Arrays, record: dict[str, Any]) -> bytes:
    """The bytes of a weights file."""
    digests = digests_of(row, arrays)
    metadata = {
        "model": row.name,
        "decoder": digests.decoder.hex(),
        "encoder": digests.encoder.hex(),
        "record": json.dumps(record),
    }
    # safetensors writes the memory of arrays as it lies, that of views too
    return save({name: np.ascontiguousarray(array) for name, array in arrays.items()}, metadata=metadata)


def arrays_of(path: Path, wanted: Callable[[str], bool] = lambda name: True) -> Arrays:
    """The arrays of a weights file whose names are wanted. Raises ModelMismatch."""
    try:
        with safe_open(path, "numpy") as stored:
            return {name: stored.get_tensor(name) for name in stored.keys() if wanted(name)}  # noqa: SIM118
    except (OSError, SafetensorError, ValueError, TypeError) as error:
        raise unreadable(path, error) from error


def checked_arrays(path: Path, description: Description) -> Arrays:
    """All arrays of a weights file that was described before. Raises ModelMismatch where they have other digests."""
    arrays = arrays_of(path)
    found = digests_of(description.row, arrays)
    _check(path, found.decoder, description.digests.decoder)
    _check(path, found.encoder, description.digests.encoder)
    return arrays


class DecoderFirst(dict[str, npt.NDArray[Any]]):
    """The checked arrays of a weights file: those of its decoder at once, the others when one of them is asked for.

    So decoding alone takes half of the reading. Raises ModelMismatch, as `checked_arrays`.
    """

    def __init__(self, path: Path, description: Description) -> None:
        self._path, self._description = path, description
        super().__init__(arrays_of(path, lambda name: not description.row.is_of_encoder(name)))
        _check(path, digest(self), description.digests.decoder)

    def __missing__(self, name: str) -> npt.NDArray[Any]:
        encoder = arrays_of(self._path, self._description.row.is_of_encoder)
        if name not in encoder:
            raise KeyError(name)
        _check(self._path, digest(encoder), self._description.digests.encoder)
        self.update(encoder)
        try:
            forms.check_forms(self, self._description.row)
        except ValueError as error:
            raise foreign(self._path, self._description.row, error) from error
        return encoder[name]


def _check(path: Path, found: bytes, said: bytes) -> None:
    if found != said:
        raise ModelMismatch(f"{path} is damaged: its arrays have the digest {found.hex()}, it says {said.hex()}")


def describe(path: Path) -> Description:
    """What a weights file says of itself, its arrays not read; digests that it does not tell are computed.

    Raises ModelMismatch where it cannot be read, or does not say of which model it is.
    """
    try:
        with safe_open(path, "numpy") as stored:
            metadata = stored.metadata() or {}
        record = json.loads(metadata.get("record", "{}"))
        name = metadata.get("model", record.get("model"))
        said = [bytes.fromhex(metadata[kind]) for kind in ("decoder", "encoder") if kind in metadata]
    except (OSError, SafetensorError, ValueError, AttributeError, RecursionError) as error:
        raise unreadable(path, error) from error
    row = next((row for row in MODELS.values() if row.name == name), None)
    if row is None:
        known = " and ".join(row.name for row in MODELS.values())
        raise ModelMismatch(f"{path} holds weights of " + (f"model {name!r}; known: {known}" if name else "no model"))
    if not said:
        return Description(row, digests_of(row, arrays_of(path)), record, recorded=False)
    sizes = [len(digest) for digest in said]
    if sizes not in ([constants.DIGEST_BYTES] * 2, [constants.DIGEST_BYTES, 0]):
        raise ModelMismatch(f"{path} says digests of {sizes} bytes, expected {constants.DIGEST_BYTES}")
    return Description(row, Digests(*said), record, recorded=True)


def record_of(path: Path) -> dict[str, Any]:
    """The training record of a weights file. Raises ModelMismatch."""
    return describe(path).record


def foreign(path: Path, row: ModelRow[Any], error: Exception) -> ModelMismatch:
    """What is raised where the arrays of a weights file are not those of the model that it names."""
    return ModelMismatch(f"{path} does not hold weights of model '{row.name}': {error}")


def unreadable(path: Path, error: Exception) -> ModelMismatch:
    """What is raised where a weights file, or a folder of them, cannot be read."""
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return ModelMismatch(f"weights cannot be read from {path}: {reason}")
