"""Pictures at the edges: whatever a caller has to uint8 arrays, and back. Pillow does the files."""

from __future__ import annotations

import io
import os
import warnings
from typing import TYPE_CHECKING, Union

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from codec.bitstream import format
from codec.bitstream.errors import LimitExceeded, MediaError

if TYPE_CHECKING:
    from torch import Tensor

Pixels = npt.NDArray[np.uint8]
PathLike = Union[str, "os.PathLike[str]"]
ImageSource = Union[PathLike, bytes, Image.Image, Pixels, "Tensor"]

PICTURES = frozenset(
    {".png", ".webp", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".ppm"}
)  # what folders are searched for
MODES = {"L": 1, "RGB": 3}  # Pillow modes that are coded, and their channels


def read_bytes(source: PathLike | bytes) -> bytes:
    """The bytes themselves, or those of a file. Raises MediaError where it cannot be read."""
    if isinstance(source, bytes):
        return source
    try:
        with open(source, "rb") as file:
            return file.read()
    except OSError as error:
        raise MediaError(f"cannot read {os.fspath(source)}: {error.strerror or error}") from error


def read_picture(source: ImageSource, max_pixels: int = format.MAX_PIXELS) -> Pixels:
    """(H, W, C) uint8 with C = 1 or 3, from a path, file bytes, Pillow image, array or tensor.

    Arrays and tensors are (H, W), (H, W, 1) or (H, W, 3) uint8.
    Raises: MediaError, LimitExceeded; TypeError for other objects.
    """
    if isinstance(source, (str, bytes, os.PathLike)):
        return _from_file(read_bytes(source), max_pixels)
    if isinstance(source, Image.Image):
        return _from_pillow(source, max_pixels)
    if not isinstance(source, np.ndarray) and hasattr(source, "detach"):
        source = source.detach().cpu().numpy()
    if not isinstance(source, np.ndarray):
        raise TypeError(f"a picture cannot be a {type(source).__name__}")
    pixels = source[:, :, None] if source.ndim == 2 else source
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] not in (1, 3) or 0 in pixels.shape:
        raise MediaError(f"an array of {source.dtype} {source.shape}; expected uint8 (H, W), (H, W, 1) or (H, W, 3)")
    _check_size(pixels.shape[1], pixels.shape[0], max_pixels)
    return pixels


def _from_file(data: bytes, max_pixels: int) -> Pixels:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own limit comes first
            with Image.open(io.BytesIO(data)) as image:
                return _from_pillow(image, max_pixels)
    except Image.DecompressionBombError as error:
        raise LimitExceeded(f"the picture is too large: {error}") from error
    except UnidentifiedImageError as error:
        raise MediaError("not a picture that Pillow can read") from error
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        raise MediaError(f"the picture is damaged: {error}") from error


def _from_pillow(image: Image.Image, max_pixels: int) -> Pixels:
    _check_size(image.width, image.height, max_pixels)
    if getattr(image, "n_frames", 1) > 1:
        raise MediaError("animations are not supported")
    if image.mode not in MODES or "transparency" in image.info:
        mode = image.mode if image.mode not in MODES else f"{image.mode} with transparency"
        raise MediaError(f"pictures of mode {mode} are not supported, only L (grey) and RGB")
    return np.asarray(image).reshape(image.height, image.width, MODES[image.mode])


def _check_size(width: int, height: int, max_pixels: int) -> None:
    if width * height > max_pixels or max(width, height) > format.MAX_SIDE:
        raise LimitExceeded(f"a picture of {width} x {height} pixels, the limit is {max_pixels} in all")


def to_pillow(pixels: Pixels) -> Image.Image:
    """A Pillow image of (H, W, C) uint8."""
    return Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)


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
