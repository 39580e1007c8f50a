"""Images and audio at the edges of the codec: whatever a caller has to `ImageData` or `AudioData`, and back to files.

Pillow does the image files; what it cannot hold (16 bits of colour, exact metadata) is mended around it. libsndfile
does the audio files and soxr the sample rates; both are loaded when they are used, as all names here are.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from codec.bitstream.audio import resampled_length
    from codec.media.audio.data import AudioData, Samples
    from codec.media.audio.metadata import AudioMetadata, Chapter, metadata_of
    from codec.media.audio.read import AudioFileReader, AudioSource, Waveform, read_audio, rereadable
    from codec.media.audio.resample import Resampler, resample
    from codec.media.audio.wav import WaveWriter
    from codec.media.audio.write import AUDIO_SAVED_AS, AUDIO_SUFFIXES, AudioFileWriter, audio_bytes, check_audio_suffix
    from codec.media.image.alpha import alpha_bytes, alpha_from
    from codec.media.image.data import ImageData, Pixels, at_depth, to_8_bits, to_16_bits, to_pillow
    from codec.media.image.pillow import OPENED
    from codec.media.image.read import ImageSource, read_image
    from codec.media.image.write import IMAGE_SUFFIXES, SAVED_AS, check_suffix, image_bytes
    from codec.media.notices import (
        IncompleteAudio,
        IncompleteImage,
        MediaNotice,
        collected_notices,
        in_a_line,
        notice,
        warn_of,
    )
    from codec.media.paths import ByteSource, ByteTarget, PathLike, is_url, read_bytes, written
    from codec.media.sniffing import HEAD_BYTES, is_audio, readable_suffixes

_HOMES = {
    "resampled_length": "codec.bitstream.audio",
    "AudioData": "codec.media.audio.data",
    "Samples": "codec.media.audio.data",
    "AudioMetadata": "codec.media.audio.metadata",
    "Chapter": "codec.media.audio.metadata",
    "metadata_of": "codec.media.audio.metadata",
    "AudioFileReader": "codec.media.audio.read",
    "AudioSource": "codec.media.audio.read",
    "Waveform": "codec.media.audio.read",
    "read_audio": "codec.media.audio.read",
    "rereadable": "codec.media.audio.read",
    "Resampler": "codec.media.audio.resample",
    "resample": "codec.media.audio.resample",
    "WaveWriter": "codec.media.audio.wav",
    "AUDIO_SAVED_AS": "codec.media.audio.write",
    "AUDIO_SUFFIXES": "codec.media.audio.write",
    "AudioFileWriter": "codec.media.audio.write",
    "audio_bytes": "codec.media.audio.write",
    "check_audio_suffix": "codec.media.audio.write",
    "alpha_bytes": "codec.media.image.alpha",
    "alpha_from": "codec.media.image.alpha",
    "ImageData": "codec.media.image.data",
    "Pixels": "codec.media.image.data",
    "at_depth": "codec.media.image.data",
    "to_8_bits": "codec.media.image.data",
    "to_16_bits": "codec.media.image.data",
    "to_pillow": "codec.media.image.data",
    "OPENED": "codec.media.image.pillow",
    "ImageSource": "codec.media.image.read",
    "read_image": "codec.media.image.read",
    "IMAGE_SUFFIXES": "codec.media.image.write",
    "SAVED_AS": "codec.media.image.write",
    "check_suffix": "codec.media.image.write",
    "image_bytes": "codec.media.image.write",
    "IncompleteAudio": "codec.media.notices",
    "IncompleteImage": "codec.media.notices",
    "MediaNotice": "codec.media.notices",
    "collected_notices": "codec.media.notices",
    "in_a_line": "codec.media.notices",
    "notice": "codec.media.notices",
    "warn_of": "codec.media.notices",
    "ByteSource": "codec.media.paths",
    "ByteTarget": "codec.media.paths",
    "PathLike": "codec.media.paths",
    "is_url": "codec.media.paths",
    "read_bytes": "codec.media.paths",
    "written": "codec.media.paths",
    "HEAD_BYTES": "codec.media.sniffing",
    "is_audio": "codec.media.sniffing",
    "readable_suffixes": "codec.media.sniffing",
}

__all__ = [
    "AUDIO_SAVED_AS",
    "AUDIO_SUFFIXES",
    "HEAD_BYTES",
    "IMAGE_SUFFIXES",
    "OPENED",
    "SAVED_AS",
    "AudioData",
    "AudioFileReader",
    "AudioFileWriter",
    "AudioMetadata",
    "AudioSource",
    "ByteSource",
    "ByteTarget",
    "Chapter",
    "ImageData",
    "ImageSource",
    "IncompleteAudio",
    "IncompleteImage",
    "MediaNotice",
    "PathLike",
    "Pixels",
    "Resampler",
    "Samples",
    "WaveWriter",
    "Waveform",
    "alpha_bytes",
    "alpha_from",
    "at_depth",
    "audio_bytes",
    "check_audio_suffix",
    "check_suffix",
    "collected_notices",
    "image_bytes",
    "in_a_line",
    "is_audio",
    "is_url",
    "metadata_of",
    "notice",
    "read_audio",
    "read_bytes",
    "read_image",
    "readable_suffixes",
    "rereadable",
    "resample",
    "resampled_length",
    "to_8_bits",
    "to_16_bits",
    "to_pillow",
    "warn_of",
    "written",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'codec.media' has no attribute '{name}'")
    found = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return found
