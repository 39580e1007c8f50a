"""`codec verify`."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from codec.bitstream.errors import CodecError, LimitExceeded, MissingPackage, ModelMismatch, UnsupportedFile
from codec.cli import batch, files, inputs, options

if TYPE_CHECKING:
    from codec import Device
    from codec.archive import Verdict

NOT_JUDGED = (ModelMismatch, MissingPackage, UnsupportedFile, LimitExceeded)


def share(text: str) -> float:
    """The share that "5%" is, or a usage error."""
    try:
        found = float(text.removesuffix("%")) / 100
    except ValueError:
        found = 0.0
    if not 0 < found <= 1:
        raise click.BadParameter(f"'{text}' is not a share: expected 0% to 100%.")
    return found


def _of_archive(place: str, state_folder: Path | None, deep: bool, subset: float) -> Counter[Verdict]:
    """How many files of an archive got which verdict; a line for each that is not intact, and one for all."""
    from codec import archive as archives

    verdicts: Counter[Verdict] = Counter()
    for judged in archives.verify(archives.opened(place, state_folder), deep, subset):
        verdicts[judged.verdict] += 1
        if judged.verdict != "intact":
            files.say(f"{files.shown(place)}: {archives.shown(judged.record.path)}: {judged.verdict}: {judged.reason}")
    counts = f"{verdicts['intact']:,} intact, {verdicts['damaged']:,} damaged, {verdicts['not judged']:,} not judged"
    click.echo(f"{files.shown(place)}: {counts}")
    return verdicts


@click.command()
@click.argument("names", nargs=-1, required=True, metavar="FILE...", type=options.FILE)
@click.option("--deep", is_flag=True, help="Decode too: compare latents, alpha and originals with their checksums.")
@click.option(
    "--subset",
    type=share,
    default="100%",
    metavar="PERCENT",
    help="Of an archive, only so many files, as 5%: those that were verified longest ago.",
)
@options.state_option
@options.recursive_option
@options.jobs_option
@options.json_option
@options.quiet_option
@options.max_pixels_option
@options.device_option
@options.threads_option
def verify(
    names: tuple[str, ...],
    deep: bool,
    subset: float,
    state_folder: Path | None,
    recursive: bool,
    jobs: int | None,
    as_json: bool,
    quiet: bool,
    max_pixels: int,
    device: Device,
    threads: int | None,
) -> None:
    """Say whether .lcc FILEs, and archives by folder or address, are intact, by checksums. FILE - is standard input.

    A file is intact (exit code 0), damaged or not to be read (1), or cannot be judged here (4): its weights are not
    here, or it is newer or larger than this program takes. One damaged file among several makes it 1.
    """
    import codec
    from codec import media

    held = [name for name in names if not recursive and name != files.STREAM]
    archives = [name for name in held if Path(name).is_dir() or media.is_url(name)]
    if archives and as_json:
        raise click.UsageError("--json is for files, not for archives")
    found = inputs.found([name for name in names if name not in archives], recursive, inputs.is_coded)
    workers, threads = batch.workers_for(jobs, threads, len(found))

    def judged(data: bytes) -> None:
        try:
            codec.verify(data, deep=deep, device=device, threads=threads, max_pixels=max_pixels)
        except NOT_JUDGED as error:
            raise type(error)(f"cannot be judged here: {error}") from error

    counts = Counter[str]()
    for source, error in batch.answers(found, workers, judged):
        status = "not judged" if isinstance(error, NOT_JUDGED) else "damaged" if error else "intact"
        counts[status] += 1
        if error:
            files.say(str(error))
        if as_json:
            click.echo(json.dumps({"input": source, "status": status, "error": str(error) if error else None}))
        elif not error and not quiet:
            click.echo(f"{files.shown(source)}: intact")
    for archive in archives:
        counts.update(_of_archive(archive, state_folder, deep, subset))
    if counts["damaged"]:
        raise CodecError(f"{counts['damaged']} of {counts.total()} files are not intact")
    if counts["not judged"]:
        raise click.exceptions.Exit(files.EXIT_UNJUDGED)
