"""Whatever a caller has of an image, to `ImageData`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, BinaryIO, Union

import numpy as np
import numpy.typing as npt
from PIL import Image

from codec.bitstream import constants
from codec.bitstream.errors import LimitExceeded, MediaError
from codec.media.image import exif, high_depth, modes
from codec.media.image.data import ImageData, split
from codec.media.image.pillow import guarded, opened
from codec.media.notices import notice
from codec.media.paths import PathLike, is_file, read_bytes
from codec.media.sniffing import HEAD_BYTES, is_audio

if TYPE_CHECKING:
    from torch import Tensor

ImageSource = Union[
    PathLike, bytes, bytearray, memoryview, BinaryIO, Image.Image, npt.NDArray[np.generic], "Tensor", ImageData
]

FIRST_OF_MANY = "MPO"  # JPEGs of cameras that bring a second view along: the first is the image
STEP_OF_FEW_BITS = {"L;2": 85, "L;4": 17}  # PNGs whose grey Pillow scales to 8 bits, but not their transparent grey


def read_image(source: ImageSource, max_pixels: int = constants.MAX_PIXELS) -> ImageData:
    """The image in a path, file bytes, binary file, Pillow image, array, tensor or ImageData.

    Arrays and tensors are uint8 or uint16: (H, W) or (H, W, 1) grey, (H, W, 2) grey and alpha, (H, W, 3) RGB,
    (H, W, 4) RGB and alpha. From files of PNG and TIFF 16 bits are read in full.
    Warns: MediaNotice, one for each thing that was converted or lost.
    Raises: MediaError, LimitExceeded; TypeError for other objects.
    """
    if isinstance(source, ImageData):
        _check_size(source.pixels.shape[1], source.pixels.shape[0], max_pixels)
        return source
    if isinstance(source, Image.Image):
        with guarded():
            return _from_pillow(source, None, max_pixels)
    if isinstance(source, (str, bytes, bytearray, memoryview, os.PathLike)) or is_file(source):
        data = read_bytes(source)
        if is_audio(data[:HEAD_BYTES]):
            raise MediaError("a clip where an image is expected")
        with guarded(), opened(data) as image:
            return _from_pillow(image, data, max_pixels)
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


def _from_pillow(image: Image.Image, data: bytes | None, max_pixels: int) -> ImageData:
    """The image of an image; data are the bytes of its file, where it was opened from one here."""
    _check_size(image.width, image.height, max_pixels)
    _check_single(image)
    raw_mode = high_depth.raw_mode(image)
    tags, packet, turn = b"", _xmp(image), exif.UPRIGHT
    if image.format == "TIFF":  # which Pillow turns upright as it loads them, and forgets that it did
        tags, turn = exif.of_tiff(image), exif.orientation(image)
    if data is not None and high_depth.is_colour(image):
        shown, samples = image, high_depth.colour(image, data)
    else:
        bits = high_depth.bits_in_file(image, data)
        shown = modes.plain(image)
        samples = high_depth.mended_grey(modes.samples(shown), image, raw_mode)
        if bits > 8 and samples.dtype == np.uint8:
            notice(f"{bits} bits a sample read as 8")
    if "transparency" in shown.info and samples.shape[2] in (1, 3):
        colour = np.multiply(shown.info["transparency"], STEP_OF_FEW_BITS.get(raw_mode, 1))
        samples = modes.with_transparent_colour(samples, colour)
    pixels, alpha = split(exif.turned_back(samples, turn))
    icc = _bytes(shown.info.get("icc_profile"))
    # the texts of a PNG may lie behind its pixels
    return ImageData(pixels, alpha, icc, tags or exif.of_image(image), packet or _xmp(image))


def _xmp(image: Image.Image) -> bytes:
    packet = image.info.get("xmp")
    return packet.encode() if isinstance(packet, str) else _bytes(packet)


def _bytes(content: object) -> bytes:
    """Metadata of an image, or none where odd files made something else of it."""
    return content if isinstance(content, bytes) else b""


def _check_size(width: int, height: int, max_pixels: int) -> None:
    if width * height > max_pixels or max(width, height) > constants.MAX_SIDE:
        raise LimitExceeded(f"an image of {width} x {height} pixels, the limit is {max_pixels} in all")


def _check_single(image: Image.Image) -> None:
    count = getattr(image, "n_frames", 1)
    if count == 1 or image.format == FIRST_OF_MANY:
        return
    if image.format == "TIFF":
        raise MediaError(f"a TIFF of {count} pages; only single pages are supported")
    raise MediaError(f"an animated {image.format} of {count} frames; animations are not supported")
