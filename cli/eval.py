"""`codec eval`."""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict
from pathlib import Path

import click

from codec.bitstream.errors import CodecError
from codec.cli import files, options

LEAST_QUALITIES = 3  # for a curve


@click.group("eval")
def evaluate() -> None:
    """Measure rate and distortion through real files."""


@evaluate.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("-o", "--out", metavar="OUT", help="Also write the points as JSON.")
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
@options.force_option
def images(folder: Path, out: str | None, qualities: tuple[float, ...], force: bool) -> None:
    """Table of rate and PSNR over the pictures of FOLDER, and BD-rate against Pillow's JPEG."""
    if len(set(qualities)) < max(LEAST_QUALITIES, len(qualities)):
        raise click.UsageError(f"give at least {LEAST_QUALITIES} different qualities")
    if out:
        files.check_target(out, force)
    try:
        import bjontegaard  # noqa: F401
    except ImportError as error:
        raise CodecError("BD-rate needs the package bjontegaard: pip install 'codec[eval]'") from error
    from tqdm import tqdm

    from codec.eval.anchors import ANCHORS
    from codec.eval.run import evaluate

    with tempfile.TemporaryDirectory() as work, tqdm(unit="picture", disable=None, leave=False) as bar:
        result = evaluate(folder, qualities, list(ANCHORS.values()), Path(work), bar.update)
    click.echo(result.table())
    if out:
        files.write_output(out, json.dumps(asdict(result), indent=1).encode())
