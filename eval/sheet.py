"""A sheet of crops at equal bits as one PNG, to be looked at: the original, ours, and two others."""

from __future__ import annotations

import base64
import io
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from codec.eval.scenes import Scene, Shown

MARGIN, LINE = 8, 20  # pixels, between crops and of text
TEXT = 14
PAPER, INK = "#ffffff", "#1c1e21"


def sheet(exhibits: dict[str, Any]) -> bytes:
    """The PNG of what `ImageMaterial.exhibits` gave: a row a scene, a column a codec.

    Sizes and PSNR are those of whole images.
    """
    scenes = [Scene(**{**scene, "shown": [Shown(**shown) for shown in scene["shown"]]}) for scene in exhibits["scenes"]]
    names: list[str] = exhibits["sheet"]
    rows = [[next(shown for shown in scene.shown if shown.name == name) for name in names] for scene in scenes]
    width = max(scene.width for scene in scenes)
    heights = [scene.height for scene in scenes]
    page = Image.new("RGB", (len(names) * (width + MARGIN) + MARGIN, sum(heights) + len(rows) * (LINE + MARGIN)), PAPER)
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(TEXT)
    top = 0
    for scene, row in zip(scenes, rows, strict=True):
        for column, shown in enumerate(row):
            left = MARGIN + column * (width + MARGIN)
            draw.text((left, top + 2), _caption(scene, shown), INK, font)
            page.paste(_crop(shown), (left, top + LINE))
        top += LINE + scene.height + MARGIN
    out = io.BytesIO()
    page.save(out, "PNG")
    return out.getvalue()


def _caption(scene: Scene, shown: Shown) -> str:
    if shown.size_bytes is None:
        return f"{scene.item} ({scene.why})"
    psnr = "" if shown.psnr_db is None else f", {shown.psnr_db:.2f} dB"
    return f"{shown.title}: {shown.size_bytes / 1000:.1f} kB{psnr}"


def _crop(shown: Shown) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(shown.uri.partition(",")[2])))
