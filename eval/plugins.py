"""Objects that other packages bring, by the name of an entry point or as `module:object`."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from codec.bitstream.errors import CodecError


class PluginFailed(CodecError):
    """An entry point or an object of that name cannot be loaded."""


def names(group: str) -> Iterator[str]:
    """Of all entry points of a group."""
    return iter(entry_points(group=group).names)


def loaded(group: str, name: str) -> Any | None:
    """The object that an entry point, or `module:object`, names, made where it is a class; None where there is none.

    Raises PluginFailed.
    """
    found = next(iter(entry_points(group=group, name=name)), None)
    if found is None:
        if ":" not in name:
            return None
        found = EntryPoint(name, name, group)
    try:
        made = found.load()
        return made() if isinstance(made, type) else made
    except Exception as error:  # what is not ours may raise anything
        raise PluginFailed(f"{name} cannot be loaded: {type(error).__name__}: {error}") from error
