"""`codec bench`."""

from __future__ import annotations

import json

import click

from codec.cli import files, options


@click.command()
@click.argument("names", nargs=-1, required=True, metavar="FILE...")
@options.quality_option
@click.option("-n", "--repeat", type=click.IntRange(1), default=3, show_default=True, help="Timed runs a file.")
@click.option("--threads", type=click.IntRange(1), help="CPU threads.  [default: all cores]")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of a table.")
@options.device_option
def bench(names: tuple[str, ...], quality: float, repeat: int, threads: int | None, as_json: bool, device: str) -> None:
    """Time compression and decompression of pictures or sounds, warm, stage by stage; peak memory too."""
    import torch

    from codec.eval.bench import bench as measure
    from codec.media import HEAD_BYTES, is_sound, read_picture, read_sound

    if threads:
        torch.set_num_threads(threads)
    pictures, sounds = [], []
    for name in names:
        with files.named(name):
            data = files.read_input(name)
            if is_sound(data[:HEAD_BYTES]):
                sounds.append(read_sound(data))
            else:
                pictures.append(read_picture(data))
    if pictures and sounds:
        raise click.UsageError("pictures and sounds are timed apart: give files of one kind")
    result = measure(pictures or sounds, quality, repeat, device)
    click.echo(json.dumps(result.as_dict()) if as_json else result.table())
