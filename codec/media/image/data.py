"""An image in memory: grey or RGB samples of 8 or 16 bits, transparency, and the metadata that travels along."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from codec.bitstream.extras import ASPECT, INCH, Extras
from codec.media.image import profiles

Pixels = npt.NDArray[np.uint8 | np.uint16]

EXIF_PREFIX = b"Exif\0\0"  # what JPEG, and so Pillow, puts before EXIF
NO_EXTRAS = Extras()
STEP_OF_8_BITS = 257  # in 16 bits: 255 * 257 = 65535


@dataclass(frozen=True, eq=False)
class ImageData:
    """An image and what belongs to it, as stored: not turned upright, in the colours of its profile.

    pixels: (H, W, C) uint8 or uint16, C-contiguous, C = 1 (grey) or 3 (RGB).
    alpha: (H, W) of the same dtype, 0 is transparent; None where the image has none.
    icc, exif, xmp: the ICC profile, EXIF from its TIFF header on, the XMP packet; b"" where absent.
    extras: the rest of what its file held: IPTC, texts, resolution, chunks that say what colours mean, and so on.
    Raises: ValueError for arrays of other shapes or dtypes.
    """

    pixels: Pixels
    alpha: Pixels | None = None
    icc: bytes = b""
    exif: bytes = b""
    xmp: bytes = b""
    extras: Extras = NO_EXTRAS

    def __post_init__(self) -> None:
        pixels, alpha = self.pixels, self.alpha
        if pixels.dtype not in (np.uint8, np.uint16) or pixels.ndim != 3 or pixels.shape[2] not in (1, 3):
            raise ValueError(f"pixels of {pixels.dtype} {pixels.shape}; expected uint8 or uint16 (H, W, 1 or 3)")
        if 0 in pixels.shape or not pixels.flags.c_contiguous:
            raise ValueError(f"pixels of {pixels.shape} are none, or not C-contiguous")
        if alpha is not None and (alpha.dtype != pixels.dtype or alpha.shape != pixels.shape[:2]):
            raise ValueError(f"alpha of {alpha.dtype} {alpha.shape} for pixels of {pixels.dtype} {pixels.shape}")

    @property
    def bit_depth(self) -> int:
        """Bits a sample: 8 or 16."""
        return self.pixels.dtype.itemsize * 8

    @property
    def is_grey(self) -> bool:
        """Whether there is one channel instead of three."""
        return bool(self.pixels.shape[2] == 1)


def split(samples: Pixels) -> tuple[Pixels, Pixels | None]:
    """Pixels and alpha of an image, from (H, W, C): C = 1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha."""
    if samples.shape[2] in (1, 3):
        return np.ascontiguousarray(samples), None
    return np.ascontiguousarray(samples[:, :, :-1]), np.ascontiguousarray(samples[:, :, -1])


def joined(image: ImageData) -> Pixels:
    """(H, W, 1 to 4): what `split` takes apart."""
    return image.pixels if image.alpha is None else np.dstack((image.pixels, image.alpha))


def with_samples(image: ImageData, samples: Pixels) -> ImageData:
    """The image with other pixels and alpha, given as (H, W, 1 to 4)."""
    pixels, alpha = split(samples)
    return replace(image, pixels=pixels, alpha=alpha)


def at_depth(samples: Pixels, bit_depth: int) -> Pixels:
    """Samples of 8 or 16 bits at the other depth, rounded to the nearest, or as they are; 8 to 16 to 8 is exact."""
    if samples.dtype == np.uint8:
        return samples if bit_depth == 8 else samples.astype(np.uint16) * np.uint16(STEP_OF_8_BITS)
    if bit_depth == 16:
        return samples
    return ((samples.astype(np.uint32) + STEP_OF_8_BITS // 2) // STEP_OF_8_BITS).astype(np.uint8)


def to_8_bits(image: ImageData) -> ImageData:
    """The image with uint8 samples, rounded to the nearest."""
    return image if image.bit_depth == 8 else with_samples(image, at_depth(joined(image), 8))


def to_16_bits(image: ImageData) -> ImageData:
    """The image with uint16 samples; `to_8_bits` gives it back exactly."""
    return image if image.bit_depth == 16 else with_samples(image, at_depth(joined(image), 16))


def to_pillow(image: ImageData) -> Image.Image:
    """A Pillow image of mode L, LA, RGB or RGBA, its metadata in `info`; plain grey of 16 bits is I;16.

    Pillow holds no other images of 16 bits; they become 8 bits, rounded.
    """
    if not image.is_grey or image.alpha is not None:
        image = to_8_bits(image)
    samples = joined(image)
    pillow = Image.fromarray(samples[:, :, 0] if samples.shape[2] == 1 else samples)
    pillow.info.update(info(image))
    return pillow


def info(image: ImageData) -> dict[str, Any]:
    """The metadata of an image as Pillow has it in the `info` of an image; colours that chunks tell as a profile."""
    exif = EXIF_PREFIX + image.exif if image.exif else b""
    found: dict[str, Any] = {
        "icc_profile": profiles.effective(image.icc, image.extras, image.pixels.shape[2]),
        "exif": exif,
    }
    found |= {"xmp": image.xmp}
    found["comment"] = image.extras.comment.encode(errors="replace")
    resolution = image.extras.resolution
    if resolution and resolution.unit != ASPECT:
        found["dpi"] = resolution.per(INCH)
    return {name: content for name, content in found.items() if content}
