"""Files by their paths, with our errors."""

from __future__ import annotations

import os
from typing import BinaryIO, Union

from codec.bitstream.errors import MediaError

PathLike = Union[str, "os.PathLike[str]"]


def open_file(path: PathLike) -> BinaryIO:
    """A file opened for reading. Raises MediaError."""
    try:
        return open(path, "rb")
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error


def read_bytes(source: PathLike | bytes | bytearray | memoryview) -> bytes:
    """The bytes themselves, or those of a file. Raises MediaError where it cannot be read; TypeError."""
    if isinstance(source, (bytes, bytearray, memoryview)):
        return bytes(source)
    if not isinstance(source, (str, os.PathLike)):
        raise TypeError(f"expected a path or bytes, not a {type(source).__name__}")
    with open_file(source) as file:
        try:
            return file.read()
        except OSError as error:
            raise _unreadable(source, error) from error


def _unreadable(path: PathLike, error: OSError | ValueError) -> MediaError:
    reason = error.strerror if isinstance(error, OSError) else error
    return MediaError(f"cannot read {os.fspath(path)!r}: {reason}")
