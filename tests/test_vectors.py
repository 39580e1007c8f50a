"""Test vectors are what both decoders compute, stage by stage."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from codec.audio.limiter import HOP, Limiter, PeakLimiter
from codec.audio.pairing import as_coded
from codec.bitstream.audio_header import AudioHeader, MidSide
from codec.devices import Device
from codec.latents import decode as latents_decode
from codec.media.audio.resample import resample
from codec.model import weights
from codec.model.fixed_point import Floats
from codec.model.noise import noise
from codec.model.registry import AUDIO_2, IMAGE, ModelRow
from tests.golden import vectors

ONE = Device(threads=1)
BEGINNING = 4  # samples that resamplers begin with in ways of their own


def stored(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((vectors.FOLDER / f"{name}.json").read_text())
    return found


def check(name: str, output: str, found: np.ndarray, begin: int = 0) -> None:
    """Whether an output is the stored one, within the tolerance that stands beside it."""
    vector = stored(name)
    wanted = vector["outputs"][output]
    assert list(found.shape) == wanted["shape"]
    kept = found.ravel()[:: wanted["every"]]
    allowed = vector["tolerance"] * wanted["largest"]
    assert np.abs(kept - np.array(wanted["values"]))[begin:].max() <= allowed, output


def loaded(row: ModelRow[Any], name: str) -> weights.Loaded:
    return weights.load(row, ONE, vectors.EARLIER / stored(name)["settings"]["weights"])


def log2_step(name: str, rows: int = 1) -> Floats:
    return np.full(rows, stored(name)["settings"]["step_index"] / 256, np.float32)


@pytest.mark.parametrize("name", vectors.MADE)
def test_vectors_are_those_of_the_second_decoder(name: str) -> None:
    made = vectors.MADE[name]()
    assert {path.stem for path in vectors.FOLDER.iterdir()} == set(vectors.MADE)
    assert list(made.outputs) == list(stored(name)["outputs"])
    assert made.settings == stored(name)["settings"]
    for output, values in made.outputs.items():
        check(name, output, values)


@pytest.mark.parametrize(("name", "row"), [("walk-image", IMAGE), ("walk-audio", AUDIO_2)])
def test_a_walk_is_that_of_the_codec(name: str, row: ModelRow[Any]) -> None:
    class Given:
        def __init__(self) -> None:
            self.rows: list[np.ndarray] = []
            self.count = 0

        def take(self, rows: np.ndarray) -> np.ndarray:
            self.rows.append(rows)
            self.count += rows.size
            return vectors.symbols(rows.size, self.count - rows.size)

    given = Given()
    rows, columns = stored(name)["settings"]["rows, columns"]
    batch, shape = (1, (rows, columns)) if row is IMAGE else (rows, (1, columns))
    found = latents_decode._walk(loaded(row, name).model, given, shape, log2_step(name, batch), True)
    y = np.rint(found.y_hat * 64).astype(np.int64).reshape(rows, columns, -1)
    check(name, "y", y)
    check(name, "table rows", np.concatenate(given.rows))


def test_synthesis_of_images_is_that_of_the_codec() -> None:
    name = "synthesis-image"
    features = vectors.pattern(*stored(name)["settings"]["features"]).astype(np.float32)
    check(name, "x", loaded(IMAGE, name).model.synthesis(features[None], log2_step(name))[0])


def test_noise_and_synthesis_of_audio_are_those_of_the_codec() -> None:
    name = "synthesis-audio"
    settings = stored(name)["settings"]
    features = vectors.pattern(*settings["features"]).astype(np.float32)
    features[..., vectors.BANDS :] /= settings["features from channel 32 on are divided by"]
    row = settings["noise"]["row"]
    hiss = noise(settings["noise"]["seed"], 0, (row + 1, 4 * features.shape[1], HOP))[row]
    check(name, "noise", hiss)
    check(name, "x", loaded(AUDIO_2, name).model.synthesis(features[None], log2_step(name), hiss[None])[0, 0, HOP:])


def test_what_follows_synthesis_of_audio_is_that_of_the_codec() -> None:
    settings = stored("output")["settings"]
    x = vectors.pattern(*settings["x"]).astype(np.float32)
    check("output", "left, right", as_coded(x, AudioHeader(3, b"", 0, 48_000, 2, (MidSide(0, 0, 0),))))
    slow, fast = Limiter(2), PeakLimiter(2, settings["rate"])
    check("output", "turned down", np.concatenate([slow.push(x), slow.finish()]))
    assert fast.reach == settings["reach"]
    check("output", "without peaks", np.concatenate([fast.push(x), fast.finish()]))
    check("output", "resampled", resample(vectors.wave().astype(np.float32), 48_000, settings["rate"]), BEGINNING)
