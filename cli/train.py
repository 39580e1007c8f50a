"""`codec train`."""

from __future__ import annotations

from pathlib import Path

import click

from codec.bitstream.errors import CodecError, MediaError
from codec.cli import files


@click.command()
@click.argument("sources", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path), metavar="DATA...")
@click.option(
    "--run",
    "folder",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the run: checkpoint, log and curve. A checkpoint there is resumed.",
)
@click.option("--steps", type=click.IntRange(1), default=20_000, show_default=True, help="Steps in all.")
@click.option(
    "--decay-steps",
    type=click.IntRange(0),
    default=4_000,
    show_default=True,
    help="How many of the last steps lower the learning rate.",
)
@click.option("--batch", type=click.IntRange(1), default=4, show_default=True, help="Crops a step.")
@click.option(
    "--crop",
    type=click.IntRange(64),
    default=256,
    show_default=True,
    help="Side of a crop in pixels, a multiple of 64.",
)
@click.option("--learning-rate", type=float, default=2.8e-3, show_default=True, help="Peak, for AdamW.")
@click.option("--snapped", is_flag=True, help="Fine-tune with the entropy nets on their integer grid; do it last.")
@click.option(
    "--start-from",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Weights or checkpoint that a new run starts from, instead of the classical transform.",
)
@click.option("--threads", type=click.IntRange(1), help="CPU threads.  [default: all cores]")
@click.option("--seed", type=int, default=0, show_default=True, help="Of crops and noise.")
@files.device_option
def train(
    sources: tuple[Path, ...],
    folder: Path,
    steps: int,
    decay_steps: int,
    batch: int,
    crop: int,
    learning_rate: float,
    snapped: bool,
    start_from: Path | None,
    threads: int | None,
    seed: int,
    device: str,
) -> None:
    """Train the picture model on DATA: tar shards or folders of pictures."""
    if crop % 64:
        raise click.BadParameter("not a multiple of 64", param_hint="--crop")
    import torch
    from tqdm import tqdm

    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise CodecError("training draws its curve with matplotlib: pip install 'codec[train]'") from error
    from codec.models import IMAGE
    from codec.picture import device_named
    from codec.training import loop
    from codec.training.data import Crops

    if threads:
        torch.set_num_threads(threads)
    plan = loop.Plan(steps, decay_steps, batch, crop, learning_rate, seed=seed, snapped=snapped)
    on = device_named(device)
    try:
        crops = Crops(list(sources), crop, on, seed)
    except ValueError as error:
        raise MediaError(str(error)) from error
    folder.mkdir(parents=True, exist_ok=True)
    trainer = loop.begin(IMAGE, plan, crops, on, folder, start_from)
    with tqdm(total=steps, initial=trainer.step, unit="step", disable=None) as bar:

        def report(row: dict[str, float]) -> None:
            bar.update(trainer.step - bar.n)
            bar.set_postfix(loss=f"{row['loss']:.3f}", bpp=f"{row['bpp']:.2f}", psnr=f"{row['psnr']:.1f}")

        loop.train(trainer, crops, folder, report)
