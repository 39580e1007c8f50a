"""JPEG XL files written, lossless, through the extra `jxl`."""

from __future__ import annotations

from importlib import import_module

from PIL import Image

from codec.bitstream.errors import MediaError

EFFORT = 5


def file(image: Image.Image, exif: bytes, packet: bytes) -> bytes:
    """The bytes of a JPEG XL of an image of mode L, LA, RGB, RGBA or I;16. Raises MediaError."""
    try:
        plugin = import_module("pillow_jxl")
    except ImportError as error:
        raise MediaError("JPEG XL is written with pillow-jxl-plugin: pip install 'codec[jxl]'") from error
    encoder = plugin.Encoder(
        mode=image.mode,
        lossless=True,
        quality=100,
        decoding_speed=0,
        effort=EFFORT,
        use_container=True,
        use_original_profile=True,
        num_threads=-1,
    )
    metadata = {"exif": exif or None, "xmp": packet or None, "jumb": None, "compress": False}
    data: bytes = encoder(image.tobytes(), image.width, image.height, jpeg_encode=False, **metadata)
    return data
