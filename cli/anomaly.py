"""`codec anomaly`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from codec.cli import files, inputs, options
from codec.cli.batch import workers_for

if TYPE_CHECKING:
    from codec import Device


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
                click.echo(f"{codec.surprise(source, reference, device=device):.3f} {files.shown(source)}")
        except codec.CodecError as error:
            if len(found) == 1:
                raise
            failed += 1
            files.say(str(error))
    if failed:
        raise codec.CodecError(f"{failed} of {len(found)} files failed")
