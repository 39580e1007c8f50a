"""`codec eval`."""

from __future__ import annotations

import dataclasses
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import click

from codec.bitstream.errors import CodecError
from codec.cli import files, options

LEAST_QUALITIES = 3  # for a curve
PACKAGES = ("bjontegaard", "matplotlib", "pytorch_msssim", "scipy", "ssimulacra2")
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "codec" / "eval"


def _known_anchor(context: click.Context, parameter: click.Parameter, names: tuple[str, ...]) -> tuple[str, ...]:
    from codec.eval.anchors import ANCHORS

    for name in names:
        if name not in ANCHORS:
            raise click.BadParameter(f"'{name}' is none of {', '.join(ANCHORS)}")
    return names or tuple(ANCHORS)


@click.group("eval")
def evaluate() -> None:
    """Measure rate and distortion through real files."""


@evaluate.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "-o",
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="REPORT",
    help="Folder for results.json, results.csv, plots and report.html; time and memory are measured too.",
)
@click.option(
    "--results-page",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Also write a Markdown page.",
)
@click.option(
    "-q",
    "--quality",
    "qualities",
    type=options.QUALITY,
    multiple=True,
    default=(0, 12, 25, 37, 50, 62, 75, 87, 100),
    show_default=True,
    help="Quality to code at; give it several times.",
)
@click.option(
    "-a",
    "--anchor",
    "anchors",
    multiple=True,
    callback=_known_anchor,
    help="Codec to compare with; give it several times.  [default: all that are installed]",
)
@click.option(
    "--cache",
    type=click.Path(file_okay=False, path_type=Path),
    default=CACHE,
    show_default=True,
    help="Where results are kept, so that a run that was stopped goes on.",
)
@options.force_option
def images(
    folder: Path,
    out: Path | None,
    results_page: Path | None,
    qualities: tuple[float, ...],
    anchors: tuple[str, ...],
    cache: Path,
    force: bool,
) -> None:
    """Compare our codec with others over the pictures of FOLDER: rate, quality, BD-rates, time and memory."""
    if len(set(qualities)) < max(LEAST_QUALITIES, len(qualities)):
        raise click.UsageError(f"give at least {LEAST_QUALITIES} different qualities")
    _check_packages()
    from codec.eval import report
    from codec.eval.anchors import ANCHORS
    from codec.eval.cache import Cache
    from codec.eval.comparison import compare
    from codec.eval.cost import costs
    from codec.eval.medium import IMAGES
    from codec.eval.page import page
    from codec.eval.run import evaluate
    from codec.eval.table import tables

    targets = [out / name for name in report.file_names(IMAGES)] if out else []
    if out:
        out.mkdir(parents=True, exist_ok=True)
    for target in [*targets, *([results_page] if results_page else [])]:
        files.check_target(str(target), force)
    kept = Cache(cache.expanduser())
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        with _bar("coding") as progress:
            results, sources = evaluate(folder, qualities, [ANCHORS[a] for a in anchors], kept, work, progress)
        if out or results_page:
            with _bar("timing") as progress:
                results = dataclasses.replace(results, costs=costs(results, sources, kept, work, progress))
        comparison = compare(results)
        click.echo("\n\n".join(table.aligned() for table in tables(results, comparison)))
        if out:
            with _bar("report") as progress:
                for file, data in report.files(results, comparison, sources, kept, progress).items():
                    files.write_output(str(out / file), data)
    if results_page:
        files.write_output(str(results_page), page(results, comparison).encode())
    for title, reason in results.skipped.items():
        files.say(f"{title}: {reason}, left out")
    for file, reason in results.failures.items():
        files.say(f"{folder / file}: {reason}")
    if results.failures:
        raise CodecError(f"{len(results.failures)} of {len(results.failures) + len(results.items)} pictures failed")


def _check_packages() -> None:
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        raise CodecError(f"evaluation needs {', '.join(missing)}: pip install 'codec[eval]'")


@contextmanager
def _bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar with the time that is left, on a terminal only."""
    from tqdm import tqdm

    with tqdm(desc=what, unit="point", disable=None, leave=False) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield progress
