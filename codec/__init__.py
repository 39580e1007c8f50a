"""Learned compression of images and audio.

    data = codec.compress("photo.png", quality=50)
    image = codec.decompress(data)

    data = codec.compress_audio("speech.wav", quality=25)
    audio = codec.decompress_audio(data)

Names are loaded when first used, so that `import codec` is instant and `codec.bitstream` never brings torch along.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    "compress": "codec.api",
    "compress_audio": "codec.api",
    "decompress": "codec.api",
    "decompress_audio": "codec.api",
    "info": "codec.inspection",
    "audio_decoder": "codec.api",
    "audio_encoder": "codec.api",
    "verify": "codec.api",
    "Info": "codec.inspection",
    "IncompleteImage": "codec.api",
    "IncompleteAudio": "codec.api",
    "AudioInfo": "codec.inspection",
    "MediaNotice": "codec.media",
    "ImageData": "codec.media",
    "AudioData": "codec.media",
    "CodecError": "codec.bitstream.errors",
    "CorruptFile": "codec.bitstream.errors",
    "LimitExceeded": "codec.bitstream.errors",
    "MediaError": "codec.bitstream.errors",
    "ModelMismatch": "codec.bitstream.errors",
    "UnsupportedFile": "codec.bitstream.errors",
}

if TYPE_CHECKING:
    from codec.api import (
        IncompleteAudio,
        IncompleteImage,
        audio_decoder,
        audio_encoder,
        compress,
        compress_audio,
        decompress,
        decompress_audio,
        verify,
    )
    from codec.bitstream.errors import (
        CodecError,
        CorruptFile,
        LimitExceeded,
        MediaError,
        ModelMismatch,
        UnsupportedFile,
    )
    from codec.inspection import AudioInfo, Info, info
    from codec.media import AudioData, ImageData, MediaNotice

__all__ = [
    "AudioData",
    "AudioInfo",
    "CodecError",
    "CorruptFile",
    "ImageData",
    "IncompleteAudio",
    "IncompleteImage",
    "Info",
    "LimitExceeded",
    "MediaError",
    "MediaNotice",
    "ModelMismatch",
    "UnsupportedFile",
    "__version__",
    "audio_decoder",
    "audio_encoder",
    "compress",
    "compress_audio",
    "decompress",
    "decompress_audio",
    "info",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'codec' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
