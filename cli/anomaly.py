"""`codec anomaly`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from codec.cli import files, inputs, options
from codec.cli.batch import workers_for

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

    from codec import Device

PLACE = 16  # pixels that a place of the map stands for, each way
RED, HOTTEST = (230, 30, 20), 6.0  # standard deviations that are red all over


@click.group()
def anomaly() -> None:
    """Learn what is ordinary from a folder of images or audio, and say how unusual others are."""


@anomaly.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("-o", "--out", required=True, metavar="M.npz", type=options.FILE, help="Where what is learned goes.")
@options.quality_option
@options.jobs_option
@options.force_option
@options.device_option
def fit(folder: Path, out: str, quality: float, jobs: int | None, force: bool, device: Device) -> None:
    """Learn from the files in FOLDER, and below it, what is ordinary."""
    import codec
    from codec import media

    files.check_target(out, force)
    suffixes = media.readable_suffixes() | {inputs.SUFFIX}
    found = inputs.found([str(folder)], True, lambda path: path.suffix.lower() in suffixes)
    workers, _ = workers_for(jobs, None, len(found))
    learned = codec.fitted((source for source, _ in found), quality, workers=workers, device=device)
    files.fill_output(out, learned.save)
    click.echo(f"learned from {len(found)} files", err=True)


@anomaly.command()
@click.argument("model", metavar="M.npz", type=options.FILE)
@click.argument("names", nargs=-1, required=True, metavar="FILE...", type=options.FILE)
@options.recursive_option
@options.device_option
def score(model: str, names: tuple[str, ...], recursive: bool, device: Device) -> None:
    """Print how unusual each FILE is beside what was learned: 0 to 2 or so for ordinary ones, or more."""
    import codec
    from codec import media

    reference, failed = codec.Ordinary.load(model), 0
    suffixes = media.readable_suffixes() | {inputs.SUFFIX}
    found = inputs.found(names, recursive, lambda path: path.suffix.lower() in suffixes)
    for source, _ in found:
        try:
            with files.named(source):
                data = files.read_input(source) if source == files.STREAM else source
                click.echo(f"{codec.surprise(data, reference, device=device):.3f} {files.shown(source)}")
        except codec.CodecError as error:
            if len(found) == 1:
                raise
            failed += 1
            files.say(str(error))
    if failed:
        raise codec.CodecError(f"{failed} of {len(found)} files failed")


@anomaly.command(name="map")
@click.argument("model", metavar="M.npz", type=options.FILE)
@click.argument("name", metavar="IMAGE", type=options.FILE)
@click.option("-o", "--out", required=True, metavar="OUT.png", type=options.FILE, help="Where the picture goes.")
@options.force_option
@options.device_option
def heat_map(model: str, name: str, out: str, force: bool, device: Device) -> None:
    """Write a picture of where IMAGE is unusual: grey, with places in red that ordinary images do not have."""
    import codec
    from codec import media
    from codec.bitstream import constants

    files.check_target(out, force)
    suffix = Path(out).suffix.lower()
    media.check_suffix(suffix)
    reference = codec.Ordinary.load(model)
    with files.named(name):
        data = files.read_input(name)
        heat = codec.surprise_map(data, reference, device=device)
        image = codec.decode_image(data).image if data.startswith(constants.MAGIC) else media.read_image(data)
    files.write_output(out, media.image_bytes(media.read_image(_reddened(media.to_pillow(image), heat)), suffix))


def _reddened(image: Image.Image, heat: np.ndarray) -> Image.Image:
    """An image in grey, the redder the hotter its places of 16 x 16 pixels are; heat: (h, w) float32."""
    import numpy as np
    from PIL import Image

    height, width = heat.shape
    wide = Image.fromarray(heat).resize((width * PLACE, height * PLACE), Image.Resampling.BILINEAR)
    share = np.clip(np.asarray(wide)[: image.height, : image.width, None] / HOTTEST, 0, 1)
    grey = np.asarray(image.convert("L"), np.float32)[..., None]
    return Image.fromarray(np.uint8(grey * (1 - share) + share * np.array(RED, np.float32)))
