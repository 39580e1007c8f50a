"""`codec info`."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from codec.cli import files


@click.command()
@click.argument("file")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of lines.")
def info(file: str, as_json: bool) -> None:
    """Say what an .lcc FILE holds, without decoding it. FILE - is standard input."""
    import codec

    with files.named(file):
        facts = codec.info(files.read_input(file))
    if as_json:
        click.echo(json.dumps(asdict(facts) | {"rate_bpp": round(facts.rate_bpp, 5)}))
        return
    colours = "grey" if facts.channels == 1 else "RGB"
    kinds = [colours, f"{facts.bit_depth} bits a sample", *(["alpha"] if facts.alpha else []), *facts.metadata]
    click.echo(f"{facts.media}: {facts.width} x {facts.height} pixels, {', '.join(kinds)}")
    if facts.tiles > 1:
        click.echo(f"tiles: {facts.tiles}")
    click.echo(f"quality: {facts.quality:g} of 100")
    click.echo(f"size: {facts.size_bytes:,} bytes, {facts.rate_bpp:.4f} bits per pixel")
    click.echo(f"format: version {facts.version}, model {facts.model}, weights {facts.weights}")
