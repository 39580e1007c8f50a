"""The front door of either media: compress, decompress and decode by what they get, and verify."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, NotRequired, TypedDict, Unpack, cast, overload

from codec import audio_api, image_api, media, original_api
from codec.arguments import BitDepth, Device, Partial, Region
from codec.audio_api import AudioCompression, compress_audio
from codec.bitstream import constants
from codec.bitstream.audio import AudioFile
from codec.bitstream.errors import MediaError, ModelMismatch
from codec.bitstream.original import OriginalFile
from codec.bitstream.parsed import parse
from codec.decoded import Decoded, DecodedAudio, DecodedOriginal
from codec.image_api import IMAGE_OUTPUTS, ImageCompression, compress_image
from codec.media import AudioData, ByteSource, ByteTarget, ImageData, ImageSource, PathLike, Pixels
from codec.media.paths import is_file, open_file
from codec.progress import Report

if TYPE_CHECKING:
    from PIL import Image
    from torch import Tensor

    from codec.media import AudioSource, Waveform

Output = Literal["pil", "image", "array", "tensor", "audio", "bytes"]
AUDIO_OUTPUT: Literal["audio"] = "audio"
ORIGINAL_OUTPUT: Literal["bytes"] = "bytes"


class Limits(TypedDict, total=False):
    """Limits of either media."""

    max_pixels: int
    max_seconds: float


class Exactly(TypedDict):
    """What `compress` is asked for where the very bytes of a file are to come back."""

    exact: Literal[True]
    out: NotRequired[ByteTarget | None]


class EitherImage(ImageCompression, Limits):
    """What `compress` can be asked for where it gets an image."""


class EitherAudio(AudioCompression, Limits):
    """What `compress` can be asked for where it gets audio."""


class Decoding(Limits, total=False):
    """What `decompress` can be asked for beside the output."""

    bit_depth: BitDepth | None
    region: Region | None
    start_s: float
    duration_s: float | None
    partial: Partial
    device: Device
    threads: int | None
    weights: PathLike | None
    max_bytes: int
    progress: Report | None


IMAGES_ONLY = frozenset(ImageCompression.__annotations__) - frozenset(EitherAudio.__annotations__)
AUDIO_ONLY = frozenset(AudioCompression.__annotations__) - frozenset(EitherImage.__annotations__)


@overload
def compress(source: ByteSource, **options: Unpack[Exactly]) -> bytes: ...
@overload
def compress(source: ImageSource, quality: float | None = None, **options: Unpack[EitherImage]) -> bytes: ...
@overload
def compress(source: AudioSource | Waveform, quality: float | None = None, **options: Unpack[EitherAudio]) -> bytes: ...
def compress(source: Any, quality: float | None = None, **options: Any) -> bytes:
    """The bytes of an .lcc file of an image or of audio, whichever the source is.

    source: what `compress_image` or `compress_audio` takes. Files are told apart by their first bytes; arrays and
        tensors are images, or audio where there is a sample_rate.
    quality: 0 (smallest) to 100 (best); 50 where neither it nor a target is given.
    options: those of `compress_image` or `compress_audio`; limits of both may be given. Or `exact=True`, alone or with
        `out`: the very bytes of a file of any kind come back, as those of `store_original` do.
    Raises: as these do; MediaError for an option that only the other media have; ValueError for others beside `exact`.
    """
    if options.pop("exact", False):
        out = options.pop("out", None)
        if quality is not None or options:
            raise ValueError("exact keeps every byte: it goes with no quality and no option but out")
        return original_api.compress_exactly(source, out)
    with ExitStack() as opened:
        if isinstance(source, (str, os.PathLike)):
            source = opened.enter_context(open_file(source))
        head, source = _head_of(source)
        if "sample_rate" in options or isinstance(source, (AudioData, tuple)) or media.is_audio(head):
            _refuse(options, IMAGES_ONLY, "audio")
            options.pop("max_pixels", None)
            return compress_audio(source, quality, **options)
        _refuse(options, AUDIO_ONLY, "an image")
        options.pop("max_seconds", None)
        return compress_image(source, quality, **options)


def _head_of(source: Any) -> tuple[bytes, Any]:
    """The first bytes of a file's bytes or of an open file, and the source as it was; none of anything else."""
    if not is_file(source):
        return bytes(source[: media.HEAD_BYTES]) if isinstance(source, (bytes, bytearray, memoryview)) else b"", source
    if not source.seekable():
        data = media.read_bytes(source)
        return data[: media.HEAD_BYTES], data
    file = cast(BinaryIO, source)
    start = file.tell()
    head = media.read_bytes(file, media.HEAD_BYTES)
    file.seek(start)
    return head, file


