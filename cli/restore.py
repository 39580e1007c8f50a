"""`codec restore`."""

from __future__ import annotations

from pathlib import Path

import click

from codec.bitstream.errors import CodecError
from codec.cli import files, options


@click.command()
@click.argument("archive", type=options.Folder())
@click.argument("out", type=click.Path(file_okay=False, path_type=Path))
@click.argument("patterns", nargs=-1, metavar="[PATTERN]...")
@click.option("--bagit", is_flag=True, help="Make OUT a bag (BagIt, RFC 8493): everything under data/, and manifests.")
@options.force_option
@options.state_option
def restore(
    archive: Path | str,
    out: Path,
    patterns: tuple[str, ...],
    bagit: bool,
    force: bool,
    state_folder: Path | None,
) -> None:
    """Give back what an ARCHIVE holds, into the folder OUT: everything, or the paths that match a PATTERN.

    A pattern is a path, a folder, or has * and ?. Exact files are the very bytes; lossy images are PNG, lossy audio is
    WAVE, and say so in their names.
    """
    from codec import archive as archives

    if bagit and (patterns or force):
        raise click.UsageError("--bagit makes a new bag of everything: it goes with no pattern and no --force")
    opened = archives.opened(archive, state_folder)
    failed = count = 0
    for done in archives.export_bag(opened, out) if bagit else archives.restore(opened, out, patterns, force):
        count += 1
        if done.error:
            failed += 1
            files.say(f"{archives.shown(done.record.path)}: {done.error}")
    if patterns and not count:
        raise CodecError(f"nothing in {archive} matches {' or '.join(patterns)}")
    click.echo(f"{count - failed:,} of {count:,} entries restored")
    if failed:
        raise CodecError(f"{failed} of {count} entries failed")
