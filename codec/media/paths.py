"""Bytes from wherever a caller has them: in memory, in a file by its path, or in an open file; with our errors."""

from __future__ import annotations

import errno
import os
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO, Protocol, TypeGuard, Union

from codec.atomic import write_whole
from codec.bitstream.errors import MediaError, MissingFile, MissingPackage

PathLike = Union[str, "os.PathLike[str]"]


class Readable(Protocol):
    """A binary file as far as it is needed where it cannot seek."""

    def read(self, count: int = ..., /) -> bytes:
        """So many bytes, maybe fewer; none at the end."""

    def seekable(self) -> bool:
        """Whether it has `seek` and `tell`, too."""


class Writable(Protocol):
    """A binary file as far as it is needed to write to."""

    def write(self, data: bytes, /) -> object:
        """Takes bytes, as many as it says; all of them where it says no number."""


ByteSource = PathLike | bytes | bytearray | memoryview | Readable
ByteTarget = PathLike | Writable


def open_file(path: PathLike) -> BinaryIO:
    """A file opened for reading, by fsspec where the path is a URL. A pipe is waited for, as every program does.

    Raises MediaError, MissingFile; MissingPackage.
    """
    try:
        return _opened_url(path, "rb") if is_url(path) else open(path, "rb")
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from error


def is_url(path: PathLike) -> TypeGuard[str]:
    """Whether a path is one of fsspec: s3://..., memory://..."""
    return isinstance(path, str) and "://" in path and not os.path.exists(path)


def _opened_url(url: str, mode: str) -> BinaryIO:
    """Raises OSError; MediaError for what fsspec does not know; MissingPackage."""
    try:
        fsspec: Any = import_module("fsspec")
    except ImportError as error:
        raise MissingPackage(f"{url!r} needs fsspec: pip install fsspec") from error
    try:
        found: BinaryIO = fsspec.open(url, mode).open()
    except (ValueError, ImportError) as error:  # there is no such protocol, or its package is missing
        raise MediaError(f"cannot open {url!r}: {error}") from error
    return found


def is_file(source: object) -> TypeGuard[Readable]:
    """Whether bytes can be read from an object: an open file, a BytesIO, a file of fsspec ..."""
    return callable(getattr(source, "read", None))


def read_bytes(source: ByteSource, count: int = -1) -> bytes:
    """The bytes themselves, or those of a file: all of it where its path is given, what is left of an open one.

    count: of an open file, how many at most. A pipe is read to its end, once.
    Raises MediaError, MissingFile; TypeError for other objects and for files of text.
    """
    if isinstance(source, (bytes, bytearray, memoryview)):
        return bytes(source)
    if isinstance(source, (str, os.PathLike)):
        with open_file(source) as file:
            return _all_of(file, source)
    if is_file(source):
        return _all_of(source, getattr(source, "name", None), count)
    raise TypeError(f"expected a path, bytes or a binary file, not a {type(source).__name__}")


def written(data: bytes, out: ByteTarget | None) -> bytes:
    """The bytes, which are written to a path or a binary file as well, where there is one.

    A file of that name appears whole or not at all; of URLs, fsspec and the store decide. Raises MediaError where it
    cannot be written; MissingPackage; TypeError.
    """
    if out is None:
        return data
    try:
        if isinstance(out, (str, os.PathLike)) and is_url(out):
            with _opened_url(out, "wb") as file:
                file.write(data)
        elif isinstance(out, (str, os.PathLike)):
            write_whole(Path(out), lambda file: file.write(data))
        elif callable(getattr(out, "write", None)):
            _write_all(out, data)
        else:
            raise TypeError(f"expected a path or a binary file to write to, not a {type(out).__name__}")
    except BrokenPipeError:
        raise
    except OSError as error:
        raise MediaError(f"cannot write {_shown(out)}: {error.strerror or error}") from error
    return data


def _write_all(file: Writable, data: bytes) -> None:
    """Writes to a file that may take fewer bytes at once, as those without a buffer do."""
    while data:
        count = file.write(data)
        data = data[count:] if isinstance(count, int) else b""


def _all_of(file: Readable, name: object, count: int = -1) -> bytes:
    try:
        data: object = file.read(count)
    except OSError as error:
        raise unreadable(name, error) from error
    return _in_bytes(data)


def check_binary(file: Readable) -> None:
    """Raises TypeError for a file of text."""
    _in_bytes(file.read(0))


def _in_bytes(data: object) -> bytes:
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise TypeError(f"a file to read from gave {type(data).__name__}, not bytes: open it in binary mode")
    return bytes(data)


def unreadable(name: object, error: OSError | ValueError) -> MediaError:
    """The error of our family for one of the system."""
    missing = isinstance(error, FileNotFoundError)  # those of fsspec have no number and no words
    reason = os.strerror(errno.ENOENT) if missing else (isinstance(error, OSError) and error.strerror) or error
    return (MissingFile if missing else MediaError)(f"cannot read {_shown(name)}: {reason}")


def _shown(name: object) -> str:
    return repr(os.fspath(name)) if isinstance(name, (str, bytes, os.PathLike)) else "the file"
