"""An image to a file: every tile is analysed a little beyond its edges, coded alone, and may be refined alone."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from codec.bitstream import constants
from codec.bitstream import image as image_file
from codec.bitstream.image import Container, ImageHeader, Stream
from codec.bitstream.tiling import tile_units
from codec.devices import undisturbed
from codec.image.sections import sections_of
from codec.image.tiles import LAYER_ENDS, Rect, whole
from codec.latents import encode as latents_encode
from codec.latents.header import identity, log2_steps_of
from codec.latents.pieces import ordered_map
from codec.media import ImageData, Pixels
from codec.media.image.data import STEP_OF_8_BITS
from codec.model import weights
from codec.model.registry import IMAGE
from codec.quality import DEFAULT_METRIC, Metric
from codec.search.lagrangian import LAMBDA_RDOQ
from codec.search.rdoq import Rdoq
from codec.search.refine import STEPS, Refiner, Scene

Importance = npt.NDArray[np.float32]  # (H, W) factor on the squared error of each pixel


@dataclass(frozen=True, eq=False)
class ImageEncoder:
    """An image on its way to a file, but for quality and effort.

    tiles: gives the `tile_units` of a width and height. importance: of the pixels, all alike where None. metric: that
    refinement goes by. progress: called with the share of a refinement that is done, maybe from several threads.
    """

    image: ImageData
    device: torch.device
    tiles: Callable[[int, int], tuple[int, int]] = tile_units
    importance: Importance | None = None
    metric: Metric = DEFAULT_METRIC
    progress: Callable[[float], None] | None = None

    @cached_property
    def extras(self) -> dict[int, bytes]:
        """The sections beside the latents."""
        return sections_of(self.image)

    def encode(self, step_index: int, effort: int) -> bytes:
        """The file at a nominal step of 2^(step_index / 256).

        effort: 0 rounds latents to the nearest, 1 weighs bits against error, 2 and more refine the latents.
        """
        loaded = weights.installed(IMAGE.id, self.device)
        model, rounding = loaded.model, Rdoq(loaded.tables.tables, self.device) if effort else None
        height, width, channels = self.image.pixels.shape
        header = ImageHeader(
            model=IMAGE.id,
            digest=loaded.digest,
            step_index=step_index,
            width=width,
            height=height,
            channels=channels,
            bit_depth=self.image.bit_depth,
            alpha=self.image.alpha is not None,
            tile_units=self.tiles(width, height),
        )
        numbers = range(len(header.tiling))
        log2_step = log2_steps_of(header, self.device)
        steps = STEPS[effort]
        refiner = Refiner(loaded, steps, self.metric, self._counted(steps * len(numbers))) if steps else None

        def coded(number: int) -> Stream:
            tile, name = Rect.of(header.tiling[number]), identity(header, number)
            seen = tile.grown(model.analysis_halo * constants.STRIDE, width, height)
            with undisturbed(self.device):
                x = padded(self.image.pixels[seen.within(whole(header))], self.device)
                h = model.analysis(x, log2_step)
                inside = tile.scaled().within(seen.scaled())
                importance = self._importance(tile.within(whole(header)))
                weight = 1.0 if importance is None else _pooled(importance)
                if refiner:
                    x = padded(self.image.pixels[tile.within(whole(header))], self.device)
                    scene = Scene(x, _on_padding(importance, tile, x), h, inside, self.image.is_grey, log2_step)
                    return Stream(refiner.code(scene, weight, name).parts)
                h, price = h[:, inside[0], inside[1]], LAMBDA_RDOQ * weight
                return Stream(
                    latents_encode.encode(
                        model, loaded.tables, h, log2_step, name, rounding, price=price, cut_after=LAYER_ENDS
                    ).parts
                )

        return image_file.write(Container(header, list(ordered_map(coded, numbers)), self.extras))

    def _importance(self, piece: tuple[slice, slice]) -> Tensor | None:
        """(1, rows, columns) importance of a piece."""
        return None if self.importance is None else torch.from_numpy(self.importance[piece]).to(self.device)[None]

    def _counted(self, steps: int) -> Callable[[], None]:
        """Counts the refinement steps of all tiles for `progress`."""
        done, lock = 0, threading.Lock()

        def stepped() -> None:
            nonlocal done
            with lock:
                done += 1
                if self.progress:
                    self.progress(done / steps)

        return stepped


def encode(
    image: ImageData,
    quality: float,
    device: torch.device,
    *,
    effort: int = 1,
    tiles: Callable[[int, int], tuple[int, int]] = tile_units,
) -> bytes:
    """The file of an image at a quality of 0..100; see `ImageEncoder`."""
    return ImageEncoder(image, device, tiles=tiles).encode(IMAGE.curve.step_index(quality), effort)


def padded(pixels: Pixels, device: torch.device) -> Tensor:
    """(1, H', W', 3) float32 in 0..255 from pixels (H, W, 1 or 3): edges repeated up to whole latents."""
    x = torch.from_numpy(pixels.astype(np.float32)).to(device).expand(-1, -1, 3)
    if pixels.dtype == np.uint16:
        x = x / STEP_OF_8_BITS
    return _edges_repeated(x.permute(2, 0, 1)[None]).permute(0, 2, 3, 1).contiguous()


def _edges_repeated(planes: Tensor) -> Tensor:
    """(1, C, H, W) planes, grown to the right and down to whole latents."""
    down, right = (-side % constants.STRIDE for side in planes.shape[2:])
    return F.pad(planes, (0, right, 0, down), mode="replicate")


def _pooled(importance: Tensor) -> Tensor:
    """(1, h, w, 1) mean importance of the pixels below each latent, from that of a tile (1, H, W)."""
    return F.avg_pool2d(_edges_repeated(importance[None]), constants.STRIDE).permute(0, 2, 3, 1)


def _on_padding(importance: Tensor | None, tile: Rect, x: Tensor) -> Tensor:
    """(1, H', W', 1) importance of a tile's pixels once padded to x: none where there is no image."""
    height, width = tile.y1 - tile.y0, tile.x1 - tile.x0
    known = x.new_ones(1, height, width) if importance is None else importance
    return F.pad(known, (0, x.shape[2] - width, 0, x.shape[1] - height))[..., None]
