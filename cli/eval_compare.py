"""`codec eval compare`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from codec.bitstream.errors import CodecError
from codec.cli import files, options

if TYPE_CHECKING:
    from codec.eval.changes import Condition

LEAST_REPORTS = 2


def _conditions(context: click.Context, parameter: click.Parameter, texts: tuple[str, ...]) -> tuple[Condition, ...]:
    from codec.eval.changes import Condition

    try:
        return tuple(Condition.read(text) for text in texts)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def _enough(context: click.Context, parameter: click.Parameter, reports: tuple[Path, ...]) -> tuple[Path, ...]:
    if len(reports) < LEAST_REPORTS:
        raise click.UsageError(f"give at least {LEAST_REPORTS} reports")
    return reports


@click.command("compare")
@click.argument(
    "reports",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, path_type=Path),
    callback=_enough,
    metavar="REPORT...",
)
@click.option(
    "--fail-if",
    "conditions",
    multiple=True,
    callback=_conditions,
    metavar="CONDITION",
    help="Exit with 1 where a change is so: 'bd_rate.METRIC > 1%', 'bd_rate.METRIC.CODEC > 1%', 'encode_s > 20%' or "
    "'decode_s > 20%', with <, <=, > or >=; also where it is not defined. Several times.",
)
@click.option(
    "-o",
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE.html",
    help="Also write a page, with crops of the images that moved most, from what the cache has.",
)
@options.cache_option
@options.force_option
def compare(
    reports: tuple[Path, ...], conditions: tuple[Condition, ...], out: Path | None, cache: Path, force: bool
) -> None:
    """Compare reports of `codec eval` (folders or results.json) with the first: what moved, by how much, and where.

    Codecs are compared with themselves: two versions, two weights, two settings or two machines.
    """
    from codec.cli.eval import check_packages

    check_packages()
    from codec.eval.cache import Cache
    from codec.eval.changes import all_changes
    from codec.eval.changes_page import page
    from codec.eval.stored import read

    if out:
        files.check_target(str(out), force)
    found = all_changes([read(path) for path in reports])
    click.echo("\n\n".join(table.aligned() for changes in found for table in changes.tables()))
    if out:
        files.write_output(str(out), page(found, Cache(cache.expanduser())).encode())
    broken = [said for changes in found for condition in conditions if (said := changes.broken(condition))]
    for said in broken[:-1]:
        files.say(said)
    if broken:
        raise CodecError(broken[-1])
