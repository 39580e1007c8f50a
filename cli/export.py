"""`codec export`."""

from __future__ import annotations

from pathlib import Path

import click

from codec.cli import files, options


@click.command()
@click.argument("run", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("-o", "--out", required=True, metavar="OUT", help="Weights file to write, .safetensors.")
@click.option(
    "--tables-from",
    "sources",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    metavar="DATA",
    help="Tar shard or folder that the tables of symbols are fitted to; may be given several times.",
)
@options.force_option
def export(run: Path, out: str, sources: tuple[Path, ...], force: bool) -> None:
    """Write the runtime weights of a training RUN, with the training record inside."""
    if out == files.STREAM:
        raise click.UsageError("weights go to a file, not to standard output")
    files.check_target(out, force)
    from codec.model import weights_file
    from codec.training.export import export

    record = export(run, Path(out), sources)
    size, digests = Path(out).stat().st_size, weights_file.describe(Path(out)).digests
    click.echo(f"{out}: weights {digests.decoder.hex()}, {size:,} bytes, {record['steps']:,} steps", err=True)
