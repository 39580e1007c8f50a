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
    "decode": "codec.api",
    "decompress": "codec.api",
    "preload": "codec.api",
    "verify": "codec.api",
    "BitDepth": "codec.arguments",
    "Device": "codec.arguments",
    "Partial": "codec.arguments",
    "Region": "codec.arguments",
    "check_audio_options": "codec.arguments",
    "check_image_options": "codec.arguments",
    "compress_many": "codec.batches",
    "decompress_many": "codec.batches",
    "AudioDecoder": "codec.audio.decode",
    "AudioReader": "codec.audio.decode",
    "AudioEncoder": "codec.audio.encode",
    "audio_decoder": "codec.audio_api",
    "audio_encoder": "codec.audio_api",
    "audio_reader": "codec.audio_api",
    "compress_audio": "codec.audio_api",
    "decode_audio": "codec.audio_api",
    "decompress_audio": "codec.audio_api",
    "CodecError": "codec.bitstream.errors",
    "CorruptFile": "codec.bitstream.errors",
    "LimitExceeded": "codec.bitstream.errors",
    "MediaError": "codec.bitstream.errors",
    "MissingFile": "codec.bitstream.errors",
    "MissingPackage": "codec.bitstream.errors",
    "ModelMismatch": "codec.bitstream.errors",
    "UnsupportedFile": "codec.bitstream.errors",
    "Decoded": "codec.decoded",
    "DecodedAudio": "codec.decoded",
    "DecodedImage": "codec.decoded",
    "DecodedOriginal": "codec.decoded",
    "compress_image": "codec.image_api",
    "decode_image": "codec.image_api",
    "decompress_image": "codec.image_api",
    "AudioInfo": "codec.inspection",
    "ImageInfo": "codec.inspection",
    "Info": "codec.inspection",
    "OriginalInfo": "codec.inspection",
    "info": "codec.inspection",
    "AudioData": "codec.media",
    "AudioMetadata": "codec.media",
    "ImageData": "codec.media",
    "IncompleteAudio": "codec.media",
    "IncompleteImage": "codec.media",
    "MediaNotice": "codec.media",
    "collected_notices": "codec.media",
    "restore_original": "codec.original_api",
    "store_original": "codec.original_api",
    "Ordinary": "codec.uses.anomaly",
    "fitted": "codec.uses.anomaly",
    "surprise": "codec.uses.anomaly",
    "surprise_map": "codec.uses.anomaly",
    "denoise": "codec.uses.denoising",
    "features_many": "codec.uses.features",
    "interpolate": "codec.uses.interpolation",
    "LatentData": "codec.uses.latents",
    "bits_map": "codec.uses.latents",
    "latents_of": "codec.uses.latents",
    "complete": "codec.uses.sampling",
    "sample": "codec.uses.sampling",
}

if TYPE_CHECKING:
    from codec.api import compress, decode, decompress, preload, verify
    from codec.arguments import BitDepth, Device, Partial, Region, check_audio_options, check_image_options
    from codec.audio.decode import AudioDecoder, AudioReader
    from codec.audio.encode import AudioEncoder
    from codec.audio_api import (
        audio_decoder,
        audio_encoder,
        audio_reader,
        compress_audio,
        decode_audio,
        decompress_audio,
    )
    from codec.batches import compress_many, decompress_many
    from codec.bitstream.errors import (
        CodecError,
        CorruptFile,
        LimitExceeded,
        MediaError,
        MissingFile,
        MissingPackage,
        ModelMismatch,
        UnsupportedFile,
    )
    from codec.decoded import Decoded, DecodedAudio, DecodedImage, DecodedOriginal
    from codec.image_api import compress_image, decode_image, decompress_image
    from codec.inspection import AudioInfo, ImageInfo, Info, OriginalInfo, info
    from codec.media import (
        AudioData,
        AudioMetadata,
        ImageData,
        IncompleteAudio,
        IncompleteImage,
        MediaNotice,
        collected_notices,
    )
    from codec.original_api import restore_original, store_original
    from codec.uses.anomaly import Ordinary, fitted, surprise, surprise_map
    from codec.uses.denoising import denoise
    from codec.uses.features import features_many
    from codec.uses.interpolation import interpolate
    from codec.uses.latents import LatentData, bits_map, latents_of
    from codec.uses.sampling import complete, sample

__all__ = [
    "AudioData",
    "AudioDecoder",
    "AudioEncoder",
    "AudioInfo",
    "AudioMetadata",
    "AudioReader",
    "BitDepth",
    "CodecError",
    "CorruptFile",
    "Decoded",
    "DecodedAudio",
    "DecodedImage",
    "DecodedOriginal",
    "Device",
    "ImageData",
    "ImageInfo",
    "IncompleteAudio",
    "IncompleteImage",
    "Info",
    "LatentData",
    "LimitExceeded",
    "MediaError",
    "MediaNotice",
    "MissingFile",
    "MissingPackage",
    "ModelMismatch",
    "Ordinary",
    "OriginalInfo",
    "Partial",
    "Region",
    "UnsupportedFile",
    "__version__",
    "audio_decoder",
    "audio_encoder",
    "audio_reader",
    "bits_map",
    "check_audio_options",
    "check_image_options",
    "collected_notices",
    "complete",
    "compress",
    "compress_audio",
    "compress_image",
    "compress_many",
    "decode",
    "decode_audio",
    "decode_image",
    "decompress",
    "decompress_audio",
    "decompress_image",
    "decompress_many",
    "denoise",
    "features_many",
    "fitted",
    "info",
    "interpolate",
    "latents_of",
    "preload",
    "restore_original",
    "sample",
    "store_original",
    "surprise",
    "surprise_map",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'codec' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
