"""`codec compress`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal

import click
from click.core import ParameterSource

from codec.bitstream.errors import MediaError
from codec.cli import audio, files, inputs, options
from codec.cli.batch import Batch, Stopping, workers_for
from codec.cli.inputs import SUFFIX
from codec.quality import REFINING_EFFORT

if TYPE_CHECKING:
    from codec import Device
    from codec.cli.batch import Habits
    from codec.quality import Metric

FOR_IMAGES = (
    "effort",
    "target_bpp",
    "target_psnr",
    "target_ssim",
    "target_ssimulacra2",
    "roi",
    "metric",
    "lossless",
    "lossless_jxl",
    "partial",
    "no_extras",
)
NOT_EXACT = ("quality", "target_size", "bitrate", *FOR_IMAGES)  # what says how else to code
BAR = "{desc} {percentage:3.0f}% |{bar}| {elapsed}"


@click.command()
@click.argument("names", nargs=-1, required=True, metavar="IN...", type=options.FILE)
@click.option(
    "-o",
    "--out",
    metavar="OUT",
    type=options.FILE,
    help="Output file, a folder, or - for standard output.  [default: IN.lcc]",
)
@options.quality_option
@options.effort_option
@click.option(
    "--target-size",
    type=options.size_bytes,
    metavar="SIZE",
    help="At most so many bytes, as 50000, 50kB or 48KiB, and 1 % less at most.",
)
@click.option("--target-bpp", type=options.BPP, help="The same in bits per pixel.")
@click.option(
    "--bitrate",
    type=options.POSITIVE,
    metavar="KBPS",
    help="So many kbit/s, within 2 %, as the mean over audio; a pipe is read to its end first.",
)
@click.option("--target-psnr", type=options.POSITIVE, help="At least this PSNR in dB, and 0.05 dB more at most.")
@click.option("--target-ssim", type=options.SHARE, help="At least this MS-SSIM, between 0 and 1.")
@click.option(
    "--target-ssimulacra2",
    type=options.SCORE,
    metavar="SCORE",
    help="At least this SSIMULACRA 2, and half a point more at most: 50 is medium, 70 high, 90 visually lossless.",
)
@click.option(
    "--roi",
    metavar="MASK",
    type=options.FILE,
    help="An image of the same size whose grey is importance: white is kept better, black worse.",
)
@options.metric_option
@click.option("--lossless", is_flag=True, help="Keep every pixel of an image as it is.")
@click.option(
    "--lossless-jxl",
    is_flag=True,
    help="The same by JPEG XL where that is smaller; who reads the file needs the extra jxl too, and no browser does.",
)
@click.option(
    "--exact",
    is_flag=True,
    help="Keep files of any kind, JPEGs and WAVE files best, so that every byte comes back; named as by --keep-suffix.",
)
@click.option("--partial", is_flag=True, help="Take what there is of an image file that is cut or damaged.")
@click.option(
    "--no-extras", is_flag=True, help="Leave out what stands behind an image in its file: gain maps, videos and so on."
)
@options.keep_suffix_option
@options.max_pixels_option
@options.max_seconds_option
@options.device_option
@options.threads_option
@options.habits_options
@click.pass_context
def compress(
    context: click.Context,
    names: tuple[str, ...],
    out: str | None,
    quality: float,
    effort: int,
    target_size: int | None,
    target_bpp: float | None,
    bitrate: float | None,
    target_psnr: float | None,
    target_ssim: float | None,
    target_ssimulacra2: float | None,
    roi: str | None,
    metric: Metric,
    lossless: bool,
    lossless_jxl: bool,
    exact: bool,
    partial: bool,
    no_extras: bool,
    keep_suffix: bool,
    max_pixels: int,
    max_seconds: float,
    device: Device,
    threads: int | None,
    habits: Habits,
) -> None:
    """Compress images and audio into .lcc files. IN - is standard input.

    Effort, targets but --target-size, --roi, --metric and --lossless are for images, --bitrate is for audio.
    """

    def given(name: str) -> bool:
        return context.get_parameter_source(name) != ParameterSource.DEFAULT

    if habits.rm and partial:
        raise click.UsageError("--rm and --partial contradict each other: what is cut off would be lost")
    if exact and any(map(given, NOT_EXACT)):
        raise click.UsageError("--exact keeps every byte: it goes with no quality, no target and nothing left out")
    found = inputs.found(names, habits.recursive, _is_not_coded if exact else _is_media)
    jobs = inputs.jobs(found, out, _with_whole_name if keep_suffix or exact else _with_own_suffix)
    import codec
    from codec import media
    from codec.devices import device_named

    _lift_limit_of_pillow()
    chosen = quality if given("quality") else None
    keeping: bool | Literal["jxl"] = "jxl" if lossless_jxl else lossless
    with options.usage_errors():
        codec.check_image_options(
            chosen,
            effort=effort,
            metric=metric,
            has_roi=roi is not None,
            lossless=keeping,
            target_size=target_size,
            target_bpp=target_bpp,
            target_psnr=target_psnr,
            target_ssim=target_ssim,
            target_ssimulacra2=target_ssimulacra2,
        )
        codec.check_audio_options(chosen, target_size=target_size, target_bitrate=bitrate)
    mask = None
    if roi is not None:
        with files.named(roi), files.notices(roi):
            mask = media.read_image(files.read_input(roi), max_pixels)

    refines = effort >= REFINING_EFFORT and not keeping
    alone = refines or target_ssim is not None or device_named(device).name != "cpu"  # torch uses all cores by itself
    workers, threads = workers_for(habits.jobs, threads, len(jobs), alone)
    stopping = Stopping()

    def compress_image(data: bytes) -> bytes:
        with _progress(refines and workers == 1 and not habits.quiet, stopping) as show:
            return codec.compress_image(
                data,
                chosen,
                effort=effort,
                target_size=target_size,
                target_bpp=target_bpp,
                target_psnr=target_psnr,
                target_ssim=target_ssim,
                target_ssimulacra2=target_ssimulacra2,
                roi=mask,
                metric=metric,
                lossless=keeping,
                partial=partial,
                extras=not no_extras,
                device=device,
                threads=threads,
                max_pixels=max_pixels,
                progress=show,
            )

    def convert(source: files.Input, target: str, out: BinaryIO) -> tuple[()]:
        if not media.is_audio(source.head(media.HEAD_BYTES)):
            if bitrate is not None:
                raise MediaError("it is an image, which has no duration: --bitrate is for audio")
            out.write(compress_image(source.read()))
            return ()
        if any(map(given, FOR_IMAGES)):
            raise MediaError(
                "it is a clip: effort, targets, --roi, --metric, --lossless, --partial and --no-extras are for images"
            )
        if target_size is None and bitrate is None:
            audio.compress(source, out, quality, device, threads, max_seconds)
        else:
            audio.compress_to(source, out, target_size, bitrate, device, threads, max_seconds)
        return ()

    def store(source: files.Input, target: str, out: BinaryIO) -> tuple[()]:
        codec.store_original(source.from_start() or source, out)
        return ()

    def verify(source: str, target: str) -> None:
        codec.verify(target, deep=True, device=device, threads=threads, max_pixels=max_pixels)

    Batch(habits, store if exact else convert, verify, workers, stopping).run(jobs)


def _is_not_coded(path: Path) -> bool:
    return not inputs.is_coded(path)


def _is_media(path: Path) -> bool:
    from codec import media

    return path.suffix.lower() in media.readable_suffixes()


def _lift_limit_of_pillow() -> None:
    """Some of Pillow's plugins have a limit for the whole process; this process is ours, and has --max-pixels."""
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = None


@contextmanager
def _progress(is_shown: bool, stopping: Stopping) -> Iterator[Callable[[float], None]]:
    """Takes the share of a refinement that is done, shows it on terminals, and ends it when all work is to end."""
    if not is_shown:
        yield stopping.check
        return
    from tqdm import tqdm

    with tqdm(total=1.0, desc="refining", disable=None, leave=False, bar_format=BAR) as bar:

        def show(done: float) -> None:
            stopping.check(done)
            bar.n = done
            bar.refresh()

        yield show


def _with_own_suffix(source: Path) -> Path:
    return source.with_suffix(SUFFIX)


def _with_whole_name(source: Path) -> Path:
    return source.with_name(source.name + SUFFIX)
