"""Golden encodes: bytes of files that are made anew, and what is lost in them, for the weights that made them.

`python -m tests.acceptance` measures them anew: after a change of weights, or of what encoders choose.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import codec
from codec.eval.audio_metrics import mel_distance
from codec.eval.metrics import psnr_db
from codec.media import read_audio, read_image
from codec.model import shelf
from codec.model.registry import AUDIO, IMAGE, ModelRow
from tests.conftest import PARROTS, SPEECH

PINNED = Path(__file__).parent / "encodes.json"  # digests of decoder and encoder: name: what was measured
QUALITIES = (10, 50, 90)
Measured = dict[str, dict[str, float]]


def weights_of(row: ModelRow[Any]) -> str:
    """Digests of the decoder's and the encoder's arrays of the weights that a model's encoder takes."""
    digests = shelf.default(row).digests
    return f"{digests.decoder.hex()} {digests.encoder.hex()}"


def images() -> Measured:
    """{name: bytes, psnr_db} of an image in colour and in grey."""
    colour = read_image(PARROTS).pixels
    found = {}
    for name, pixels in (("parrots", colour), ("grey", np.ascontiguousarray(colour[:256, :384, 1:2]))):
        for quality in QUALITIES:
            data = codec.compress(pixels, quality)
            shown = codec.decompress(data, output="array").reshape(pixels.shape)
            found[f"{name} at {quality}"] = {"bytes": len(data), "psnr_db": round(psnr_db(pixels, shown), 3)}
    return found


def clips() -> Measured:
    """{name: bytes, snr_db, mel_distance} of speech in mono, and of its first seconds to the left of an echo."""
    mono = read_audio(SPEECH)
    echo = np.roll(mono.samples, mono.sample_rate // 20, axis=0) * np.float32(0.5)
    both = np.concatenate([mono.samples, echo], 1)[: 2 * mono.sample_rate]
    found = {}
    for name, samples in (("speech", mono.samples), ("echo", both)):
        for quality in QUALITIES:
            data = codec.compress_audio(samples, quality=quality, sample_rate=mono.sample_rate)
            restored = codec.decompress_audio(data).samples
            error = np.square(samples - restored, dtype=np.float64).sum()
            found[f"{name} at {quality}"] = {
                "bytes": len(data),
                "snr_db": round(10 * np.log10(np.square(samples, dtype=np.float64).sum() / error), 3),
                "mel_distance": round(mel_distance(samples, restored), 4),
            }
    return found


MEASURES: dict[str, tuple[ModelRow[Any], Callable[[], Measured]]] = {"image": (IMAGE, images), "audio": (AUDIO, clips)}


def pin() -> None:
    """Writes what the weights that are installed reach."""
    PINNED.write_text(json.dumps({weights_of(row): measure() for row, measure in MEASURES.values()}, indent=1) + "\n")
