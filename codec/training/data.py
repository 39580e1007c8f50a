"""Pictures for training: tar shards or folders, decoded once into memory, crops cut from there."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from codec.media import PICTURES

VALIDATION = 40  # the first pictures large enough are kept out of training
SHRINK = (1.3, 2.0)  # lossy sources have no fine chroma at native size: half of the crops come from shrunk copies


def pictures(source: Path) -> Iterator[Image.Image]:
    """RGB pictures of a tar shard, a folder (recursively) or a folder of shards, in the order of their names."""
    if source.is_dir():
        for path in sorted(source.rglob("*")):
            if path.suffix == ".tar":
                yield from pictures(path)
            elif path.suffix.lower() in PICTURES:
                yield from _opened(path.read_bytes())
        return
    with tarfile.open(source) as shard:
        for member in sorted(shard.getmembers(), key=lambda m: m.name):
            data = shard.extractfile(member) if Path(member.name).suffix.lower() in PICTURES else None
            if data is not None:
                yield from _opened(data.read())


def _opened(data: bytes) -> Iterator[Image.Image]:
    try:
        yield Image.open(io.BytesIO(data)).convert("RGB")
    except (UnidentifiedImageError, OSError):
        return


def pixels(image: Image.Image) -> Tensor:
    """(H, W, 3) uint8."""
    return torch.from_numpy(np.array(image))


class Crops:
    """Random crops of pictures that live on the device as uint8, native and shrunk; deterministic by step."""

    def __init__(self, sources: list[Path], crop: int, device: torch.device, seed: int = 0) -> None:
        self.crop, self.seed = crop, seed
        rng = np.random.default_rng(seed)
        self.native: list[Tensor] = []
        self.shrunk: list[Tensor] = []
        self.validation: list[Tensor] = []
        for source in sources:
            for image in pictures(source):
                side = min(image.size)
                if side < crop:
                    continue
                if len(self.validation) < VALIDATION:
                    left, top = (image.width - crop) // 2, (image.height - crop) // 2
                    self.validation.append(pixels(image.crop((left, top, left + crop, top + crop))))
                    continue
                self.native.append(pixels(image).to(device))
                factor = min(rng.uniform(*SHRINK), side / crop)
                if factor >= SHRINK[0]:
                    size = (max(crop, round(image.width / factor)), max(crop, round(image.height / factor)))
                    self.shrunk.append(pixels(image.resize(size, Image.Resampling.LANCZOS)).to(device))
        if not self.native:
            raise ValueError(f"no pictures of at least {crop} x {crop} pixels to train on")

    def batch(self, step: int, size: int) -> Tensor:
        """(size, crop, crop, 3) float32 in 0..255: the same for the same step."""
        rng = np.random.default_rng((self.seed, step))
        crops = []
        for i in range(size):
            pool = self.shrunk if self.shrunk and i % 2 else self.native
            picture = pool[rng.integers(len(pool))]
            y, x = (int(rng.integers(side - self.crop + 1)) for side in picture.shape[:2])
            cut = picture[y : y + self.crop, x : x + self.crop]
            crops.append(cut.flip(1) if rng.integers(2) else cut)
        return as_batch(crops)


def as_batch(crops: list[Tensor]) -> Tensor:
    """(B, H, W, 3) float32 from uint8 (H, W, 3)."""
    return torch.stack(crops).float()
