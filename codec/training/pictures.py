"""Pictures for training: decoded once into memory, crops cut from there."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from codec.bitstream.errors import MediaError
from codec.classical import picture_statistics
from codec.encoding import padded
from codec.media import PICTURES
from codec.models import IMAGE, ModelRow
from codec.models.image import ImageConfig, ImageModel
from codec.relaxed import Pass
from codec.training.data import files, held_out
from codec.training.loss import SOFTENING, rate_distortion
from codec.training.task import Judged, TableSignals

SHRINK = (1.3, 2.0)  # lossy sources have no fine chroma at native size: half of the crops come from shrunk copies
STATISTICS_PICTURES = 400
TABLE_PICTURES = 60
TABLE_STEPS = (7.25, 6.25, 5.25, 4.25, 3.25, 2.5)  # log2


def pictures(sources: Iterable[Path]) -> Iterator[Image.Image]:
    """RGB pictures of tar shards and folders; those that cannot be read are left out. Raises MediaError."""
    for source in sources:
        for data in files(source, PICTURES):
            try:
                yield Image.open(io.BytesIO(data)).convert("RGB")
            except (UnidentifiedImageError, OSError):
                continue


def pixels(image: Image.Image) -> Tensor:
    """(H, W, 3) uint8."""
    return torch.from_numpy(np.array(image))


def table_signals(sources: Iterable[Path]) -> TableSignals:
    """The first pictures, as `--effort 1` codes them. Raises MediaError."""
    some = islice(pictures(sources), TABLE_PICTURES)
    return TableSignals((padded(np.array(image), torch.device("cpu")) for image in some), TABLE_STEPS, rounded=True)


class Crops:
    """The task of pictures: random crops, native and shrunk, of pictures that live on the device as uint8."""

    row: ModelRow[ImageConfig] = IMAGE
    validation_steps: tuple[float, ...] = (7.0, 6.0, 5.0, 4.0, 3.0)
    softening = SOFTENING
    figure_names: tuple[str, ...] = ("bpp", "psnr")

    def __init__(self, sources: list[Path], crop: int, device: torch.device, seed: int = 0) -> None:
        self.crop, self.seed = crop, seed
        found = [image for image in pictures(sources) if min(image.size) >= crop]
        if not found:
            raise MediaError(f"no pictures of at least {crop} x {crop} pixels to train on")
        kept_out = held_out(len(found))
        self.validation = [as_batch([pixels(_centre(image, crop))]) for image in found[:kept_out]]
        self.native = [pixels(image).to(device) for image in found[kept_out:]]
        rng = np.random.default_rng(seed)
        self.shrunk = [
            pixels(smaller).to(device) for image in found[kept_out:] if (smaller := _shrunk(image, crop, rng))
        ]

    def fresh(self) -> ImageModel:
        """The 16x16 DCT with the pictures' own colour rotation."""
        return ImageModel(
            self.row.config, picture_statistics([p.cpu().numpy() for p in self.native[:STATISTICS_PICTURES]])
        )

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

    def judged(self, x: Tensor, coded: Pass, log2_step: Tensor) -> Judged:
        """Costs in bits a pixel, with squared error at its price; bits a pixel and PSNR in dB."""
        bpp = (coded.y_bits + coded.z_bits) / (x.shape[1] * x.shape[2])
        psnr = 10 * torch.log10(255**2 / ((coded.x_hat.detach() - x) ** 2).mean((1, 2, 3)))
        return Judged(rate_distortion(x, coded, log2_step), {"bpp": bpp.detach(), "psnr": psnr})


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
