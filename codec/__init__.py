"""Learned compression of pictures and sound.

    data = codec.compress("photo.png", quality=50)
    image = codec.decompress(data)

Names are loaded when first used, so that `import codec` is instant and `codec.bitstream` never brings torch along.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    "compress": "codec.api",
    "decompress": "codec.api",
    "info": "codec.api",
    "verify": "codec.api",
    "Info": "codec.api",
    "IncompletePicture": "codec.api",
    "MediaNotice": "codec.media",
    "Picture": "codec.media",
    "CodecError": "codec.bitstream.errors",
    "CorruptFile": "codec.bitstream.errors",
    "LimitExceeded": "codec.bitstream.errors",
    "MediaError": "codec.bitstream.errors",
    "ModelMismatch": "codec.bitstream.errors",
    "UnsupportedFile": "codec.bitstream.errors",
}

if TYPE_CHECKING:
    from codec.api import IncompletePicture, Info, compress, decompress, info, verify
    from codec.bitstream.errors import (
        CodecError,
        CorruptFile,
        LimitExceeded,
        MediaError,
        ModelMismatch,
        UnsupportedFile,
    )
    from codec.media import MediaNotice, Picture

__all__ = [
    "CodecError",
    "CorruptFile",
    "IncompletePicture",
    "Info",
    "LimitExceeded",
    "MediaError",
    "MediaNotice",
    "ModelMismatch",
    "Picture",
    "UnsupportedFile",
    "__version__",
    "compress",
    "decompress",
    "info",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'codec' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
