"""`codec train`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from codec.bitstream.errors import CodecError
from codec.cli import options

if TYPE_CHECKING:
    from codec.training.loop import Plan
    from codec.training.loss import Objective
    from codec.training.team import Team

CROPS = {"image": 256, "audio": 64}
CROP_MULTIPLES = {"image": 64, "audio": 4}
OBJECTIVES = ("eyes", "psnr")  # as in training.loss, which loads torch
MOST = 4096  # crops a step, threads, processes
MOST_SEED = 2**32 - 1  # times a million and a step, it fits 63 bits


@click.command()
@click.argument("sources", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path), metavar="DATA...")
@click.option(
    "-m", "--model", type=click.Choice(["image", "audio"]), default="image", show_default=True, help="What to train."
)
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
    help="How many of the last steps lower the learning rate.  [default: a fifth of them]",
)
@click.option("--batch", type=click.IntRange(1, MOST), default=4, show_default=True, help="Crops a step, in all.")
@click.option(
    "--crop",
    type=click.IntRange(1),
    help="Side of a crop in pixels, a multiple of 64, or length of a cut in latents of 20 ms, a multiple of 4.  "
    "[default: 256 or 64]",
)
@click.option(
    "--objective",
    type=click.Choice(OBJECTIVES),
    default="eyes",
    show_default=True,
    help="What images are trained for: what people see of errors, by SSIMULACRA 2, or squared error.",
)
@click.option(
    "--learning-rate",
    type=options.FiniteRange(0, min_open=True),
    default=2.8e-3,
    show_default=True,
    help="Peak, for AdamW.",
)
@click.option("--rounded", is_flag=True, help="Train all but the encoder, on latents as encoders round them, at last.")
@click.option("--snapped", is_flag=True, help="Fine-tune with the entropy nets on their integer grid; do it last.")
@click.option(
    "--start-from",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Weights or checkpoint for a new run to start from, instead of the classical transform.",
)
@click.option("--threads", type=click.IntRange(1, MOST), help="CPU threads.  [default: all cores]")
@click.option(
    "--processes",
    type=click.IntRange(1, MOST),
    default=1,
    show_default=True,
    help="Processes that share each batch, a core each: the fastest way to use several cores.",
)
@click.option("--seed", type=click.IntRange(0, MOST_SEED), default=0, show_default=True, help="Of crops and noise.")
@click.option(
    "--minutes",
    type=options.FiniteRange(0, min_open=True),
    help="Stop after so long of steps, the checkpoint written; the same command goes on.  [default: no limit]",
)
@options.device_option
def train(
    sources: tuple[Path, ...],
    model: str,
    folder: Path,
    steps: int,
    decay_steps: int | None,
    batch: int,
    crop: int | None,
    objective: Objective,
    learning_rate: float,
    rounded: bool,
    snapped: bool,
    start_from: Path | None,
    threads: int | None,
    processes: int,
    seed: int,
    minutes: float | None,
    device: str,
) -> None:
    """Train a model on DATA: tar shards or folders of images or audio."""
    crop, multiple = crop or CROPS[model], CROP_MULTIPLES[model]
    if crop % multiple:
        raise click.BadParameter(f"not a multiple of {multiple}", param_hint="--crop")
    decay_steps = steps // 5 if decay_steps is None else decay_steps
    if decay_steps > steps:
        raise click.BadParameter(f"more than the {steps:,} steps in all", param_hint="--decay-steps")
    if batch % processes:
        raise click.BadParameter(f"not a multiple of the {processes} processes", param_hint="--batch")
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise CodecError("training draws its curve with matplotlib: pip install 'codec[train]'") from error
    from codec.training import checkpoint, team
    from codec.training.loop import Plan

    if rounded and start_from is None and not (folder / checkpoint.NAME).exists():
        raise click.UsageError("--rounded is a last stage: --start-from says what it starts from")
    plan = Plan(
        steps,
        decay_steps,
        batch,
        crop,
        model,
        learning_rate,
        seed=seed,
        snapped=snapped,
        rounded=rounded,
        objective=objective,
    )
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "log.jsonl").open("a"):
        pass  # a folder that cannot be written to is told now, not after the first steps
    team.run(processes, partial(_work, plan, list(sources), folder, start_from, threads, device, minutes))


def _work(
    plan: Plan,
    sources: list[Path],
    folder: Path,
    start_from: Path | None,
    threads: int | None,
    device: str,
    minutes: float | None,
    team: Team,
) -> None:
    """One process of a run."""
    from codec.devices import check_torch, device_named

    check_torch("training")
    import torch
    from tqdm import tqdm

    from codec.training import loop
    from codec.training.tasks import task_named

    if threads:
        torch.set_num_threads(threads)
    on = torch.device(device_named(device).name)
    task = task_named(plan.model, sources, plan.crop, on, plan.seed, plan.objective)
    trainer = loop.begin(task, plan, on, folder, start_from, team)
    quiet = None if team.rank == 0 else True
    shown = ("loss", *task.figure_names, "signals_per_s")
    with tqdm(total=plan.steps, initial=trainer.step, unit="step", disable=quiet) as bar:

        def report(row: dict[str, float]) -> None:
            bar.update(trainer.step - bar.n)
            bar.set_postfix({key: f"{row[key]:.3f}" for key in row if key in shown})

        loop.train(trainer, folder, report, minutes)
