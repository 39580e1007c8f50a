"""`codec diff`."""

from __future__ import annotations

from pathlib import Path

import click

from codec.cli import files, options


@click.command()
@click.argument("source", type=options.Folder())
@click.argument("archive", type=options.Folder())
@options.state_option
def diff(source: Path | str, archive: Path | str, state_folder: Path | None) -> None:
    """Say what the folder SOURCE and an ARCHIVE do not have in common, by contents: a line each, exit code 1.

    missing: not in the archive; changed: stored with another content; extra: no more in the folder.
    """
    from codec import archive as archives

    count = 0
    for difference, path in archives.differences(source, archives.opened(archive, state_folder)):
        count += 1
        click.echo(files.printable(f"{difference}: {archives.shown(path)}"))
    if count:
        raise click.exceptions.Exit(files.EXIT_FAILED)
