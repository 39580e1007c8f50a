"""Bytes from wherever a caller has them: in memory, in a file by its path, or in an open file; with our errors."""

from __future__ import annotations

import errno
import os
from typing import BinaryIO, TypeGuard, Union

from codec.bitstream.errors import MediaError, MissingFile

PathLike = Union[str, "os.PathLike[str]"]
ByteSource = PathLike | bytes | bytearray | memoryview | BinaryIO


def open_file(path: PathLike) -> BinaryIO:
    """A file opened for reading. A pipe is waited for, as every program does. Raises MediaError, MissingFile."""
    try:
        return open(path, "rb")
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from error


def is_file(source: object) -> TypeGuard[BinaryIO]:
    """Whether bytes can be read from an object: an open file, a BytesIO, a file of fsspec ..."""
    return callable(getattr(source, "read", None))


def read_bytes(source: ByteSource) -> bytes:
    """The bytes themselves, or those of a file: all of it where its path is given, what is left of an open one.

    A pipe is read to its end, once. Raises MediaError, MissingFile; TypeError for other objects and files of text.
    """
    if isinstance(source, (bytes, bytearray, memoryview)):
        return bytes(source)
    if isinstance(source, (str, os.PathLike)):
        with open_file(source) as file:
            return _all_of(file, source)
    if is_file(source):
        return _all_of(source, getattr(source, "name", None))
    raise TypeError(f"expected a path, bytes or a binary file, not a {type(source).__name__}")


def _all_of(file: BinaryIO, name: object) -> bytes:
    try:
        data: object = file.read()
    except OSError as error:
        raise unreadable(name, error) from error
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise TypeError(f"a file to read from gave {type(data).__name__}, not bytes: open it in binary mode")
    return bytes(data)


def unreadable(name: object, error: OSError | ValueError) -> MediaError:
    """The error of our family for one of the system."""
    reason = error.strerror or error if isinstance(error, OSError) else error
    shown = repr(os.fspath(name)) if isinstance(name, (str, bytes, os.PathLike)) else "the file"
    missing = isinstance(error, OSError) and error.errno == errno.ENOENT
    return (MissingFile if missing else MediaError)(f"cannot read {shown}: {reason}")
