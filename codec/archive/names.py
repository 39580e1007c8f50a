"""Names in a mirror: each file of the source gets one of its own, whatever the others are called."""

from __future__ import annotations

import hashlib
import os

SUFFIX = ".lcc"
MARK = "~"  # behind the names of folders that would look like files of the mirror
LONGEST_BYTES = 240  # of a name; most file systems take 255
KEPT_BYTES = 160  # of a longer name, before its hash


def mirrored(path: str) -> str:
    """The path in the mirror of a file of the source.

    Files get .lcc behind their names, folders that end with .lcc, with or without marks behind it, one mark more: no
    file and no folder can meet. Names that are too long are cut and end with a hash.
    """
    *folders, name = path.split("/")
    return "/".join([*map(_folder, folders), _fitting(name) + SUFFIX])


def _folder(name: str) -> str:
    name = _fitting(name)
    return name + MARK if name.rstrip(MARK).endswith(SUFFIX) else name


def _fitting(name: str) -> str:
    raw = os.fsencode(name)
    if len(raw) <= LONGEST_BYTES:
        return name
    return f"{os.fsdecode(raw[:KEPT_BYTES])}{MARK}{hashlib.sha256(raw).hexdigest()}"


def suffixed(path: str, suffix: str) -> str:
    """The path with a suffix behind it, unless it ends so."""
    return path if path.lower().endswith(suffix) else path + suffix


def shown(path: str) -> str:
    """A path for readers: bytes that are no UTF-8 as \\xNN."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
