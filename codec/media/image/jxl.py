"""JPEG XL, lossless, through the extra `jxl`."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from PIL import Image

from codec.bitstream.errors import MissingPackage

PACKAGE = "pillow-jxl-plugin"
EFFORT = 5  # of files


def file(image: Image.Image, exif: bytes, packet: bytes) -> bytes:
    """The bytes of a JPEG XL of an image of mode L, LA, RGB, RGBA or I;16. Raises MissingPackage."""
    metadata = {"exif": exif or None, "xmp": packet or None}
    return encoded(image.tobytes(), image.mode, image.size, EFFORT, threads=-1, use_container=True, **metadata)


def encoded(
    samples: bytes,
    mode: str,
    size: tuple[int, int],
    effort: int,
    *,
    threads: int,
    use_container: bool = False,
    exif: bytes | None = None,
    xmp: bytes | None = None,
) -> bytes:
    """The bytes of a JPEG XL of samples in the order of a mode of Pillow, of a width and height.

    effort: 1 to 9. threads: beside the caller's, as many as there are cores where -1. Raises MissingPackage.
    """
    encoder = plugin().Encoder(
        mode=mode,
        lossless=True,
        quality=100,
        decoding_speed=0,
        effort=effort,
        use_container=use_container,
        use_original_profile=True,
        num_threads=threads,
    )
    data: bytes = encoder(samples, *size, jpeg_encode=False, exif=exif, xmp=xmp, jumb=None, compress=False)
    return data


def plugin() -> Any:
    """The package that codes JPEG XL. Raises MissingPackage."""
    try:
        return import_module("pillow_jxl")
    except (ImportError, OSError) as error:  # OSError: its library does not fit this machine
        raise MissingPackage(f"JPEG XL needs {PACKAGE}: pip install 'codec[jxl]'") from error
