"""A seeded mutator of audio files as inputs: `python -m tests.fuzz_audio_files --seconds 600 --seed 0`.

Every mutant of a file of each kind that is read must be audio or an error of the family; a quarter is written again,
with what metadata were left. The fuzzer of files of ours is `tests.fuzz`.
"""

from __future__ import annotations

import argparse
import collections
import importlib.util
import sys
import time
import warnings

import numpy as np

from codec.bitstream.errors import CodecError
from codec.media import MediaNotice, audio_bytes, read_audio
from tests.test_audio_metadata import TAGGED, field_recording
from tests.test_wave import WRONG, foreign, waves

OTHERS = {"AIFF": "PCM_16", "CAF": "PCM_16", "AU": "PCM_16", "WAV": "IMA_ADPCM", "W64": "MS_ADPCM", "OGG": "OPUS"}
HEADS = (60, 300, 3000, 100_000)  # bytes in front, where the changes go


def corpus() -> list[bytes]:
    """A file of every kind, with all that it can hold beside samples."""
    files = [*TAGGED.values(), *WRONG.values(), field_recording()]
    files += [foreign(kind, encoding, waves(4800)) for kind, encoding in OTHERS.items()]
    if importlib.util.find_spec("av"):
        from tests.test_av import made

        files += [made("aac", "ipod", title="x"), made("libopus", "webm"), made("aac", "adts")]
    return files


def changed(data: bytes, rng: np.random.Generator) -> bytes:
    """One to seven bytes or lengths replaced, bits flipped, bytes put in, or the end cut off."""
    out = bytearray(data)
    for _ in range(int(rng.integers(1, 8))):
        at = int(rng.integers(max(min(len(out), int(rng.choice(HEADS))), 1)))
        match rng.integers(5):
            case 0:
                out[at : at + 1] = rng.bytes(1)
            case 1:
                out[at : at + 4] = bytes(rng.choice([0, 255, 127, 128], 4).astype(np.uint8))
            case 2:
                del out[at + 1 + len(data) // 2 :]
            case 3:
                out[at : at + 1] = bytes([out[at] ^ 1 << int(rng.integers(8))])
            case _:
                out[at:at] = rng.bytes(int(rng.integers(1, 9)))
    return bytes(out)


def run(files: list[bytes], rng: np.random.Generator, seconds: float, count: int) -> collections.Counter[str]:
    """What became of mutants, for so many seconds or so many mutants: "audio", or the name of an error."""
    found: collections.Counter[str] = collections.Counter()
    end = time.monotonic() + seconds
    while time.monotonic() < end and found.total() < count:
        data = changed(files[int(rng.integers(len(files)))], rng)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", MediaNotice)
            try:
                audio = read_audio(data)
                if rng.integers(4) == 0:
                    audio_bytes(audio, [*TAGGED][int(rng.integers(len(TAGGED)))])
                found["audio"] += 1
            except CodecError as error:
                found[type(error).__name__] += 1
    return found


def main() -> None:
    """Runs the mutator; any other error than one of the family ends it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    for name, count in run(corpus(), np.random.default_rng(options.seed), options.seconds, sys.maxsize).items():
        print(f"{count:9,}  {name}")


if __name__ == "__main__":
    main()
