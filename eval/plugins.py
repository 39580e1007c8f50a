"""Objects that other packages bring, by the name of an entry point or as `module:object`."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from codec.bitstream.errors import CodecError


class PluginFailed(CodecError):
    """An entry point or an object of that name cannot be loaded."""


def names(group: str) -> Iterator[str]:
    """Of all entry points of a group."""
    return iter(entry_points(group=group).names)


def loaded(group: str, name: str) -> Any | None:
    """The object that an entry point, or `module:object`, names, made where it is a class; None where there is none.

    Modules are also looked for in the working folder, after all other places.
    Raises PluginFailed.
    """
    found = next(iter(entry_points(group=group, name=name)), None)
    if found is None:
        if ":" not in name:
            return None
        found = EntryPoint(name, name, group)
        if os.getcwd() not in sys.path:
            sys.path.append(os.getcwd())
    try:
        made = found.load()
        return made() if isinstance(made, type) else made
    except Exception as error:  # what is not ours may raise anything
        raise PluginFailed(f"{name} cannot be loaded: {type(error).__name__}: {error}") from error


@cache
def source_hash(name: str) -> str:
    """A hash of the Python files of an imported module or package, "" where it has none."""
    module = sys.modules[name]
    folders = [Path(place) for place in getattr(module, "__path__", [])]
    file = getattr(module, "__file__", None)
    paths = [path for folder in folders for path in folder.rglob("*.py")] or ([Path(file)] if file else [])
    digests = [hashlib.sha256(path.read_bytes()).digest() for path in sorted(paths)]
    return hashlib.sha256(b"".join(digests)).hexdigest()[:8] if digests else ""
