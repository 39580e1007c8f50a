"""The command: what files decode to, by the second decoder alone."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from tests.second_decoder import SecondDecoder


def main() -> None:
    """Print shape and SHA-256 of the latents of every piece of the files named, and the shape of their signals."""
    paths = [Path(argument) for argument in sys.argv[1:]]
    decoder = SecondDecoder(*(path for path in paths if path.suffix == ".safetensors"))
    for path in paths:
        if path.suffix == ".lcc":
            found = decoder.decode(path.read_bytes())
            for number, y in enumerate(found.latents):
                print(path.name, number, y.shape, hashlib.sha256(y.astype("<i4").tobytes()).hexdigest())
            print(path.name, found.signal.shape, found.signal.dtype)


if __name__ == "__main__":
    main()
