"""`codec decompress`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from codec.cli import files, options

if TYPE_CHECKING:
    from codec.api import Device


@click.command()
@click.argument("inputs", nargs=-1, required=True, metavar="IN...")
@click.option(
    "-o",
    "--out",
    metavar="OUT",
    help="Output file (its suffix names the format), a folder, or - for PNG on standard output.  [default: IN.png]",
)
@options.device_option
@options.force_option
def decompress(inputs: tuple[str, ...], out: str | None, device: Device, force: bool) -> None:
    """Restore pictures from .lcc files. IN - is standard input."""
    targets = files.destinations(inputs, out, ".png")
    import codec
    from codec import media

    def convert(data: bytes, target: str) -> bytes:
        suffix = ".png" if target == files.STREAM else Path(target).suffix.lower()
        media.check_suffix(suffix)
        return media.picture_file(codec.decompress(data, device=device), suffix)

    files.each(inputs, targets, force, convert)
