"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

NEW_MODE = 0o666  # before the system takes away what the umask forbids
PERMISSIONS = 0o777  # what is kept of the mode of a file that is overwritten


def write_whole(path: Path, write: Callable[[BinaryIO], object], mode: int | None = None) -> None:
    """Lets `write` fill a temporary file beside `path`, then moves it there; through links, to what they point to.

    A file that is overwritten keeps its permissions, and its owner where that is allowed; a new one has `mode`
    or, where that is None, what the umask leaves. Devices and pipes are written straight. Raises OSError; then, or when
    interrupted, nothing is left behind.
    """
    path = Path(os.path.realpath(path))
    try:
        before = path.stat()
    except FileNotFoundError:
        before = None
    if before and not stat.S_ISREG(before.st_mode):
        with path.open("wb") as file:
            write(file)
        return
    # nobody may read the temporary file who could not read the one that it replaces
    descriptor, aside = _created_beside(
        path, before.st_mode & PERMISSIONS if before else NEW_MODE if mode is None else mode
    )
    try:
        with os.fdopen(descriptor, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        if before:
            _make_alike(aside, before)
        elif mode is not None:
            os.chmod(aside, mode)
        os.replace(aside, path)
    except BaseException:
        os.unlink(aside)
        raise


def _created_beside(path: Path, mode: int) -> tuple[int, Path]:
    """Descriptor and path of a new, empty file in the folder of `path`, whose name no other file had."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
    while True:
        aside = path.with_name(f".codec-{os.urandom(8).hex()}.part")
        with suppress(FileExistsError):
            return os.open(aside, flags, mode), aside


def _make_alike(file: Path, before: os.stat_result) -> None:
    """Gives a file the owner, as far as that is allowed, and the permissions of another."""
    if hasattr(os, "chown"):
        for owner, group in ((-1, before.st_gid), (before.st_uid, -1)):
            with suppress(OSError):  # only the superuser may give files away
                os.chown(file, owner, group)
    os.chmod(file, before.st_mode & PERMISSIONS)
