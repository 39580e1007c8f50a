"""`codec eval`."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from codec.bitstream.errors import CodecError
from codec.cli import files, options
from codec.cli.eval_compare import compare

if TYPE_CHECKING:
    from codec.eval.material import Material
    from codec.quality import Metric

LEAST_QUALITIES = 3  # for a curve
PACKAGES = ("bjontegaard", "matplotlib", "scipy")

Callback = Callable[[click.Context, click.Parameter, tuple[str, ...]], tuple[str, ...]]
Command = TypeVar("Command", bound=Callable[..., None])


def _known_anchors(medium: str) -> Callback:
    """Finds anchors by what the user says; the standard ones of the medium where nothing is said."""

    def check(context: click.Context, parameter: click.Parameter, specs: tuple[str, ...]) -> tuple[str, ...]:
        from codec.eval import anchor
        from codec.eval.results import OWN

        names = {OWN: "ours"}
        for spec in specs or tuple(anchor.standard(medium)):
            name = _found(medium, spec, anchor.named).name
            if name in names:
                raise click.BadParameter(f"'{names[name]}' and '{spec}' are both called {name}")
            names[name] = spec
        return tuple(names.values())[1:]

    return check


def _known_measures(medium: str) -> Callback:
    """Checks what the user says of metrics."""

    def check(context: click.Context, parameter: click.Parameter, specs: tuple[str, ...]) -> tuple[str, ...]:
        from codec.eval import measure

        for spec in specs:
            _found(medium, spec, measure.named)
        return specs

    return check


def _found(medium: str, spec: str, named: Callable[[str, str], Any]) -> Any:
    """What the user means, of this medium; or a usage error."""
    try:
        found = named(medium, spec)
    except CodecError as error:
        raise click.BadParameter(str(error)) from error
    if found.media != medium:
        raise click.BadParameter(f"'{spec}' is of {found.media}")
    return found


def _options(medium: str) -> Callable[[Command], Command]:
    """The arguments and options of an evaluation."""
    given = (
        click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path)),
        click.option(
            "-o",
            "--out",
            type=click.Path(file_okay=False, path_type=Path),
            metavar="REPORT",
            help="Folder for results.json, rows as CSV and Parquet, plots and report.html; adds time and memory.",
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
            callback=_known_anchors(medium),
            metavar="CODEC",
            help="Codec to compare with, by a name that `codec eval list` gives, or a TOML file, a folder of files made"
            " elsewhere, or module:object; several times.  [default: those installed of the standard ones]",
        ),
        click.option("--no-ours", is_flag=True, help="Leave ours out: the first codec is compared with the others."),
        click.option(
            "--score",
            "scores",
            multiple=True,
            callback=_known_measures(medium),
            metavar="METRIC",
            help="Metric to take, by a name that `codec eval list` gives, or module:object; several times.  "
            "[default: those installed of the standard ones]",
        ),
        click.option(
            "-j",
            "--jobs",
            type=click.IntRange(1),
            metavar="N",
            help="Processes that share the work.  [default: one a core]",
        ),
        click.option("--no-times", is_flag=True, help="Leave time and memory out."),
        options.cache_option,
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


evaluate.add_command(compare)


@evaluate.command()
@_options("images")
@options.effort_option
@options.metric_option
@click.option(
    "--look",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE.png",
    help="Also write a sheet of crops at equal bits, to be looked at: the original, ours, AVIF and JPEG XL, for the"
    " worst images by each metric; the report shows it, too.",
)
def images(effort: int, metric: Metric, scores: tuple[str, ...], **given: Any) -> None:
    """Compare our codec with others over the images of FOLDER: rate, quality, BD-rates, time and memory."""
    import codec
    from codec.eval.images import ImageMaterial

    with options.usage_errors():
        codec.check_image_options(effort=effort, metric=metric)
    _evaluate(ImageMaterial(effort, metric, scores), **given)


@evaluate.command()
@_options("audio")
@click.option("--mono", is_flag=True, help="Mix the channels of every clip to one first.")
def audio(mono: bool, scores: tuple[str, ...], **given: Any) -> None:
    """Compare our codec with others over the clips of FOLDER: rate, quality, BD-rates, time and memory.

    A name such as eval-07-music-organ.flac says the class of a clip; curves are drawn by class, and PESQ and ESTOI are
    measured where it is "speech".
    """
    from codec.eval.audio import AudioMaterial

    _evaluate(AudioMaterial(mono, scores), **given)


@evaluate.command("list")
@click.argument("medium", type=click.Choice(["images", "audio"]), required=False)
def show_known(medium: str | None) -> None:
    """Show the codecs and metrics that can be asked for, what metrics were made for, and who was trained on them.

    A star stands before those that take part where nothing is named.
    """
    from codec.eval.known import anchors, measures

    for name in [medium] if medium else ["images", "audio"]:
        for table in (anchors(name), measures(name)):
            click.echo(table.aligned(words=True) + "\n")


def _evaluate(
    material: Material,
    folder: Path,
    out: Path | None,
    results_page: Path | None,
    qualities: tuple[float, ...],
    anchors: tuple[str, ...],
    no_ours: bool,
    jobs: int | None,
    no_times: bool,
    cache: Path,
    force: bool,
    look: Path | None = None,
) -> None:
    check_packages()
    from codec.eval import anchor, report
    from codec.eval.cache import Cache
    from codec.eval.comparison import compare as compare_codecs
    from codec.eval.cost import costs
    from codec.eval.page import page
    from codec.eval.run import evaluate
    from codec.eval.sheet import sheet
    from codec.eval.table import tables

    targets = [out / name for name in report.file_names(material.medium)] if out else []
    if out:
        out.mkdir(parents=True, exist_ok=True)
    for target in [*targets, *(path for path in (results_page, look) if path)]:
        files.check_target(str(target), force)
    kept = Cache(cache.expanduser())
    chosen = {spec: anchor.named(material.name, spec) for spec in anchors}
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        with _bar("coding") as progress, files.notices(str(folder)):
            results, sources = evaluate(
                material, folder, qualities, chosen, kept, work, progress, jobs=jobs, with_ours=not no_ours
            )
        if (out or results_page) and not no_times:
            with _bar("timing") as progress:
                results = dataclasses.replace(results, costs=costs(material, results, sources, kept, work, progress))
        comparison = compare_codecs(results)
        if out or look:
            with _bar("report") as progress:
                exhibits = material.exhibits(results, comparison, sources, kept, progress, look is not None, jobs)
        if out:
            for file, data in report.files(results, comparison, exhibits).items():
                files.write_output(str(out / file), data)
        if look:
            files.write_output(str(look), sheet(exhibits))
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


def check_packages() -> None:
    """Raises CodecError where a package is missing that nothing works without."""
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
