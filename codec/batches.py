"""Many images or pieces of audio at once: results in the order of their sources, errors among them, bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from functools import partial
from typing import TYPE_CHECKING, Literal, TypeVar, Unpack, overload

from codec import api, media
from codec.api import Decoding, EitherAudio, EitherImage, Output
from codec.bitstream.errors import CodecError, memory_errors
from codec.decoded import Decoded
from codec.media import AudioData, ByteSource, ImageData, ImageSource, MediaNotice, Pixels
from codec.media.notices import warn
from codec.media.paths import is_file
from codec.workers import ordered_map, processes, shared_out

if TYPE_CHECKING:
    from PIL import Image
    from torch import Tensor

    from codec.media import AudioSource

Source = TypeVar("Source")
Found = TypeVar("Found")
Settled = tuple[Found | CodecError, list[str]]  # a result or what went wrong, and notices


class Either(EitherImage, EitherAudio):
    """What `compress_many` can be asked for beside quality and workers."""


def compress_many(
    sources: Iterable[ImageSource | AudioSource],
    quality: float | None = None,
    *,
    workers: int | None = None,
    in_processes: bool = False,
    **options: Unpack[Either],
) -> Iterator[bytes | CodecError]:
    """The bytes of the .lcc file of each source, in order; where one cannot be compressed, the error in its place.

    sources: any iterable of what `compress` takes; it is taken from while results are, a few ahead of them.
    workers: that work side by side; one for each core and at most 8 where None.
    in_processes: workers are new processes, not threads: for very many small images on more than two or three cores.
        Each takes a while to start and its own copy of the weights; the calling script needs its
        `if __name__ == "__main__":`, and sources and options must be such that pickle copies them.
    options: those of `compress`, the same for all; threads: of the networks of each worker.
    Warns MediaNotice as `compress` does, when the result is taken.
    Raises: ValueError and TypeError, as `compress`, which end the work; what the iterable raises.
    """
    _check_several(sources)
    if "out" in options:
        raise ValueError("out is for one file: take the results")
    count, options["threads"] = shared_out(workers, options.get("threads"))

    compressed: Callable[..., bytes] = partial(api.compress, quality=quality, **options)
    return _noticed(ordered_map(settled(compressed), sources, count, count, pool=_pool(in_processes)))


def _check_several(sources: object) -> None:
    """Raises TypeError for one source that Python would take apart: letters of a path, bytes, lines of a file."""
    if isinstance(sources, (str, bytes, bytearray, memoryview)) or is_file(sources):
        raise TypeError(f"expected an iterable of sources, not one {type(sources).__name__}: put it into a list")


def _pool(in_processes: bool) -> Callable[[int], Executor] | None:
    return processes if in_processes else None


def _noticed(results: Iterable[Settled[Found]]) -> Iterator[Found | CodecError]:
    for result, notices in results:
        for text in notices:
            warn(text, MediaNotice)
        yield result


Sources = Iterable[ByteSource]


class DecodingMany(Decoding, total=False):
    """What `decompress_many` can be asked for beside the output."""

    workers: int | None
    in_processes: bool


@overload
def decompress_many(
    sources: Sources, *, output: None = None, **options: Unpack[DecodingMany]
) -> Iterator[Image.Image | AudioData | bytes | CodecError]: ...
@overload
def decompress_many(
    sources: Sources, *, output: Literal["pil"], **options: Unpack[DecodingMany]
) -> Iterator[Image.Image | CodecError]: ...
@overload
def decompress_many(
    sources: Sources, *, output: Literal["image"], **options: Unpack[DecodingMany]
) -> Iterator[ImageData | CodecError]: ...
@overload
def decompress_many(
    sources: Sources, *, output: Literal["array"], **options: Unpack[DecodingMany]
) -> Iterator[Pixels | CodecError]: ...
@overload
def decompress_many(
    sources: Sources, *, output: Literal["tensor"], **options: Unpack[DecodingMany]
) -> Iterator[Tensor | CodecError]: ...
@overload
def decompress_many(
    sources: Sources, *, output: Literal["audio"], **options: Unpack[DecodingMany]
) -> Iterator[AudioData | CodecError]: ...
@overload
def decompress_many(
    sources: Sources, *, output: Literal["bytes"], **options: Unpack[DecodingMany]
) -> Iterator[bytes | CodecError]: ...
def decompress_many(
    sources: Sources,
    *,
    output: Output | None = None,
    workers: int | None = None,
    in_processes: bool = False,
    **options: Unpack[Decoding],
) -> Iterator[Image.Image | ImageData | Pixels | Tensor | AudioData | bytes | CodecError]:
    """The image, audio or original of each .lcc file, in order; where one cannot be decoded, the error in its place.

    sources: any iterable of what `decompress` takes; it is taken from while results are, a few ahead of them.
    output, options: as `decompress` has them, the same for all. workers, in_processes: as `compress_many`.
    Warns as `decompress` does, when the result is taken.
    Raises: ValueError and TypeError, as `decompress`, which end the work; what the iterable raises.
    """
    _check_several(sources)
    api.check_output(output)
    count, options["threads"] = shared_out(workers, options.get("threads"))

    decoded = partial(api.decoded, output=output, **options)
    results = ordered_map(settled(decoded), sources, count, count, pool=_pool(in_processes))
    return _presented(_noticed(results), output)


def _presented(
    results: Iterable[Decoded | CodecError], output: Output | None
) -> Iterator[Image.Image | ImageData | Pixels | Tensor | AudioData | bytes | CodecError]:
    for result in results:
        yield result if isinstance(result, CodecError) else api.presented(result, output)


def settled(function: Callable[[Source], Found]) -> Callable[[Source], Settled[Found]]:
    """The function, but errors of the family, and lacks of memory, are results; pickle can copy it too."""
    return partial(_result_of, function)


def _result_of(function: Callable[[Source], Found], source: Source) -> Settled[Found]:
    with media.collected_notices() as notices:
        try:
            with memory_errors():
                return function(source), notices
        except CodecError as error:
            return error, notices
