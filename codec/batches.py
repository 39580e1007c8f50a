"""Many images or pieces of audio at once: results in the order of their sources, errors among them, bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Literal, TypeVar, Unpack, overload

from codec import api, media
from codec.api import Decoding, EitherAudio, EitherImage, Output
from codec.bitstream.errors import CodecError, memory_errors
from codec.decoded import Decoded
from codec.media import AudioData, ByteSource, ImageData, ImageSource, MediaNotice, Pixels
from codec.media.notices import warn
from codec.workers import ordered_map, shared_out

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
    **options: Unpack[Either],
) -> Iterator[bytes | CodecError]:
    """The bytes of the .lcc file of each source, in order; where one cannot be compressed, the error in its place.

    sources: any iterable of what `compress` takes; it is taken from while results are, a few ahead of them.
    workers: threads that work side by side; one for each core and at most 8 where None.
    options: those of `compress`, the same for all; threads: of the networks of each worker.
    Warns MediaNotice as `compress` does, when the result is taken.
    Raises: ValueError and TypeError, as `compress`, which end the work; what the iterable raises.
    """
    if "out" in options:
        raise ValueError("out is for one file: take the results")
    count, options["threads"] = shared_out(workers, options.get("threads"))

    def compressed(source: ImageSource | AudioSource) -> bytes:
        data: bytes = api.compress(source, quality, **options)  # type: ignore[call-overload]
        return data

    return _noticed(ordered_map(settled(compressed), sources, count, ahead=count))


def _noticed(results: Iterable[Settled[Found]]) -> Iterator[Found | CodecError]:
    for result, notices in results:
        for text in notices:
            warn(text, MediaNotice)
        yield result


Sources = Iterable[ByteSource]


@overload
def decompress_many(
    sources: Sources, *, output: None = None, workers: int | None = None, **options: Unpack[Decoding]
) -> Iterator[Image.Image | AudioData | bytes | CodecError]: ...
@overload
def decompress_many(
    sources: Sources, *, output: Literal["pil"], workers: int | None = None, **options: Unpack[Decoding]
) -> Iterator[Image.Image | CodecError]: ...
@overload
def decompress_many(
    sources: Sources, *, output: Literal["image"], workers: int | None = None, **options: Unpack[Decoding]
) -> Iterator[ImageData | CodecError]: ...
@overload
def decompress_many(
    sources: Sources, *, output: Literal["array"], workers: int | None = None, **options: Unpack[Decoding]
) -> Iterator[Pixels | CodecError]: ...
@overload
def decompress_many(
    sources: Sources, *, output: Literal["tensor"], workers: int | None = None, **options: Unpack[Decoding]
) -> Iterator[Tensor | CodecError]: ...
@overload
def decompress_many(
    sources: Sources, *, output: Literal["audio"], workers: int | None = None, **options: Unpack[Decoding]
) -> Iterator[AudioData | CodecError]: ...
@overload
def decompress_many(
    sources: Sources, *, output: Literal["bytes"], workers: int | None = None, **options: Unpack[Decoding]
) -> Iterator[bytes | CodecError]: ...
def decompress_many(
    sources: Sources, *, output: Output | None = None, workers: int | None = None, **options: Unpack[Decoding]
) -> Iterator[Image.Image | ImageData | Pixels | Tensor | AudioData | bytes | CodecError]:
    """The image, audio or original of each .lcc file, in order; where one cannot be decoded, the error in its place.

    sources: any iterable of what `decompress` takes; it is taken from while results are, a few ahead of them.
    output, options: as `decompress` has them, the same for all. workers: as `compress_many`.
    Warns as `decompress` does, when the result is taken.
    Raises: ValueError and TypeError, as `decompress`, which end the work; what the iterable raises.
    """
    api.check_output(output)
    count, options["threads"] = shared_out(workers, options.get("threads"))

    def decoded(source: ByteSource) -> Decoded:
        return api.decoded(source, output, **options)

    return _presented(_noticed(ordered_map(settled(decoded), sources, count, ahead=count)), output)


def _presented(
    results: Iterable[Decoded | CodecError], output: Output | None
) -> Iterator[Image.Image | ImageData | Pixels | Tensor | AudioData | bytes | CodecError]:
    for result in results:
        yield result if isinstance(result, CodecError) else api.presented(result, output)


def settled(function: Callable[[Source], Found]) -> Callable[[Source], Settled[Found]]:
    """The function, but errors of the family, and lacks of memory, are results."""

    def result_of(source: Source) -> Settled[Found]:
        with media.collected_notices() as notices:
            try:
                with memory_errors():
                    return function(source), notices
            except CodecError as error:
                return error, notices

    return result_of
