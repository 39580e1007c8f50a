"""Where commands read and write: `-` for the standard streams, names in errors, one bad file among good ones."""

from __future__ import annotations

import os
import stat
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import BinaryIO

import click

from codec.atomic import write_whole
from codec.bitstream.errors import CodecError, MediaError

STREAM = "-"
SEPARATORS = tuple(filter(None, (os.sep, os.altsep)))  # of folders in paths
EXIT_FAILED = 1
EXIT_INCOMPLETE = 3
EXIT_UNJUDGED = 4
READ_AND_WRITE = 0o666  # the permissions that outputs take over


def say(message: str) -> None:
    """One line on stderr, whatever the message holds."""
    click.echo(f"codec: {printable(' '.join(message.split()))}", err=True)


def printable(text: str) -> str:
    """Text from a file, or its name, in one line and without what would control a terminal."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


@contextmanager
def named(source: str) -> Iterator[None]:
    """Errors of the family raised inside begin with the name of the file that they are about; so do
    lacks of memory.
    """
    try:
        yield
    except CodecError as error:
        raise type(error)(f"{source}: {error}") from error
    except (MemoryError, RuntimeError) as error:
        # libraries of networks say so in words only
        if isinstance(error, MemoryError) or "allocate" in str(error) or "bad_alloc" in str(error):
            raise MediaError(f"{source}: there is not enough memory") from error
        raise


def destinations(sources: Sequence[str], out: str | None, renamed: Callable[[Path], Path]) -> list[str]:
    """The output of each input: beside it under the name that it gets, in the folder `out`, or the file `out`.

    Raises click.UsageError where that is impossible, or an output is its input.
    """
    folder = out is not None and out != STREAM and (Path(out).is_dir() or out.endswith(SEPARATORS))
    if folder and not Path(str(out)).is_dir():
        raise click.UsageError(f"there is no folder {out}")
    if len(sources) > 1 and out is not None and not folder:
        raise click.UsageError(f"several inputs need a folder as output; {out} is none")
    if sources.count(STREAM) > 1:
        raise click.UsageError("standard input can be read only once")
    targets = []
    for source in sources:
        if out is not None and not folder:
            targets.append(out)
        elif source == STREAM:
            if folder:
                raise click.UsageError("standard input has no name: give -o a file, not a folder")
            targets.append(STREAM)
        elif not Path(source).name:
            raise click.UsageError(f"'{source}' is not the name of a file")
        else:
            name = renamed(Path(source))
            targets.append(str(Path(str(out)) / name.name if folder else name))
    for source, target in zip(sources, targets, strict=True):
        if source != STREAM != target and os.path.realpath(source) == os.path.realpath(target):
            raise click.UsageError(f"{source} is its own output: give another one with -o")
    return targets


class Input:
    """A file, a pipe or standard input, opened once and read once. Raises MediaError where it cannot be."""

    def __init__(self, source: str) -> None:
        self.name, self.taken = source, 0  # taken: bytes read
        with _reading():
            if source == STREAM and sys.stdin is None:
                raise MediaError("standard input is closed")
            self._is_standard, self._head = source == STREAM, b""
            self._file: BinaryIO = sys.stdin.buffer if self._is_standard else open(source, "rb")  # noqa: SIM115

    def from_start(self) -> BinaryIO | None:
        """The open file, at its first byte and taken as a whole; None of a pipe and of standard input."""
        if self._is_standard or not self._file.seekable():
            return None
        with _reading():
            self._head, self.taken = b"", self._file.seek(0, os.SEEK_END)
            self._file.seek(0)
        return self._file

    def seekable(self) -> bool:
        """False: it is read once, from its first byte to its last."""
        return False

    def head(self, count: int) -> bytes:
        """The first bytes, fewer where there are not as many; they will be read again."""
        self._head += self._read(count - len(self._head))
        return self._head

    def read(self, count: int = -1) -> bytes:
        """So many bytes, fewer only at the end; all that is left by default."""
        begun = self._head if count < 0 else self._head[:count]
        self._head = self._head[len(begun) :]
        data = begun + self._read(count - len(begun) if count >= 0 else count)
        self.taken += len(data)
        return data

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


def check_target(target: str, force: bool) -> None:
    """Raises MediaError, before any work is done, where an output must not or cannot be written."""
    if target == STREAM:
        if sys.stdout is None:
            raise MediaError("standard output is closed")
        if sys.stdout.isatty():
            raise MediaError("binary data would go to the terminal: redirect it or give -o")
        return
    path = Path(target)
    try:
        if path.is_dir():
            raise MediaError(f"cannot write {target}: it is a folder")
        if os.path.lexists(path) and not force:
            path.lstat()
            raise MediaError(f"{target} exists already; --force overwrites it")
        path.parent.stat()
    except OSError as error:
        raise MediaError(f"cannot write {target}: {error.strerror or error}") from error


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
        raise MediaError(f"cannot write {target}: {error.strerror or error}") from error


def _facts(source: str) -> os.stat_result | None:
    """What the system says of an input that is a file; None where it is none."""
    facts = None if source == STREAM else os.stat(source)
    return facts if facts and stat.S_ISREG(facts.st_mode) else None


def _counted(jobs: list[tuple[str, str]]) -> Iterable[tuple[str, str]]:
    """The jobs; where there are several, with a bar on terminals."""
    if len(jobs) < 2:
        return jobs
    from tqdm import tqdm

    bar: Iterable[tuple[str, str]] = tqdm(jobs, unit="file", disable=None, leave=False)
    return bar


def each(
    sources: Sequence[str],
    targets: Sequence[str],
    force: bool,
    convert: Callable[[Input, str, BinaryIO], None],
    keep_times: bool = False,
) -> None:
    """Converts every input, going on after a bad one; progress on a terminal only.

    convert takes the input, the output's name and the output. New files get the permissions of their inputs, and where
    asked for their time of change. What was just made from one input is not overwritten with another.
    Raises CodecError at the end where any input failed, click's Exit where all were converted and one is incomplete.
    """
    from codec import IncompleteAudio, IncompleteImage

    failed = incomplete = 0
    jobs, made_from = list(zip(sources, targets, strict=True)), dict[str, str]()
    for source, target in _counted(jobs):
        try:
            with named(source):
                place = os.path.realpath(target)
                if place in made_from:
                    raise MediaError(f"{target} was just made from {made_from[place]}: give -o another place")
                check_target(target, force)
                sizes: list[int] = []
                with closing(Input(source)) as file, notices(source) as found:

                    def fill(out: BinaryIO, file: Input = file, target: str = target, sizes: list[int] = sizes) -> None:
                        convert(file, target, out)
                        sizes.append(out.seek(0, os.SEEK_END) if out.seekable() else 0)

                    facts = _facts(source)
                    fill_output(target, fill, facts and stat.S_IMODE(facts.st_mode) & READ_AND_WRITE)
                    if keep_times and facts and target != STREAM:
                        os.utime(target, ns=(facts.st_atime_ns, facts.st_mtime_ns))
        except CodecError as error:
            if len(jobs) == 1:
                raise
            failed += 1
            say(str(error))
        else:
            made_from[place] = source
            incomplete += any(issubclass(category, (IncompleteImage, IncompleteAudio)) for category in found)
            if target != STREAM:
                written = f"{sizes[0]:,} bytes" if sizes[0] else "a pipe"
                click.echo(printable(f"{source} -> {target}: {file.taken:,} bytes -> {written}"), err=True)
    if failed:
        raise CodecError(f"{failed} of {len(jobs)} files failed")
    if incomplete:
        raise click.exceptions.Exit(EXIT_INCOMPLETE)


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
            say(f"{source}: {warning.message}")
        else:
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
