"""Options that several commands share."""

from __future__ import annotations

import dataclasses
import functools
import math
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from codec.bitstream import constants
from codec.cli.batch import Habits
from codec.quality import DEFAULT_EFFORT, DEFAULT_METRIC, EFFORT_MAX, LARGEST_BPP, LARGEST_BYTES, METRICS

UNITS = {"": 1, "b": 1, "kb": 1000, "mb": 1000**2, "kib": 1024, "mib": 1024**2}  # bytes


class FiniteRange(click.FloatRange):
    """A range of floats without NaN."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number, or a usage error."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a number.", param, ctx)
        return number


def size_bytes(text: str) -> int:
    """Bytes of a number with or without a unit: kB and MB are powers of 1000, KiB and MiB of 1024; or a usage error."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-z]*)", text.strip().lower())
    if not found or found[2] not in UNITS or not 1 <= float(found[1]) * UNITS[found[2]] <= LARGEST_BYTES:
        raise click.BadParameter(f"'{text}' is not a size: expected bytes, as 50000, 50kB, 1.5MB or 48KiB.")
    return int(float(found[1]) * UNITS[found[2]])


@contextmanager
def usage_errors() -> Iterator[None]:
    """Arguments that the library refuses end as those that click refuses do."""
    try:
        yield
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def _available(context: click.Context, parameter: click.Parameter, device: str) -> str:
    from codec.devices import CUDA, check_name, device_named

    try:
        check_name(device)
        if device.startswith(CUDA):
            device_named(device)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error
    return device


class Folder(click.Path):
    """A folder of this machine, or an address that fsspec may know, as text; the library says what is wrong with it."""

    def __init__(self, exists: bool = True) -> None:
        super().__init__(exists=exists, file_okay=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """A Path, or the address; or a usage error."""
        from codec import media

        return value if media.is_url(value) else super().convert(value, param, ctx)


FILE = click.Path(allow_dash=True, readable=False)  # any name, which shells complete; what is wrong is found out later
QUALITY = FiniteRange(0, 100)
POSITIVE = FiniteRange(0, min_open=True)
BPP = FiniteRange(0, LARGEST_BPP, min_open=True)
SHARE = FiniteRange(0, 1, min_open=True, max_open=True)
SCORE = FiniteRange(0, 100, min_open=True, max_open=True)

quality_option = click.option(
    "-q",
    "--quality",
    type=QUALITY,
    default=50,
    show_default=True,
    help="0 is smallest, 100 best: images 0.06 to 2.6 bits per pixel, 50 near 0.4; clips 4 to 76 kbit/s mono.",
)
effort_option = click.option(
    "--effort",
    type=click.IntRange(0, EFFORT_MAX),
    default=DEFAULT_EFFORT,
    show_default=True,
    help="0 is plain; 1 weighs bits against error, for half a percent; 2 to 9 refine each image at length: "
    "3 takes seconds for about a tenth, 9 half a minute for a little more.",
)
metric_option = click.option(
    "--metric",
    type=click.Choice(METRICS),
    default=DEFAULT_METRIC,
    show_default=True,
    help="What images shall be good by: ssimulacra2 for eyes, psnr for numbers, with weights of its own; msssim, from "
    "effort 2 on.",
)
keep_times_option = click.option("--keep-times", is_flag=True, help="Give each output the time of change of its input.")
keep_suffix_option = click.option(
    "--keep-suffix",
    is_flag=True,
    help="Name files photo.png.lcc, so that no two share a name; decompress takes the .lcc off again and writes "
    "the format that is named before it.",
)
state_option = click.option(
    "--state",
    "state_folder",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Of an archive at an address: the folder of this machine with its catalogue, and its plan while it is made.  "
    "[default: one for each address, in the user's folder of states]",
)
recursive_option = click.option("-r", "--recursive", is_flag=True, help="Take the files in folders, and below them.")
jobs_option = click.option(
    "-j",
    "--jobs",
    type=click.IntRange(1),
    metavar="N",
    help="Files worked on at once.  [default: one a core, 8 at most; 1 where one alone keeps all cores busy]",
)
json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object a file on standard output.")
quiet_option = click.option("--quiet", is_flag=True, help="Say nothing but what is wrong.")
cache_option = click.option(
    "--cache",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "codec" / "eval",
    show_default=True,
    help="Where evaluations keep results and coded files, so that a run that was stopped goes on.",
)
force_option = click.option("-f", "--force", is_flag=True, help="Overwrite existing outputs.")
device_option = click.option(
    "--device",
    default="auto",
    show_default=True,
    callback=_available,
    help="Where the networks run: auto, cpu, cuda or, of several, cuda:1; auto takes CUDA where there is one.",
)
threads_option = click.option(
    "--threads", type=click.IntRange(1), metavar="N", help="CPU threads of the networks.  [default: all cores]"
)
max_pixels_option = click.option(
    "--max-pixels",
    type=click.IntRange(1),
    default=constants.MAX_PIXELS,
    show_default=True,
    help="Refuse larger images before any memory is spent on them.",
)
max_seconds_option = click.option(
    "--max-seconds",
    type=POSITIVE,
    default=constants.MAX_SECONDS,
    show_default=True,
    help="Refuse longer clips.",
)

HABITS = (
    recursive_option,
    jobs_option,
    click.option("--skip-existing", is_flag=True, help="Leave out inputs whose output is there already."),
    force_option,
    keep_times_option,
    click.option(
        "--rm", is_flag=True, help="Remove each input once its output was read again and found whole; off by default."
    ),
    click.option("--dry-run", is_flag=True, help="Say what would be written, and write nothing."),
    json_option,
    quiet_option,
    click.option("-v", "--verbose", is_flag=True, help="Say how long each file took, and its ratio."),
)


def habits_options(command: Callable[..., None]) -> Callable[..., None]:
    """The command with the options of `Habits`, which it gets as one argument, `habits`."""

    @functools.wraps(command)
    def gathered(*arguments: Any, **given: Any) -> None:
        names = [field.name for field in dataclasses.fields(Habits)]
        command(*arguments, habits=Habits(**{name: given.pop(name) for name in names}), **given)

    wrapped: Callable[..., None] = gathered
    for option in reversed(HABITS):
        wrapped = option(wrapped)
    return wrapped
