"""Denoising beside others: `python -m codec.eval.denoising IMAGE...` prints a table of PSNR in dB and SSIMULACRA 2.

Each image gets seeded Gaussian noise, rounded to 8 bits. The others are scikit-image's methods, told the noise and
tuned: of a few strengths around the recommended one, that of the best PSNR in the mean over the images counts, for each
amount of noise. `--bm3d` is for BM3D as well, told the noise, which takes a minute where the others take a second.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

import numpy as np

import codec
from codec import media
from codec.eval import metrics
from codec.media import Pixels

SIGMAS = (10, 25, 50)
SIDE = 256  # of the middle of each image, which is all that is looked at
Denoiser = Callable[[Pixels, float], np.ndarray]  # image and sigma to an image of any dtype in 0..255


def denoisers(matching: bool) -> dict[str, list[Denoiser]]:
    """By name, at each strength. matching: with BM3D. Raises MissingPackage where one is not installed."""
    try:
        import_module("pywt")
        restoration: Any = import_module("skimage.restoration")
        bm3d: Any = import_module("bm3d") if matching else None
    except ImportError as error:
        raise codec.MissingPackage(
            f"{error.name}, to compare with, is not installed: pip install scikit-image pywavelets bm3d"
        ) from error

    def means(strength: float) -> Denoiser:
        def found(x: Pixels, sigma: float) -> np.ndarray:
            options = {"h": strength * sigma, "sigma": sigma, "patch_size": 5, "patch_distance": 6}
            y: np.ndarray = restoration.denoise_nl_means(x.astype(np.float64), channel_axis=2, **options)
            return y

        return found

    def wavelet(strength: float) -> Denoiser:
        def found(x: Pixels, sigma: float) -> np.ndarray:
            options = {"sigma": strength * sigma / 255, "convert2ycbcr": True, "rescale_sigma": True}
            y: np.ndarray = restoration.denoise_wavelet(x / 255, channel_axis=2, **options) * 255
            return y

        return found

    def variation(strength: float) -> Denoiser:
        def found(x: Pixels, sigma: float) -> np.ndarray:
            y: np.ndarray = restoration.denoise_tv_chambolle(x / 255, strength * sigma / 255, channel_axis=2) * 255
            return y

        return found

    others: dict[str, list[Denoiser]] = {
        "non-local means": [means(strength) for strength in (0.4, 0.6, 0.8)],
        "wavelet": [wavelet(strength) for strength in (0.5, 0.75, 1.0)],
        "total variation": [variation(strength) for strength in (1.0, 1.5, 2.0)],
    }
    if matching:
        others["BM3D"] = [lambda x, sigma: bm3d.bm3d_rgb(x / 255, sigma / 255) * 255]
    return {
        "nothing": [lambda x, sigma: x],
        "codec": [lambda x, sigma: np.asarray(codec.denoise(x, sigma))],
        "codec, sigma estimated": [lambda x, sigma: np.asarray(codec.denoise(x))],
        **others,
    }


def scores(x: Pixels, y: np.ndarray) -> tuple[float, float]:
    """PSNR over RGB in dB, and SSIMULACRA 2, of y in 0..255 rounded to 8 bits."""
    found = np.clip(np.rint(y), 0, 255).astype(np.uint8)
    return metrics.psnr_db(x, found), metrics.ssimulacra2(x, found) or 0.0


def middle(path: str) -> Pixels:
    """Of an image."""
    x = media.read_image(path).pixels
    top, left = (max(side - SIDE, 0) // 2 for side in x.shape[:2])
    return metrics.rgb(x[top : top + SIDE, left : left + SIDE])


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(prog="codec.eval.denoising", description=__doc__)
    parser.add_argument("images", nargs="+", metavar="IMAGE")
    parser.add_argument("--bm3d", action="store_true", help="beside BM3D too")
    options = parser.parse_args()
    try:
        compare(options.images, denoisers(options.bm3d))
    except codec.CodecError as error:
        sys.exit(f"codec: {error}")


def compare(paths: Sequence[str], methods: dict[str, list[Denoiser]]) -> None:
    """Prints the table of methods, at each strength, on images."""
    images = [middle(path) for path in paths]
    chance = np.random.default_rng(0)
    noisy = {
        s: [np.clip(np.rint(x + chance.normal(0, s, x.shape)), 0, 255).astype(np.uint8) for x in images] for s in SIGMAS
    }
    print(f"| |{'|'.join(f' sigma {sigma} ' for sigma in SIGMAS)}|\n|---|{'---|' * len(SIGMAS)}")
    for name, strengths in methods.items():
        best = [
            max(
                np.mean([scores(x, strength(y, sigma)) for x, y in zip(images, noisy[sigma], strict=True)], 0).tolist()
                for strength in strengths
            )
            for sigma in SIGMAS
        ]
        print(f"| {name} |{'|'.join(f' {psnr:.2f}, {score:.1f} ' for psnr, score in best)}|", flush=True)


if __name__ == "__main__":
    main()
