"""Whatever a caller has, image, audio or .lcc file, as a parsed file all of whose pieces are latents."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import numpy as np

from codec import media
from codec.arguments import check_quality
from codec.audio import decode as audio_decode
from codec.audio import encode as audio_encode
from codec.bitstream import constants
from codec.bitstream.audio import AudioFile
from codec.bitstream.audio import read as read_audio_file
from codec.bitstream.errors import MediaError
from codec.bitstream.image import Container
from codec.bitstream.image import read as read_image_file
from codec.bitstream.original import OriginalFile
from codec.bitstream.parsed import parse
from codec.devices import Device
from codec.image import decode as image_decode
from codec.image.encode import ImageEncoder
from codec.media import AudioData, AudioSource, ImageData, ImageSource
from codec.media.paths import is_file
from codec.quality import DEFAULT_EFFORT, DEFAULT_METRIC, Metric

Source = ImageSource | AudioSource  # an image, audio, or an .lcc file of either: as `codec.compress` takes them


def opened(source: Source, partial: bool = False) -> ImageData | AudioData | Container | AudioFile:
    """What a source holds: an .lcc file is parsed, not decoded. partial: even where it is cut.

    Raises MediaError, CorruptFile, UnsupportedFile.
    """
    given: Any = source
    if isinstance(given, (str, os.PathLike)) or is_file(given):
        given = media.read_bytes(given)
    if isinstance(given, (AudioData, tuple)):
        return media.read_audio(given)
    if isinstance(given, (bytes, bytearray, memoryview)):
        head = bytes(given[: media.HEAD_BYTES])
        if head.startswith(constants.MAGIC):
            parsed = parse(bytes(given), partial=partial)
            if isinstance(parsed, OriginalFile):
                raise MediaError("it is a file stored byte for byte, which has no latents")
            return parsed
        if media.is_audio(head):
            return media.read_audio(bytes(given))
    return media.read_image(given)


def decoded(held: ImageData | AudioData | Container | AudioFile, device: Device) -> ImageData | AudioData:
    """The image or audio itself, of what was `opened`: files are decoded.

    Raises: as `codec.decompress`.
    """
    if isinstance(held, Container):
        return image_decode.restored(held, device, bit_depth=held.header.bit_depth).image
    if isinstance(held, AudioFile):
        return audio_decode.restored(held, device).audio
    return held


def as_latents(
    source: Source, quality: float, device: Device, effort: int = DEFAULT_EFFORT, partial: bool = False
) -> Container | AudioFile:
    """A file of the source without lossless tiles, in memory and parsed.

    quality: that images and audio are coded at. Files keep theirs, also where their lossless tiles are coded anew.
    partial: take what there is of a file that is cut.
    Raises: as `codec.decompress`; ValueError for a quality outside 0..100.
    """
    return latents_only(opened(source, partial), quality, device, effort, partial)


def latents_only(
    held: ImageData | AudioData | Container | AudioFile,
    quality: float,
    device: Device,
    effort: int = DEFAULT_EFFORT,
    partial: bool = False,
) -> Container | AudioFile:
    """`as_latents` of what was `opened`."""
    check_quality(quality)
    if isinstance(held, AudioData):
        return read_audio_file(audio_encode.encode(held, quality, device))
    if isinstance(held, AudioFile):
        return held
    if isinstance(held, Container):
        if not any(set(stream.data[:1]) & set(constants.TILES_OF_PIXELS) for stream in held.streams):
            return held
        step_index = held.header.step_index
        held = image_decode.restored(held, device, bit_depth=held.header.bit_depth, partial=partial).image
        return image_file(held, step_index, device, effort)
    encoder = ImageEncoder(held, device)
    return image_file(held, encoder.curve.step_index(quality), device, effort)


def image_file(
    image: ImageData,
    step_index: int,
    device: Device,
    effort: int = DEFAULT_EFFORT,
    *,
    metric: Metric = DEFAULT_METRIC,
    worth: float = 1.0,
) -> Container:
    """The file of an image at a nominal step of 2^(step_index / 256), all of whose tiles are latents; no metadata.

    metric: that the weights go by. worth: of errors beside bits; 1 is what compression takes.
    """
    importance = None if worth == 1 else np.full(image.pixels.shape[:2], worth, np.float32)
    encoder = ImageEncoder(replace(image, alpha=None), device, importance=importance, metric=metric, latents_only=True)
    return replace(read_image_file(encoder.encode(step_index, effort)), extras={})
