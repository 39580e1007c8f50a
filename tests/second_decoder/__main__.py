"""The command: what files decode to, by the second decoder alone."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from tests.second_decoder import SecondDecoder


def main() -> None:
    """Print shape and SHA-256 of the latents of every piece of the files named."""
    paths = [Path(argument) for argument in sys.argv[1:]]
    decoder = SecondDecoder(*(path for path in paths if path.suffix == ".safetensors"))
    for path in paths:
        for number, y in enumerate(decoder.latents(path.read_bytes()) if path.suffix == ".lcc" else ()):
            print(path.name, number, y.shape, hashlib.sha256(y.astype("<i4").tobytes()).hexdigest())


if __name__ == "__main__":
    main()
