"""`codec decompress`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from codec.cli import files, options

if TYPE_CHECKING:
    from codec.api import BitDepth, Device, Region


class RegionType(click.ParamType["Region"]):
    """X,Y,W,H in pixels."""

    name = "region"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Region:
        """Four whole numbers, or a usage error."""
        try:
            x, y, width, height = (int(part) for part in str(value).split(","))
        except ValueError:
            self.fail(f"'{value}' is not X,Y,W,H in whole pixels.", param, ctx)
        if min(x, y) < 0 or min(width, height) < 1:
            self.fail(f"'{value}' has no pixels in any picture.", param, ctx)
        return x, y, width, height


@click.command()
@click.argument("inputs", nargs=-1, required=True, metavar="IN...")
@click.option(
    "-o",
    "--out",
    metavar="OUT",
    help="Output file (its suffix names the format), a folder, or - for PNG on standard output.  [default: IN.png]",
)
@click.option("--region", type=RegionType(), metavar="X,Y,W,H", help="Only these pixels, and only the tiles they need.")
@click.option(
    "--partial",
    is_flag=True,
    help="Show what there is of a cut or damaged file; exit code 3 where something is missing.",
)
@click.option(
    "--bit-depth",
    type=click.Choice(["8", "16"]),
    default="8",
    show_default=True,
    help="Bits a sample of the output; 16 needs a format that has them, such as PNG.",
)
@options.max_pixels_option
@options.device_option
@options.force_option
def decompress(
    inputs: tuple[str, ...],
    out: str | None,
    region: Region | None,
    partial: bool,
    bit_depth: str,
    max_pixels: int,
    device: Device,
    force: bool,
) -> None:
    """Restore pictures from .lcc files. IN - is standard input."""
    targets = files.destinations(inputs, out, ".png")
    import codec
    from codec import media

    depth: BitDepth = 16 if bit_depth == "16" else 8

    def convert(data: bytes, target: str) -> bytes:
        suffix = ".png" if target == files.STREAM else Path(target).suffix.lower()
        media.check_suffix(suffix)
        restored = codec.decompress(
            data,
            output="picture",
            bit_depth=depth,
            region=region,
            partial=partial,
            device=device,
            max_pixels=max_pixels,
        )
        return media.picture_file(restored, suffix)

    files.each(inputs, targets, force, convert)
