"""Files of 1.0 decode for ever: those of the day it was declared are never made anew, and nor are their weights."""

from __future__ import annotations

import hashlib
import io
import json

import pytest

import codec
from codec.devices import Device
from codec.model import weights_file
from codec.model.registry import MODELS, WEIGHTS
from tests import golden

FOLDER = golden.FOLDER / "1.0"
SHELF = Device(weights=FOLDER)  # beside what comes with the codec
HASHES: dict[str, str] = json.loads((FOLDER / "latents.json").read_text())
ORIGINALS: dict[str, str] = json.loads((FOLDER / "originals" / "sha256.json").read_text())
PROMISED = "e0173f50d1402764887eab5bd8c639f76bdc040d9d90ecf845bf1a7fac5704b8"  # SHA-256 of what `listed` gives


def listed() -> bytes:
    """A line for each file of the promise: its SHA-256 and its name."""
    files = sorted(p.relative_to(FOLDER) for kind in ("*.lcc", "*.npz", "*.json") for p in FOLDER.rglob(kind))
    return b"".join(
        f"{hashlib.sha256((FOLDER / p).read_bytes()).hexdigest()}  {p.as_posix()}\n".encode() for p in files
    )


def data_of(name: str) -> bytes:
    return (FOLDER / f"{name}.lcc").read_bytes()


def test_the_files_are_those_of_the_day() -> None:
    assert hashlib.sha256(listed()).hexdigest() == PROMISED


def test_the_weights_that_they_name_are_kept() -> None:
    kept = [*FOLDER.glob("*.safetensors"), *(WEIGHTS / name for row in MODELS.values() for name in row.shipped)]
    named = {codec.info(data_of(name)).weights for name in HASHES}
    missing = named - {weights_file.describe(path).digests.decoder.hex() for path in kept}
    assert not missing, "before weights are replaced, what their decoder reads goes into tests/golden/1.0"


@pytest.mark.parametrize("name", sorted(HASHES))
def test_a_file_of_the_day_decodes_to_what_it_was(name: str) -> None:
    if name == golden.JPEG_XL:
        pytest.importorskip("pillow_jxl")
    data = data_of(name)
    assert golden.latents_hash(golden.latents_of(data, SHELF)) == HASHES[name]
    assert golden.roundings(data, FOLDER / f"{name}.npz", SHELF) <= 1


@pytest.mark.parametrize("name", sorted(ORIGINALS))
def test_an_original_of_the_day_comes_back(name: str) -> None:
    out = io.BytesIO()
    codec.restore_original(io.BytesIO((FOLDER / "originals" / f"{name}.lcc").read_bytes()), out)
    assert hashlib.sha256(out.getvalue()).hexdigest() == ORIGINALS[name]
