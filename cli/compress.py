"""`codec compress`."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

import click

from codec.cli import files, options, sounds

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
    help="Of pictures: 0 is plain; 1 weighs bits against error, for 1 to 2 % smaller files.",
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
    """Compress pictures and sounds into .lcc files. IN - is standard input."""
    targets = files.destinations(inputs, out, lambda source: ".lcc")
    import codec
    from codec import media

    def convert(source: files.Input, target: str, out: BinaryIO) -> None:
        if media.is_sound(source.head(media.HEAD_BYTES)):
            sounds.compress(source, out, quality, device)
        else:
            out.write(codec.compress(source.read(), quality, effort=effort, device=device, max_pixels=max_pixels))

    files.each(inputs, targets, force, convert)
