"""Pictures at the edges: whatever a caller has to uint8 arrays, and back. Pillow does the files."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Union

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from codec.bitstream import format
from codec.bitstream.errors import LimitExceeded, MediaError

if TYPE_CHECKING:
    from torch import Tensor

Pixels = npt.NDArray[np.uint8]
PathLike = Union[str, "os.PathLike[str]"]
ImageSource = Union[PathLike, bytes, bytearray, memoryview, Image.Image, Pixels, "Tensor"]

MODES = {"L": 1, "RGB": 3}  # Pillow modes that are coded, and their channels


# what a restored picture can be saved as: Pillow's format and its options, lossless where the format can be
SAVED_AS: dict[str, tuple[str, dict[str, int]]] = {
    ".png": ("PNG", {}),
    ".webp": ("WEBP", {"lossless": 1, "exact": 1}),
    ".tif": ("TIFF", {}),
    ".tiff": ("TIFF", {}),
    ".bmp": ("BMP", {}),
    ".ppm": ("PPM", {}),
    ".pgm": ("PPM", {}),
    ".jpg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".jpeg": ("JPEG", {"quality": 95, "subsampling": 0}),
}
PICTURES = frozenset(SAVED_AS)  # suffixes that folders are searched for

# what is opened: formats that Pillow decodes by itself, without calling other programs
OPENED = frozenset({"PNG", "JPEG", "MPO", "WEBP", "TIFF", "BMP", "PPM", "GIF", "JPEG2000", "AVIF", "TGA"})
FIRST_OF_MANY = "MPO"  # JPEGs of cameras that bring a second view along: the first is the picture


def read_bytes(source: PathLike | bytes | bytearray | memoryview) -> bytes:
    """The bytes themselves, or those of a file. Raises MediaError where it cannot be read; TypeError."""
    if isinstance(source, (bytes, bytearray, memoryview)):
        return bytes(source)
    if not isinstance(source, (str, os.PathLike)):
        raise TypeError(f"expected a path or bytes, not a {type(source).__name__}")
    try:
        with open(source, "rb") as file:
            return file.read()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise MediaError(f"cannot read {os.fspath(source)!r}: {reason}") from error


def read_picture(source: ImageSource, max_pixels: int = format.MAX_PIXELS) -> Pixels:
    """(H, W, C) uint8 with C = 1 or 3, upright, from a path, file bytes, Pillow image, array or tensor.

    Arrays and tensors are (H, W), (H, W, 1) or (H, W, 3) uint8.
    Raises: MediaError, LimitExceeded; TypeError for other objects.
    """
    if isinstance(source, Image.Image):
        with _errors_of_pillow():
            return _from_pillow(source, max_pixels)
    if isinstance(source, (str, bytes, bytearray, memoryview, os.PathLike)):
        data = io.BytesIO(read_bytes(source))
        with _errors_of_pillow():
            Image.init()
            with Image.open(data, formats=sorted(OPENED & set(Image.OPEN))) as image:
                return _from_pillow(image, max_pixels)
    if type(source).__module__ == "torch" and hasattr(source, "detach"):
        source = source.detach().cpu().numpy()
    if not isinstance(source, np.ndarray):
        raise TypeError(f"a picture cannot be a {type(source).__name__}")
    pixels = source[:, :, None] if source.ndim == 2 else source
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] not in (1, 3) or 0 in pixels.shape:
        raise MediaError(f"an array of {source.dtype} {source.shape}; expected uint8 (H, W), (H, W, 1) or (H, W, 3)")
    _check_size(pixels.shape[1], pixels.shape[0], max_pixels)
    return np.ascontiguousarray(pixels)


@contextmanager
def _errors_of_pillow() -> Iterator[None]:
    """Whatever Pillow raises for a bad picture, as an error of the family."""
    try:
        yield
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise LimitExceeded(f"the picture is too large: {error}") from error
    except UnidentifiedImageError as error:
        raise MediaError("not a picture of a known format") from error
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        raise MediaError(f"the picture is damaged: {error}") from error


def _from_pillow(image: Image.Image, max_pixels: int) -> Pixels:
    _check_size(image.width, image.height, max_pixels)
    if getattr(image, "n_frames", 1) > 1 and image.format != FIRST_OF_MANY:
        raise MediaError("animations are not supported")
    if image.mode not in MODES or "transparency" in image.info:
        mode = image.mode if image.mode not in MODES else f"{image.mode} with transparency"
        raise MediaError(f"pictures of mode {mode} are not supported, only L (grey) and RGB")
    image = ImageOps.exif_transpose(image)
    return np.array(image).reshape(image.height, image.width, MODES[image.mode])


def _check_size(width: int, height: int, max_pixels: int) -> None:
    if width * height > max_pixels or max(width, height) > format.MAX_SIDE:
        raise LimitExceeded(f"a picture of {width} x {height} pixels, the limit is {max_pixels} in all")


def to_pillow(pixels: Pixels) -> Image.Image:
    """A Pillow image of (H, W, C) uint8."""
    return Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)


def check_suffix(suffix: str) -> None:
    """Raises MediaError for a suffix that names no picture format that can be written."""
    if suffix not in SAVED_AS:
        raise MediaError(f"cannot write pictures as '{suffix}'; known: {' '.join(SAVED_AS)}")


def picture_file(image: Image.Image, suffix: str) -> bytes:
    """The bytes of a picture file of the format that a suffix names. Raises MediaError."""
    check_suffix(suffix)
    kind, options = SAVED_AS[suffix]
    out = io.BytesIO()
    try:
        image.save(out, kind, **options)
    except (OSError, ValueError) as error:
        raise MediaError(f"cannot write the picture as {kind}: {error}") from error
    return out.getvalue()
