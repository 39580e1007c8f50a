"""`codec verify`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from codec.bitstream.errors import CodecError, LimitExceeded, ModelMismatch, UnsupportedFile
from codec.cli import files, options

if TYPE_CHECKING:
    from codec import Device

NOT_JUDGED = (ModelMismatch, UnsupportedFile, LimitExceeded)


@click.command()
@click.argument("inputs", nargs=-1, required=True, metavar="FILE...")
@click.option("--deep", is_flag=True, help="Decode too: compare the latents and alpha with their checksums.")
@options.max_pixels_option
@options.device_option
@options.threads_option
def verify(inputs: tuple[str, ...], deep: bool, max_pixels: int, device: Device, threads: int | None) -> None:
    """Say whether .lcc FILEs are intact, by their checksums. FILE - is standard input.

    A file is intact (exit code 0), damaged or not to be read (1), or cannot be judged here (4): its weights are not
    here, or it is newer or larger than this program takes. One damaged file among several makes it 1.
    """
    import codec

    damaged = unjudged = 0
    for source in inputs:
        try:
            with files.named(source):
                data = files.read_input(source)
                try:
                    codec.verify(data, deep=deep, device=device, threads=threads, max_pixels=max_pixels)
                except NOT_JUDGED as error:
                    raise type(error)(f"cannot be judged here: {error}") from error
        except NOT_JUDGED as error:
            unjudged += 1
            files.say(str(error))
        except CodecError as error:
            damaged += 1
            files.say(str(error))
        else:
            click.echo(files.printable(f"{source}: intact"))
    if damaged:
        raise CodecError(f"{damaged} of {len(inputs)} files are not intact")
    if unjudged:
        raise click.exceptions.Exit(files.EXIT_UNJUDGED)
