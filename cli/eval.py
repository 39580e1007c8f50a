"""`codec eval`."""

from __future__ import annotations

import dataclasses
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from codec.bitstream.errors import CodecError
from codec.cli import files, options

if TYPE_CHECKING:
    from codec.eval.material import Material
    from codec.quality import Metric

LEAST_QUALITIES = 3  # for a curve
PACKAGES = ("bjontegaard", "matplotlib", "scipy")
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "codec" / "eval"

Callback = Callable[[click.Context, click.Parameter, tuple[str, ...]], tuple[str, ...]]
Command = TypeVar("Command", bound=Callable[..., None])


def _known_anchor(medium: str) -> Callback:
    """Checks names of anchors; all of the medium where none are given."""

    def check(context: click.Context, parameter: click.Parameter, names: tuple[str, ...]) -> tuple[str, ...]:
        from codec.eval.materials import MATERIALS

        known = MATERIALS[medium].anchors
        for name in names:
            if name not in known:
                raise click.BadParameter(f"'{name}' is none of {', '.join(known)}")
        return names or tuple(known)

    return check


def _options(medium: str) -> Callable[[Command], Command]:
    """The arguments and options of an evaluation."""
    given = (
        click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path)),
        click.option(
            "-o",
            "--out",
            type=click.Path(file_okay=False, path_type=Path),
            metavar="REPORT",
            help="Folder for results.json, results.csv, plots and report.html; time and memory are measured too.",
        ),
        click.option(
            "--results-page",
            type=click.Path(dir_okay=False, path_type=Path),
            metavar="FILE",
            help="Also write a Markdown page.",
        ),
        click.option(
            "-q",
            "--quality",
            "qualities",
            type=options.QUALITY,
            multiple=True,
            default=(0, 12, 25, 37, 50, 62, 75, 87, 100),
            show_default=True,
            callback=_enough_for_a_curve,
            help="Quality to code at; give it several times.",
        ),
        click.option(
            "-a",
            "--anchor",
            "anchors",
            multiple=True,
            callback=_known_anchor(medium),
            help="Codec to compare with; give it several times.  [default: all that are installed]",
        ),
        click.option(
            "--cache",
            type=click.Path(file_okay=False, path_type=Path),
            default=CACHE,
            show_default=True,
            help="Where results are kept, so that a run that was stopped goes on.",
        ),
        options.force_option,
    )

    def decorate(command: Command) -> Command:
        for option in reversed(given):
            command = option(command)
        return command

    return decorate


def _enough_for_a_curve(
    context: click.Context, parameter: click.Parameter, qualities: tuple[float, ...]
) -> tuple[float, ...]:
    if len(set(qualities)) < len(qualities):
        raise click.UsageError("a quality is given twice")
    if len(qualities) < LEAST_QUALITIES:
        raise click.UsageError(f"give at least {LEAST_QUALITIES} qualities")
    return qualities


@click.group("eval")
def evaluate() -> None:
    """Measure rate and distortion through real files."""


@evaluate.command()
@_options("images")
@options.effort_option
@options.metric_option
def images(effort: int, metric: Metric, **given: Any) -> None:
    """Compare our codec with others over the images of FOLDER: rate, quality, BD-rates, time and memory."""
    import codec
    from codec.eval.images import ImageMaterial

    with options.usage_errors():
        codec.check_image_options(effort=effort, metric=metric)
    _evaluate(ImageMaterial(effort, metric), **given)


@evaluate.command()
@_options("audio")
@click.option("--mono", is_flag=True, help="Mix the channels of every clip to one first.")
def audio(mono: bool, **given: Any) -> None:
    """Compare our codec with others over the clips of FOLDER: rate, quality, BD-rates, time and memory.

    A name such as eval-07-music-organ.flac says the class of a clip; curves are drawn by class, and PESQ and ESTOI are
    measured where it is "speech".
    """
    from codec.eval.audio import AudioMaterial

    _evaluate(AudioMaterial(mono), **given)


def _evaluate(
    material: Material,
    folder: Path,
    out: Path | None,
    results_page: Path | None,
    qualities: tuple[float, ...],
    anchors: tuple[str, ...],
    cache: Path,
    force: bool,
) -> None:
    missing = [name for name in (*PACKAGES, *material.packages) if find_spec(name) is None]
    if missing:
        raise CodecError(f"evaluation needs {', '.join(missing)}: pip install 'codec[eval]'")
    from codec.eval import report
    from codec.eval.cache import Cache
    from codec.eval.comparison import compare
    from codec.eval.cost import costs
    from codec.eval.page import page
    from codec.eval.run import evaluate
    from codec.eval.table import tables

    targets = [out / name for name in report.file_names(material.medium)] if out else []
    if out:
        out.mkdir(parents=True, exist_ok=True)
    for target in [*targets, *([results_page] if results_page else [])]:
        files.check_target(str(target), force)
    kept = Cache(cache.expanduser())
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        with _bar("coding") as progress:
            chosen = [material.anchors[a] for a in anchors]
            with files.notices(str(folder)):
                results, sources = evaluate(material, folder, qualities, chosen, kept, work, progress)
        if out or results_page:
            with _bar("timing") as progress:
                results = dataclasses.replace(results, costs=costs(material, results, sources, kept, work, progress))
        comparison = compare(results)
        if out:
            with _bar("report") as progress:
                for file, data in report.files(results, comparison, sources, kept, progress).items():
                    files.write_output(str(out / file), data)
    if results_page:
        files.write_output(str(results_page), page(results, comparison).encode())
    click.echo("\n\n".join(table.aligned() for table in tables(results, comparison)))
    for title, reason in results.skipped.items():
        files.say(f"{title}: {reason}, left out")
    for file, reason in results.failures.items():
        files.say(f"{folder / file}: {reason}")
    if results.failures:
        total = len(results.failures) + len(results.items)
        raise CodecError(f"{len(results.failures)} of {total} {material.medium.item}s failed")


@contextmanager
def _bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar with the time that is left, on a terminal only."""
    from tqdm import tqdm

    with tqdm(desc=what, unit="point", disable=None, leave=False) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield progress
