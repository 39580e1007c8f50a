"""The library's front door: compress, decompress, info, verify. torch is imported when first needed."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping
from numbers import Real
from typing import TYPE_CHECKING, Any, Literal, overload

from codec import media
from codec.bitstream import audio as audio_file
from codec.bitstream import constants
from codec.bitstream.audio import AudioFile
from codec.bitstream.errors import MediaError
from codec.bitstream.parsed import parse
from codec.media import AudioData, ImageData, ImageSource, PathLike, Pixels, Samples
from codec.media.audio.data import BIT_DEPTHS, TAGS
from codec.media.image.data import joined
from codec.quality import (
    DEFAULT_EFFORT,
    DEFAULT_METRIC,
    DEFAULT_QUALITY,
    EFFORT_MAX,
    IMAGE,
    METRICS,
    REFINING_EFFORT,
    Metric,
)

if TYPE_CHECKING:
    from PIL import Image
    from torch import Tensor

    from codec.audio.decode import AudioDecoder, AudioReader
    from codec.audio.encode import AudioEncoder
    from codec.media import AudioSource
    from codec.media.audio.read import Waveform

Device = Literal["auto", "cpu", "cuda"]
BitDepth = Literal[8, 16]
Region = tuple[int, int, int, int]  # x, y, width, height in pixels

SHOWN_DAMAGE = 3  # pieces of damage that a warning names


class IncompleteImage(UserWarning):
    """A file was cut or damaged, and what there is of its image is shown."""


class IncompleteAudio(UserWarning):
    """A file was cut or damaged, and there is silence where its audio is missing."""


def compress(
    image: ImageSource,
    quality: float | None = None,
    *,
    effort: int = DEFAULT_EFFORT,
    target_size: int | None = None,
    target_bpp: float | None = None,
    target_psnr: float | None = None,
    target_ssim: float | None = None,
    roi: ImageSource | None = None,
    metric: Metric = DEFAULT_METRIC,
    partial: bool = False,
    extras: bool = True,
    device: Device = "auto",
    max_pixels: int = constants.MAX_PIXELS,
    progress: Callable[[float], None] | None = None,
) -> bytes:
    """The bytes of an .lcc file.

    image: a path, the bytes of an image file, a Pillow image, or uint8 or uint16 (H, W) or (H, W, C) as array or
        tensor, C = 1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha.
    quality: 0 (smallest) to 100 (best), see `codec.quality`; 50 where neither it nor a target is given.
    effort: 0 to 9; 2 and more refine the latents of this image, which takes seconds to minutes; decoders do not care.
    target_size, target_bpp: at most so many bytes, or bits a pixel, of the whole file, and at least 99 % of them.
    target_psnr, target_ssim: at least this PSNR in dB, or this MS-SSIM, and at most 0.05 dB more.
    roi: an image of the same size whose grey is importance: white is refined at the cost of black. Effort 1 or more.
    metric: what refinement goes by, "psnr", "msssim" or "perceptual" (structure in opponent colours, at five scales);
        the others than "psnr" need an effort of 2 or more.
    partial: of an image file that is cut or damaged, take what there is.
    extras: keep what stands behind the image in its file, as it is: gain maps, videos.
    progress: called with the share of a refinement that is done, maybe from several threads.
    Warns MediaNotice where the image is converted before it is coded, or nothing comes near a target that is kept.
    Raises: MediaError (a target that cannot be met too), LimitExceeded, both CodecError; ValueError for arguments that
        do not exist or contradict each other.
    """
    check_choice(quality=quality, bpp=target_bpp, psnr=target_psnr, size=target_size, ssim=target_ssim)
    check_effort(effort, roi is not None, metric)
    check_quality(DEFAULT_QUALITY if quality is None else quality)
    from codec.devices import device_named
    from codec.image.encode import ImageEncoder
    from codec.search import rate_control
    from codec.search.roi import importance_of

    source = media.read_image(image, max_pixels, partial=partial, extras=extras)
    encoder = ImageEncoder(
        source,
        device_named(device),
        importance=None if roi is None else importance_of(media.read_image(roi, max_pixels), source),
        metric=metric,
        progress=progress,
    )
    if target_bpp is not None:
        target_size = rate_control.bytes_at(target_bpp, source)
    if target_size is not None:
        return rate_control.file(encoder, rate_control.target_size(target_size), effort)
    if target_psnr is not None:
        return rate_control.file(encoder, rate_control.target_psnr(target_psnr), effort)
    if target_ssim is not None:
        return rate_control.file(encoder, rate_control.target_ssim(target_ssim), effort)
    return encoder.encode(IMAGE.step_index(DEFAULT_QUALITY if quality is None else quality), effort)


@overload
def decompress(
    data: bytes | PathLike,
    *,
    output: Literal["pil"] = ...,
    bit_depth: BitDepth = ...,
    region: Region | None = ...,
    partial: bool = ...,
    device: Device = ...,
    max_pixels: int = ...,
) -> Image.Image: ...
@overload
def decompress(
    data: bytes | PathLike,
    *,
    output: Literal["image"],
    bit_depth: BitDepth = ...,
    region: Region | None = ...,
    partial: bool = ...,
    device: Device = ...,
    max_pixels: int = ...,
) -> ImageData: ...
@overload
def decompress(
    data: bytes | PathLike,
    *,
    output: Literal["array"],
    bit_depth: BitDepth = ...,
    region: Region | None = ...,
    partial: bool = ...,
    device: Device = ...,
    max_pixels: int = ...,
) -> Pixels: ...
@overload
def decompress(
    data: bytes | PathLike,
    *,
    output: Literal["tensor"],
    bit_depth: BitDepth = ...,
    region: Region | None = ...,
    partial: bool = ...,
    device: Device = ...,
    max_pixels: int = ...,
) -> Tensor: ...
@overload
def decompress(
    data: bytes | PathLike, *, output: Literal["samples"], partial: bool = ..., device: Device = ...
) -> tuple[Samples, int]: ...
def decompress(
    data: bytes | PathLike,
    *,
    output: Literal["pil", "image", "array", "tensor", "samples"] = "pil",
    bit_depth: BitDepth = 8,
    region: Region | None = None,
    partial: bool = False,
    device: Device = "auto",
    max_pixels: int = constants.MAX_PIXELS,
) -> Image.Image | ImageData | Pixels | Tensor | tuple[Samples, int]:
    """The image of an .lcc file, given as its bytes or its path.

    A file of audio gives its samples (n, channels) and sample rate, whatever the output; see `decompress_audio`.

    output: "pil" for a Pillow image with its metadata, "image" for samples, alpha and metadata (`codec.media`),
        "array" or "tensor" for (H, W, C) alone, C = 1 to 4, alpha last.
    bit_depth: of the samples, 8 or 16; Pillow holds 16 bits of grey images without alpha only.
    region: (x, y, width, height) of the only pixels wanted.
    partial: show what there is of a file that is cut or damaged behind its header; warns IncompleteImage.
    Raises: CorruptFile, LimitExceeded, UnsupportedFile, ModelMismatch, MediaError (all CodecError); ValueError.
    """
    from codec.devices import device_named
    from codec.image import decode as image_decode

    if output not in ("pil", "image", "array", "tensor", "samples"):
        raise ValueError(f"output '{output}': expected pil, image, array, tensor or samples")
    if bit_depth not in (8, 16):
        raise ValueError(f"bit depth {bit_depth}: expected 8 or 16")
    raw = media.read_bytes(data)
    parsed = parse(raw, max_pixels, partial=partial)
    if isinstance(parsed, AudioFile):
        from codec.audio.decode import AudioReader

        if region is not None:
            raise MediaError("the file holds audio, which has no region")
        with AudioReader(parsed, device_named(device), partial=partial) as reader:
            audio = reader.audio()
        warn_of_damage(reader.damage)
        return audio.samples, audio.sample_rate
    if output == "samples":
        raise MediaError("the file holds an image, which has no samples of audio")
    decoded = image_decode.restored(
        parsed,
        device_named(device),
        bit_depth=bit_depth,
        region=region,
        partial=partial,
    )
    if decoded.damage:
        warnings.warn(_summary(decoded.damage), IncompleteImage, stacklevel=2)
    restored = decoded.image
    if output == "pil":
        return media.to_pillow(restored)
    if output == "image":
        return restored
    array = joined(restored)
    if output == "array":
        return array
    import torch

    return torch.from_numpy(array)


def verify(
    data: bytes | PathLike, *, deep: bool = False, device: Device = "auto", max_pixels: int = constants.MAX_PIXELS
) -> None:
    """Returns where an .lcc file is intact: its sections by their checksums, where `deep` its latents and alpha too.

    Raises: CorruptFile, LimitExceeded, UnsupportedFile, MediaError; where `deep` ModelMismatch.
    """
    parsed = parse(media.read_bytes(data), max_pixels, math.inf)
    if not deep:
        return
    from codec.devices import device_named

    if isinstance(parsed, AudioFile):
        from codec.audio import decode as audio_decode

        audio_decode.verify(parsed, device_named(device))
    else:
        from codec.image import decode as image_decode

        image_decode.verify(parsed, device_named(device))


def compress_audio(
    audio: AudioSource | Waveform,
    sample_rate: int | None = None,
    quality: float = 50,
    *,
    device: Device = "auto",
    max_seconds: float = constants.MAX_SECONDS,
) -> bytes:
    """The bytes of an .lcc file of a clip.

    audio: a path, the bytes of an audio file, an `AudioData`; or, with its sample_rate in Hz, an array or tensor
        (n,) or (n, 1 or 2) of int16, int32 or floats in -1..1.
    quality: 0 (smallest, about 4 kbit/s mono) to 100 (best, about 76).
    Warns MediaNotice where the audio is converted before it is coded.
    Raises: MediaError, LimitExceeded (both CodecError); ValueError for a quality or device that does not exist.
    """
    from codec.audio import encode as audio_encode
    from codec.devices import device_named

    check_quality(quality)
    if sample_rate is None and hasattr(audio, "ndim"):
        raise TypeError("samples need their sample_rate")
    if sample_rate is not None and not (isinstance(sample_rate, Real) and sample_rate % 1 == 0):
        raise ValueError(f"sample rate {sample_rate}: expected a whole number")
    source: Any = audio if sample_rate is None else (audio, sample_rate)
    return audio_encode.encode(media.read_audio(source, max_seconds), quality, device_named(device))


def decompress_audio(
    data: bytes | PathLike,
    *,
    start_s: float = 0.0,
    duration_s: float | None = None,
    partial: bool = False,
    device: Device = "auto",
    max_seconds: float = constants.MAX_SECONDS,
) -> AudioData:
    """The audio of an .lcc file: samples (n, channels) float32 at its source's rate, and tags.

    start_s, duration_s: of the only part that is wanted, in seconds.
    partial: give what there is of a file that is cut or damaged behind its header, and silence for the rest; warns
        IncompleteAudio.
    Raises: CorruptFile, LimitExceeded, UnsupportedFile, ModelMismatch, MediaError (all CodecError); ValueError.
    """
    played = audio_reader(
        data,
        start_s=start_s,
        duration_s=duration_s,
        partial=partial,
        device=device,
        max_seconds=max_seconds,
    )
    audio = played.audio()
    warn_of_damage(played.damage)
    return audio


def audio_reader(
    data: bytes | PathLike,
    *,
    start_s: float = 0.0,
    duration_s: float | None = None,
    partial: bool = False,
    device: Device = "auto",
    max_seconds: float = constants.MAX_SECONDS,
) -> AudioReader:
    """What `decompress_audio` restores, piece by piece: its `header`, `tags` and, once, `pieces()`.

    Raises: as `decompress_audio`.
    """
    from codec.audio.decode import AudioReader
    from codec.devices import device_named

    for name, value in (("start_s", start_s), ("duration_s", duration_s or 0.0)):
        if not 0 <= value < math.inf:
            raise ValueError(f"{name} {value}: expected seconds")
    return AudioReader(
        audio_file.read(media.read_bytes(data), max_seconds, partial),
        device_named(device),
        start_s=start_s,
        duration_s=duration_s,
        partial=partial,
    )


def warn_of_damage(damage: tuple[str, ...]) -> None:
    """Warns IncompleteAudio where there is damage."""
    if damage:
        warnings.warn(_summary(damage), IncompleteAudio, stacklevel=3)


def audio_encoder(
    sample_rate: int,
    channels: int,
    quality: float = 50,
    *,
    bit_depth: int = 16,
    tags: Mapping[str, str] | None = None,
    device: Device = "auto",
) -> AudioEncoder:
    """An encoder for audio that comes piece by piece: `push(samples)` and `finish()` return bytes of the file.

    bit_depth: of the source, 16, 24 or 32 (floats): what a decoder writes by default.
    Raises: ModelMismatch; ValueError.
    """
    from codec.audio.encode import AudioEncoder
    from codec.devices import device_named

    check_quality(quality)
    if channels not in (1, 2) or sample_rate not in range(1, constants.MAX_RATE + 1):
        raise ValueError(f"{channels} channels at {sample_rate} Hz: expected 1 or 2, and up to {constants.MAX_RATE} Hz")
    if bit_depth not in BIT_DEPTHS:
        raise ValueError(f"bit depth {bit_depth}: expected one of {BIT_DEPTHS}")
    for name, text in (tags or {}).items():
        if name not in TAGS or not isinstance(text, str):
            raise ValueError(f"tag {name!r}: expected text, under one of {', '.join(TAGS)}")
    return AudioEncoder(sample_rate, channels, quality, device_named(device), bit_depth, tags)


def audio_decoder(*, device: Device = "auto", max_seconds: float = constants.MAX_SECONDS) -> AudioDecoder:
    """A decoder for a file that comes piece by piece: `push(data)` and `finish()` return samples (n, channels)."""
    from codec.audio.decode import AudioDecoder
    from codec.devices import device_named

    return AudioDecoder(device_named(device), max_seconds)


def _summary(damage: tuple[str, ...]) -> str:
    more = len(damage) - SHOWN_DAMAGE
    return "; ".join(damage[:SHOWN_DAMAGE]) + (f"; and {more} more" if more > 0 else "")


def check_choice(**choices: float | None) -> None:
    """Raises ValueError where more than one of a quality and the targets is given."""
    given = sorted(
        name if name == "quality" else f"target {name}" for name, value in choices.items() if value is not None
    )
    if len(given) > 1:
        raise ValueError(f"{' and '.join(given)} contradict each other: give one of them")


def check_effort(effort: int, region_of_interest: bool, metric: str) -> None:
    """Raises ValueError where effort is not within 0..EFFORT_MAX, or too little for what else is asked for, or there is
    no such metric.
    """
    if not isinstance(effort, int) or effort not in range(EFFORT_MAX + 1):
        raise ValueError(f"effort {effort}: expected 0 to {EFFORT_MAX}")
    if region_of_interest and not effort:
        raise ValueError("effort 0 rounds all alike: a region of interest needs effort 1 or more")
    if metric not in METRICS:
        raise ValueError(f"metric '{metric}': expected {', '.join(METRICS[:-1])} or {METRICS[-1]}")
    if metric != DEFAULT_METRIC and effort < REFINING_EFFORT:
        raise ValueError(f"effort {effort} goes by PSNR: metric {metric} needs effort {REFINING_EFFORT} or more")


def check_quality(quality: float) -> None:
    """Raises ValueError where quality is not within 0..100, TypeError where it is no number."""
    if not isinstance(quality, Real):
        raise TypeError(f"quality is a {type(quality).__name__}, not a number")
    if not 0 <= quality <= constants.QUALITY_MAX:
        raise ValueError(f"quality {quality}: expected 0 to {constants.QUALITY_MAX}")
