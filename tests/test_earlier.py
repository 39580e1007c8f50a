"""Files outlive their weights: those of earlier ones decode with what stands on a shelf."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import codec
from codec.devices import Device
from codec.model import weights_file
from codec.model.registry import MODELS, WEIGHTS
from tests import golden
from tests.second_decoder import SecondDecoder

FOLDER = golden.FOLDER / "earlier"
HASHES: dict[str, str] = json.loads((FOLDER / "latents.json").read_text())
SHELF = Device(weights=FOLDER)
SHIPPED = {weights_file.describe(WEIGHTS / name).digests.decoder for row in MODELS.values() for name in row.shipped}


def data_of(name: str) -> bytes:
    return (FOLDER / f"{name}.lcc").read_bytes()


@pytest.fixture(scope="module")
def second() -> SecondDecoder:
    return SecondDecoder(*FOLDER.glob("*.safetensors"))


@pytest.mark.parametrize("name", sorted(HASHES))
def test_earlier_files_decode_with_their_weights_from_a_shelf(name: str, second: SecondDecoder) -> None:
    assert golden.latents_hash(golden.latents_of(data_of(name), SHELF)) == HASHES[name]
    assert golden.latents_hash(second.latents(data_of(name))) == HASHES[name]
    shown = codec.decompress(data_of(name), weights=FOLDER)
    assert np.isfinite(np.asarray(shown.samples if isinstance(shown, codec.AudioData) else shown)).all()


def named_by(name: str) -> bytes:
    return bytes.fromhex(codec.info(data_of(name)).weights)


def test_each_of_them_names_weights_that_are_not_the_default_any_more() -> None:
    default = {weights_file.describe(row.path).digests.decoder for row in MODELS.values() if row.shipped}
    kept = {weights_file.describe(path).digests.decoder for path in FOLDER.glob("*.safetensors")}
    named = set(map(named_by, HASHES))
    assert named == kept
    assert not named & default


def test_without_their_weights_the_refusal_says_what_to_do(tmp_path: Path) -> None:
    for name in (name for name in HASHES if named_by(name) not in SHIPPED):
        with pytest.raises(codec.ModelMismatch, match="codec weights add"):
            codec.decompress(data_of(name), weights=tmp_path)
