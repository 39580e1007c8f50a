"""Codecs of images to compare with, through Pillow and its plug-ins: a row each. One thread, no metadata."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
import PIL
from PIL import AvifImagePlugin, Image, features

from codec.eval.anchor import Anchor
from codec.media import ImageData, Pixels, read_image, to_pillow

JXL_PACKAGE = "pillow-jxl-plugin"
SOURCE_BITS = 24  # JPEG 2000 is told a ratio to these


def _pillow_with(feature: str) -> Callable[[], str | None]:
    """Gives the version of Pillow and of its library, or None where this Pillow has none."""

    def found() -> str | None:
        if not features.check(feature):
            return None
        return f"Pillow {PIL.__version__}, {feature} {features.version(feature)}"

    return found


def _jpeg_xl() -> str | None:
    """Registers the plug-in with Pillow; its version, or None where it is not installed."""
    try:
        import pillow_jxl
        from pillow_jxl import JpegXLImagePlugin

        JpegXLImagePlugin.DECODE_THREADS = 1
        return f"{JXL_PACKAGE} {version(JXL_PACKAGE)}" if pillow_jxl else None
    except (ImportError, OSError, PackageNotFoundError):  # OSError: its library does not fit this machine
        return None


@dataclass(frozen=True)
class PillowAnchor(Anchor):
    """knob: what Pillow's `save` calls the setting, given as `told(setting)`; found: what it runs on, None where that
    is missing; standard: whether it takes part where no anchors are named.
    """

    name: str
    title: str
    pillow_format: str
    ladder: tuple[float, ...]
    found: Callable[[], str | None]
    options: dict[str, Any] = field(default_factory=dict)
    knob: str = "quality"
    told: Callable[[float], Any] = int
    whole: bool = True
    standard: bool = True

    def library(self) -> str | None:
        """Its library, found anew: this registers plug-ins too."""
        return self.found()

    def save_options(self, setting: float) -> dict[str, Any]:
        """What is said to Pillow."""
        return {**self.options, self.knob: self.told(setting)}

    def encode(self, pixels: Pixels, setting: float) -> bytes:
        """The bytes of a file of uint8 (H, W, 1 or 3) pixels."""
        out = io.BytesIO()
        to_pillow(ImageData(pixels)).save(out, self.pillow_format, **self.save_options(setting))
        return out.getvalue()

    def decode(self, data: bytes) -> Pixels:
        """The pixels of such a file."""
        with Image.open(io.BytesIO(data)) as image:
            return read_image(image).pixels


@dataclass(frozen=True)
class Jpegli(Anchor):
    """JPEG files by jpegli, through the package pyjpegli; decoded by Pillow."""

    name: str = "jpegli"
    title: str = "JPEG (jpegli)"
    ladder: tuple[float, ...] = (6, 12, 20, 30, 42, 54, 66, 78, 87, 93)
    options: dict[str, Any] = field(default_factory=dict)
    knob: str = "quality"
    whole: bool = True
    standard: bool = False

    def library(self) -> str | None:
        """The package, None where it is not installed."""
        try:
            return f"pyjpegli {version('pyjpegli')}"
        except PackageNotFoundError:
            return None

    def missing(self) -> str | None:
        """How to get it."""
        return None if self.library() else "pyjpegli is not installed here"

    def encode(self, pixels: Pixels, setting: float) -> bytes:
        """The bytes of a file of uint8 (H, W, 1 or 3) pixels."""
        import pyjpegli

        height, width = pixels.shape[:2]
        samples = np.ascontiguousarray(np.broadcast_to(pixels, (height, width, 3)))
        return bytes(pyjpegli.encode(samples.tobytes(), width, height, int(setting)))

    def decode(self, data: bytes) -> Pixels:
        """The pixels of such a file."""
        with Image.open(io.BytesIO(data)) as image:
            return read_image(image).pixels


def _ratio(rate_bpp: float) -> list[float]:
    return [SOURCE_BITS / rate_bpp]


AvifImagePlugin.DEFAULT_MAX_THREADS = 1  # for its decoder; the encoder has an option

# What libaom does of its own is tune=iq, which is written out so that it is seen; an older libaom refuses it.
AVIF = {"subsampling": "4:2:0", "max_threads": 1, "advanced": {"tune": "iq"}}

ANCHORS: dict[str, Anchor] = {
    anchor.name: anchor
    for anchor in (
        PillowAnchor(
            "jpeg",
            "JPEG 4:2:0",
            "JPEG",
            (4, 8, 14, 22, 34, 48, 62, 75, 85, 92, 96),
            _pillow_with("jpg"),
            {"optimize": True, "subsampling": 2},
        ),
        PillowAnchor(
            "jpeg444",
            "JPEG 4:4:4",
            "JPEG",
            (3, 7, 12, 20, 32, 46, 60, 74, 85, 92, 96),
            _pillow_with("jpg"),
            {"optimize": True, "subsampling": 0},
        ),
        PillowAnchor(
            "webp", "WebP", "WEBP", (0, 6, 16, 30, 46, 62, 76, 86, 93, 98), _pillow_with("webp"), {"method": 6}
        ),
        PillowAnchor(
            "jpeg2000",
            "JPEG 2000",
            "JPEG2000",
            (0.08, 0.14, 0.22, 0.35, 0.55, 0.85, 1.25, 1.8, 2.6, 3.6),
            _pillow_with("jpg_2000"),
            {"quality_mode": "rates", "irreversible": True, "mct": 1},
            knob="quality_layers",
            told=_ratio,
            whole=False,
        ),
        PillowAnchor(
            "avif420",
            "AVIF 4:2:0",
            "AVIF",
            (5, 15, 27, 39, 51, 63, 75, 86, 94),
            _pillow_with("avif"),
            {**AVIF, "speed": 4},
        ),
        PillowAnchor(
            "avif",
            "AVIF 4:4:4",
            "AVIF",
            (5, 15, 27, 39, 51, 63, 75, 86),
            _pillow_with("avif"),
            {**AVIF, "speed": 4, "subsampling": "4:4:4"},
        ),
        PillowAnchor(
            "jpegxl",
            "JPEG XL",
            "JXL",
            (1, 12, 22, 32, 45, 60, 74, 85, 92, 96),
            _jpeg_xl,
            {"effort": 7, "num_threads": 1},
        ),
        PillowAnchor(  # as long as libaom can search
            "avif-slow",
            "AVIF, speed 0",
            "AVIF",
            (5, 15, 27, 39, 51, 63, 75, 86, 94),
            _pillow_with("avif"),
            {**AVIF, "speed": 0},
            standard=False,
        ),
        PillowAnchor(
            "avif-psnr",
            "AVIF, tune=psnr",
            "AVIF",
            (10, 20, 30, 40, 50, 60, 70, 80, 90),
            _pillow_with("avif"),
            {**AVIF, "speed": 4, "advanced": {"tune": "psnr"}},
            standard=False,
        ),
        PillowAnchor(
            "avif-ssimulacra2",
            "AVIF, tune=ssimulacra2",
            "AVIF",
            (5, 15, 27, 39, 51, 63, 75, 86, 94),
            _pillow_with("avif"),
            {**AVIF, "speed": 4, "advanced": {"tune": "ssimulacra2"}},
            standard=False,
        ),
        Jpegli(),
    )
}
