"""Images for training: decoded once into memory, crops cut from there."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from codec.bitstream.errors import MediaError
from codec.image.tile_encoder import padded
from codec.media import IMAGE_SUFFIXES
from codec.model.config import ImageConfig
from codec.model.dct import image_statistics
from codec.model.image import ImageModel
from codec.model.registry import IMAGE, ModelRow
from codec.search.lagrangian import ROUNDING
from codec.training.data import Pool, files, held_out, on_all_cores
from codec.training.drawn import drawn
from codec.training.loss import SOFTENING, Objective, rate_distortion
from codec.training.relaxation import Pass
from codec.training.task import Judged, TableSignals

SHRINK = (1.3, 2.0)  # lossy sources have no fine chroma at native size: half of the crops come from shrunk copies
SHRUNK_COPIES = 2  # of each image, by different factors
STATISTICS_IMAGES = 400
DRAWN_IMAGES = 160  # screens, charts, pixel art and flat colours
DRAWN_SHARE = 0.1  # of crops
TABLE_IMAGES = 60
TABLE_STEPS = (7.25, 6.25, 5.25, 4.25, 3.25, 2.5)  # log2


def images(sources: Iterable[Path]) -> Iterator[Image.Image]:
    """RGB images of tar shards and folders; those that cannot be read are left out. Raises MediaError."""
    for source in sources:
        yield from on_all_cores(_image, files(source, IMAGE_SUFFIXES))


def _image(data: bytes) -> Image.Image | None:
    try:
        return Image.open(io.BytesIO(data)).convert("RGB")
    except Exception:  # on damaged files Pillow raises nearly every error that there is
        return None


def pixels(image: Image.Image) -> Tensor:
    """(H, W, 3) uint8."""
    return torch.from_numpy(np.array(image))


def table_signals(sources: Iterable[Path]) -> TableSignals:
    """The first images, as `--effort 1` codes them. Raises MediaError."""
    some = (padded(np.array(image)) for image in islice(images(sources), TABLE_IMAGES))
    return TableSignals(some, TABLE_STEPS, Crops.rounding)


class ImagePool(Pool):
    """uint8 pixels of images, row by row."""

    def __init__(self, images: Sequence[Image.Image], device: torch.device) -> None:
        super().__init__([pixels(image).flatten(0, 1) for image in images], device)
        self.heights, self.widths = np.array([(image.height, image.width) for image in images]).T

    def crops(self, rng: np.random.Generator, count: int, side: int) -> Tensor:
        """(count, side, side, 3) uint8 of random places, half of them mirrored."""
        which = rng.integers(len(self), size=count)
        top, left = (rng.integers(sides[which] - side + 1) for sides in (self.heights, self.widths))
        corner = self.starts[which] + top * self.widths[which] + left
        mirrored = rng.integers(2, size=count)
        strides = np.stack([corner + mirrored * (side - 1), self.widths[which], 1 - 2 * mirrored])
        first, down, along = torch.from_numpy(strides).to(self.row.device)[:, :, None, None]
        steps = torch.arange(side, dtype=torch.int64, device=self.row.device)
        return self.row[first + down * steps[:, None] + along * steps]


class Crops:
    """The task of images: random crops, native and shrunk, of images that live on the device as uint8."""

    row: ModelRow[ImageConfig] = IMAGE
    validation_steps: tuple[float, ...] = (7.0, 6.0, 5.0, 4.0, 3.0)
    softening = SOFTENING
    figure_names: tuple[str, ...] = ("bpp", "psnr")
    rounding = ROUNDING

    def __init__(
        self,
        sources: list[Path],
        crop: int,
        device: torch.device,
        seed: int = 0,
        objective: Objective = "eyes",
    ) -> None:
        self.crop, self.seed, self.objective = crop, seed, objective
        kept_out, found = (
            [image for image in part if min(image.size) >= crop] for part in held_out(list(images(sources)))
        )
        if not found:
            raise MediaError(f"no images of at least {crop} x {crop} pixels to train on")
        self.validation = [pixels(_centre(image, crop))[None].float() for image in kept_out]
        rng = np.random.default_rng(seed)
        factors = [(image, rng.uniform(*SHRINK)) for image in found for _ in range(SHRUNK_COPIES)]
        shrunk = list(on_all_cores(lambda pair: _shrunk(*pair, crop), factors))
        self.native = ImagePool(found, device)
        self.shrunk = ImagePool(shrunk or found, device)
        self.drawn = ImagePool([drawn(seed, number, crop) for number in range(DRAWN_IMAGES)], device)
        self.statistics = image_statistics([np.array(image) for image in found[:STATISTICS_IMAGES]])

    def fresh(self) -> ImageModel:
        """The 16x16 DCT with the images' own colour rotation."""
        return ImageModel(self.row.config, self.statistics)

    def batch(self, step: int, size: int) -> Tensor:
        """(size, crop, crop, 3) float32 in 0..255: the same for the same step."""
        rng = np.random.default_rng((self.seed, step))
        drawn = int(rng.binomial(size, DRAWN_SHARE))
        shrunk = (size - drawn) // 2
        pools = ((self.native, size - drawn - shrunk), (self.shrunk, shrunk), (self.drawn, drawn))
        return torch.cat([pool.crops(rng, count, self.crop) for pool, count in pools if count]).float()

    def judged(self, x: Tensor, coded: Pass, log2_step: Tensor) -> Judged:
        """Costs in bits a pixel, with distortion at its price; bits a pixel and PSNR in dB."""
        bpp = (coded.y_bits + coded.z_bits) / (x.shape[1] * x.shape[2])
        psnr = 10 * torch.log10(255**2 / ((coded.x_hat.detach() - x) ** 2).mean((1, 2, 3)))
        costs = rate_distortion(x, coded, log2_step, self.objective)
        return Judged(costs, {"bpp": bpp.detach(), "psnr": psnr})


def _centre(image: Image.Image, crop: int) -> Image.Image:
    left, top = (image.width - crop) // 2, (image.height - crop) // 2
    return image.crop((left, top, left + crop, top + crop))


def _shrunk(image: Image.Image, factor: float, crop: int) -> Image.Image | None:
    """The image shrunk by the factor, or as far as leaves room for a crop, where that is worth it."""
    factor = min(factor, min(image.size) / crop)
    if factor < SHRINK[0]:
        return None
    size = (max(crop, round(image.width / factor)), max(crop, round(image.height / factor)))
    return image.resize(size, Image.Resampling.LANCZOS)