def _refuse(options: Mapping[str, object], names: frozenset[str], kind: str) -> None:
    given = sorted(name for name in names if options.get(name) is not None)
    if given:
        raise MediaError(f"it is {kind}, which has no {' and no '.join(given)}")


@overload
def decompress(
    data: ByteSource, *, output: None = None, **options: Unpack[Decoding]
) -> Image.Image | AudioData | bytes: ...
@overload
def decompress(data: ByteSource, *, output: Literal["pil"], **options: Unpack[Decoding]) -> Image.Image: ...
@overload
def decompress(data: ByteSource, *, output: Literal["image"], **options: Unpack[Decoding]) -> ImageData: ...
@overload
def decompress(data: ByteSource, *, output: Literal["array"], **options: Unpack[Decoding]) -> Pixels: ...
@overload
def decompress(data: ByteSource, *, output: Literal["tensor"], **options: Unpack[Decoding]) -> Tensor: ...
@overload
def decompress(data: ByteSource, *, output: Literal["audio"], **options: Unpack[Decoding]) -> AudioData: ...
@overload
def decompress(data: ByteSource, *, output: Literal["bytes"], **options: Unpack[Decoding]) -> bytes: ...
def decompress(
    data: ByteSource, *, output: Output | None = None, **options: Unpack[Decoding]
) -> Image.Image | ImageData | Pixels | Tensor | AudioData | bytes:
    """The image or audio of an .lcc file, or the bytes of an original; given as its bytes, its path or a binary file.

    output: None for a Pillow image, an `AudioData` or bytes, whichever the file holds; one of `decompress_image`'s for
        images alone, "audio" for audio, "bytes" for originals alone: a file that holds another is refused.
    options: as `decode` has them.
    Warns IncompleteImage or IncompleteAudio where `partial` and something was missing or wrong.
    Raises: CorruptFile, LimitExceeded, UnsupportedFile, ModelMismatch, MediaError (all CodecError); ValueError.
    """
    check_output(output)
    return presented(decoded(data, output, **options), output)


def check_output(output: str | None) -> None:
    """Raises ValueError for an output that is none of those of `decompress`."""
    if output is not None:
        image_api.check_output(output, (*IMAGE_OUTPUTS, AUDIO_OUTPUT, ORIGINAL_OUTPUT))


def presented(found: Decoded, output: Output | None) -> Image.Image | ImageData | Pixels | Tensor | AudioData | bytes:
    """What was decoded for an output in its form, with warnings for what there is to say of it."""
    if isinstance(found, DecodedOriginal):
        return found.data
    if isinstance(found, DecodedAudio):
        return audio_api.presented(found)
    assert output not in (AUDIO_OUTPUT, ORIGINAL_OUTPUT)  # which are refused for images
    return image_api.presented(found, output or "pil")


def decode(data: ByteSource, **options: Unpack[Decoding]) -> Decoded:
    """What an .lcc file holds, with what there is to say of it: a `DecodedImage`, `DecodedAudio` or `DecodedOriginal`.

    Warns of nothing.

    bit_depth, region: for images, see `decode_image`. start_s, duration_s: for audio, see `decode_audio`.
    partial: give what there is of a file that is cut or damaged behind its header, and name the `damage`.
    threads: of the networks on CPUs; all cores where None.
    weights: a weights file to code with, or a folder of what files may need, before the rest of the shelf.
    progress: called with the share of the work that is done, tile by tile or every two seconds of audio; what it raises
        ends the work (docs/control.md).
    max_pixels, max_seconds, max_bytes: larger images, longer audio and larger originals are refused; all may be given.
    Raises: as `decompress`; MediaError for an option that only the other media have.
    """
    return decoded(data, None, **options)


