"""The stream of one tile, in the cheapest of the ways that a file knows.

A tile is analysed a little beyond its edges and coded alone. As latents, it trusts the model where that is certain of
zeros, unless what is lost so costs more than coding it would; without loss, it is WebP, where that is smaller than what
latents take and the error that they leave is worth, or where they leave more than the quality promises. JPEG XL takes
part only where all tiles are without loss and somebody asked for it: not everybody can read it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from codec.bitstream import constants
from codec.bitstream.image import ImageHeader, Stream
from codec.image import jpeg_xl, lossless
from codec.image.promise import promised_error, rounded
from codec.image.tiles import LAYER_ENDS, PlainTile, Rect, whole
from codec.latents import encode as latents_encode
from codec.latents.encode import Coded
from codec.latents.header import identity, log2_steps_of
from codec.media import Pixels
from codec.media.image.data import STEP_OF_8_BITS
from codec.model.fixed_point import Floats
from codec.model.registry import IMAGE
from codec.model.weights import Loaded
from codec.search.lagrangian import LAMBDA, Price
from codec.search.rdoq import Rdoq

if TYPE_CHECKING:
    from codec.search.refine import Refiner

Importance = npt.NDArray[np.float32]  # (H, W) factor on the squared error of each pixel

LOST_SHARE = 0.005  # of a tile's bits: what certainty loses must be worth as much before it is asked what it would cost
# where WebP may be the better buy: so many pixels are like the one before; so many samples go on as a plane; neighbours
# differ by so much as latents cannot follow; or errors count so much that latents are hardly smaller
REPEATED_SHARE = 0.25
EVEN_SHARE = 0.6
REPEATED_WORTH = 3.0  # of errors in such tiles, where nothing hides them
JAGGED = 2000.0  # mean squared difference of horizontal or vertical neighbours, grey levels
FINE_WORTH = 0.1  # bits that a squared error of a pixel is worth ...
FINE_BITS = 5.0  # ... and that a pixel costs with its error


@dataclass(frozen=True, eq=False)
class TileEncoder:
    """Codes the tiles of an image.

    price: of errors, in rounding. rdoq: how latents become integers, to the nearest where None. refiner: of latents,
    where that is asked for.
    always_lossless, always_latents: whether there is no choice. may_be_jpeg_xl: of what is always lossless.
    """

    header: ImageHeader
    pixels: Pixels
    importance: Importance | None
    loaded: Loaded
    price: Price
    rdoq: Rdoq | None
    refiner: Refiner | None = None
    always_lossless: bool = False
    always_latents: bool = False
    may_be_jpeg_xl: bool = False

    def stream(self, number: int) -> Stream:
        """Of a tile."""
        tile, name = Rect.of(self.header.tiling[number]), identity(self.header, number)
        pixels = self.pixels[tile.within(whole(self.header))]
        if self.always_lossless:
            return self._without_loss(pixels, name)
        kind, coded = self._as_latents(tile, name)
        if self.always_latents:
            return stream_of(self.header, kind, coded.parts)
        squared_error = functools.cache(functools.partial(self._squared_error, coded, tile))  # takes a synthesis
        cost = self._cost_against_lossless(coded, pixels, squared_error)
        if cost is not None:
            payload = lossless_payload(pixels, name)
            if 8 * len(payload) <= cost:
                return stream_of(self.header, constants.TILE_LOSSLESS, (payload,))
        allowed = promised_error(IMAGE.curve_of(self.header.digest).quality(self.header.step_index))
        if allowed is not None and squared_error() > allowed * 3 * pixels[..., 0].size:
            payload = lossless_payload(rounded(pixels, allowed), name)
            return stream_of(self.header, constants.TILE_LOSSLESS, (payload,))
        return stream_of(self.header, kind, coded.parts)

    def _without_loss(self, pixels: Pixels, name: bytes) -> Stream:
        """Of all the pixels of a tile, in the smallest of the ways that are allowed."""
        plain = stream_of(self.header, constants.TILE_LOSSLESS, (lossless_payload(pixels, name),))
        data = jpeg_xl.encode(pixels) if self.may_be_jpeg_xl else None
        if data is None:
            return plain
        other = stream_of(self.header, constants.TILE_JPEG_XL, (data + lossless.checksum(pixels, name),))
        return min(plain, other, key=lambda stream: len(stream.data))

    def _cost_against_lossless(self, coded: Coded, pixels: Pixels, squared_error: Callable[[], float]) -> float | None:
        """Bits of coded latents and of the error that they leave; None where WebP has no chance."""
        step: float = 2.0 ** (self.header.step_index / constants.STEP_UNITS)
        worth = LAMBDA / step**2
        even = repeats(pixels) or is_computed(pixels)
        odd = even or is_jagged(pixels)
        if not odd and worth <= FINE_WORTH:
            return None
        error = worth * squared_error()
        cost = 8 * coded.size + error * (REPEATED_WORTH if even else 1.0)
        return cost if odd or cost > FINE_BITS * pixels[..., 0].size else None

    def _as_latents(self, tile: Rect, name: bytes) -> tuple[int, Coded]:
        model, log2_step = self.loaded.model, log2_steps_of(self.header)
        seen = tile.grown(model.config.analysis_halo * constants.STRIDE, self.header.width, self.header.height)
        around = model.analysis(padded(self.pixels[seen.within(whole(self.header))]), log2_step)
        rows, columns = inside = tile.scaled().within(seen.scaled())
        h = np.ascontiguousarray(around[:, rows, columns])
        importance = self._importance(tile)
        weight = 1.0 if importance is None else _pooled(importance)

        def coded(certain: bool) -> Coded:
            return latents_encode.encode(
                model,
                self.loaded.tables,
                h,
                log2_step,
                name,
                self.rdoq,
                price=self.price,
                weight=weight,
                cut_after=LAYER_ENDS,
                certain=certain,
            )

        kind, found = constants.TILE_LATENTS, coded(certain=True)
        if found.lost > LOST_SHARE * 8 * found.size:
            doubting = coded(certain=False)
            if 8 * doubting.size + doubting.error < 8 * found.size + found.error:
                kind, found = constants.TILE_OPEN_LATENTS, doubting
        if self.refiner:
            x = padded(self.pixels[tile.within(whole(self.header))])
            plain = PlainTile(x, _on_padding(importance, tile, x), around, inside, self.header.channels == 1)
            found = self.refiner.code(plain, log2_step, weight, name, kind == constants.TILE_LATENTS)
        return kind, found

    def _importance(self, tile: Rect) -> Floats | None:
        """(1, rows, columns) importance of a tile."""
        return None if self.importance is None else self.importance[tile.within(whole(self.header))][None]

    def _squared_error(self, coded: Coded, tile: Rect) -> float:
        """Of the pixels that decoders show of a tile alone, in grey levels of 8 bits, weighed by importance."""
        x = padded(self.pixels[tile.within(whole(self.header))])
        x_hat = self.loaded.model.synthesis(coded.latents.features, log2_steps_of(self.header))
        error = ((np.clip(x_hat, 0, 255) - x) ** 2).sum(3)
        return float(np.sum(error * _on_padding(self._importance(tile), tile, x)[..., 0]))


def stream_of(header: ImageHeader, kind: int, parts: tuple[bytes, ...]) -> Stream:
    """The stream of a tile of this kind, in the layers that files of its header have."""
    first, *others = parts
    missing = constants.LAYERS - len(parts) if header.tiled else 0
    return Stream((bytes([kind]) + first, *others, *[b""] * missing))


def lossless_payload(pixels: Pixels, name: bytes) -> bytes:
    """What the stream of a lossless tile holds behind its kind: the pixels, and a checksum of them and their place."""
    return lossless.encode(pixels) + lossless.checksum(pixels, name)


def repeats(pixels: Pixels) -> bool:
    """Whether (H, W, C) pixels repeat so often that WebP may be small: screens, charts, flat colours."""
    if pixels.shape[1] < 2:
        return pixels.shape[0] < 2 or repeats(pixels.transpose(1, 0, 2))
    return float((pixels[:, 1:] == pixels[:, :-1]).all(2).mean()) > REPEATED_SHARE


def is_computed(pixels: Pixels) -> bool:
    """Whether (H, W, C) pixels go on evenly in both directions so often that nobody photographed them: shades."""
    if min(pixels.shape[:2]) < 2:
        return False
    plane = pixels[1:, :-1] + pixels[:-1, 1:] - pixels[:-1, :-1]  # modulo the range of the type
    return float((pixels[1:, 1:] == plane).mean()) > EVEN_SHARE


def is_jagged(pixels: Pixels) -> bool:
    """Whether neighbours of (H, W, C) pixels differ so much that latents may not follow: noise, fine stripes."""
    x = pixels.astype(np.float32) / (1 if pixels.dtype == np.uint8 else STEP_OF_8_BITS)
    return any(float(np.mean(np.diff(x, axis=axis) ** 2)) > JAGGED for axis in (0, 1) if x.shape[axis] > 1)


def padded(pixels: Pixels) -> Floats:
    """(1, H', W', 3) float32 in 0..255 from pixels (H, W, 1 or 3): edges repeated up to whole latents."""
    x = pixels.astype(np.float32)
    if pixels.dtype == np.uint16:
        x /= np.float32(STEP_OF_8_BITS)
    x = np.repeat(x, 3, 2) if x.shape[2] == 1 else x
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
