"""Images and audio drawn from the prior, whole or as far as a file does not say what they are."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, overload

from codec import media
from codec.arguments import Device, check_quality, check_share, seconds, seed_number, whole_number
from codec.audio import decode as audio_decode
from codec.bitstream import audio as audio_file
from codec.bitstream import constants
from codec.bitstream.audio import AudioFile, Chunk
from codec.bitstream.audio_header import AudioHeader
from codec.bitstream.image import Container, ImageHeader, Stream
from codec.bitstream.tiling import tile_units
from codec.devices import Device as Placed
from codec.devices import device_named
from codec.image import decode as image_decode
from codec.media import AudioData, PathLike
from codec.model import weights as model_weights
from codec.model.registry import AUDIO, IMAGE
from codec.quality import DEFAULT_QUALITY
from codec.uses.coded import Source, as_latents

if TYPE_CHECKING:
    from PIL import Image


@overload
def sample(
    shape: tuple[int, int],
    quality: float = DEFAULT_QUALITY,
    seed: int = 0,
    *,
    device: Device = "auto",
    threads: int | None = None,
    weights: PathLike | None = None,
) -> Image.Image: ...
@overload
def sample(
    shape: float,
    quality: float = DEFAULT_QUALITY,
    seed: int = 0,
    *,
    device: Device = "auto",
    threads: int | None = None,
    weights: PathLike | None = None,
) -> AudioData: ...
def sample(
    shape: tuple[int, int] | float,
    quality: float = DEFAULT_QUALITY,
    seed: int = 0,
    *,
    device: Device = "auto",
    threads: int | None = None,
    weights: PathLike | None = None,
) -> Image.Image | AudioData:
    """An image (Pillow) or audio of which every symbol is drawn from the prior, group by group; the same for a seed.

    shape: (height, width) in pixels of an image; seconds of audio, which is mono at 48 kHz.
    quality: 0 to 100, of the step at which latents are drawn. threads, weights: as `codec.compress` has them.
    Raises: LimitExceeded, ModelMismatch (both CodecError); ValueError.
    """
    check_quality(quality)
    seed, placed = seed_number(seed), device_named(device, threads, weights)
    if isinstance(shape, tuple):
        if len(shape) != 2:
            raise ValueError(f"shape {shape}: expected height and width, or seconds")
        height, width = (whole_number("side", side) for side in shape)
        if min(height, width) < 1 or height * width > constants.MAX_PIXELS:
            raise ValueError(f"an image of {height} x {width}: expected 1 to {constants.MAX_PIXELS} pixels")
        return shown(_unknown_image(height, width, float(quality), placed), placed, seed)
    return shown(_unknown_audio(seconds("shape", shape), float(quality), seed, placed), placed, seed)


def complete(
    source: Source,
    known: float = 1.0,
    seed: int = 0,
    quality: float = DEFAULT_QUALITY,
    *,
    device: Device = "auto",
    threads: int | None = None,
    weights: PathLike | None = None,
) -> Image.Image | AudioData:
    """An image (Pillow) or audio that begins as the source, and goes on as the prior draws it; the same for a seed.

    source: as `latents_of` takes it; of a file that is cut, what is missing is drawn.
    known: share in 0..1 of each coded stream that is kept, from its coarse beginning on. quality: as `latents_of`.
    Raises: as `latents_of`; ValueError for a share beyond 0..1.
    """
    check_share("known", known)
    check_quality(quality)
    seed = seed_number(seed)
    placed = device_named(device, threads, weights)
    whole = as_latents(source, float(quality), placed, partial=True)
    return shown(cut(whole, known), placed, seed)


def shown(parsed: Container | AudioFile, device: Placed, seed: int) -> Image.Image | AudioData:
    """What a parsed file holds, and what it lacks drawn."""
    if isinstance(parsed, Container):
        return media.to_pillow(image_decode.restored(parsed, device, partial=True, seed=seed).image)
    return audio_decode.restored(parsed, device, partial=True, seed=seed).audio


def cut(parsed: Container | AudioFile, known: float) -> Container | AudioFile:
    """A file with the first share of each of its streams."""

    def beginning(data: bytes) -> bytes:
        return data[: round(len(data) * known)]

    if known == 1:
        return parsed
    if isinstance(parsed, Container):
        return replace(parsed, streams=[Stream((beginning(stream.data),), whole=False) for stream in parsed.streams])
    return replace(parsed, chunks=[Chunk(chunk.latents, beginning(chunk.data), whole=False) for chunk in parsed.chunks])


def _unknown_image(height: int, width: int, quality: float, device: Placed) -> Container:
    loaded = model_weights.installed(IMAGE.id, device)
    step_index = IMAGE.curve_of(loaded.digest).step_index(quality)
    header = ImageHeader(
        model=IMAGE.id,
        digest=loaded.digest,
        step_index=step_index,
        width=width,
        height=height,
        channels=3,
        bit_depth=8,
        alpha=False,
        tile_units=tile_units(width, height),
    )
    return Container(header, [Stream((), whole=False)] * len(header.tiling), {})


def _unknown_audio(duration_s: float, quality: float, seed: int, device: Placed) -> AudioFile:
    rate, longest = constants.SAMPLE_RATE, constants.CHUNK_LATENTS
    if duration_s > constants.MAX_SECONDS:
        raise ValueError(f"{duration_s:g} seconds of audio: expected at most {constants.MAX_SECONDS}")
    samples = round(duration_s * rate)
    header = AudioHeader(
        model=AUDIO.id,
        digest=model_weights.installed(AUDIO.id, device).digest,
        step_index=AUDIO.curve.step_index(quality),
        sample_rate=rate,
        channels=1,
        seed=seed & 0xFFFF,
    )
    latents = audio_file.latents_of(samples, rate)
    sizes = [min(longest, latents - first) for first in range(0, latents, longest)]
    return AudioFile(header, {}, [Chunk(size, b"", whole=False) for size in sizes], samples)
