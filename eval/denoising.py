"""Denoising beside scikit-image: `python -m codec.eval.denoising IMAGE...` prints a table of PSNR in dB.

Each image gets seeded Gaussian noise, rounded to 8 bits. scikit-image's methods are told the noise and tuned: of a few
strengths around the recommended one, the best by the mean over the images counts, for each amount of noise.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

import numpy as np

import codec
from codec import media
from codec.media import Pixels

SIGMAS = (10, 25, 50)
SIDE = 256  # of the middle of each image, which is all that is looked at
Denoiser = Callable[[Pixels, float], np.ndarray]  # image and sigma to an image of any dtype in 0..255


def denoisers() -> dict[str, list[Denoiser]]:
    """By name, at each strength. Raises MissingPackage without scikit-image."""
    try:
        import_module("pywt")
        restoration: Any = import_module("skimage.restoration")
    except ImportError as error:
        raise codec.MissingPackage(
            "denoisers to compare with need scikit-image and PyWavelets: pip install scikit-image pywavelets"
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

    return {
        "nothing": [lambda x, sigma: x],
        "codec": [lambda x, sigma: np.asarray(codec.denoise(x, sigma))],
        "codec, sigma estimated": [lambda x, sigma: np.asarray(codec.denoise(x))],
        "non-local means": [means(strength) for strength in (0.4, 0.6, 0.8)],
        "wavelet": [wavelet(strength) for strength in (0.5, 0.75, 1.0)],
        "total variation": [variation(strength) for strength in (1.0, 1.5, 2.0)],
    }


def psnr(x: np.ndarray, y: np.ndarray) -> float:
    """In dB, of values in 0..255."""
    error = np.mean((np.clip(x, 0, 255) - y.astype(np.float64)) ** 2)
    return float(10 * np.log10(255**2 / error))


def middle(path: str) -> Pixels:
    """Of an image."""
    x = media.read_image(path).pixels
    top, left = (max(side - SIDE, 0) // 2 for side in x.shape[:2])
    return x[top : top + SIDE, left : left + SIDE]


def main(paths: Sequence[str]) -> None:
    """Prints the table."""
    images = [middle(path) for path in paths]
    chance = np.random.default_rng(0)
    noisy = {
        s: [np.clip(np.rint(x + chance.normal(0, s, x.shape)), 0, 255).astype(np.uint8) for x in images] for s in SIGMAS
    }
    print(f"| |{'|'.join(f' sigma {sigma} ' for sigma in SIGMAS)}|\n|---|{'---|' * len(SIGMAS)}")
    for name, strengths in denoisers().items():
        best = [
            max(
                float(np.mean([psnr(strength(y, sigma), x) for x, y in zip(images, noisy[sigma], strict=True)]))
                for strength in strengths
            )
            for sigma in SIGMAS
        ]
        print(f"| {name} |{'|'.join(f' {value:.2f} ' for value in best)}|", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
