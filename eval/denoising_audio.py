"""Hiss under speech: `python -m codec.eval.denoising_audio CLIP...` prints a table of PESQ-WB and ESTOI.

Each clip, its first seconds at 16 kHz, gets seeded noise, white or pink, at three ratios of power to the speech. Beside
`codec.denoise`, which is not told the noise, stands noisereduce (spectral gating), tuned: of both of its modes, each at
three strengths, that of the best PESQ in the mean over the clips counts, for each noise. Two rows say what the codec
does by itself, and to what was denoised.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np

import codec
from codec import media
from codec.eval.audio_metrics import SPEECH_RATE, estoi, pesq_wb
from codec.media import AudioData, Samples

SECONDS = 8
RATIOS_DB = (0, 10, 20)
QUALITY = 50
LEAST_PESQ = 1.0  # where it hears no speech
Denoiser = Callable[[Samples], Samples]


def denoisers() -> dict[str, list[Denoiser]]:
    """By name, at each strength. Raises MissingPackage where noisereduce is not installed."""
    try:
        gating: Any = import_module("noisereduce").reduce_noise
    except ImportError as error:
        raise codec.MissingPackage(
            f"{error.name}, to compare with, is not installed: pip install noisereduce"
        ) from error

    def gated(stationary: bool, strength: float, x: Samples) -> Samples:
        y: Samples = gating(y=x.T, sr=SPEECH_RATE, stationary=stationary, prop_decrease=strength).T
        return y

    def denoised(x: Samples) -> Samples:
        found = codec.denoise((x, SPEECH_RATE))
        assert isinstance(found, AudioData)
        return found.samples

    def coded(x: Samples) -> Samples:
        return codec.decompress_audio(codec.compress_audio(x, sample_rate=SPEECH_RATE, quality=QUALITY)).samples

    return {
        "the noisy speech": [lambda x: x],
        "`denoise(x)`": [denoised],
        "noisereduce": [partial(gated, mode, strength) for mode in (True, False) for strength in (0.7, 0.85, 1.0)],
        f"compressed, quality {QUALITY}": [coded],
        "`denoise(x)`, compressed": [lambda x: coded(denoised(x))],
    }


def noise(colour: str, samples: int, seed: int) -> Samples:
    """(n, 1) of variance 1. colour: white, or pink, the power of which falls as 1 / f."""
    x = np.random.default_rng(seed).normal(size=samples)
    if colour == "pink":
        spectrum = np.fft.rfft(x)
        x = np.fft.irfft(spectrum / np.sqrt(np.maximum(np.arange(len(spectrum)), 1)), samples)
    made: Samples = (x / x.std())[:, None].astype(np.float32)
    return made


def speech(path: str) -> Samples:
    """(n, 1) at 16 kHz, the first seconds of a clip."""
    audio = media.read_audio(path)
    return media.resample(audio.samples[:, :1], audio.sample_rate, SPEECH_RATE)[: SECONDS * SPEECH_RATE]


def scores(x: Samples, y: Samples) -> tuple[float, float]:
    """PESQ-WB and ESTOI of y beside x."""
    return pesq_wb(x, y, SPEECH_RATE) or LEAST_PESQ, estoi(x, y, SPEECH_RATE)


def compare(clips: Sequence[Samples], methods: dict[str, list[Denoiser]]) -> None:
    """Prints the table of methods, at each strength, on clips."""
    columns = [(colour, ratio) for colour in ("white", "pink") for ratio in RATIOS_DB]
    noisy = [
        [x + noise(colour, len(x), seed) * x.std() * np.float32(10 ** (-ratio / 20)) for seed, x in enumerate(clips)]
        for colour, ratio in columns
    ]
    print(f"| |{'|'.join(f' {colour}, {ratio} dB ' for colour, ratio in columns)}|\n|---|{'---|' * len(columns)}")
    for name, strengths in methods.items():
        best = [
            max(
                np.mean([scores(x, strength(y)) for x, y in zip(clips, column, strict=True)], 0).tolist()
                for strength in strengths
            )
            for column in noisy
        ]
        print(f"| {name} |{'|'.join(f' {pesq:.2f}, {estoi:.3f} ' for pesq, estoi in best)}|", flush=True)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(prog="codec.eval.denoising_audio", description=__doc__)
    parser.add_argument("clips", nargs="+", metavar="CLIP")
    options = parser.parse_args()
    try:
        compare([speech(path) for path in options.clips], denoisers())
    except codec.CodecError as error:
        sys.exit(f"codec: {error}")


if __name__ == "__main__":
    main()
