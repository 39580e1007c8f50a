"""Noise taken off images by coding them: what the prior does not expect is not worth its bits.

Idea: Natarajan 1995, compression as denoising; averages over shifts: Coifman and Donoho 1995, cycle spinning.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from codec import media
from codec.arguments import Device, whole_number
from codec.bitstream import constants
from codec.bitstream.errors import MediaError
from codec.devices import device_named
from codec.image import decode as image_decode
from codec.media import ImageData, ImageSource, PathLike
from codec.media.image.data import STEP_OF_8_BITS
from codec.model.fixed_point import Floats
from codec.uses.coded import image_file

if TYPE_CHECKING:
    from PIL import Image

# fitted on crops of two Kodak images: octaves of the nominal step above the noise's standard deviation, and what errors
# are worth beside bits; both are for weights for squared error
OCTAVES, WORTH = 0.5, 0.05
LEAST_SIGMA = 0.5  # grey levels of 8 bits: with less there is nothing to take off
OF_A_GAUSSIAN = 0.6745  # its median magnitude, in standard deviations
SPACING = 5  # pixels between shifts: no divisor of the grids of blocks


def noise_sigma(pixels: Floats) -> float:
    """Standard deviation of the white noise in (H, W, C) pixels, from the median of their finest diagonal details.

    Source: Donoho and Johnstone 1994.
    """
    height, width = (side // 2 * 2 for side in pixels.shape[:2])
    if not height or not width:
        return 0.0
    x = pixels[:height, :width]
    details = (x[::2, ::2] - x[1::2, ::2] - x[::2, 1::2] + x[1::2, 1::2]) / 2
    return float(np.median(np.abs(details)) / OF_A_GAUSSIAN)


def denoise(
    image: ImageSource,
    sigma: float | None = None,
    *,
    shifts: int = 4,
    device: Device = "auto",
    threads: int | None = None,
    weights: PathLike | None = None,
) -> Image.Image:
    """The image (Pillow, 8 bits) without white noise, by coding it at the step that fits the noise.

    image: as `codec.compress_image` takes it. sigma: standard deviation of the noise in grey levels of 8 bits;
        estimated where None. shifts: how many times the image is coded, each time a little aside, for the mean of all.
    Raises: MediaError, LimitExceeded, ModelMismatch (all CodecError); ValueError.
    """
    shifts = whole_number("shifts", shifts)
    if shifts < 1 or (sigma is not None and not 0 <= sigma < math.inf):
        raise ValueError(f"sigma {sigma}, {shifts} shifts: expected a sigma of 0 or more, and at least one shift")
    placed = device_named(device, threads, weights)
    source = media.read_image(image)
    if min(source.pixels.shape[:2]) < 2:
        raise MediaError(f"an image of {source.pixels.shape[1]} x {source.pixels.shape[0]} pixels is too small")
    x = source.pixels.astype(np.float32)
    x /= np.float32(1 if source.bit_depth == 8 else STEP_OF_8_BITS)
    sigma = noise_sigma(x) if sigma is None else sigma
    if sigma < LEAST_SIGMA:
        return media.to_pillow(source)
    step_index = round((math.log2(sigma) + OCTAVES) * constants.STEP_UNITS)
    step_index = min(max(step_index, 0), constants.STEP_INDEX_MAX)
    total = np.zeros_like(x)
    for number in range(shifts):
        by = number * SPACING
        moved = np.pad(source.pixels, ((by, 0), (by, 0), (0, 0)), "reflect") if by else source.pixels
        parsed = image_file(ImageData(np.ascontiguousarray(moved)), step_index, placed, metric="psnr", worth=WORTH)
        total += image_decode.restored(parsed, placed).image.pixels[by:, by:]
    pixels = np.clip(np.rint(total / shifts), 0, 255).astype(np.uint8)
    return media.to_pillow(replace(media.to_8_bits(source), pixels=pixels))
