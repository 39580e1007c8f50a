"""`codec bench`."""

from __future__ import annotations

import json

import click

from codec.cli import files, options


@click.command()
@click.argument("pictures", nargs=-1, required=True, metavar="PICTURE...")
@options.quality_option
@click.option("-n", "--repeat", type=click.IntRange(1), default=3, show_default=True, help="Timed runs a picture.")
@click.option("--threads", type=click.IntRange(1), help="CPU threads.  [default: all cores]")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of a table.")
@options.device_option
def bench(
    pictures: tuple[str, ...], quality: float, repeat: int, threads: int | None, as_json: bool, device: str
) -> None:
    """Time compression and decompression of PICTUREs, warm, stage by stage; peak memory too."""
    import torch

    from codec.eval.bench import bench as measure
    from codec.media import read_picture

    if threads:
        torch.set_num_threads(threads)
    sources = []
    for name in pictures:
        with files.named(name):
            sources.append(read_picture(files.read_input(name)))
    result = measure(sources, quality, repeat, device)
    click.echo(json.dumps(result.as_dict()) if as_json else result.table())
