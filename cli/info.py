"""`codec info`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from codec.cli import batch, files, inputs, options

if TYPE_CHECKING:
    from codec import AudioInfo, ImageInfo, Info, OriginalInfo


@click.command()
@click.argument("names", nargs=-1, required=True, metavar="FILE...", type=options.FILE)
@options.recursive_option
@options.json_option
def info(names: tuple[str, ...], recursive: bool, as_json: bool) -> None:
    """Say what .lcc FILEs hold, without decoding them. FILE - is standard input."""
    import codec

    found, failed = inputs.found(names, recursive, inputs.is_coded), 0
    for number, (source, facts) in enumerate(batch.answers(found, 1, codec.info)):
        if isinstance(facts, codec.CodecError):
            if len(found) == 1:
                raise facts
            failed += 1
            files.say(str(facts))
        elif as_json:
            click.echo(json.dumps({"file": source} | asdict(facts) | _rates(facts)))
        else:
            title = [f"{files.shown(source)}:"] if len(found) > 1 else []
            click.echo("\n".join([*([""] if number else []), *title, *_lines(facts)]))
    if failed:
        raise codec.CodecError(f"{failed} of {len(found)} files failed")


def _rates(facts: Info) -> dict[str, float]:
    names = [name for name in ("rate_bpp", "rate_kbps", "duration_s") if hasattr(facts, name)]
    return {name: round(getattr(facts, name), 5) for name in names}


def _lines(facts: Info) -> Iterator[str]:
    from codec import AudioInfo, OriginalInfo

    if isinstance(facts, OriginalInfo):
        yield from _of_original(facts)
        return
    if isinstance(facts, AudioInfo):
        rate = f"{facts.rate_kbps:.2f} kbit/s"
        yield from _of_audio(facts)
    else:
        rate = f"{facts.rate_bpp:.4f} bits per pixel"
        yield from _of_image(facts)
    yield f"quality: {facts.quality:g} of 100"
    yield f"size: {facts.size_bytes:,} bytes, {rate}"
    yield f"format: version {facts.version}, model {facts.model}, weights {facts.weights}"
    if not facts.weights_here:
        yield "weights: not here; 'codec weights needed' says what to do"
    elif facts.encoder:
        yield f"weights: here, with encoder {facts.encoder}"


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
    ways = [f"{count} of {way}" if facts.tiles > 1 else way for way, count in facts.ways.items()]
    yield (f"tiles: {facts.tiles}, " if facts.tiles > 1 else "coded as: ") + ", ".join(ways)


def _of_audio(facts: AudioInfo) -> Iterator[str]:
    kinds = [facts.layout, f"{facts.sample_rate} Hz", f"{facts.bit_depth} bits a sample"]
    yield f"{facts.media}: {facts.duration_s:.3f} s, {', '.join(kinds)}"
    if facts.metadata:
        yield f"metadata: {files.printable(', '.join(facts.metadata))}"
    for name, text in facts.tags.items():
        yield f"{name}: {files.printable(text)}"
