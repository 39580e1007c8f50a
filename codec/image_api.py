"""The front door of images: compress, decompress, decode. What computes is loaded when first needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, TypedDict, Unpack, overload

from codec import media
from codec.arguments import (
    BitDepth,
    Device,
    Lossless,
    Partial,
    Region,
    check_image_options,
    checked_region,
    seed_of,
    whole_number,
)
from codec.bitstream import constants
from codec.bitstream import image as image_file
from codec.decoded import DecodedImage
from codec.media import ByteSource, ByteTarget, ImageData, ImageSource, IncompleteImage, PathLike, Pixels
from codec.media.image.data import joined
from codec.progress import Report
from codec.quality import DEFAULT_EFFORT, DEFAULT_METRIC, DEFAULT_QUALITY, Metric

if TYPE_CHECKING:
    from PIL import Image
    from torch import Tensor

    from codec.bitstream.image import Container

ImageOutput = Literal["pil", "image", "array", "tensor"]
IMAGE_OUTPUTS = ("pil", "image", "array", "tensor")


class ImageCompression(TypedDict, total=False):
    """What `compress_image` can be asked for beside the quality."""

    effort: int
    target_size: int | None
    target_bpp: float | None
    target_psnr: float | None
    target_ssim: float | None
    target_ssimulacra2: float | None
    roi: ImageSource | None
    metric: Metric
    lossless: Lossless
    partial: bool
    extras: bool
    device: Device
    threads: int | None
    weights: PathLike | None
    max_pixels: int
    progress: Report | None
    out: ByteTarget | None


class ImageDecoding(TypedDict, total=False):
    """What `decompress_image` can be asked for beside the output."""

    bit_depth: BitDepth
    region: Region | None
    partial: Partial
    device: Device
    threads: int | None
    weights: PathLike | None
    max_pixels: int
    progress: Report | None


def compress_image(
    image: ImageSource,
    quality: float | None = None,
    *,
    effort: int = DEFAULT_EFFORT,
    target_size: int | None = None,
    target_bpp: float | None = None,
    target_psnr: float | None = None,
    target_ssim: float | None = None,
    target_ssimulacra2: float | None = None,
    roi: ImageSource | None = None,
    metric: Metric = DEFAULT_METRIC,
    lossless: Lossless = False,
    partial: bool = False,
    extras: bool = True,
    device: Device = "auto",
    threads: int | None = None,
    weights: PathLike | None = None,
    max_pixels: int = constants.MAX_PIXELS,
    progress: Report | None = None,
    out: ByteTarget | None = None,
) -> bytes:
    """The bytes of an .lcc file of an image.

    image: a path, the bytes of an image file, a binary file, a Pillow image, or uint8 or uint16 (H, W) or (H, W, C) as
        array or tensor, C = 1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha.
    quality: 0 (smallest) to 100 (best), see `codec.quality`; 50 where neither it nor a target is given.
    effort: 0 to 9; 2 and more refine the latents of this image, which takes seconds to minutes; decoders do not care.
    target_size, target_bpp: at most so many bytes, or bits a pixel, of the whole file, and at least 99 % of them.
    target_psnr, target_ssim: at least this PSNR in dB, or this MS-SSIM, and at most 0.05 dB more.
    target_ssimulacra2: at least this SSIMULACRA 2 (30 low, 50 medium, 70 high, 90 visually lossless), and at most
        half a point more.
    roi: an image of the same size whose grey is importance: white is refined at the cost of black. Effort 1 or more.
    metric: what the image is to be good by. "ssimulacra2": weights for eyes, and refinement by SSIMULACRA 2 and a share
        of squared error; "psnr": weights for squared error, and refinement by it; "msssim", from an effort of 2 on:
        weights for eyes, refinement by MS-SSIM.
    lossless: keep every pixel as it is, those under full transparency too; goes with no quality and no target. "jxl":
        by JPEG XL where that is smaller than WebP: such files need the extra `jxl` where they are read, too.
    partial: of an image file that is cut or damaged, take what there is.
    extras: keep what stands behind the image in its file, as it is: gain maps, videos.
    threads: of the networks on CPUs, up to effort 1; all cores where None.
    weights: a weights file to code with, or a folder of what files may need, before the rest of the shelf.
    progress: called with the share of the work that is done, of each file that a target takes, maybe from several
        threads: after each tile and each step of a refinement. What it raises ends the work (docs/control.md).
    out: a path or binary file that the bytes are written to as well; a file of that name appears whole or not at all.
    Warns MediaNotice where the image is converted before it is coded, or nothing comes near a target that is kept.
    Raises: MediaError (a target that cannot be met too), LimitExceeded, MissingPackage, all CodecError; ValueError
        for arguments that do not exist or contradict each other; TypeError.
    """
    check_image_options(
        quality,
        effort=effort,
        metric=metric,
        has_roi=roi is not None,
        lossless=lossless,
        target_size=target_size,
        target_bpp=target_bpp,
        target_psnr=target_psnr,
        target_ssim=target_ssim,
        target_ssimulacra2=target_ssimulacra2,
    )
    from codec.devices import device_named
    from codec.image.encode import ImageEncoder
    from codec.search.roi import importance_of

    effort = whole_number("effort", effort)
    source = media.read_image(image, max_pixels, partial=partial, extras=extras)
    encoder = ImageEncoder(
        source,
        device_named(device, threads, weights),
        importance=None if roi is None else importance_of(media.read_image(roi, max_pixels), source),
        metric=metric,
        lossless=lossless,
        progress=progress,
    )
    targets = (target_size, target_bpp, target_psnr, target_ssim, target_ssimulacra2)
    if all(target is None for target in targets):
        step_index = encoder.curve.step_index(DEFAULT_QUALITY if quality is None else float(quality))
        return media.written(encoder.encode(step_index, effort), out)
    from codec.search import rate_control

    if target_bpp is not None:
        target_size = rate_control.bytes_at(target_bpp, source)
    if target_size is not None:
        target = rate_control.target_size(whole_number("target size", target_size))
    elif target_psnr is not None:
        target = rate_control.target_psnr(target_psnr)
    elif target_ssim is not None:
        target = rate_control.target_ssim(target_ssim)
    else:
        assert target_ssimulacra2 is not None
        target = rate_control.target_ssimulacra2(target_ssimulacra2)
    return media.written(rate_control.file(encoder, target, effort), out)


@overload
def decompress_image(
    data: ByteSource, *, output: Literal["pil"] = "pil", **options: Unpack[ImageDecoding]
) -> Image.Image: ...
@overload
def decompress_image(data: ByteSource, *, output: Literal["image"], **options: Unpack[ImageDecoding]) -> ImageData: ...
@overload
def decompress_image(data: ByteSource, *, output: Literal["array"], **options: Unpack[ImageDecoding]) -> Pixels: ...
@overload
def decompress_image(data: ByteSource, *, output: Literal["tensor"], **options: Unpack[ImageDecoding]) -> Tensor: ...
def decompress_image(
    data: ByteSource, *, output: ImageOutput = "pil", **options: Unpack[ImageDecoding]
) -> Image.Image | ImageData | Pixels | Tensor:
    """The image of an .lcc file, given as its bytes, its path or a binary file.

    output: "pil" for a Pillow image with its metadata, "image" for samples, alpha and metadata (`ImageData`),
        "array" or "tensor" for (H, W, C) alone, C = 1 to 4, alpha last.
    options: as `decode_image` has them. Pillow holds 16 bits of grey images without alpha only.
    Warns IncompleteImage where `partial` and something was missing or wrong.
    Raises: CorruptFile, LimitExceeded, UnsupportedFile (a file of audio too), ModelMismatch, MediaError (all
        CodecError); ValueError.
    """
    check_output(output)
    return presented(decode_image(data, **options), output)


def decode_image(
    data: ByteSource,
    *,
    bit_depth: BitDepth | None = 8,
    region: Region | None = None,
    partial: Partial = False,
    device: Device = "auto",
    threads: int | None = None,
    weights: PathLike | None = None,
    max_pixels: int = constants.MAX_PIXELS,
    progress: Report | None = None,
) -> DecodedImage:
    """The image of an .lcc file with what there is to say of it: `image`, `damage` and `notices`. Warns of nothing.

    bit_depth: of the samples, 8 or 16; that of the image which was compressed where None.
    region: (x, y, width, height) of the only pixels wanted.
    partial: show what there is of a file that is cut or damaged behind its header; "draw" draws what is missing from
        the prior, as `codec.complete` does, where True takes expected values.
    threads: of the networks on CPUs; all cores where None.
    weights: a weights file to code with, or a folder of what files may need, before the rest of the shelf.
    progress: called with the share of the work that is done, tile by tile; what it raises ends the work.
    Raises: as `decompress_image`.
    """
    parsed = image_file.read(media.read_bytes(data), max_pixels, bool(partial))
    return decoded(
        parsed,
        bit_depth=bit_depth,
        region=region,
        partial=partial,
        device=device,
        threads=threads,
        weights=weights,
        progress=progress,
    )


def decoded(
    parsed: Container,
    *,
    bit_depth: BitDepth | None,
    region: Region | None,
    partial: Partial,
    device: Device,
    threads: int | None,
    weights: PathLike | None,
    progress: Report | None,
) -> DecodedImage:
    """`decode_image` of a file that is parsed."""
    from codec.devices import device_named
    from codec.image import decode

    depth = parsed.header.bit_depth if bit_depth is None else bit_depth
    if depth not in (8, 16):
        raise ValueError(f"bit depth {bit_depth}: expected 8 or 16")
    with media.collected_notices() as notices:
        found = decode.restored(
            parsed,
            device_named(device, threads, weights),
            bit_depth=int(depth),
            region=checked_region(region),
            partial=bool(partial),
            progress=progress,
            seed=seed_of(partial),
        )
    return replace(found, notices=tuple(notices))


def check_output(output: str, known: Sequence[str] = IMAGE_OUTPUTS) -> None:
    """Raises ValueError for an output that is none of those known."""
    if output not in known:
        raise ValueError(f"output '{output}': expected {', '.join(known[:-1])} or {known[-1]}")


def presented(found: DecodedImage, output: ImageOutput) -> Image.Image | ImageData | Pixels | Tensor:
    """A decoded image in the form that was asked for, with warnings for what there is to say of it."""
    media.warn_of(found.damage, found.notices, IncompleteImage)
    if output == "pil":
        return media.to_pillow(found.image)
    if output == "image":
        return found.image
    array = joined(found.image)
    if output == "array":
        return array
    from codec.devices import check_torch

    check_torch("output 'tensor'")
    import torch

    return torch.from_numpy(array)
