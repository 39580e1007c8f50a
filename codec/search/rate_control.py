"""Image files of a wanted size or likeness, by the search over steps in `secant`.

Refined files are searched for from where the plain ones, which are quick to make, meet the target.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from codec.bitstream.errors import MediaError
from codec.devices import check_torch
from codec.image.decode import decode
from codec.image.encode import ImageEncoder
from codec.media.image.data import STEP_OF_8_BITS, ImageData, Pixels
from codec.quality import DEFAULT_QUALITY, LARGEST_BPP, REFINING_EFFORT
from codec.search import ssimulacra2
from codec.search.secant import Found, Search, Target, judge, of_bytes

SIZE_SLACK = 0.01  # a file may be so much smaller than its target
DECIBEL_SLACK = 0.05  # an image may be so much nearer to the original
PLAIN = REFINING_EFFORT - 1  # the highest effort that is quick enough to search with
SCORE_SLACK = 0.5  # points of SSIMULACRA 2 that an image may be better
SCORE_SLOPE = 12.0  # points an octave of the step, where most images are
EXACT_DB = 100.0  # stands for images without any error


ImageTarget = Target[ImageEncoder]


def target_size(size_bytes: int) -> ImageTarget:
    """A file of at most so many bytes, and not many fewer. Raises ValueError where it is not positive."""
    return of_bytes(size_bytes * (1 - SIZE_SLACK), size_bytes)


def bytes_at(rate_bpp: float, image: ImageData) -> int:
    """Bytes of an image's file at so many bits a pixel. Raises ValueError where they are not a positive number."""
    if not 0 < rate_bpp <= LARGEST_BPP:
        raise ValueError(f"target of {rate_bpp} bits a pixel: expected a positive number, at most {LARGEST_BPP}")
    return max(int(rate_bpp * image.pixels.shape[0] * image.pixels.shape[1] / 8), 1)


def target_psnr(psnr_db: float) -> ImageTarget:
    """An image of at least this PSNR over all samples, and not much more. Raises ValueError where it is not finite."""
    if not math.isfinite(psnr_db):
        raise ValueError(f"target PSNR {psnr_db}: expected decibels")
    return _decibels(psnr_db, _psnr_db, lambda level: f"{level:.2f} dB")


def target_ssim(ms_ssim: float) -> ImageTarget:
    """An image of at least this MS-SSIM, and not much more. Raises ValueError where it is not within 0..1."""
    check_torch("a target of MS-SSIM")
    if not 0 < ms_ssim < 1:
        raise ValueError(f"target MS-SSIM {ms_ssim}: expected a number between 0 and 1")
    return _decibels(_ssim_db(ms_ssim), _similarity_db, lambda level: f"an MS-SSIM of {1 - 10 ** (-level / 10):.4f}")


def target_ssimulacra2(score: float) -> ImageTarget:
    """An image of at least this SSIMULACRA 2, and not much more. Raises ValueError where it is not within 0..100."""
    if not 0 < score < 100:
        raise ValueError(f"target SSIMULACRA 2 {score}: expected a number between 0 and 100")
    high = score + SCORE_SLACK
    shown = "an SSIMULACRA 2 of {:.2f}".format
    return Target(score, high, (score + high) / 2, SCORE_SLOPE, _score, shown, bounded=False)


def _decibels(
    level: float, measured: Callable[[bytes, ImageEncoder], float], shown: Callable[[float], str]
) -> ImageTarget:
    high = level + DECIBEL_SLACK
    return Target(level, high, (level + high) / 2, 4.0, measured, shown, bounded=False)


def file(encoder: ImageEncoder, target: ImageTarget, effort: int) -> bytes:
    """The file of an image that meets a target.

    Warns MediaNotice where it is better than asked for, as no step comes nearer.
    Raises MediaError where even the best or smallest file does not meet the target; ValueError from the measure.
    """
    return search(encoder, target, effort).data


def search(encoder: ImageEncoder, target: ImageTarget, effort: int) -> Found:
    """`file`, and how it was found."""
    start, slope, passes = encoder.curve.step_index(DEFAULT_QUALITY), target.slope, 0
    if effort > PLAIN:
        plain = _search(encoder, target, PLAIN)
        found = plain.run(start, slope)
        start, slope, passes = found.step_index, plain.slope or slope, found.passes
    found = _search(encoder, target, effort).run(start, slope)
    judge(target, found)
    return Found(found.data, found.step_index, found.level, found.passes + passes)


def _search(encoder: ImageEncoder, target: ImageTarget, effort: int) -> Search[ImageEncoder]:
    return Search(lambda index: encoder.encode(index, effort), encoder, target, encoder.curve)


def _psnr_db(data: bytes, encoder: ImageEncoder) -> float:
    x, x_hat = _samples(data, encoder)
    error = float(np.mean((x - x_hat) ** 2))
    return 10 * math.log10(255**2 / error) if error else EXACT_DB


def _similarity_db(data: bytes, encoder: ImageEncoder) -> float:
    import torch

    from codec.search import ms_ssim

    x, x_hat = (torch.from_numpy(side).permute(2, 0, 1)[None] for side in _samples(data, encoder))
    if min(x.shape[2:]) < ms_ssim.SMALLEST_SIDE:
        raise MediaError(
            f"an image of {x.shape[3]} x {x.shape[2]} pixels has no MS-SSIM: "
            f"both sides must be at least {ms_ssim.SMALLEST_SIDE}"
        )
    with torch.inference_mode():
        return _ssim_db(float(ms_ssim.ms_ssim(x, x_hat)))


def _score(data: bytes, encoder: ImageEncoder) -> float:
    """SSIMULACRA 2."""
    x, x_hat = _samples(data, encoder)
    if min(x.shape[:2]) < ssimulacra2.SMALLEST_SIDE:
        raise MediaError(
            f"an image of {x.shape[1]} x {x.shape[0]} pixels has no SSIMULACRA 2: "
            f"both sides must be at least {ssimulacra2.SMALLEST_SIDE}"
        )
    return float(ssimulacra2.score(ssimulacra2.distance(x[None], x_hat[None]))[0])


def _ssim_db(ms_ssim: float) -> float:
    """-10 log10 of what is missing to 1."""
    return -10 * math.log10(1 - ms_ssim) if ms_ssim < 1 else EXACT_DB


def _samples(data: bytes, encoder: ImageEncoder) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """The image and what decoders show of it, float32 (H, W, C) in 0..255."""
    image = encoder.image
    shown = decode(data, encoder.device, image.pixels.size, bit_depth=image.bit_depth).image
    return _floats(image.pixels), _floats(shown.pixels)


def _floats(pixels: Pixels) -> npt.NDArray[np.float32]:
    samples = pixels.astype(np.float32)
    return samples / np.float32(STEP_OF_8_BITS) if pixels.dtype == np.uint16 else samples
