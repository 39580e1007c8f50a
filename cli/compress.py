"""`codec compress`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from codec.cli import files, options

if TYPE_CHECKING:
    from codec.api import Device


@click.command()
@click.argument("inputs", nargs=-1, required=True, metavar="IN...")
@click.option("-o", "--out", metavar="OUT", help="Output file, a folder, or - for standard output.  [default: IN.lcc]")
@options.quality_option
@click.option(
    "--effort",
    type=click.IntRange(0, 1),
    default=1,
    show_default=True,
    help="0 is plain; 1 weighs bits against error, for 1 to 2 % smaller files.",
)
@options.max_pixels_option
@options.device_option
@options.force_option
def compress(
    inputs: tuple[str, ...],
    out: str | None,
    quality: float,
    effort: int,
    max_pixels: int,
    device: Device,
    force: bool,
) -> None:
    """Compress pictures into .lcc files. IN - is standard input."""
    targets = files.destinations(inputs, out, ".lcc")
    import codec

    def convert(data: bytes, target: str) -> bytes:
        return codec.compress(data, quality, effort=effort, device=device, max_pixels=max_pixels)

    files.each(inputs, targets, force, convert)
