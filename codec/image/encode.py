"""An image to a file: every tile is analysed a little beyond its edges, coded alone, and may be refined alone."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from codec.bitstream import constants
from codec.bitstream import image as image_file
from codec.bitstream.image import Container, ImageHeader, Stream
from codec.bitstream.tiling import tile_units
from codec.devices import Device, differentiating
from codec.image.sections import sections_of
from codec.image.tiles import LAYER_ENDS, PlainTile, Rect, whole
from codec.latents import encode as latents_encode
from codec.latents.header import identity, log2_steps_of
from codec.latents.pieces import ordered_map
from codec.media import ImageData, Pixels
from codec.media.image.data import STEP_OF_8_BITS
from codec.model import weights
from codec.model.fixed_point import Floats
from codec.model.registry import IMAGE
from codec.model.weights import Loaded
from codec.quality import DEFAULT_METRIC, REFINING_EFFORT, Metric
from codec.search.lagrangian import LAMBDA_RDOQ
from codec.search.rdoq import Rdoq

if TYPE_CHECKING:
    from codec.search.refine import Refiner

Importance = npt.NDArray[np.float32]  # (H, W) factor on the squared error of each pixel


@dataclass(frozen=True, eq=False)
class ImageEncoder:
    """An image on its way to a file, but for quality and effort.

    tiles: gives the `tile_units` of a width and height. importance: of the pixels, all alike where None. metric: that
    refinement goes by. progress: called with the share of a refinement that is done, maybe from several threads.
    """

    image: ImageData
    device: Device
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
        refines = effort >= REFINING_EFFORT
        loaded = weights.installed(IMAGE.id, differentiating(self.device) if refines else self.device)
        model, rounding = loaded.model, Rdoq(loaded.tables.tables) if effort else None
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
        log2_step = log2_steps_of(header)
        refiner = self._refiner(loaded, effort, len(numbers)) if refines else None

        def coded(number: int) -> Stream:
            tile, name = Rect.of(header.tiling[number]), identity(header, number)
            seen = tile.grown(model.config.analysis_halo * constants.STRIDE, width, height)
            h = model.analysis(padded(self.image.pixels[seen.within(whole(header))]), log2_step)
            rows, columns = tile.scaled().within(seen.scaled())
            importance = self._importance(tile.within(whole(header)))
            weight = 1.0 if importance is None else _pooled(importance)
            if refiner:
                x = padded(self.image.pixels[tile.within(whole(header))])
                open_tile = PlainTile(x, _on_padding(importance, tile, x), h, (rows, columns), self.image.is_grey)
                return Stream(refiner.code(open_tile, log2_step, weight, name).parts)
            return Stream(
                latents_encode.encode(
                    model,
                    loaded.tables,
                    np.ascontiguousarray(h[:, rows, columns]),
                    log2_step,
                    name,
                    rounding,
                    price=LAMBDA_RDOQ * weight,
                    cut_after=LAYER_ENDS,
                ).parts
            )

        return image_file.write(Container(header, list(ordered_map(coded, numbers, self.device.threads)), self.extras))

    def _importance(self, piece: tuple[slice, slice]) -> Floats | None:
        """(1, rows, columns) importance of a piece."""
        return None if self.importance is None else self.importance[piece][None]

    def _refiner(self, loaded: Loaded, effort: int, tiles: int) -> Refiner:
        """Of the latents of so many tiles."""
        from codec.search.refine import STEPS, Refiner

        return Refiner(loaded, STEPS[effort], self.metric, self._counted(STEPS[effort] * tiles))

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
    device: Device,
    *,
    effort: int = 1,
    tiles: Callable[[int, int], tuple[int, int]] = tile_units,
) -> bytes:
    """The file of an image at a quality of 0..100; see `ImageEncoder`."""
    return ImageEncoder(image, device, tiles=tiles).encode(IMAGE.curve.step_index(quality), effort)


def padded(pixels: Pixels) -> Floats:
    """(1, H', W', 3) float32 in 0..255 from pixels (H, W, 1 or 3): edges repeated up to whole latents."""
    x = pixels.astype(np.float32)
    if pixels.dtype == np.uint16:
        x /= np.float32(STEP_OF_8_BITS)
    x = np.broadcast_to(x, (*x.shape[:2], 3))
    return np.ascontiguousarray(_edges_repeated(x)[None])


def _edges_repeated(x: Floats) -> Floats:
    """(H', W', C) of (H, W, C), grown to the right and down to whole latents."""
    down, right = (-side % constants.STRIDE for side in x.shape[:2])
    return np.pad(x, ((0, down), (0, right), (0, 0)), "edge") if down or right else x


def _pooled(importance: Floats) -> Floats:
    """(1, h, w, 1) mean importance of the pixels below each latent, from that of a tile (1, H, W)."""
    whole = _edges_repeated(importance[0][..., None])
    rows, columns = (side // constants.STRIDE for side in whole.shape[:2])
    out: Floats = whole.reshape(1, rows, constants.STRIDE, columns, constants.STRIDE).mean((2, 4))[..., None]
    return out


def _on_padding(importance: Floats | None, tile: Rect, x: Floats) -> Floats:
    """(1, H', W', 1) importance of a tile's pixels once padded to x: none where there is no image."""
    height, width = tile.y1 - tile.y0, tile.x1 - tile.x0
    known = np.ones((1, height, width), np.float32) if importance is None else importance
    return np.pad(known, ((0, 0), (0, x.shape[1] - height), (0, x.shape[2] - width)))[..., None]
