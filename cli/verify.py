"""`codec verify`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from codec.bitstream.errors import CodecError, LimitExceeded, MissingPackage, ModelMismatch, UnsupportedFile
from codec.cli import files, options

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


def _of_archive(root: Path, deep: bool, subset: float) -> Counter[Verdict]:
    """How many files of an archive got which verdict; a line for each that is not intact, and one for all."""
    from codec import archive as archives

    verdicts: Counter[Verdict] = Counter()
    for judged in archives.verify(archives.opened(root), deep, subset):
        verdicts[judged.verdict] += 1
        if judged.verdict != "intact":
            files.say(f"{root}: {archives.shown(judged.record.path)}: {judged.verdict}: {judged.reason}")
    counts = f"{verdicts['intact']:,} intact, {verdicts['damaged']:,} damaged, {verdicts['not judged']:,} not judged"
    click.echo(files.printable(f"{root}: {counts}"))
    return verdicts


@click.command()
@click.argument("inputs", nargs=-1, required=True, metavar="FILE...")
@click.option("--deep", is_flag=True, help="Decode too: compare latents, alpha and originals with their checksums.")
@click.option(
    "--subset",
    type=share,
    default="100%",
    metavar="PERCENT",
    help="Of an archive, only so many files, as 5%: those that were verified longest ago.",
)
@options.max_pixels_option
@options.device_option
@options.threads_option
def verify(
    inputs: tuple[str, ...], deep: bool, subset: float, max_pixels: int, device: Device, threads: int | None
) -> None:
    """Say whether .lcc FILEs, and folders that are archives, are intact, by checksums. FILE - is standard input.

    A file is intact (exit code 0), damaged or not to be read (1), or cannot be judged here (4): its weights are not
    here, or it is newer or larger than this program takes. One damaged file among several makes it 1.
    """
    import codec

    damaged = unjudged = count = 0
    for source in inputs:
        if source != files.STREAM and Path(source).is_dir():
            found = _of_archive(Path(source), deep, subset)
            damaged += found["damaged"]
            unjudged += found["not judged"]
            count += sum(found.values())
            continue
        count += 1
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
        raise CodecError(f"{damaged} of {count} files are not intact")
    if unjudged:
        raise click.exceptions.Exit(files.EXIT_UNJUDGED)
