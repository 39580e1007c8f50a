"""Which release of the codec came with which weights, and the files that a release offers for the shelves of others.

What a release ships gets its line in RELEASES, and keeps it: so a refusal can say where weights are to be had.
`nox -s shelf` writes the files.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from codec.bitstream.errors import ModelMismatch
from codec.model import weights_file
from codec.model.registry import MODELS, WEIGHTS, ModelRow

# digest of a decoder: version of the first release that came with it
RELEASES: dict[str, str] = {
    "3284504255ed9de6": "0.1.0",  # image, for PSNR
    "7d64390d043a2205": "0.1.0",  # image, for eyes
    "ecef0dc0eea40c2b": "0.1.0",  # audio-2
    "0ac4a91f18127228": "0.1.0",  # audio, whose noise is noise
}


def asset_name(row: ModelRow[Any], digest: bytes) -> str:
    """The name of a set of weights as a file of a release, and in the folder of a user."""
    return f"{row.name}-{digest.hex()}.safetensors"


def write_assets(folder: Path) -> list[Path]:
    """Writes every set that the codec ships, checked, into a folder. Raises ModelMismatch, also for one that has no
    line in RELEASES; OSError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for row in MODELS.values():
        for name in row.shipped:
            description = weights_file.describe(WEIGHTS / name)
            digest = description.digests.decoder
            if digest.hex() not in RELEASES:
                raise ModelMismatch(f"weights {digest.hex()} in {name} have no line in {Path(__file__).name}")
            written.append(folder / asset_name(row, digest))
            arrays = weights_file.checked_arrays(WEIGHTS / name, description)
            weights_file.write(written[-1], row, arrays, description.record)
    return written


if __name__ == "__main__":
    for path in write_assets(Path(sys.argv[1])):
        print(path)
