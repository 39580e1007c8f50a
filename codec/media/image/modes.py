"""Pillow images of every mode -> grey or RGB, with or without alpha. Whatever is changed on the way says so."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
from PIL import Image

from codec.bitstream.errors import MediaError
from codec.media.image import profiles
from codec.media.image.data import Pixels
from codec.media.notices import notice

NAMES = {"L": "grey", "LA": "grey with transparency", "RGB": "RGB", "RGBA": "RGB with transparency"}
GREY_OF_16_BITS = frozenset({"I", "I;16", "I;16L", "I;16B", "I;16N"})
DIVIDED = "colours multiplied by their alpha divided by it"
KEPT = GREY_OF_16_BITS | set(NAMES)


def plain(image: Image.Image) -> Image.Image:
    """The image in one of the modes KEPT, loaded; its `info` has the ICC profile that still applies.

    Raises: MediaError for modes that are not supported, and whatever Pillow does.
    """
    mode = image.mode
    if mode in KEPT:
        image.load()
        return image
    if mode == "1":
        notice("one bit a pixel expanded to grey")
        return image.convert("L")
    if mode in ("P", "PA"):
        return _without_palette(image)
    if mode in ("La", "RGBa"):
        notice(DIVIDED)
        return image.convert(mode.upper())
    if mode == "CMYK":
        return _without_inks(image)
    if mode in ("YCbCr", "HSV"):
        notice(f"{mode} converted to RGB")
        return image.convert("RGB")
    if mode == "LAB":
        notice("LAB converted to sRGB")
        return _without_profile(image.convert("RGB"))
    if mode == "F":
        raise MediaError("images of floating-point numbers (mode F) are not supported")
    raise MediaError(f"images of mode {mode} are not supported")


def _without_palette(image: Image.Image) -> Image.Image:
    image.load()
    palette = np.array(image.getpalette("RGB")).reshape(-1, 3)
    is_grey = bool((palette == palette[:, :1]).all()) and not _has_profile_of_colour(image)
    mode = ("L" if is_grey else "RGB") + ("A" if image.has_transparency_data else "")
    notice(f"palette expanded to {NAMES[mode]}")
    coloured = image.convert("RGBA" if image.has_transparency_data else "RGB")
    return coloured.convert(mode)


def _has_profile_of_colour(image: Image.Image) -> bool:
    profile = image.info.get("icc_profile")
    return isinstance(profile, bytes) and not profiles.misfit(profile, 3)


def _without_inks(image: Image.Image) -> Image.Image:
    """CMYK as sRGB: through the profile where one is usable, else by Pillow's rule of thumb."""
    from PIL import ImageCms  # rarely needed, and takes its time

    image.load()
    embedded = image.info.get("icc_profile")
    if not embedded:
        notice("CMYK converted to RGB without a profile")
        return image.convert("RGB")
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(embedded))
        to_srgb = ImageCms.buildTransform(profile, ImageCms.createProfile("sRGB"), "CMYK", "RGB")
        converted = to_srgb.apply(image)
    except (ImageCms.PyCMSError, OSError):
        notice("CMYK converted to RGB without its profile, which is damaged")
        converted = image.convert("RGB")
    else:
        name = " ".join(ImageCms.getProfileDescription(profile).split())
        notice(f"CMYK converted to sRGB through the profile '{name}'")
    return _without_profile(converted)


def _without_profile(image: Image.Image) -> Image.Image:
    image.info.pop("icc_profile", None)
    return image


def samples(image: Image.Image) -> Pixels:
    """(H, W, C) uint8 or uint16 of an image in one of the modes KEPT, C = 1 to 4 as in its mode.

    Raises: MediaError where grey does not fit 16 bits.
    """
    values = np.array(image)
    if image.mode == "I":
        low, high = int(values.min()), int(values.max())
        if low < 0 or high > np.iinfo(np.uint16).max:
            raise MediaError(f"grey values from {low} to {high} do not fit 16 bits")
    dtype = np.uint16 if image.mode in GREY_OF_16_BITS else np.uint8
    return values.reshape(image.height, image.width, -1).astype(dtype, copy=False)


def with_transparent_colour(samples: Pixels, colour: npt.NDArray[np.integer]) -> Pixels:
    """(H, W, 2 or 4): grey or RGB samples with an alpha that hides one colour, given as () or (C,)."""
    notice("transparent colour expanded to alpha")
    opaque = np.iinfo(samples.dtype).max
    alpha = np.where((samples == colour).all(axis=2), 0, opaque).astype(samples.dtype)
    return np.dstack((samples, alpha))
