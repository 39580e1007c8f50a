"""Results that are kept: a small JSON file each, named by a hash of all that the result depends on.

A run that was stopped finds what it had, and a second run finds everything. Nothing is ever wrong in here: whatever
changes a result changes its name.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from codec.atomic import write_whole

KEY_BYTES = 16

T = TypeVar("T")


class Cache:
    """Records and files in a folder, by key."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def record(self, key: str, kind: Callable[..., T]) -> T | None:
        """What was kept under a key, made by `kind` of the names and values in it; None also where that fails."""
        try:
            return kind(**json.loads(self._path(key, ".json").read_bytes()))
        except (OSError, ValueError, TypeError):  # not there, no JSON, not of this kind
            return None

    def keep(self, key: str, record: dict[str, Any]) -> None:
        """Keeps a record. Raises OSError."""
        self._write(self._path(key, ".json"), json.dumps(record).encode())

    def file(self, key: str) -> bytes | None:
        """The bytes that were kept under a key, or None."""
        try:
            return self._path(key, ".bin").read_bytes()
        except OSError:
            return None

    def keep_file(self, key: str, data: bytes) -> None:
        """Keeps bytes. Raises OSError."""
        self._write(self._path(key, ".bin"), data)

    def _path(self, key: str, suffix: str) -> Path:
        return self.folder / key[:2] / (key + suffix)

    def _write(self, path: Path, data: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, lambda file: file.write(data))


def key(**parts: Any) -> str:
    """The name of a result that depends on these JSON values."""
    text = json.dumps(parts, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[: 2 * KEY_BYTES]
