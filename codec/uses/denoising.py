"""Noise taken off images by coding them, what the prior does not expect being not worth its bits; off audio by `hiss`.

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
from codec.devices import Device as Placed
from codec.devices import device_named
from codec.image import decode as image_decode
from codec.media import AudioData, ImageData, PathLike
from codec.media.image.data import STEP_OF_8_BITS
from codec.model.fixed_point import Floats
from codec.uses.coded import Source, decoded, image_file, opened
from codec.uses.hiss import without_hiss

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
    source: Source,
    sigma: float | None = None,
    *,
    shifts: int = 4,
    device: Device = "auto",
    threads: int | None = None,
    weights: PathLike | None = None,
) -> Image.Image | AudioData:
    """An image (Pillow, 8 bits) without white noise, by coding it at the step that fits the noise; or audio without
    stationary noise, at its own rate.

    source: as `latents_of` takes it; .lcc files are decoded first.
    sigma: standard deviation of the noise: of images in grey levels of 8 bits, of audio in full scales; estimated where
        None, which of audio is for noise of any spectrum, under what pauses as speech does.
    shifts: how many times an image is coded, each time a little aside, for the mean of all.
    Raises: CorruptFile, MediaError, LimitExceeded, UnsupportedFile, ModelMismatch (all CodecError); ValueError.
    """
    shifts = whole_number("shifts", shifts)
    if shifts < 1 or (sigma is not None and not 0 <= sigma < math.inf):
        raise ValueError(f"sigma {sigma}, {shifts} shifts: expected a sigma of 0 or more, and at least one shift")
    placed = device_named(device, threads, weights)
    held = decoded(opened(source), placed)
    if isinstance(held, AudioData):
        return replace(held, samples=without_hiss(held.samples, held.sample_rate, sigma))
    return media.to_pillow(_denoised_image(held, sigma, shifts, placed))


def _denoised_image(image: ImageData, sigma: float | None, shifts: int, device: Placed) -> ImageData:
    if min(image.pixels.shape[:2]) < 2:
        raise MediaError(f"an image of {image.pixels.shape[1]} x {image.pixels.shape[0]} pixels is too small")
    x = image.pixels.astype(np.float32)
    x /= np.float32(1 if image.bit_depth == 8 else STEP_OF_8_BITS)
    sigma = noise_sigma(x) if sigma is None else sigma
    if sigma < LEAST_SIGMA:
        return image
    step_index = round((math.log2(sigma) + OCTAVES) * constants.STEP_UNITS)
    step_index = min(max(step_index, 0), constants.STEP_INDEX_MAX)
    total = np.zeros_like(x)
    for number in range(shifts):
        by = number * SPACING
        moved = np.pad(image.pixels, ((by, 0), (by, 0), (0, 0)), "reflect") if by else image.pixels
        parsed = image_file(ImageData(np.ascontiguousarray(moved)), step_index, device, metric="psnr", worth=WORTH)
        total += image_decode.restored(parsed, device).image.pixels[by:, by:]
    pixels = np.clip(np.rint(total / shifts), 0, 255).astype(np.uint8)
    return replace(media.to_8_bits(image), pixels=pixels)
