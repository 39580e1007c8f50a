"""Golden files: one small file of every feature, what its latents hash to, and its pixels.

`python -m tests.golden` makes them anew. That is a change of the format or of the weights: say so in CHANGELOG.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageCms

from codec import picture
from codec.media import Picture, read_picture

FOLDER = Path(__file__).parent
HASHES = (
    FOLDER / "latents.json"
)  # name: SHA-256 of the latents of all tiles, int32 in 1/64 of a step, one after another
CPU = torch.device("cpu")


def names() -> list[str]:
    """Of all golden files."""
    return sorted(json.loads(HASHES.read_text()))


def latents_hash(latents: list[np.ndarray]) -> str:
    """SHA-256 of the latents of the tiles of a file, integers in 1/64 of a step."""
    total = hashlib.sha256()
    for tile in latents:
        total.update(tile.astype("<i4").tobytes())
    return total.hexdigest()


def latents_of(data: bytes, device: torch.device = CPU) -> list[np.ndarray]:
    """(rows, columns, 320) integers in 1/64 of a step for each tile, by the runtime."""
    return [np.round(y.double().cpu().numpy()[0] * 64).astype(np.int64) for y in picture.latents(data, device)]


def sources() -> dict[str, tuple[Picture, float, tuple[int, int]]]:
    """What golden files are made of: picture, quality and tiles."""
    whole = read_picture(FOLDER.parent.parent / "examples" / "parrots.png").pixels
    patch = np.ascontiguousarray(whole[200:275, 300:430])
    alpha = np.add.outer(np.arange(75), np.arange(130)).astype(np.uint8)
    deep = patch.astype(np.uint16) * 257 + np.arange(3, dtype=np.uint16) * 50
    small = np.ascontiguousarray(whole[90:122, 300:340])
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    icc = profile[:24] + bytes(12) + profile[36:]  # without its date
    one = (0, 0)
    return {
        "quality-0": (Picture(patch), 0, one),
        "quality-50": (Picture(patch), 50, one),
        "quality-100": (Picture(patch), 100, one),
        "grey": (Picture(np.ascontiguousarray(patch[:, :, 1:2])), 60, one),
        "one-pixel": (Picture(whole[:1, :1].copy()), 0, one),
        "strip": (Picture(np.ascontiguousarray(whole[300:301])), 40, one),
        "column": (Picture(np.ascontiguousarray(whole[:, 300:303])), 40, one),
        "alpha": (Picture(patch, alpha), 40, one),
        "deep": (Picture(deep), 80, one),
        "deep-alpha-grey": (Picture(deep[:, :, :1].copy(), alpha.astype(np.uint16) * 257 + 3), 40, one),
        "metadata": (
            Picture(small, None, icc, exif.tobytes().removeprefix(b"Exif\0\0"), b"<x:xmpmeta/>"),
            50,
            one,
        ),
        "tiles": (Picture(patch), 50, (1, 1)),
        "tiles-wide": (Picture(patch, alpha), 20, (2, 1)),
        "noise": (Picture(np.random.default_rng(0).integers(0, 2, (70, 64, 3), np.uint8) * 255), 100, one),
    }


def make() -> None:
    """Writes all golden files, their pixels and hashes."""
    hashes = {}
    for name, (source, quality, units) in sources().items():
        data = picture.encode(source, quality, CPU, tiles=lambda width, height, units=units: units)
        (FOLDER / f"{name}.lcc").write_bytes(data)
        restored = picture.decode(data, CPU, bit_depth=source.bit_depth).picture
        np.savez_compressed(FOLDER / f"{name}.npz", pixels=restored.pixels)
        hashes[name] = latents_hash(latents_of(data))
    HASHES.write_text(json.dumps(hashes, indent=1) + "\n")
