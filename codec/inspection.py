"""What files say of themselves, without decoding their latents. Loads no torch."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

from codec import media
from codec.bitstream import constants
from codec.bitstream.audio import AudioFile
from codec.bitstream.audio_header import AudioHeader
from codec.bitstream.errors import ModelMismatch, UnsupportedFile
from codec.bitstream.extras import Extras
from codec.bitstream.image import METADATA, Container, ImageHeader
from codec.bitstream.original import OriginalFile
from codec.bitstream.parsed import parse
from codec.media import ByteSource
from codec.media.audio.layout import words_of_layout
from codec.media.image import words
from codec.model import shelf
from codec.model.registry import IMAGE
from codec.model.shelf import WeightsSet
from codec.quality import AUDIO

METADATA_NAMES = {
    constants.SECTION_ICC: "icc",
    constants.SECTION_EXIF: "exif",
    constants.SECTION_XMP: "xmp",
    constants.SECTION_RESOURCES: "resources",
    constants.SECTION_TEXTS: "texts",
    constants.SECTION_RESOLUTION: "resolution",
    constants.SECTION_CHUNKS: "chunks",
    constants.SECTION_EXTENDED_XMP: "extended_xmp",
    constants.SECTION_TRAILER: "trailer",
}


@dataclass(frozen=True)
class AudioInfo:
    """What a file of audio says of itself.

    sample_rate: Hz; channels: 1 to 8; layout: of them, in words; samples: of each channel; bit_depth: of the source,
    16, 24 or 32 (floats); tags: title, artist and so on; metadata: what else there is, in words; chunks: how many;
    weights: digest of the decoder that it needs; weights_here: whether it is on the shelf; encoder: digest of the
    encoder beside it there; size_bytes: of the whole file; payload_bytes: of the coded streams in it.
    """

    media: str
    sample_rate: int
    channels: int
    layout: str
    samples: int
    bit_depth: int
    tags: dict[str, str]
    metadata: tuple[str, ...]
    chunks: int
    quality: float
    model: int
    weights: str
    weights_here: bool
    encoder: str
    version: int
    size_bytes: int
    payload_bytes: int

    @property
    def duration_s(self) -> float:
        """Seconds."""
        return self.samples / self.sample_rate

    @property
    def rate_kbps(self) -> float:
        """Kilobits a second of the whole file."""
        return self.size_bytes * 8 / 1000 / self.duration_s if self.samples else 0.0


@dataclass(frozen=True)
class ImageInfo:
    """What a file of an image says of itself.

    width, height: pixels; channels: 1 grey, 3 RGB; bit_depth: of the source, 8 or 16; tiles: how many; ways: how many
    of them are coded in which way; metadata: the kinds that are there, of METADATA_NAMES; colours: what says which they
    are; held: a line for each thing of them; weights: digest of the decoder that it needs; weights_here: whether it is
    on the shelf; encoder: digest of the encoder beside it there; size_bytes: of the whole file.
    """

    media: str
    width: int
    height: int
    channels: int
    bit_depth: int
    alpha: bool
    metadata: tuple[str, ...]
    colours: str
    held: tuple[str, ...]
    tiles: int
    ways: dict[str, int]
    quality: float
    model: int
    weights: str
    weights_here: bool
    encoder: str
    version: int
    size_bytes: int

    @property
    def rate_bpp(self) -> float:
        """Bits a pixel of the whole file."""
        return self.size_bytes * 8 / (self.width * self.height)


WAYS: dict[int | None, str] = {
    constants.TILE_LATENTS: "latents",
    constants.TILE_OPEN_LATENTS: "latents",
    constants.TILE_LOSSLESS: "pixels without loss",
    constants.TILE_JPEG_XL: "pixels without loss by JPEG XL (extra jxl)",
}

ORIGINAL_METHODS = {
    constants.ORIGINAL_ZSTANDARD: "zstandard",
    constants.ORIGINAL_LEPTON: "lepton",
    constants.ORIGINAL_FLAC: "flac",
}


@dataclass(frozen=True)
class OriginalInfo:
    """What a file of an original says of itself.

    method: how it is stored, one of ORIGINAL_METHODS; original_bytes, sha256: of the original; size_bytes: of the whole
    file.
    """

    media: str
    method: str
    original_bytes: int
    sha256: str
    version: int
    size_bytes: int


Info = ImageInfo | AudioInfo | OriginalInfo


def info(data: ByteSource) -> Info:
    """What an .lcc file says of itself, checksums checked, latents not decoded. Loads no torch.

    Raises: CorruptFile, LimitExceeded, UnsupportedFile, MediaError.
    """
    raw = media.read_bytes(data)
    parsed = parse(raw, max_pixels=constants.MAX_SIDE**2, max_seconds=math.inf)
    if isinstance(parsed, OriginalFile):
        return _of_original(parsed, len(raw))
    return _of_audio(parsed, len(raw)) if isinstance(parsed, AudioFile) else _of_image(parsed, len(raw))


def _of_original(parsed: OriginalFile, size_bytes: int) -> OriginalInfo:
    header = parsed.header
    return OriginalInfo(
        media="original",
        method=ORIGINAL_METHODS[header.method],
        original_bytes=header.size,
        sha256=header.sha256.hex(),
        version=constants.VERSION,
        size_bytes=size_bytes,
    )


def _of_image(parsed: Container, size_bytes: int) -> ImageInfo:
    header, sections = parsed.header, parsed.extras
    found = _weights_of(header)
    icc, exif, xmp = (sections.get(section, b"") for section in METADATA)
    extras = Extras.of(sections)
    return ImageInfo(
        media="image",
        width=header.width,
        height=header.height,
        channels=header.channels,
        bit_depth=header.bit_depth,
        alpha=header.alpha,
        metadata=tuple(name for section, name in METADATA_NAMES.items() if section in sections),
        colours=words.colours(icc, extras),
        held=tuple(words.lines(icc, exif, xmp, extras)),
        tiles=len(header.tiling),
        ways=dict(Counter(WAYS.get(stream.kind, "an unknown way") for stream in parsed.streams)),
        quality=round(IMAGE.curve_of(header.digest).quality(header.step_index), 1),
        model=header.model,
        weights=header.digest.hex(),
        weights_here=found is not None,
        encoder=found.digests.encoder.hex() if found else "",
        version=constants.VERSION,
        size_bytes=size_bytes,
    )


def _of_audio(parsed: AudioFile, size_bytes: int) -> AudioInfo:
    header = parsed.header
    found = _weights_of(header)
    return AudioInfo(
        media="audio",
        sample_rate=header.sample_rate,
        channels=header.channels,
        layout=words_of_layout(header.channels, header.channel_mask),
        samples=parsed.samples,
        bit_depth=header.bit_depth,
        tags=parsed.tags,
        metadata=media.metadata_of(parsed.metadata).kinds,
        chunks=len(parsed.chunks),
        quality=round(AUDIO.quality(min(header.step_indices)), 1),
        model=header.model,
        weights=header.digest.hex(),
        weights_here=found is not None,
        encoder=found.digests.encoder.hex() if found else "",
        version=constants.VERSION,
        size_bytes=size_bytes,
        payload_bytes=sum(len(chunk.data) for chunk in parsed.chunks),
    )


def _weights_of(header: ImageHeader | AudioHeader) -> WeightsSet | None:
    """The weights on the shelf that a file needs, None where they are not there."""
    try:
        return shelf.needed(header.model, header.digest)
    except (ModelMismatch, UnsupportedFile):
        return None
