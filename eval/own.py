"""Our codec as users run it: files, written and read by separate processes of the command line."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import requires
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import codec
from codec.bitstream.errors import CodecError
from codec.eval import machine
from codec.model import shelf
from codec.model.registry import MODELS, ModelRow

TITLE = "codec (ours)"
SUFFIX = ".lcc"
LADDER: tuple[float, ...] = (0, 12, 25, 37, 50, 62, 75, 87, 100)
DISTRIBUTION = "codec"  # ours, as installed
PACKAGES = ("codec", "codec.bitstream", "codec.cli")  # where the source of what codes lies ...
NOT_CODING = ("eval", "training")  # ... but for these packages within
DIGEST_BYTES = 4


def command(*arguments: str) -> list[str]:
    """The command line of a process that does `codec ARGUMENTS`."""
    return [sys.executable, "-m", "codec.cli", *arguments]


def environment() -> dict[str, str]:
    """Of a process that computes on one thread of the CPU."""
    return os.environ | machine.ONE_THREAD


def run(*arguments: str) -> None:
    """Runs `codec ARGUMENTS` on one thread. Raises CodecError with its last line."""
    done = subprocess.run(command(*arguments), capture_output=True, text=True, check=False, env=environment())
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise CodecError(f"codec {arguments[0]} failed: {said[-1]}")


def settings(arguments: Sequence[str]) -> str:
    """How ours are run, in words."""
    return " ".join(("separate processes", *arguments))


def compressed(sources: Sequence[Path], quality: float, work: Path, arguments: Sequence[str] = ()) -> list[bytes]:
    """For each source the bytes of its file, written by one process to a new folder `work`.

    arguments: of `codec compress`. The names of sources differ in more than their suffixes. Raises CodecError.
    """
    work.mkdir()
    run("compress", *map(str, sources), "-o", str(work), "-q", f"{quality:g}", *arguments)
    return [(work / f"{source.stem}{SUFFIX}").read_bytes() for source in sources]


def decompressed(files: Sequence[Path], work: Path) -> list[Path]:
    """For each file of ours what it is decoded to, by one process into a new folder `work`. Raises CodecError."""
    work.mkdir()
    run("decompress", *map(str, files), "-o", str(work))
    return [next(work.glob(f"{file.stem}.*")) for file in files]


def code(source: Path, quality: float, work: Path, arguments: Sequence[str] = ()) -> tuple[bytes, Path]:
    """The bytes of a source's file, and what that is decoded to, in the folder `work`, by two processes.

    Raises CodecError.
    """
    [data] = compressed([source], quality, work / "files", arguments)
    [shown] = decompressed([work / "files" / f"{source.stem}{SUFFIX}"], work / "shown")
    return data, shown


def installed(model: str) -> ModelRow[Any] | None:
    """The row of a model whose weights are there, by its name in the registry."""
    return next((row for row in MODELS.values() if row.name == model and row.shipped and row.path.exists()), None)


def identity(row: ModelRow[Any]) -> str:
    """Version, weights, source and libraries of what codes: results of another identity are not these results."""
    sets = [shelf.default(row, metric=metric).digests for metric in (None, *row.for_metrics)]
    weights = ", ".join(f"weights {digests.decoder.hex()}, encoder {digests.encoder.hex()}" for digests in sets)
    source, used = _hashed(*_contents(modules())), _hashed(*libraries())
    return f"{codec.__version__}, {weights}, source {source}, libraries {used}"


def modules() -> dict[str, Path]:
    """The file of each module that may take part in coding, by its name."""
    found = {}
    for package in PACKAGES:
        spec = find_spec(package)
        assert spec is not None
        assert spec.submodule_search_locations
        folder = Path(spec.submodule_search_locations[0])
        for path in folder.rglob("*.py"):
            inside = path.relative_to(folder).with_suffix("").parts
            if inside[0] not in NOT_CODING or package != "codec":
                found[".".join((package, *inside)).removesuffix(".__init__")] = path
    return found


def libraries() -> list[str]:
    """Python and the libraries that ours requires, with their versions; torch too, which may be chosen."""
    required = [text for text in requires(DISTRIBUTION) or [] if "extra ==" not in text]
    names = {re.split(r"[^A-Za-z0-9._-]", text, maxsplit=1)[0].lower() for text in required} | {"torch"}
    found = machine.versions(tuple(sorted(names)))
    return [f"Python {platform.python_version()}", *(f"{name} {version}" for name, version in found.items())]


def _contents(files: dict[str, Path]) -> Iterator[str]:
    for name in sorted(files):
        yield name
        yield files[name].read_text(encoding="utf-8")


def _hashed(*texts: str) -> str:
    """A short hash of texts in their order."""
    return hashlib.sha256(json.dumps(texts).encode()).hexdigest()[: 2 * DIGEST_BYTES]
