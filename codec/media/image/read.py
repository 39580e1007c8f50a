"""Whatever a caller has of an image, to `ImageData`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Union

import numpy as np
import numpy.typing as npt
from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

from codec.bitstream import constants
from codec.bitstream.errors import LimitExceeded, MediaError
from codec.media.image import containers, exif, heif, high_depth, ico, modes, partly, profiles, tiff, xmp
from codec.media.image.data import ImageData, Pixels, split
from codec.media.image.found import Found
from codec.media.image.pillow import DamagedImage, guarded, opened
from codec.media.notices import notice
from codec.media.paths import PathLike, Readable, is_file, read_bytes
from codec.media.sniffing import HEAD_BYTES, is_audio

if TYPE_CHECKING:
    from torch import Tensor

ImageSource = Union[
    PathLike, bytes, bytearray, memoryview, Readable, Image.Image, npt.NDArray[np.generic], "Tensor", ImageData
]

FIRST_OF_MANY = ("MPO", "TIFF")  # JPEGs of cameras that bring more along; TIFFs, whose page was chosen before
MULTIPLIED = "RGBa"  # how the raw modes of TIFFs begin whose colours are multiplied by their alpha
STEP_OF_FEW_BITS = {"L;2": 85, "L;4": 17}  # PNGs whose grey Pillow scales to 8 bits, but not their transparent grey


def read_image(
    source: ImageSource, max_pixels: int = constants.MAX_PIXELS, *, partial: bool = False, extras: bool = True
) -> ImageData:
    """The image in a path, file bytes, binary file, Pillow image, array, tensor or ImageData.

    Arrays and tensors are uint8 or uint16: (H, W) or (H, W, 1) grey, (H, W, 2) grey and alpha, (H, W, 3) RGB,
    (H, W, 4) RGB and alpha. From files of PNG and TIFF 16 bits are read in full.
    partial: of a file that is cut or damaged, what there is of it. extras: keep what stands behind the image in its
    file, as gain maps and videos.
    Warns: MediaNotice, one for each thing that was converted or lost.
    Raises: MediaError, LimitExceeded; TypeError for other objects.
    """
    if isinstance(source, ImageData):
        _check_size(source.pixels.shape[1], source.pixels.shape[0], max_pixels)
        return source
    if isinstance(source, Image.Image):
        with guarded():
            return _from_pillow(source, None, Found(), max_pixels)
    if isinstance(source, (str, bytes, bytearray, memoryview, os.PathLike)) or is_file(source):
        data = read_bytes(source)
        if is_audio(data[:HEAD_BYTES]):
            raise MediaError("a clip where an image is expected")
        return _from_file(data, max_pixels, partial, extras)
    if type(source).__module__ == "torch" and hasattr(source, "detach"):
        source = source.detach().cpu().numpy()
    if not isinstance(source, np.ndarray):
        raise TypeError(f"an image cannot be a {type(source).__name__}")
    return _from_array(source, max_pixels)


def _from_array(array: npt.NDArray[np.generic], max_pixels: int) -> ImageData:
    samples = array[:, :, None] if array.ndim == 2 else array
    dtype = array.dtype.newbyteorder("=")
    if dtype not in (np.uint8, np.uint16) or samples.ndim != 3 or samples.shape[2] > 4 or 0 in samples.shape:
        raise MediaError(f"an array of {array.dtype} {array.shape}; expected uint8 or uint16 (H, W) or (H, W, 1 to 4)")
    _check_size(samples.shape[1], samples.shape[0], max_pixels)
    return ImageData(*split(samples.astype(dtype)))


def _from_file(data: bytes, max_pixels: int, partial: bool, extras: bool) -> ImageData:
    found = Found()
    with guarded():
        if ico.is_icon(data):
            data = ico.largest(data)
        coded = containers.take_apart(data, found)
    _settle_trailer(found, extras)
    try:
        return _from_coded(coded, found, max_pixels)
    except DamagedImage as error:
        for repaired in partly.repairs(coded, max_pixels) if partial else ():
            try:
                image = _from_coded(repaired, found, max_pixels)
            except MediaError:
                continue
            notice("the file is cut or damaged: read as far as it goes")
            return image
        raise error


def _settle_trailer(found: Found, extras: bool) -> None:
    """Says what becomes of what stands behind the image."""
    if not found.trailer:
        return
    words = containers.trailer_in_words(found.trailer, found.xmp)
    if extras:
        notice(f"{words} kept as it is; without extras it is left out")
        return
    notice(f"{words} left out")
    found.trailer, found.alone = None, True


def _from_coded(coded: bytes, found: Found, max_pixels: int) -> ImageData:
    """The image of a file that was taken apart."""
    with guarded():
        if not heif.is_heif(coded):
            with opened(coded) as image:
                return _from_pillow(image, coded, found, max_pixels)
        samples, pillow = heif.opened(coded, max_pixels, found)
        if pillow is not None:
            return _from_pillow(pillow, coded, found, max_pixels)
        return _completed(samples, found)


def _from_pillow(image: Image.Image, data: bytes | None, found: Found, max_pixels: int) -> ImageData:
    """The image of an image; data are the bytes of its file, where it was opened from one here."""
    if isinstance(image, TiffImageFile):
        _check_size(image.width, image.height, max_pixels)
        tiff.choose_page(image)
    _check_size(image.width, image.height, max_pixels)
    _check_single(image)
    raw_mode = high_depth.raw_mode(image)
    turn = exif.UPRIGHT
    if isinstance(image, TiffImageFile):  # which Pillow turns upright as it loads them, and forgets that it did
        found.exif, turn = exif.of_tiff(image), exif.orientation(image)
        tiff.collect(image, data, found)
        found.xmp = _xmp(image)
    if found.icc:
        image.info["icc_profile"] = found.icc
    if data is not None and high_depth.is_colour(image):
        shown, samples = image, high_depth.colour(image, data)
    else:
        bits = high_depth.bits_in_file(image, data)
        if raw_mode.startswith(MULTIPLIED):
            notice(modes.DIVIDED)
        shown = modes.plain(image)
        samples = high_depth.mended_grey(modes.samples(shown), image, raw_mode)
        if bits > 8 and samples.dtype == np.uint8:
            notice(f"{bits} bits a sample read as 8")
    if "transparency" in shown.info and samples.shape[2] in (1, 3):
        colour = np.multiply(shown.info["transparency"], STEP_OF_FEW_BITS.get(raw_mode, 1))
        samples = modes.with_transparent_colour(samples, colour)
    containers.collect_info(image, found, data is not None)
    # the texts of a PNG may lie behind its pixels
    found.icc = _bytes(shown.info.get("icc_profile"))
    found.exif, found.xmp = found.exif or exif.of_image(image), found.xmp or _xmp(image)
    return _completed(exif.turned_back(samples, turn), found)


def _completed(samples: Pixels, found: Found) -> ImageData:
    """The image of samples (H, W, 1 to 4), with all that was found beside them but a profile that does not fit."""
    pixels, alpha = split(samples)
    if found.icc and (reason := profiles.misfit(found.icc, pixels.shape[2])):
        notice(f"the ICC profile {reason}: it is left out")
        found.icc = b""
    if found.alone:
        found.xmp, found.extended_xmp = xmp.harmless(found.xmp), xmp.harmless(found.extended_xmp)
    found.tell()
    return ImageData(pixels, alpha, found.icc, found.exif, found.xmp, found.extras())


def _xmp(image: Image.Image) -> bytes:
    packet = image.info.get("xmp")
    return packet.encode() if isinstance(packet, str) else _bytes(packet)


def _bytes(content: object) -> bytes:
    """Metadata of an image, or none where odd files made something else of it."""
    return content if isinstance(content, bytes) else b""


def _check_size(width: int, height: int, max_pixels: int) -> None:
    if not width * height:
        raise MediaError(f"an image of {width} x {height} pixels has none")
    if width * height > max_pixels or max(width, height) > constants.MAX_SIDE:
        raise LimitExceeded(f"an image of {width} x {height} pixels, the limit is {max_pixels} in all")


def _check_single(image: Image.Image) -> None:
    count = getattr(image, "n_frames", 1)
    if count == 1 or image.format in FIRST_OF_MANY:
        return
    raise MediaError(f"an animated {image.format} of {count} frames; animations are not supported")
