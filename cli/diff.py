"""`codec diff`."""

from __future__ import annotations

from pathlib import Path

import click

from codec.cli import files


@click.command()
@click.argument("source", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("archive", type=click.Path(exists=True, file_okay=False, path_type=Path))
def diff(source: Path, archive: Path) -> None:
    """Say what the folder SOURCE and an ARCHIVE do not have in common, by contents: a line each, exit code 1.

    missing: not in the archive; changed: stored with another content; extra: no more in the folder.
    """
    from codec import archive as archives

    count = 0
    for difference, path in archives.differences(source, archives.opened(archive)):
        count += 1
        click.echo(files.printable(f"{difference}: {archives.shown(path)}"))
    if count:
        raise click.exceptions.Exit(files.EXIT_FAILED)
