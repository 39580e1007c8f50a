"""Test vectors of every stage behind the range coder, for decoders in any language: `vectors/*.json`.

They hang on no weights that are shipped: where a stage has weights they are those of `earlier/`, which never change, or
made by a formula. Inputs are made by `pattern`, so that files hold outputs only. SPEC-SYNTHESIS, section 7, says how to
read them. The second decoder makes them, in float64; `python -m tests.golden` writes them anew.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tests.second_decoder import audio_output
from tests.second_decoder.audio_synthesis import BANDS, FRAMES, HOP, RowSynthesis, drawn, kept, noise
from tests.second_decoder.container import AUDIO, IMAGE, SIZES, Header
from tests.second_decoder.image_synthesis import stages
from tests.second_decoder.layers import Layers
from tests.second_decoder.network import Network
from tests.second_decoder.streams import Ints

FOLDER = Path(__file__).parent / "vectors"
EARLIER = Path(__file__).parent / "earlier"
EVERY = 29  # of a large output's values only so many are kept, in flat order; a prime, to meet every channel
SMALL = 200  # values that are all kept
DIGITS = 7
STEP_INDEX = 1300  # of vectors: finer than the middle of either medium
COARSE_STEP_INDEX = 1900  # of synthesis of audio: so coarse that noise does something
AUDIO_MODEL = 2
SEED = 7


class Vector(NamedTuple):
    """settings: what the inputs are made of; outputs: by name.

    tolerance: that an implementation in float32 needs, as a share of an output's largest value; 0 where all is exact.
    """

    settings: dict[str, Any]
    outputs: Mapping[str, np.ndarray]
    tolerance: float


def pattern(shape: tuple[int, ...], scale: float) -> np.ndarray:
    """Numbers in -scale..scale that look like none in particular."""
    return (np.arange(np.prod(shape)) * 7919 % 251 - 125).reshape(shape) * (scale / 125)


def symbols(count: int, begin: int) -> Ints:
    """Symbols of a walk: mostly zeros, now and then one or minus one, seldom large."""
    i = np.arange(begin, begin + count)
    rest = i * 7919 % 251
    return np.where(rest < 9, 1, np.where(rest > 241, -1, 0)) * np.where(i * 31 % 97 == 0, 40, 1)


class Given:
    """Stands for `Passes`: gives symbols by the formula, whatever their rows, and keeps the rows."""

    def __init__(self) -> None:
        self.rows: list[Ints] = []
        self.count = 0

    def decode(self, rows: Ints) -> Ints:
        self.rows.append(np.ravel(rows))
        found = symbols(rows.size, self.count).reshape(rows.shape)
        self.count += rows.size
        return found


def walk(media: int, shape: tuple[int, int]) -> Vector:
    """Sections 6.1 to 6.3: from symbols to the latents, and the table rows that they stand under."""
    model = 1 if media == IMAGE else AUDIO_MODEL
    header = Header(b"", 0, media, SIZES[media, model], b"", [STEP_INDEX] * (shape[0] if media == AUDIO else 1), 0, [])
    given = Given()
    found = network(media).walk(given, shape, header)  # type: ignore[arg-type]
    log2_step = np.broadcast_to(found.log2_step, found.y.shape)
    settings = {"weights": weights_name(media), "step_index": STEP_INDEX, "rows, columns": list(shape)}
    return Vector(settings, {"table rows": np.concatenate(given.rows), "log2_step": log2_step, "y": found.y}, 0)


def image_synthesis() -> Vector:
    """SPEC-SYNTHESIS, section 3."""
    shape, scale = (2, 3, 320), 4.0
    layers = Layers(network(IMAGE).weights, STEP_INDEX, SIZES[IMAGE, 1].middle)
    settings = {"weights": weights_name(IMAGE), "step_index": STEP_INDEX, "features": [list(shape), scale]}
    return Vector(settings, stages(layers, pattern(shape, scale)), 0.005)


def audio_synthesis() -> Vector:
    """SPEC-SYNTHESIS, section 4, but for the signs: energies, and next to nothing behind them."""
    shape, scale, quiet = (1, 5, 672), 6.0, 100.0
    layers = Layers(network(AUDIO).weights, COARSE_STEP_INDEX, SIZES[AUDIO, AUDIO_MODEL].middle)
    features, hiss = pattern(shape, scale), noise(SEED, 1, FRAMES * shape[1])
    features[..., BANDS:] /= quiet
    settings = {
        "weights": weights_name(AUDIO),
        "step_index": COARSE_STEP_INDEX,
        "features": [list(shape), scale],
        "features from channel 32 on are divided by": quiet,
        "noise": {"seed": SEED, "row": 1},
    }
    found = RowSynthesis(layers, draws_signs=False).stages(features, np.zeros_like(features), hiss)
    return Vector(settings, {"noise": hiss, **found}, 1e-4)


def signs() -> Vector:
    """SPEC-SYNTHESIS, section 4.5: ever more of the power is coded."""
    shape = (1, 3 * FRAMES, HOP)
    rising = (np.arange(shape[1])[:, None] / 5) ** 4
    share = kept(pattern(shape, 3), pattern(shape, 0.5) * rising)
    settings = {
        "s_fine": [list(shape), 3],
        "coded": [list(shape), 0.5],
        "coded at frame t is multiplied by": "(t / 5)^4",
        "expanded": [list(shape), 0.5],
        "noise": {"seed": SEED, "row": 0},
    }
    return Vector(settings, {"r": share, "signs": drawn(pattern(shape, 0.5), share, noise(SEED, 0, shape[1]))}, 1e-4)


def output() -> Vector:
    """SPEC-SYNTHESIS, section 5: mid and side, both limiters and the resampling, each of the same input."""
    shape, scale, rate = (12 * HOP, 2), 1.3, 44_100
    x = pattern(shape, scale)
    count = (2 * rate * shape[0] + 48_000) // 96_000
    settings = {
        "x": [list(shape), scale],
        "reach": 22,
        "wave": "sin(t (0.1 + t / 10000)) sin(pi t / 2880)^2, t = 0 .. 2879",
        "rate": rate,
    }
    outputs = {
        "left, right": audio_output.left_right(x),
        "turned down": audio_output.turned_down(x),
        "without peaks": audio_output.without_peaks(x, 22),
        "resampled": audio_output.resampled(wave(), rate, count),
    }
    return Vector(settings, outputs, 1e-4)


def wave() -> np.ndarray:
    """(2880, 1) a glide that comes and goes."""
    t = np.arange(12 * HOP)
    return (np.sin(t * (0.1 + t / 1e4)) * np.sin(np.pi * t / len(t)) ** 2)[:, None]


MADE: dict[str, Callable[[], Vector]] = {
    "walk-image": lambda: walk(IMAGE, (5, 6)),
    "walk-audio": lambda: walk(AUDIO, (2, 7)),
    "synthesis-image": image_synthesis,
    "synthesis-audio": audio_synthesis,
    "signs": signs,
    "output": output,
}


def weights_name(media: int) -> str:
    """The file of `earlier/` with the weights of a medium."""
    return "image.safetensors" if media == IMAGE else "audio-2.safetensors"


def network(media: int) -> Network:
    """Those weights."""
    return Network(EARLIER / weights_name(media))


def sampled(values: np.ndarray) -> dict[str, Any]:
    """What of an output a file holds."""
    every = 1 if values.size <= SMALL else EVERY
    flat = values.ravel()[::every].tolist()
    short = flat if values.dtype.kind == "i" else [float(f"{value:.{DIGITS}g}") for value in flat]
    return {"shape": list(values.shape), "every": every, "largest": float(np.abs(values).max()), "values": short}


def write() -> None:
    """Writes all files."""
    FOLDER.mkdir(exist_ok=True)
    for name, make in MADE.items():
        settings, outputs, tolerance = make()
        found = {key: sampled(values) for key, values in outputs.items()}
        text = json.dumps({"settings": settings, "tolerance": tolerance, "outputs": found})
        (FOLDER / f"{name}.json").write_text(text + "\n")
