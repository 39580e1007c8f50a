"""Our codec as users run it: files, written and read by separate processes of the command line."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import codec
from codec.bitstream.errors import CodecError
from codec.model import weights
from codec.model.registry import MODELS, ModelRow

TITLE = "codec (ours)"
SUFFIX = ".lcc"
LADDER: tuple[float, ...] = (0, 12, 25, 37, 50, 62, 75, 87, 100)
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
CODING_PACKAGES = ("bitstream", "media", "models")  # beside the modules of `codec` itself
DIGEST_BYTES = 4


def command(*arguments: str) -> list[str]:
    """The command line of a process that does `codec ARGUMENTS`."""
    return [sys.executable, "-m", "codec.cli", *arguments]


def environment() -> dict[str, str]:
    """Of a process that computes on one thread of the CPU."""
    return os.environ | ONE_THREAD


def run(*arguments: str) -> None:
    """Runs `codec ARGUMENTS` on one thread. Raises CodecError with its last line."""
    done = subprocess.run(command(*arguments), capture_output=True, text=True, check=False, env=environment())
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise CodecError(f"codec {arguments[0]} failed: {said[-1]}")


def settings(arguments: Sequence[str]) -> str:
    """How ours are run, in words."""
    return " ".join(("separate processes", *arguments))


def code(
    sources: Sequence[Path], quality: float, work: Path, arguments: Sequence[str] = ()
) -> list[tuple[bytes, Path]]:
    """For each source the bytes of its file and the file that it is decoded to, in the folder `work`, by two processes.

    arguments: of `codec compress`. The names of sources differ in more than their suffixes. Raises CodecError.
    """
    files, shown = work / "files", work / "decoded"
    for place in (files, shown):
        place.mkdir()
    run("compress", *map(str, sources), "-o", str(files), "-q", f"{quality:g}", *arguments)
    coded = [files / f"{source.stem}{SUFFIX}" for source in sources]
    run("decompress", *map(str, coded), "-o", str(shown))
    return [(file.read_bytes(), next(shown.glob(f"{file.stem}.*"))) for file in coded]


def installed(model: str) -> ModelRow[Any] | None:
    """The row of a model whose weights are there, by its name in the registry."""
    return next((row for row in MODELS.values() if row.name == model and row.path.exists()), None)


def identity(row: ModelRow[Any]) -> str:
    """Version, weights and source of what codes: results of another identity are not these results."""
    root = Path(codec.__file__).parent
    modules = sorted(
        [*root.glob("*.py"), *(p for name in CODING_PACKAGES for p in (root / name).glob("*.py"))],
        key=lambda path: path.relative_to(root),
    )
    source = hashlib.sha256(b"".join(path.read_bytes() for path in modules)).hexdigest()[: 2 * DIGEST_BYTES]
    digest = weights.digest(weights.arrays_of(row.path)).hex()
    return f"{codec.__version__}, weights {digest}, source {source}"
