"""Codecs to compare with, through Pillow and its plug-ins: a row each. One thread, no metadata.

`python -m codec.eval.anchors encode|decode NAME SETTING IN OUT` does one image in a process of its own, for the
timing of whole processes.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import PIL
from PIL import AvifImagePlugin, Image, features

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
class Anchor:
    """ladder: the settings that draw its curve, whole: whether settings are whole numbers; knob: what Pillow's `save`
    calls the setting, given as `told(setting)`; library: what it runs on, None where that is missing.
    """

    name: str
    title: str
    pillow_format: str
    ladder: tuple[float, ...]
    library: Callable[[], str | None]
    options: dict[str, Any] = field(default_factory=dict)
    knob: str = "quality"
    told: Callable[[float], Any] = int
    whole: bool = True

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

    def payload_bytes(self, data: bytes) -> int:
        """All of it: images are compared by their files."""
        return len(data)


def _ratio(rate_bpp: float) -> list[float]:
    return [SOURCE_BITS / rate_bpp]


AvifImagePlugin.DEFAULT_MAX_THREADS = 1  # for its decoder; the encoder has an option

ANCHORS = {
    anchor.name: anchor
    for anchor in (
        Anchor(
            "jpeg",
            "JPEG 4:2:0",
            "JPEG",
            (4, 8, 14, 22, 34, 48, 62, 75, 85, 92, 96),
            _pillow_with("jpg"),
            {"optimize": True, "subsampling": 2},
        ),
        Anchor(
            "jpeg444",
            "JPEG 4:4:4",
            "JPEG",
            (3, 7, 12, 20, 32, 46, 60, 74, 85, 92, 96),
            _pillow_with("jpg"),
            {"optimize": True, "subsampling": 0},
        ),
        Anchor("webp", "WebP", "WEBP", (0, 6, 16, 30, 46, 62, 76, 86, 93, 98), _pillow_with("webp"), {"method": 6}),
        Anchor(
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
        Anchor(
            "avif420",
            "AVIF 4:2:0",
            "AVIF",
            (5, 15, 27, 39, 51, 63, 75, 86, 94),
            _pillow_with("avif"),
            {"speed": 4, "subsampling": "4:2:0", "max_threads": 1},
        ),
        Anchor(
            "avif",
            "AVIF 4:4:4",
            "AVIF",
            (5, 15, 27, 39, 51, 63, 75, 86),
            _pillow_with("avif"),
            {"speed": 4, "subsampling": "4:4:4", "max_threads": 1},
        ),
        Anchor(
            "jpegxl",
            "JPEG XL",
            "JXL",
            (1, 12, 22, 32, 45, 60, 74, 85, 92, 96),
            _jpeg_xl,
            {"effort": 7, "num_threads": 1},
        ),
    )
}


def main(action: str, name: str, setting: str, source: str, target: str) -> None:
    """One image file to one coded file, or a coded file to a PNG."""
    anchor = ANCHORS[name]
    if not anchor.library():
        sys.exit(f"{name} is not installed")
    data = Path(source).read_bytes()
    if action == "encode":
        Path(target).write_bytes(anchor.encode(read_image(data).pixels, float(setting)))
    else:
        to_pillow(ImageData(anchor.decode(data))).save(target, "PNG")


if __name__ == "__main__":
    main(*sys.argv[1:])
