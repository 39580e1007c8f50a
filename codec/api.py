"""The library's front door: compress, decompress, info, verify. torch is imported when first needed."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, overload

from codec import media
from codec.bitstream import container, format
from codec.media import ImageSource, PathLike, Picture, Pixels
from codec.media.raster import joined
from codec.quality import DEFAULT_QUALITY, EFFORT_MAX, IMAGE

if TYPE_CHECKING:
    from PIL import Image
    from torch import Tensor

Device = Literal["auto", "cpu", "cuda"]
BitDepth = Literal[8, 16]
Region = tuple[int, int, int, int]  # x, y, width, height in pixels

SHOWN_DAMAGE = 3  # pieces of damage that a warning names
METADATA_NAMES = {format.SECTION_ICC: "icc", format.SECTION_EXIF: "exif", format.SECTION_XMP: "xmp"}


class IncompletePicture(UserWarning):
    """A file was cut or damaged, and what there is of its picture is shown."""


@dataclass(frozen=True)
class Info:
    """What a file says of itself.

    width, height: pixels; channels: 1 grey, 3 RGB; bit_depth: of the source, 8 or 16; tiles: how many; metadata: the
    kinds that are there, of "icc", "exif" and "xmp"; size_bytes: of the whole file.
    """

    media: str
    width: int
    height: int
    channels: int
    bit_depth: int
    alpha: bool
    metadata: tuple[str, ...]
    tiles: int
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
    image: ImageSource,
    quality: float | None = None,
    *,
    effort: int = 1,
    target_size: int | None = None,
    target_bpp: float | None = None,
    target_psnr: float | None = None,
    target_ssim: float | None = None,
    roi: ImageSource | None = None,
    device: Device = "auto",
    max_pixels: int = format.MAX_PIXELS,
    progress: Callable[[float], None] | None = None,
) -> bytes:
    """The bytes of an .lcc file.

    image: a path, the bytes of a picture file, a Pillow image, or uint8 or uint16 (H, W) or (H, W, C) as array or
        tensor, C = 1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha.
    quality: 0 (smallest) to 100 (best), see `codec.quality`; 50 where neither it nor a target is given.
    effort: 0 to 9; 2 and more refine the latents of this picture, which takes seconds to minutes; decoders do not care.
    target_size, target_bpp: at most so many bytes, or bits a pixel, of the whole file, and at least 99 % of them.
    target_psnr, target_ssim: at least this PSNR in dB, or this MS-SSIM, and at most 0.05 dB more.
    roi: a picture of the same size whose grey is importance: white is refined at the cost of black. Effort 1 or more.
    progress: called with the share of a refinement that is done, maybe from several threads.
    Warns MediaNotice where the picture is converted before it is coded, or nothing comes near a target that is kept.
    Raises: MediaError (a target that cannot be met too), LimitExceeded, both CodecError; ValueError for arguments that
        do not exist or contradict each other.
    """
    check_choice(quality=quality, bpp=target_bpp, psnr=target_psnr, size=target_size, ssim=target_ssim)
    check_effort(effort, roi is not None)
    check_quality(DEFAULT_QUALITY if quality is None else quality)
    from codec import picture, rate_control
    from codec.encoding import Encoding
    from codec.importance import importance_of

    source = media.read_picture(image, max_pixels)
    encoding = Encoding(
        source,
        picture.device_named(device),
        importance=None if roi is None else importance_of(media.read_picture(roi, max_pixels), source),
        progress=progress,
    )
    if target_bpp is not None:
        target_size = rate_control.bytes_at(target_bpp, source)
    if target_size is not None:
        return rate_control.file(encoding, rate_control.target_size(target_size), effort)
    if target_psnr is not None:
        return rate_control.file(encoding, rate_control.target_psnr(target_psnr), effort)
    if target_ssim is not None:
        return rate_control.file(encoding, rate_control.target_ssim(target_ssim), effort)
    return encoding.file(IMAGE.step_index(DEFAULT_QUALITY if quality is None else quality), effort)


@overload
def decompress(
    data: bytes | PathLike,
    *,
    output: Literal["pil"] = ...,
    bit_depth: BitDepth = ...,
    region: Region | None = ...,
    partial: bool = ...,
    device: Device = ...,
    max_pixels: int = ...,
) -> Image.Image: ...
@overload
def decompress(
    data: bytes | PathLike,
    *,
    output: Literal["picture"],
    bit_depth: BitDepth = ...,
    region: Region | None = ...,
    partial: bool = ...,
    device: Device = ...,
    max_pixels: int = ...,
) -> Picture: ...
@overload
def decompress(
    data: bytes | PathLike,
    *,
    output: Literal["array"],
    bit_depth: BitDepth = ...,
    region: Region | None = ...,
    partial: bool = ...,
    device: Device = ...,
    max_pixels: int = ...,
) -> Pixels: ...
@overload
def decompress(
    data: bytes | PathLike,
    *,
    output: Literal["tensor"],
    bit_depth: BitDepth = ...,
    region: Region | None = ...,
    partial: bool = ...,
    device: Device = ...,
    max_pixels: int = ...,
) -> Tensor: ...
def decompress(
    data: bytes | PathLike,
    *,
    output: Literal["pil", "picture", "array", "tensor"] = "pil",
    bit_depth: BitDepth = 8,
    region: Region | None = None,
    partial: bool = False,
    device: Device = "auto",
    max_pixels: int = format.MAX_PIXELS,
) -> Image.Image | Picture | Pixels | Tensor:
    """The picture of an .lcc file, given as its bytes or its path.

    output: "pil" for a Pillow image with its metadata, "picture" for samples, alpha and metadata (`codec.media`),
        "array" or "tensor" for (H, W, C) alone, C = 1 to 4, alpha last.
    bit_depth: of the samples, 8 or 16; Pillow holds 16 bits of grey pictures without alpha only.
    region: (x, y, width, height) of the only pixels wanted.
    partial: show what there is of a file that is cut or damaged behind its header; warns IncompletePicture.
    Raises: CorruptFile, LimitExceeded, UnsupportedFile, ModelMismatch, MediaError (all CodecError); ValueError.
    """
    from codec import picture

    if output not in ("pil", "picture", "array", "tensor"):
        raise ValueError(f"output '{output}': expected pil, picture, array or tensor")
    if bit_depth not in (8, 16):
        raise ValueError(f"bit depth {bit_depth}: expected 8 or 16")
    decoded = picture.decode(
        media.read_bytes(data),
        picture.device_named(device),
        max_pixels,
        bit_depth=bit_depth,
        region=region,
        partial=partial,
    )
    if decoded.damage:
        warnings.warn(_summary(decoded.damage), IncompletePicture, stacklevel=2)
    restored = decoded.picture
    if output == "pil":
        return media.to_pillow(restored)
    if output == "picture":
        return restored
    array = joined(restored)
    if output == "array":
        return array
    import torch

    return torch.from_numpy(array)


def info(data: bytes | PathLike) -> Info:
    """What an .lcc file says of itself, checksums checked, latents not decoded. Loads no torch.

    Raises: CorruptFile, LimitExceeded, UnsupportedFile, MediaError.
    """
    raw = media.read_bytes(data)
    parsed = container.read(raw, max_pixels=format.MAX_SIDE**2)
    header = parsed.header
    return Info(
        media="image",
        width=header.width,
        height=header.height,
        channels=header.channels,
        bit_depth=header.bit_depth,
        alpha=header.alpha,
        metadata=tuple(name for section, name in METADATA_NAMES.items() if section in parsed.extras),
        tiles=len(header.tiling),
        quality=round(IMAGE.quality(header.step_index), 1),
        model=header.model,
        weights=header.digest.hex(),
        version=format.VERSION,
        size_bytes=len(raw),
    )


def verify(
    data: bytes | PathLike, *, deep: bool = False, device: Device = "auto", max_pixels: int = format.MAX_PIXELS
) -> None:
    """Returns where an .lcc file is sound: its sections by their checksums, and where `deep` its latents and alpha too.

    Raises: CorruptFile, LimitExceeded, UnsupportedFile, MediaError; where `deep` ModelMismatch.
    """
    raw = media.read_bytes(data)
    container.read(raw, max_pixels)
    if deep:
        from codec import picture

        picture.verify(raw, picture.device_named(device), max_pixels)


def _summary(damage: tuple[str, ...]) -> str:
    more = len(damage) - SHOWN_DAMAGE
    return "; ".join(damage[:SHOWN_DAMAGE]) + (f"; and {more} more" if more > 0 else "")


def check_choice(**choices: float | None) -> None:
    """Raises ValueError where more than one of a quality and the targets is given."""
    given = sorted(
        name if name == "quality" else f"target {name}" for name, value in choices.items() if value is not None
    )
    if len(given) > 1:
        raise ValueError(f"{' and '.join(given)} contradict each other: give one of them")


def check_effort(effort: int, region_of_interest: bool) -> None:
    """Raises ValueError where effort is not within 0..EFFORT_MAX, or too little for a region of interest."""
    if effort not in range(EFFORT_MAX + 1):
        raise ValueError(f"effort {effort}: expected 0 to {EFFORT_MAX}")
    if region_of_interest and not effort:
        raise ValueError("effort 0 rounds all alike: a region of interest needs effort 1 or more")


def check_quality(quality: float) -> None:
    """Raises ValueError where quality is not within 0..100."""
    if not 0 <= quality <= format.QUALITY_MAX:
        raise ValueError(f"quality {quality}: expected 0 to {format.QUALITY_MAX}")
