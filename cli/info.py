"""`codec info`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from codec.cli import files

if TYPE_CHECKING:
    from codec import AudioInfo, ImageInfo, OriginalInfo


@click.command()
@click.argument("file")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of lines.")
def info(file: str, as_json: bool) -> None:
    """Say what an .lcc FILE holds, without decoding it. FILE - is standard input."""
    import codec

    with files.named(file):
        facts = codec.info(files.read_input(file))
    if as_json:
        rates = {name: getattr(facts, name) for name in ("rate_bpp", "rate_kbps", "duration_s") if hasattr(facts, name)}
        click.echo(json.dumps(asdict(facts) | {name: round(rate, 5) for name, rate in rates.items()}))
        return
    if isinstance(facts, codec.OriginalInfo):
        for line in _of_original(facts):
            click.echo(line)
        return
    for line in _of_audio(facts) if isinstance(facts, codec.AudioInfo) else _of_image(facts):
        click.echo(line)
    click.echo(f"quality: {facts.quality:g} of 100")
    rate = (
        f"{facts.rate_kbps:.2f} kbit/s"
        if isinstance(facts, codec.AudioInfo)
        else f"{facts.rate_bpp:.4f} bits per pixel"
    )
    click.echo(f"size: {facts.size_bytes:,} bytes, {rate}")
    click.echo(f"format: version {facts.version}, model {facts.model}, weights {facts.weights}")
    if not facts.weights_here:
        click.echo("weights: not here; 'codec weights needed' says what to do")
    elif facts.encoder:
        click.echo(f"weights: here, with encoder {facts.encoder}")


def _of_original(facts: OriginalInfo) -> Iterator[str]:
    yield f"{facts.media}: {facts.original_bytes:,} bytes, which come back as they were"
    yield f"SHA-256: {facts.sha256}"
    yield f"size: {facts.size_bytes:,} bytes, by {facts.method}"
    yield f"format: version {facts.version}, no weights"


def _of_image(facts: ImageInfo) -> Iterator[str]:
    colours = "grey" if facts.channels == 1 else "RGB"
    kinds = [colours, f"{facts.bit_depth} bits a sample", *(["alpha"] if facts.alpha else [])]
    yield f"{facts.media}: {facts.width} x {facts.height} pixels, {', '.join(kinds)}"
    yield f"colours: {facts.colours}"
    yield from map(files.printable, facts.held)
    if facts.tiles > 1:
        yield f"tiles: {facts.tiles}"


def _of_audio(facts: AudioInfo) -> Iterator[str]:
    kinds = [facts.layout, f"{facts.sample_rate} Hz", f"{facts.bit_depth} bits a sample"]
    yield f"{facts.media}: {facts.duration_s:.3f} s, {', '.join(kinds)}"
    if facts.metadata:
        yield f"metadata: {files.printable(', '.join(facts.metadata))}"
    for name, text in facts.tags.items():
        yield f"{name}: {files.printable(text)}"
