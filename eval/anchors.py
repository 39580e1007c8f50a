"""Codecs to compare with: each a function (pixels, its own quality) -> (file bytes, decoded pixels), and a row."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image

from codec.media import Picture, Pixels, read_picture, to_pillow


@dataclass(frozen=True)
class Anchor:
    """A codec and the qualities that draw its curve."""

    name: str
    run: Callable[[Pixels, int], tuple[bytes, Pixels]]
    qualities: tuple[int, ...]


def jpeg(pixels: Pixels, quality: int) -> tuple[bytes, Pixels]:
    """Pillow's JPEG: optimised Huffman tables, 4:2:0."""
    out = io.BytesIO()
    to_pillow(Picture(pixels)).save(out, "JPEG", quality=quality, optimize=True, subsampling=2)
    decoded = Image.open(io.BytesIO(out.getvalue()))
    return out.getvalue(), read_picture(decoded).pixels


ANCHORS = {
    anchor.name: anchor for anchor in (Anchor("jpeg", jpeg, (3, 5, 8, 12, 18, 25, 35, 50, 65, 75, 85, 90, 94, 96, 98)),)
}
