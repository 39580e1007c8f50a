"""`codec verify`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from codec.bitstream.errors import CodecError
from codec.cli import files, options

if TYPE_CHECKING:
    from codec import Device


@click.command()
@click.argument("inputs", nargs=-1, required=True, metavar="FILE...")
@click.option("--deep", is_flag=True, help="Decode too: compare the latents and alpha with their checksums.")
@options.max_pixels_option
@options.device_option
def verify(inputs: tuple[str, ...], deep: bool, max_pixels: int, device: Device) -> None:
    """Say whether .lcc FILEs are intact, by their checksums. FILE - is standard input."""
    import codec

    failed = 0
    for source in inputs:
        try:
            with files.named(source):
                codec.verify(files.read_input(source), deep=deep, device=device, max_pixels=max_pixels)
        except CodecError as error:
            failed += 1
            files.say(str(error))
        else:
            click.echo(f"{source}: intact")
    if failed:
        raise CodecError(f"{failed} of {len(inputs)} files are not intact")
