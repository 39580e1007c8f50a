"""Learned compression of pictures and sound.

    data = codec.compress("photo.png", quality=50)
    image = codec.decompress(data)

    data = codec.compress_audio("speech.wav", quality=25)
    sound = codec.decompress_audio(data)

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
    "sound_decoder": "codec.api",
    "sound_encoder": "codec.api",
    "verify": "codec.api",
    "Info": "codec.inspection",
    "IncompletePicture": "codec.api",
    "IncompleteSound": "codec.api",
    "SoundInfo": "codec.inspection",
    "MediaNotice": "codec.media",
    "Picture": "codec.media",
    "Sound": "codec.media",
    "CodecError": "codec.bitstream.errors",
    "CorruptFile": "codec.bitstream.errors",
    "LimitExceeded": "codec.bitstream.errors",
    "MediaError": "codec.bitstream.errors",
    "ModelMismatch": "codec.bitstream.errors",
    "UnsupportedFile": "codec.bitstream.errors",
}

if TYPE_CHECKING:
    from codec.api import (
        IncompletePicture,
        IncompleteSound,
        compress,
        compress_audio,
        decompress,
        decompress_audio,
        sound_decoder,
        sound_encoder,
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
    from codec.inspection import Info, SoundInfo, info
    from codec.media import MediaNotice, Picture, Sound

__all__ = [
    "CodecError",
    "CorruptFile",
    "IncompletePicture",
    "IncompleteSound",
    "Info",
    "LimitExceeded",
    "MediaError",
    "MediaNotice",
    "ModelMismatch",
    "Picture",
    "Sound",
    "SoundInfo",
    "UnsupportedFile",
    "__version__",
    "compress",
    "compress_audio",
    "decompress",
    "decompress_audio",
    "info",
    "sound_decoder",
    "sound_encoder",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'codec' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
