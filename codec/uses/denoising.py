"""Noise taken off images by coding them, what the prior does not expect being not worth its bits; off audio by `hiss`.

Idea: Natarajan 1995, compression as denoising; averages over shifts: Coifman and Donoho 1995, cycle spinning.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from codec import media
from codec.arguments import Device, check_number, whole_number
from codec.bitstream import constants
from codec.bitstream.errors import MediaError
from codec.devices import Device as Placed
from codec.devices import device_named
from codec.image import decode as image_decode
from codec.media import AudioData, ImageData, PathLike
from codec.media.image.data import STEP_OF_8_BITS
from codec.model.fixed_point import Floats
from codec.quality import IMAGE_PSNR
from codec.uses.coded import Source, decoded, image_file, opened
from codec.uses.hiss import without_hiss

if TYPE_CHECKING:
    from PIL import Image

# fitted on crops of Kodak images, for weights for squared error: octaves of the nominal step above the noise's standard
# deviation, how many fewer for each octave of that above MUCH grey levels, and what errors are worth beside bits
OCTAVES, FEWER, MUCH, WORTH = 0.5, 0.25, 25, 0.05
LEAST_SIGMA = 2  # grey levels of 8 bits: with less, coding takes more from the image than noise does
FINEST_SIGMA = 3  # that is coded at a step of its own: the model has none much finer
LARGEST_SIGMA = 2.0**16  # beyond full scale, of images and audio, all is noise
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
    if shifts < 1:
        raise ValueError(f"{shifts} shifts: expected at least one")
    if sigma is not None:
        check_number("sigma", sigma)
        if not 0 <= sigma < math.inf:
            raise ValueError(f"sigma {sigma}: expected 0 or more")
        sigma = min(float(sigma), LARGEST_SIGMA)
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
        return media.to_8_bits(image)
    step_index = _step_index(sigma)
    total = np.zeros_like(x)
    for number in range(shifts):
        by = number * SPACING
        moved = np.pad(image.pixels, ((by, 0), (by, 0), (0, 0)), "reflect") if by else image.pixels
        parsed = image_file(ImageData(np.ascontiguousarray(moved)), step_index, device, metric="psnr", worth=WORTH)
        total += image_decode.restored(parsed, device).image.pixels[by:, by:]
    pixels = np.clip(np.rint(total / shifts), 0, 255).astype(np.uint8)
    return replace(media.to_8_bits(image), pixels=pixels)


def _step_index(sigma: float) -> int:
    """Of the nominal step that fits noise, as far as the model has such."""
    octaves = math.log2(max(sigma, FINEST_SIGMA)) + OCTAVES - FEWER * max(math.log2(sigma / MUCH), 0)
    return round(min(octaves, IMAGE_PSNR.worst) * constants.STEP_UNITS)
