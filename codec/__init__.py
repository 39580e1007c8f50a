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
    "Info": "codec.api",
    "CodecError": "codec.bitstream.errors",
    "CorruptFile": "codec.bitstream.errors",
    "LimitExceeded": "codec.bitstream.errors",
    "MediaError": "codec.bitstream.errors",
    "ModelMismatch": "codec.bitstream.errors",
    "UnsupportedFile": "codec.bitstream.errors",
}

if TYPE_CHECKING:
    from codec.api import Info, compress, decompress, info
    from codec.bitstream.errors import (
        CodecError,
        CorruptFile,
        LimitExceeded,
        MediaError,
        ModelMismatch,
        UnsupportedFile,
    )

__all__ = [
    "CodecError",
    "CorruptFile",
    "Info",
    "LimitExceeded",
    "MediaError",
    "ModelMismatch",
    "UnsupportedFile",
    "__version__",
    "compress",
    "decompress",
    "info",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'codec' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
