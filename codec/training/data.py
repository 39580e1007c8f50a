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

from codec.bitstream.errors import MediaError
from codec.media import PICTURES

VALIDATION = 40  # so many of the first pictures, but at most a tenth of all, are kept out of training
SHRINK = (1.3, 2.0)  # lossy sources have no fine chroma at native size: half of the crops come from shrunk copies


def pictures(source: Path) -> Iterator[Image.Image]:
    """RGB pictures of a tar shard, a folder (recursively) or a folder of shards, in the order of their names.

    Raises MediaError for a file that is no shard; pictures that cannot be read are left out.
    """
    if source.is_dir():
        for path in sorted(source.rglob("*")):
            if path.suffix == ".tar":
                yield from pictures(path)
            elif path.suffix.lower() in PICTURES:
                yield from _opened(path.read_bytes())
        return
    try:
        with tarfile.open(source) as shard:
            for member in sorted(shard.getmembers(), key=lambda m: m.name):
                data = shard.extractfile(member) if Path(member.name).suffix.lower() in PICTURES else None
                if data is not None:
                    yield from _opened(data.read())
    except (tarfile.TarError, EOFError) as error:
        raise MediaError(f"{source} is neither a folder nor a tar shard that can be read: {error}") from error


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
        found = [image for source in sources for image in pictures(source) if min(image.size) >= crop]
        if not found:
            raise MediaError(f"no pictures of at least {crop} x {crop} pixels to train on")
        held_out = min(VALIDATION, len(found) // 10)
        self.validation = [pixels(_centre(image, crop)) for image in found[:held_out]]
        self.native = [pixels(image).to(device) for image in found[held_out:]]
        rng = np.random.default_rng(seed)
        self.shrunk = [
            pixels(smaller).to(device) for image in found[held_out:] if (smaller := _shrunk(image, crop, rng))
        ]

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


def _centre(image: Image.Image, crop: int) -> Image.Image:
    left, top = (image.width - crop) // 2, (image.height - crop) // 2
    return image.crop((left, top, left + crop, top + crop))


def _shrunk(image: Image.Image, crop: int, rng: np.random.Generator) -> Image.Image | None:
    """The picture shrunk by a random factor that leaves room for a crop, where there is one."""
    factor = min(rng.uniform(*SHRINK), min(image.size) / crop)
    if factor < SHRINK[0]:
        return None
    size = (max(crop, round(image.width / factor)), max(crop, round(image.height / factor)))
    return image.resize(size, Image.Resampling.LANCZOS)


def as_batch(crops: list[Tensor]) -> Tensor:
    """(B, H, W, 3) float32 from uint8 (H, W, 3)."""
    return torch.stack(crops).float()
