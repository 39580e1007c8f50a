"""`codec features`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO

import click

from codec.cli import files, inputs, options
from codec.cli.batch import workers_for

if TYPE_CHECKING:
    from codec import Device


@click.command()
@click.argument("names", nargs=-1, required=True, metavar="IN...", type=options.FILE)
@click.option("-o", "--out", required=True, metavar="FILE.npz", type=options.FILE, help="Output file, for numpy.load.")
@options.quality_option
@options.recursive_option
@options.jobs_option
@options.force_option
@options.device_option
@options.threads_option
def features(
    names: tuple[str, ...],
    out: str,
    quality: float,
    recursive: bool,
    jobs: int | None,
    force: bool,
    device: Device,
    threads: int | None,
) -> None:
    """Write a vector of features for each IN: images, or audio, or .lcc files of either.

    The output holds the arrays `names` (n,) and `features` (n, d): mean and spread of each latent channel, and the bits
    of each channel group. What cannot be read is named and left out, with exit code 1 at the end.
    """
    import numpy as np

    import codec
    from codec import media

    files.check_target(out, force)
    suffixes = media.readable_suffixes() | {inputs.SUFFIX}
    found = inputs.found(names, recursive, lambda path: path.suffix.lower() in suffixes)
    workers, threads = workers_for(jobs, threads, len(found))

    def sources() -> Iterator[bytes | str]:
        for source, _ in found:
            yield files.read_input(source) if source == files.STREAM else source

    kept: list[str] = []
    vectors: list[np.ndarray] = []
    results = codec.features_many(sources(), quality, workers=workers, device=device, threads=threads)
    for (source, _), vector in zip(found, results, strict=True):
        if isinstance(vector, codec.CodecError):
            if len(found) == 1:
                raise type(vector)(f"{files.shown(source)}: {vector}")
            files.say(f"{files.shown(source)}: {vector}")
        elif vectors and len(vector) != len(vectors[0]):
            raise codec.MediaError(f"{files.shown(source)}: images and audio have different features: take one of them")
        else:
            kept.append(source)
            vectors.append(vector)
    if not vectors:
        raise codec.CodecError(f"{len(found)} of {len(found)} files failed")

    def fill(file: BinaryIO) -> None:
        np.savez_compressed(file, names=np.array(kept), features=np.stack(vectors))

    files.fill_output(out, fill)
    if len(kept) < len(found):
        raise codec.CodecError(f"{len(found) - len(kept)} of {len(found)} files failed")
