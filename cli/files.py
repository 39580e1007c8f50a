"""Where commands read and write: `-` for the standard streams, names in errors, outputs that are whole or not there."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import BinaryIO

import click

from codec.atomic import write_whole
from codec.bitstream.errors import CodecError, LimitExceeded, MediaError, memory_errors

STREAM = "-"
EXIT_FAILED = 1
EXIT_INCOMPLETE = 3
EXIT_UNJUDGED = 4
WHOLE_MAX = 1 << 31  # bytes of what is read at once: devices and pipes may have no end
PIECE = 1 << 22


def say(message: str) -> None:
    """One line on stderr, whatever the message holds."""
    click.echo(f"codec: {printable(message)}", err=True)


def printable(text: str) -> str:
    """Text from a file in one line and without what would control a terminal."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def shown(name: str | os.PathLike[str]) -> str:
    """The name of a file as messages have it: as it is, or quoted as Python does where it has control characters."""
    text = os.fspath(name)
    return text if text.isprintable() else repr(text)


@contextmanager
def named(source: str) -> Iterator[None]:
    """Errors of the family raised inside begin with the name of the file that they are about; so do
    lacks of memory.
    """
    try:
        with memory_errors():
            yield
    except CodecError as error:
        raise type(error)(f"{shown(source)}: {error}") from error


class Input:
    """A file, a pipe or standard input, opened once and read once. Raises MediaError where it cannot be."""

    def __init__(self, source: str) -> None:
        self.name, self.taken = source, 0  # taken: bytes read
        with _reading():
            if source == STREAM and sys.stdin is None:
                raise MediaError("standard input is closed")
            self._is_standard, self._head = source == STREAM, b""
            self._file: BinaryIO = sys.stdin.buffer if self._is_standard else open(source, "rb")  # noqa: SIM115

    def sought(self) -> BinaryIO | None:
        """The open file, where it is to be left as it stands; None of a pipe and of standard input."""
        return None if self._is_standard or not self._file.seekable() else self._file

    def from_start(self) -> BinaryIO | None:
        """The open file, at its first byte and taken as a whole; None of a pipe and of standard input."""
        file = self.sought()
        if file is not None:
            with _reading():
                self._head, self.taken = b"", file.seek(0, os.SEEK_END)
                file.seek(0)
        return file

    def seekable(self) -> bool:
        """False: it is read once, from its first byte to its last."""
        return False

    def head(self, count: int) -> bytes:
        """The first bytes, fewer where there are not as many; they will be read again."""
        self._head += self._read(count - len(self._head))
        return self._head

    def read(self, count: int = -1) -> bytes:
        """So many bytes, fewer only at the end; all that is left by default. Raises MediaError, LimitExceeded."""
        begun = self._head if count < 0 else self._head[:count]
        self._head = self._head[len(begun) :]
        data = begun + (self._read(count - len(begun)) if count >= 0 else self._rest())
        self.taken += len(data)
        return data

    def _rest(self) -> bytes:
        pieces, left = [], WHOLE_MAX
        while piece := self._read(min(PIECE, left + 1)):
            pieces.append(piece)
            left -= len(piece)
            if left < 0:
                raise LimitExceeded(f"has more than {WHOLE_MAX >> 30} GiB, which are not read at once")
        return b"".join(pieces)

    def _read(self, count: int) -> bytes:
        with _reading():
            return self._file.read(count) if count else b""

    def close(self) -> None:
        """Closes the file."""
        if not self._is_standard:
            self._file.close()


@contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise MediaError(f"cannot be read: {error.strerror or error}") from error


def read_input(source: str) -> bytes:
    """The bytes of a file or of standard input. Raises MediaError."""
    with closing(Input(source)) as file:
        return file.read()


def check_target(target: str, force: bool, makes_folder: bool = False) -> None:
    """Raises MediaError, before any work is done, where an output must not or cannot be written.

    makes_folder: whether the folder that it goes into is made, where it is not there.
    """
    if target == STREAM:
        if sys.stdout is None:
            raise MediaError("standard output is closed")
        if sys.stdout.isatty():
            raise MediaError("binary data would go to the terminal: redirect it or give -o")
        return
    path = Path(target)
    try:
        if path.is_dir():
            raise MediaError(f"cannot write {shown(target)}: it is a folder")
        if os.path.lexists(path) and not force:
            path.lstat()
            raise MediaError(f"{shown(target)} exists already; --force overwrites it")
        if not makes_folder:
            path.parent.stat()
    except OSError as error:
        raise MediaError(f"cannot write {shown(target)}: {error.strerror or error}") from error


def write_output(target: str, data: bytes) -> None:
    """Writes to standard output, or to a file that appears only when it is whole. Raises MediaError."""
    fill_output(target, lambda out: out.write(data))


def fill_output(target: str, fill: Callable[[BinaryIO], object], mode: int | None = None) -> None:
    """Lets `fill` write to standard output, or to a file that appears only when it is whole. Raises MediaError.

    mode: permissions of a new file; None for those that new files get.
    """
    try:
        if target == STREAM:
            with open(sys.stdout.fileno(), "wb", closefd=False) as stream:
                fill(stream)
        else:
            write_whole(Path(target), fill, mode)
    except (BrokenPipeError, CodecError):
        raise
    except OSError as error:
        raise MediaError(f"cannot write {shown(target)}: {error.strerror or error}") from error


@contextmanager
def notices(source: str) -> Iterator[list[type[Warning]]]:
    """Says our own warnings in a line each, beginning with the name of their file; collects their categories."""
    from codec import IncompleteAudio, IncompleteImage, MediaNotice

    ours = (IncompleteImage, IncompleteAudio, MediaNotice)
    found: list[type[Warning]] = []
    with warnings.catch_warnings(record=True) as caught:
        for category in ours:
            warnings.simplefilter("always", category)
        yield found
    for warning in caught:
        if issubclass(warning.category, ours):
            found.append(warning.category)
            say(f"{shown(source)}: {warning.message}")
        else:
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
