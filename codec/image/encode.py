"""An image to a file: every tile is analysed a little beyond its edges, coded alone, and may be refined alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from codec.arguments import JPEG_XL, Lossless
from codec.bitstream import image as image_file
from codec.bitstream.image import Container, ImageHeader, Stream
from codec.bitstream.tiling import tile_units
from codec.devices import Device, differentiating
from codec.image.hidden import filled
from codec.image.sections import sections_of
from codec.image.tile_encoder import Importance, TileEncoder
from codec.latents.pieces import ordered_map
from codec.media import ImageData, Pixels
from codec.media.notices import notice
from codec.model import shelf, weights
from codec.model.registry import IMAGE
from codec.model.weights import Loaded
from codec.progress import Progress, Report
from codec.quality import DEFAULT_METRIC, REFINING_EFFORT, Metric, QualityCurve
from codec.search.lagrangian import price_of_rounding
from codec.search.rdoq import Rdoq

if TYPE_CHECKING:
    from codec.search.refine import Refiner

LEAST_SEEN = 0.01  # what a fully transparent pixel's error counts: enough to keep its latents from running away


@dataclass(frozen=True, eq=False)
class ImageEncoder:
    """An image on its way to a file, but for quality and effort.

    tiles: gives the `tile_units` of a width and height. importance: of the pixels, all alike where None. metric: that
    weights and refinement go by. lossless: whether every pixel is kept as it is, "jxl" for JPEG XL where that is
    smaller; latents_only: whether no tile is coded without loss. progress: called with the share of the work that is
    done, maybe from several threads; what it raises ends the work.
    """

    image: ImageData
    device: Device
    tiles: Callable[[int, int], tuple[int, int]] = tile_units
    importance: Importance | None = None
    metric: Metric = DEFAULT_METRIC
    lossless: Lossless = False
    latents_only: bool = False
    progress: Report | None = None

    @cached_property
    def extras(self) -> dict[int, bytes]:
        """The sections beside the latents."""
        return sections_of(self.image)

    @cached_property
    def curve(self) -> QualityCurve:
        """What qualities mean. Raises ModelMismatch where there are no weights to compress with."""
        return IMAGE.curve_of(shelf.default(IMAGE, self.device.weights, self.metric).digests.decoder)

    @cached_property
    def pixels(self) -> Pixels:
        """What is coded: where nobody sees them, the colours that cost least."""
        image = self.image
        if image.alpha is None or self.lossless:
            return image.pixels
        hidden = image.pixels[image.alpha == 0]
        if len(hidden) and (hidden != hidden[0]).any():
            notice("colours under fully transparent pixels are not kept")
        return filled(image.pixels, image.alpha)

    @cached_property
    def weights_of_pixels(self) -> Importance | None:
        """(H, W) factor on the squared error of each: its importance, and how much of it is seen."""
        alpha = self.image.alpha
        if alpha is None or self.lossless:
            return self.importance
        seen = np.maximum(alpha.astype(np.float32) / np.iinfo(alpha.dtype).max, LEAST_SEEN)
        return seen if self.importance is None else seen * self.importance

    def encode(self, step_index: int, effort: int) -> bytes:
        """The file at a nominal step of 2^(step_index / 256).

        effort: 0 rounds latents to the nearest, 1 weighs bits against error, 2 and more refine the latents.
        """
        refines = effort >= REFINING_EFFORT and not self.lossless
        device = differentiating(self.device) if refines else self.device
        loaded = weights.installed(IMAGE.id, device, metric=self.metric)
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
        refinement = refinement_steps(effort) if refines else 0
        progress = Progress(self.progress, len(header.tiling) * (refinement + 1))
        tiles = TileEncoder(
            header,
            self.pixels,
            self.weights_of_pixels,
            loaded,
            price_of_rounding(self.metric),
            Rdoq(loaded.tables.tables) if effort else None,
            self._refiner(loaded, refinement, progress) if refines else None,
            always_lossless=bool(self.lossless),
            always_latents=self.latents_only,
            may_be_jpeg_xl=self.lossless == JPEG_XL,
        )

        def coded(number: int) -> Stream:
            stream = tiles.stream(number)
            progress.step()
            return stream

        streams = list(ordered_map(coded, range(len(header.tiling)), self.device.threads))
        return image_file.write(Container(header, streams, self.extras))

    def _refiner(self, loaded: Loaded, steps: int, progress: Progress) -> Refiner:
        from codec.search.refine import Refiner

        return Refiner(loaded, steps, self.metric, progress.step)


def refinement_steps(effort: int) -> int:
    """How often refinement descends for each tile."""
    from codec.search.refine import STEPS

    return STEPS[effort]


def encode(
    image: ImageData,
    quality: float,
    device: Device,
    *,
    effort: int = 1,
    tiles: Callable[[int, int], tuple[int, int]] = tile_units,
) -> bytes:
    """The file of an image at a quality of 0..100; see `ImageEncoder`."""
    encoder = ImageEncoder(image, device, tiles=tiles)
    return encoder.encode(encoder.curve.step_index(quality), effort)