def decoded(
    data: ByteSource,
    output: Output | None,
    *,
    bit_depth: BitDepth | None = None,
    region: Region | None = None,
    start_s: float = 0.0,
    duration_s: float | None = None,
    partial: Partial = False,
    device: Device = "auto",
    threads: int | None = None,
    weights: PathLike | None = None,
    max_pixels: int = constants.MAX_PIXELS,
    max_seconds: float = constants.MAX_SECONDS,
    max_bytes: int = constants.MAX_HELD_BYTES,
    progress: Report | None = None,
) -> Decoded:
    """`decode`, for an output that only one of the media may have."""
    parsed = parse(media.read_bytes(data), max_pixels, max_seconds, bool(partial))
    if isinstance(parsed, OriginalFile):
        if output not in (None, ORIGINAL_OUTPUT):
            raise MediaError(f"the file holds an original, byte for byte, which cannot be given as '{output}'")
        parts = {"bit_depth": bit_depth, "region": region, "start_s": start_s or None, "duration_s": duration_s}
        _refuse(parts, frozenset(parts), "an original")
        return original_api.decoded(parsed, max_bytes)
    if output == ORIGINAL_OUTPUT:
        raise MediaError("the file holds no original, whose bytes could be given")
    if isinstance(parsed, AudioFile):
        if output not in (None, AUDIO_OUTPUT):
            raise MediaError(f"the file holds audio, which cannot be given as '{output}'")
        _refuse({"bit_depth": bit_depth, "region": region}, frozenset({"bit_depth", "region"}), "audio")
        return audio_api.decoded(
            parsed,
            start_s=start_s,
            duration_s=duration_s,
            partial=partial,
            device=device,
            threads=threads,
            weights=weights,
            progress=progress,
        )
    if output == AUDIO_OUTPUT:
        raise MediaError("the file holds an image, which cannot be given as 'audio'")
    part = {"start_s": start_s or None, "duration_s": duration_s}
    _refuse(part, frozenset(part), "an image")
    depth: BitDepth = 8 if bit_depth is None else bit_depth
    return image_api.decoded(
        parsed,
        bit_depth=depth,
        region=region,
        partial=partial,
        device=device,
        threads=threads,
        weights=weights,
        progress=progress,
    )


def preload(
    media: Literal["image", "audio"] | None = None,
    *,
    device: Device = "auto",
    threads: int | None = None,
    weights: PathLike | None = None,
) -> None:
    """Loads what decompressing needs, so that its first call is as quick as the next: of images, of audio, or of both.

    Raises: ModelMismatch; ValueError for a device or media that does not exist.
    """
    from codec.devices import device_named
    from codec.model.registry import MODELS
    from codec.model.weights import installed

    rows = [row for row in MODELS.values() if row.shipped and media in (None, row.media)]
    if not rows:
        raise ValueError(f"media '{media}': expected image or audio")
    for row in rows:
        installed(row.id, device_named(device, threads, weights)).model.engine.prepare()


def verify(
    data: ByteSource,
    *,
    deep: bool = False,
    device: Device = "auto",
    threads: int | None = None,
    weights: PathLike | None = None,
    max_pixels: int = constants.MAX_PIXELS,
) -> None:
    """Returns where an .lcc file is intact: its sections by their checksums, where `deep` its latents and alpha too,
    or the SHA-256 of an original.

    Raises CorruptFile where it is damaged, MediaError where it cannot be read. Others mean that it cannot be judged
    here: ModelMismatch where the weights that it needs are missing (its sections are intact), UnsupportedFile,
    LimitExceeded.
    """
    from codec.model import shelf

    parsed = parse(media.read_bytes(data), max_pixels, math.inf)
    if isinstance(parsed, OriginalFile):
        if deep:
            original_api.check(parsed)
        return
    try:
        shelf.needed(parsed.header.model, parsed.header.digest, None if weights is None else Path(weights))
    except ModelMismatch as error:
        raise ModelMismatch(f"only its checksums could be judged, and they are right: {error}") from error
    if not deep:
        return
    from codec.devices import device_named

    if isinstance(parsed, AudioFile):
        from codec.audio import decode as audio_decode

        audio_decode.verify(parsed, device_named(device, threads, weights))
    else:
        from codec.image import decode as image_decode

        image_decode.verify(parsed, device_named(device, threads, weights))
