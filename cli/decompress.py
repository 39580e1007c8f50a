"""`codec decompress`."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from codec.bitstream import constants
from codec.bitstream.errors import CodecError
from codec.bitstream.file import HEAD_BYTES, media_of
from codec.cli import audio, files, inputs, options
from codec.cli.batch import Batch, Stopping, workers_for
from codec.cli.inputs import SUFFIX

if TYPE_CHECKING:
    from codec import Device, Partial, Region
    from codec.cli.batch import Habits


def region_of(text: str) -> Region:
    """(x, y, width, height) in pixels of "X,Y,W,H", or a usage error."""
    try:
        x, y, width, height = (int(part) for part in text.split(","))
    except ValueError:
        raise click.BadParameter(f"'{text}' is not X,Y,W,H in whole pixels.") from None
    if min(x, y) < 0 or min(width, height) < 1:
        raise click.BadParameter(f"'{text}' has no pixels in any image.")
    return x, y, width, height


@click.command()
@click.argument("names", nargs=-1, required=True, metavar="IN...", type=options.FILE)
@click.option(
    "-o",
    "--out",
    metavar="OUT",
    type=options.FILE,
    help="Output file (its suffix names the format), a folder, or - for PNG or WAV on standard output.  "
    "[default: IN.png or IN.wav; files as they were: IN without .lcc]",
)
@click.option("--region", type=region_of, metavar="X,Y,W,H", help="Only these pixels, and only the tiles they need.")
@click.option(
    "--start", "start_s", type=options.FiniteRange(0), default=0, metavar="SECONDS", help="Audio from here on."
)
@click.option("--duration", "duration_s", type=options.FiniteRange(0), metavar="SECONDS", help="So much of the audio.")
@click.option(
    "--partial",
    is_flag=True,
    help="Restore what there is of a cut or damaged file; exit code 3 where something is missing.",
)
@click.option("--draw", is_flag=True, help="With --partial, which it implies: draw what is missing from the prior.")
@click.option(
    "--bit-depth",
    type=click.Choice(["8", "16", "24", "32"]),
    help="Bits a sample of the output: 8 or 16 for images, 16, 24 or 32 (floats) for clips.  "
    "[default: those of the source]",
)
@options.keep_suffix_option
@options.max_pixels_option
@options.max_seconds_option
@options.device_option
@options.threads_option
@options.habits_options
def decompress(
    names: tuple[str, ...],
    out: str | None,
    region: Region | None,
    start_s: float,
    duration_s: float | None,
    partial: bool,
    draw: bool,
    bit_depth: str | None,
    keep_suffix: bool,
    max_pixels: int,
    max_seconds: float,
    device: Device,
    threads: int | None,
    habits: Habits,
) -> None:
    """Restore images, audio and files as they were from .lcc files. IN - is standard input."""
    if habits.rm and (region or start_s or duration_s is not None):
        raise click.UsageError("--rm and a part of a file contradict each other: the rest would be lost")
    wanted: Partial = "draw" if draw else partial
    found = inputs.found(names, habits.recursive, inputs.is_coded)
    jobs = inputs.jobs(found, out, functools.partial(_restored, keep_suffix))
    import codec
    from codec import media
    from codec.bitstream.errors import MediaError
    from codec.devices import device_named

    alone = device_named(device).name != "cpu"
    workers, threads = workers_for(habits.jobs, threads, len(jobs), alone)
    stopping = Stopping()

    def restore_audio(source: files.Input, target: str, out: BinaryIO) -> Sequence[str]:
        if region or bit_depth == "8":
            raise MediaError("it holds audio, which has no region and never 8 bits")
        depth = int(bit_depth) if bit_depth else None
        return audio.decompress(
            source,
            target,
            out,
            bit_depth=depth,
            start_s=start_s,
            duration_s=duration_s,
            partial=wanted,
            device=device,
            threads=threads,
            max_seconds=max_seconds,
        )

    def restore_image(source: files.Input, target: str, out: BinaryIO) -> Sequence[str]:
        if start_s or duration_s is not None or bit_depth in ("24", "32"):
            raise MediaError("it holds an image, which has no duration and 8 or 16 bits a sample")
        suffix = ".png" if target == files.STREAM else Path(target).suffix.lower()
        media.check_suffix(suffix)
        restored = codec.decode_image(
            source.read(),
            bit_depth=None if bit_depth is None else 16 if bit_depth == "16" else 8,
            region=region,
            partial=wanted,
            device=device,
            threads=threads,
            max_pixels=max_pixels,
            progress=stopping.check,
        )
        for text in restored.notices:
            media.notice(text)
        out.write(media.image_bytes(restored.image, suffix))
        return restored.damage

    def restore_original(source: files.Input, target: str, out: BinaryIO) -> Sequence[str]:
        if region or bit_depth or start_s or duration_s is not None:
            raise MediaError("it holds a file as it was, which is restored as a whole")
        codec.restore_original(source, out)
        return ()

    restoring = {
        constants.MEDIA_IMAGE: restore_image,
        constants.MEDIA_AUDIO: restore_audio,
        constants.MEDIA_ORIGINAL: restore_original,
    }

    def convert(source: files.Input, target: str, out: BinaryIO) -> Sequence[str]:
        return restoring[media_of(source.head(HEAD_BYTES))](source, target, out)

    def verify(source: str, target: str) -> None:
        told = codec.info(source)
        if isinstance(told, codec.OriginalInfo):
            with open(target, "rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != told.sha256:
                    raise MediaError(f"{files.shown(target)} is not what was stored")
        elif Path(target).suffix.lower() in media.AUDIO_SAVED_AS:
            audio.read_through(target)
        else:
            media.read_image(target, max_pixels)

    Batch(habits, convert, verify, workers, stopping).run(jobs)


def _restored(keep_suffix: bool, source: Path) -> Path:
    """The output that an input gets by default: `photo.png` of photo.lcc, and of photo.png.lcc too; of an original, the
    name without .lcc, or else with .original behind it.

    keep_suffix: a name before .lcc names the format, where that can be written.
    """
    from codec import media

    held, inner = _held(source), source.with_suffix("")
    if held == constants.MEDIA_ORIGINAL:
        return inner if source.suffix.lower() == SUFFIX else source.with_name(source.name + ".original")
    is_audio = held == constants.MEDIA_AUDIO
    default, writable = (".wav", media.AUDIO_SAVED_AS) if is_audio else (".png", media.SAVED_AS)
    if source.suffix.lower() == SUFFIX and inner.suffix.lower() in (
        (default, *writable) if keep_suffix else (default,)
    ):
        return inner
    restored = source.with_suffix(default)
    return restored if restored != source else source.with_name(source.name + default)


def _held(source: Path) -> int:
    """What a file holds, one of constants.MEDIA_*; what cannot be read, and will be found out later, is an image.

    Raises click.UsageError for a pipe.
    """
    try:
        if not source.is_file() and not source.is_dir() and source.exists():
            raise click.UsageError(
                f"{files.shown(source)} is a pipe, and what it holds is not known before: name the output with -o"
            )
        with source.open("rb") as file:
            return media_of(file.read(HEAD_BYTES))
    except (OSError, CodecError):
        return constants.MEDIA_IMAGE
