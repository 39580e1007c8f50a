"""`codec weights`: the shelf, what lies on it, and what files need of it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import click

from codec.bitstream import constants
from codec.bitstream.errors import CodecError, MediaError, ModelMismatch
from codec.bitstream.file import HEAD_BYTES, read_beginning
from codec.bitstream.wire import Reader
from codec.cli import files, options

DEFAULT = "default"
HEADINGS = ("model", "decoder", "encoder", "release", "date", "from", "", "file")


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line instead of a table.")
@click.pass_context
def weights(context: click.Context, as_json: bool) -> None:
    """List the sets of weights that are here, or handle them.

    Files name the decoder that restores them by its digest; old ones need the weights that they were made with.
    Sets come with the codec, with packages that have the entry point group codec.weights, from the folder or file of
    --weights or CODEC_WEIGHTS, and from your own folder, where "codec weights add" puts them.
    """
    if context.invoked_subcommand is None:
        _list(as_json)


def _list(as_json: bool) -> None:
    from codec.model import shelf

    found, faults = [], []
    for entry in shelf.everything():
        if isinstance(entry, shelf.Unusable):
            faults.append(entry.reason)
        else:
            found.append(entry)
    chosen = _chosen()
    rows = [
        {
            "model": entry.row.name,
            "decoder": entry.digests.decoder.hex(),
            "encoder": entry.digests.encoder.hex(),
            "release": entry.release,
            "date": files.printable(entry.date),
            "from": files.printable(entry.place),
            "default": chosen.get(entry.path) == DEFAULT,
            "chosen": chosen.get(entry.path, ""),
            "file": files.printable(str(entry.path)),
        }
        for entry in found
    ]
    if as_json:
        for row in rows:
            click.echo(json.dumps(row))
    else:
        texts = [[str(text) for name, text in row.items() if name != "default"] for row in rows]
        for line in _table([HEADINGS, *texts]):
            click.echo(line)
    for fault in faults:
        files.say(fault)
    if faults:
        raise click.exceptions.Exit(files.EXIT_FAILED)


def installed_lines() -> Iterable[str]:
    """A line for each set that can be used: model, digest of its decoder, release, where it is from."""
    from codec.model import shelf

    chosen = _chosen()
    for entry in shelf.everything():
        if isinstance(entry, shelf.WeightsSet):
            known = [f"release {entry.release}"] if entry.release else []
            known += [chosen[entry.path]] if entry.path in chosen else []
            about = ", ".join([*known, entry.place])
            yield f"weights {entry.digests.decoder.hex()} of model '{entry.row.name}' ({files.printable(about)})"


def _chosen() -> dict[Path, str]:
    """The files that are compressed with, and when, in a word."""
    from codec.model import shelf
    from codec.model.registry import MODELS

    found: dict[Path, str] = {}
    for row in MODELS.values():
        for metric in (None, *row.for_metrics):
            try:
                found.setdefault(shelf.default(row, metric=metric).path, f"--metric {metric}" if metric else DEFAULT)
            except ModelMismatch:
                continue  # listed as what it is, or not there
    return found


def _table(rows: list[Iterable[str]]) -> Iterable[str]:
    cells = [list(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        yield "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True) if width).rstrip()


@weights.command()
@click.argument("inputs", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
def add(inputs: tuple[Path, ...]) -> None:
    """Put weights FILEs on your shelf, their arrays compared with their digests."""
    from codec.model import shelf

    for path in inputs:
        try:
            found, is_new = shelf.add(path)
        except OSError as error:
            raise MediaError(f"cannot write {error.filename}: {error.strerror or error}") from error
        name = f"weights {found.digests.decoder.hex()} of model '{found.row.name}'"
        told = f"{files.shown(path)} -> {files.shown(found.path)}: {name}{'' if is_new else ', here already'}"
        click.echo(told, err=True)


@weights.command()
@click.argument("digest")
@click.option("-o", "--out", required=True, metavar="OUT", help="Weights file to write, .safetensors.")
@options.force_option
def export(digest: str, out: str, force: bool) -> None:
    """Write the set of weights with this DIGEST (of its decoder) into a file, for the shelf of another machine."""
    from codec.model import shelf

    files.check_target(out, force)
    found, data = shelf.export(_bytes_of(digest))
    files.write_output(out, data)
    click.echo(f"{files.shown(found.path)} -> {files.shown(out)}: {len(data):,} bytes", err=True)


@weights.command()
@click.argument("inputs", nargs=-1, required=True, metavar="FILE...")
def needed(inputs: tuple[str, ...]) -> None:
    """Say which weights .lcc FILEs need, and whether they are here. FILE - is standard input."""
    from codec.model import shelf

    failed = missing = 0
    for source in inputs:
        try:
            with files.named(source):
                with closing(files.Input(source)) as file:
                    begun = read_beginning(Reader(file.head(HEAD_BYTES)))
                if begun.media == constants.MEDIA_ORIGINAL:
                    click.echo(f"{files.shown(source)}: no weights")
                    continue
                found = shelf.needed(begun.model, begun.digest)
        except ModelMismatch as error:
            missing += 1
            files.say(str(error))
        except CodecError as error:
            failed += 1
            files.say(str(error))
        else:
            name = f"weights {begun.digest.hex()} of model '{found.row.name}'"
            click.echo(f"{files.shown(source)}: {name}: here ({files.shown(found.path)})")
    if failed or missing:
        raise click.exceptions.Exit(files.EXIT_FAILED if failed else files.EXIT_UNJUDGED)


def _bytes_of(digest: str) -> bytes:
    try:
        found = bytes.fromhex(digest)
    except ValueError:
        found = b""
    if len(found) != constants.DIGEST_BYTES:
        raise click.BadParameter(f"'{digest}' is no digest: expected {2 * constants.DIGEST_BYTES} hexadecimal digits")
    return found
