"""Weights files: the arrays of one model in the safetensors format, their digests, and the record of their training.

Files of images and audio name the digest of what their decoder needs: arrays of the decoder and tables. The arrays
that only an encoder reads have a digest of their own, so that a better encoder changes nothing for old files. Both
stand in the metadata of a weights file, so that a shelf of many is searched without reading them. Loads no torch.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
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


def arrays_of(path: Path) -> Arrays:
    """All arrays of a weights file. Raises ModelMismatch."""
    try:
        with safe_open(path, "numpy") as stored:
            return {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
    except (OSError, SafetensorError, ValueError, TypeError) as error:
        raise unreadable(path, error) from error


def checked_arrays(path: Path, description: Description) -> Arrays:
    """All arrays of a weights file that was described before. Raises ModelMismatch where they have other digests."""
    arrays = arrays_of(path)
    found = digests_of(description.row, arrays)
    if found != description.digests:
        said = description.digests
        wrong, right = (found.decoder, said.decoder) if found.decoder != said.decoder else (found.encoder, said.encoder)
        raise ModelMismatch(f"{path} is damaged: its arrays have the digest {wrong.hex()}, it says {right.hex()}")
    return arrays


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


def unreadable(path: Path, error: Exception) -> ModelMismatch:
    """What is raised where a weights file, or a folder of them, cannot be read."""
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return ModelMismatch(f"weights cannot be read from {path}: {reason}")
