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
    """Time compression and decompression of images or audio, warm, stage by stage; peak memory too."""
    from codec.eval.bench import bench as measure
    from codec.media import HEAD_BYTES, is_audio, read_audio, read_image

    images, clips = [], []
    for name in names:
        with files.named(name):
            data = files.read_input(name)
            if is_audio(data[:HEAD_BYTES]):
                clips.append(read_audio(data))
            else:
                images.append(read_image(data))
    if images and clips:
        raise click.UsageError("images and audio are timed apart: give files of one kind")
    result = measure(images or clips, quality, repeat, device, threads)
    click.echo(json.dumps(result.as_dict()) if as_json else result.table())
