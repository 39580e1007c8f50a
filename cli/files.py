"""Where commands read and write: `-` for the standard streams, outputs that appear whole or not at all."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import click
from tqdm import tqdm

from codec.bitstream.errors import CodecError, MediaError

STREAM = "-"
DEFAULT_MODE = 0o666

force_option = click.option("-f", "--force", is_flag=True, help="Overwrite existing outputs.")
device_option = click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default="auto",
    show_default=True,
    help="Where the networks run; auto takes CUDA where there is one.",
)


def destinations(sources: Sequence[str], out: str | None, suffix: str) -> list[str]:
    """The output of each input: beside it with another suffix, in the folder `out`, or the file `out`.

    Raises click.UsageError where two inputs share an output or an output is its input.
    """
    if len(sources) > 1 and out is not None and not Path(out).is_dir():
        raise click.UsageError(f"several inputs need a folder as output; {out} is none")
    if sources.count(STREAM) > 1:
        raise click.UsageError("standard input can be read only once")
    targets = []
    for source in sources:
        if out is not None and not (out != STREAM and Path(out).is_dir()):
            targets.append(out)
        elif source == STREAM:
            if out is not None:
                raise click.UsageError("standard input has no name: give -o a file, not a folder")
            targets.append(STREAM)
        else:
            name = Path(source).with_suffix(suffix)
            targets.append(str(Path(out) / name.name if out else name))
    if len(set(targets)) < len(targets):
        raise click.UsageError("two inputs would have the same output")
    for source, target in zip(sources, targets, strict=True):
        if source == target != STREAM:
            raise click.UsageError(f"{source} is its own output: give another one with -o")
    return targets


def read_input(source: str) -> bytes:
    """The bytes of a file or of standard input. Raises MediaError."""
    if source == STREAM:
        return sys.stdin.buffer.read()
    try:
        return Path(source).read_bytes()
    except OSError as error:
        raise MediaError(f"cannot read {source}: {error.strerror or error}") from error


def check_target(target: str, force: bool) -> None:
    """Raises MediaError, before any work is done, where an output must not or cannot be written."""
    if target == STREAM:
        if sys.stdout.isatty():
            raise MediaError("binary data would go to the terminal: redirect it or give -o")
        return
    path = Path(target)
    if path.is_dir():
        raise MediaError(f"cannot write {target}: it is a folder")
    if path.exists() and not force:
        raise MediaError(f"{target} exists already; --force overwrites it")
    if not os.access(path.parent, os.W_OK):
        reason = "permission denied" if path.parent.is_dir() else "there is no such folder"
        raise MediaError(f"cannot write {target}: {reason}")


def write_output(target: str, data: bytes) -> None:
    """Writes to standard output, or to a file that appears only when it is whole. Raises MediaError."""
    try:
        if target == STREAM:
            with open(sys.stdout.fileno(), "wb", closefd=False) as stream:
                stream.write(data)
            return
        path = Path(target)
        descriptor, aside = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(aside, DEFAULT_MODE & ~_umask())
            os.replace(aside, path)
        except BaseException:
            os.unlink(aside)
            raise
    except BrokenPipeError:
        raise
    except OSError as error:
        raise MediaError(f"cannot write {target}: {error.strerror or error}") from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def each(sources: Sequence[str], targets: Sequence[str], force: bool, convert: Callable[[bytes, str], bytes]) -> None:
    """Converts every input, going on after a bad one; progress on a terminal only.

    convert takes the input's bytes and the output's name. Raises CodecError at the end where any input failed.
    """
    failed = 0
    jobs = list(zip(sources, targets, strict=True))
    for source, target in tqdm(jobs, unit="file", disable=None if len(jobs) > 1 else True, leave=False):
        try:
            check_target(target, force)
            data = read_input(source)
            written = convert(data, target)
            write_output(target, written)
        except CodecError as error:
            if len(jobs) == 1:
                raise type(error)(f"{source}: {error}") if source not in str(error) else error from None
            failed += 1
            click.echo(f"codec: {source}: {error}", err=True)
        else:
            if target != STREAM:
                click.echo(f"{source} -> {target}: {len(data):,} -> {len(written):,} bytes", err=True)
    if failed:
        raise CodecError(f"{failed} of {len(jobs)} files failed")
