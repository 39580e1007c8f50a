"""The library's front door: compress, decompress, info. torch is imported when first needed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, overload

from codec import media
from codec.bitstream import container, format
from codec.media import ImageSource, PathLike, Pixels
from codec.quality import IMAGE

if TYPE_CHECKING:
    from PIL import Image
    from torch import Tensor

Device = Literal["auto", "cpu", "cuda"]


@dataclass(frozen=True)
class Info:
    """What a file says of itself. width, height: pixels; channels: 1 grey, 3 RGB; size_bytes: of the whole file."""

    media: str
    width: int
    height: int
    channels: int
    quality: float
    model: int
    weights: str
    version: int
    size_bytes: int

    @property
    def rate_bpp(self) -> float:
        """Bits a pixel of the whole file."""
        return self.size_bytes * 8 / (self.width * self.height)


def compress(
    image: ImageSource, quality: float = 50, *, device: Device = "auto", max_pixels: int = format.MAX_PIXELS
) -> bytes:
    """The bytes of an .lcc file.

    image: a path, the bytes of a picture file, a Pillow image (L or RGB), or uint8 (H, W), (H, W, 1) or (H, W, 3) as
        array or tensor.
    quality: 0 (smallest) to 100 (best), see `codec.quality`.
    Raises: MediaError, LimitExceeded (both CodecError); ValueError for a quality or device that does not exist.
    """
    from codec import picture

    check_quality(quality)
    pixels = media.read_picture(image, max_pixels)
    return picture.encode(pixels, quality, picture.device_named(device)).data


@overload
def decompress(
    data: bytes | PathLike, *, output: Literal["pil"] = ..., device: Device = ..., max_pixels: int = ...
) -> Image.Image: ...
@overload
def decompress(
    data: bytes | PathLike, *, output: Literal["array"], device: Device = ..., max_pixels: int = ...
) -> Pixels: ...
@overload
def decompress(
    data: bytes | PathLike, *, output: Literal["tensor"], device: Device = ..., max_pixels: int = ...
) -> Tensor: ...
def decompress(
    data: bytes | PathLike,
    *,
    output: Literal["pil", "array", "tensor"] = "pil",
    device: Device = "auto",
    max_pixels: int = format.MAX_PIXELS,
) -> Image.Image | Pixels | Tensor:
    """The picture of an .lcc file, given as its bytes or its path.

    output: "pil" for a Pillow image, "array" or "tensor" for uint8 (H, W, C), C = 1 or 3.
    Raises: CorruptFile, LimitExceeded, UnsupportedFile, ModelMismatch, MediaError (all CodecError); ValueError.
    """
    from codec import picture

    if output not in ("pil", "array", "tensor"):
        raise ValueError(f"output '{output}': expected pil, array or tensor")
    pixels = picture.decode(media.read_bytes(data), picture.device_named(device), max_pixels)
    if output == "array":
        return pixels
    if output == "tensor":
        import torch

        return torch.from_numpy(pixels)
    return media.to_pillow(pixels)


def info(data: bytes | PathLike) -> Info:
    """What an .lcc file says of itself, checksums checked, latents not decoded. Loads no torch.

    Raises: CorruptFile, LimitExceeded, UnsupportedFile, MediaError.
    """
    raw = media.read_bytes(data)
    header = container.read(raw, max_pixels=format.MAX_SIDE**2).header
    return Info(
        media="image",
        width=header.width,
        height=header.height,
        channels=header.channels,
        quality=round(IMAGE.quality(header.step_index), 1),
        model=header.model,
        weights=header.digest.hex(),
        version=format.VERSION,
        size_bytes=len(raw),
    )


def check_quality(quality: float) -> None:
    """Raises ValueError where quality is not within 0..100."""
    if not 0 <= quality <= format.QUALITY_MAX:
        raise ValueError(f"quality {quality}: expected 0 to {format.QUALITY_MAX}")
