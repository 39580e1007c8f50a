"""From features to pixels (SPEC-SYNTHESIS, section 3)."""

from __future__ import annotations

import numpy as np

from tests.second_decoder.container import HAS_16_BITS, IS_COLOUR, Header
from tests.second_decoder.image_file import Pixels, Tiles, read_pixels
from tests.second_decoder.layers import Layers, Reals, depth_to_space
from tests.second_decoder.network import Latents, Network, Piece

STRIDE = 16  # pixels a latent


def stages(layers: Layers, features: Reals) -> dict[str, Reals]:
    """What each stage of synthesis gives, by name and in order; the last is colours, not clamped."""
    s16 = layers.blocks("s16", 4, features, layers.norms())
    up = depth_to_space(layers.linear("up", s16), (2, 2))
    s8 = layers.blocks("s8", 5, up, np.exp2(layers.array("log2_norm8")))
    x = depth_to_space(s8 @ layers.array("idct.weight").T + 128, (8, 8))
    return {"s16": s16, "up": up, "s8": s8, "x": x}


def image_of(network: Network, header: Header, tiles: Tiles, pieces: list[Piece], latents: list[Latents]) -> Pixels:
    """The pixels of an image, at the depth of its source."""
    height, width = tiles.size
    features = np.zeros((-(-height // STRIDE), -(-width // STRIDE), sum(header.sizes.groups)))
    for (top, left), of_tile in zip(tiles.corners, latents, strict=True):
        y, x = top // STRIDE, left // STRIDE
        rows, columns, _ = of_tile.y.shape
        features[y : y + rows, x : x + columns] = network.features(of_tile)
    colours = stages(Layers(network.weights, header.steps[0], header.sizes.middle), features)["x"][:height, :width]
    if not header.flags & IS_COLOUR:
        colours = colours.mean(2, keepdims=True)
    factor, dtype = (257, np.uint16) if header.flags & HAS_16_BITS else (1, np.uint8)
    pixels: Pixels = np.clip(np.rint(colours * factor), 0, 255 * factor).astype(dtype)
    for (top, left), piece in zip(tiles.corners, pieces, strict=True):
        if piece.pixels:
            rows, columns, _ = piece.pixels
            pixels[top : top + rows, left : left + columns] = read_pixels(piece, piece.pixels, header)
    return pixels
