"""SSIMULACRA 2 of two images, in numpy for encoders that only measure, in torch with gradients for training and for
encoders that search: the same code, for arrays of either.

Structural dissimilarity, added edges and lost edges of XYB planes at six scales, as means and as fourth norms that go
by the worst places, in a weighted sum that was fitted to a great many human judgements.
Source: Sneyers 2022, github.com/cloudinary/ssimulacra2 (libjxl, BSD-3-Clause), whose constants these are.
Blurs are products with banded matrices, on CPUs ten times as fast as convolutions of single planes.
Loads no torch.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

SMALLEST_SIDE = 8  # pixels, of a scale that counts
SIGMA, REACH = 1.5, 5  # of the blur, pixels
BLOCK = 128  # rows or columns that are blurred by one product: one for all would mostly be zeros
CONTRAST_SOFTENING = 0.0009  # of variances of planes in about 0..1
LEAST_FOURTH = 1e-16  # of a mean of fourth powers: keeps the gradient of its root finite
OPSIN = ((0.3, 0.622, 0.078), (0.23, 0.692, 0.078), (0.24342268924547819, 0.20476744424496821, 0.5518098665095536))
OPSIN_BIAS = 0.0037930732552754493

X, Y, B = 0, 1, 2  # planes: red against green, lightness, blue against yellow
MEAN, FOURTH = 0, 1  # norms
DISSIMILAR, ADDED, LOST = 0, 1, 2  # kinds of difference: of structure, edges that only the copy has, that it lacks
# (scale from the finest, plane, norm, kind): weight. The original has 108; those that are left out are below 0.003 and
# move no score by a hundredth.
WEIGHTS = {
    (0, Y, FOURTH, DISSIMILAR): 7.466890328078848,
    (0, Y, FOURTH, LOST): 17.445833984131262,
    (1, X, FOURTH, DISSIMILAR): 1.1041726426657346,
    (1, Y, FOURTH, DISSIMILAR): 6.683678146179332,
    (1, Y, FOURTH, LOST): 1.027889937768264,
    (2, X, FOURTH, DISSIMILAR): 1.8422455520539298,
    (2, X, FOURTH, ADDED): 11.441172603757666,
    (2, Y, MEAN, DISSIMILAR): 225.20515300849274,
    (2, Y, FOURTH, DISSIMILAR): 19.213238186143016,
    (3, X, FOURTH, DISSIMILAR): 1.8787594979546387,
    (3, X, FOURTH, ADDED): 10.94906990605142,
    (3, Y, MEAN, DISSIMILAR): 176.39317598450694,
    (3, Y, FOURTH, DISSIMILAR): 24.43300999870476,
    (3, Y, FOURTH, ADDED): 0.28520802612117757,
    (3, B, FOURTH, DISSIMILAR): 8.826982764996862,
    (3, B, FOURTH, ADDED): 23.19243343998926,
    (4, X, MEAN, ADDED): 0.9677937080626833,
    (4, X, FOURTH, ADDED): 0.9981766977854967,
    (4, Y, FOURTH, DISSIMILAR): 34.77906344483772,
    (4, Y, FOURTH, ADDED): 44.835625328877896,
    (4, B, MEAN, DISSIMILAR): 95.1080498811086,
    (4, B, MEAN, ADDED): 0.9863978034400682,
    (4, B, MEAN, LOST): 0.9834382792465353,
    (4, B, FOURTH, ADDED): 171.2667255897307,
    (4, B, FOURTH, LOST): 0.9807858872435379,
}
SCALES = 1 + max(scale for scale, *_ in WEIGHTS)

# in objectives that price squared error: log2 of how much of it a pixel one unit of `distance` goes with, by log2 of
# the nominal step; fitted once, on twelve crops coded at six steps
ERROR_OF_DISTANCE = (4.578, -0.336, 0.0315)

Array = TypeVar("Array")  # of numpy or torch, float32


class Reference:
    """An image that copies are compared with, of which all that does not depend on a copy is made once.

    x: (B, H, W, 3) in 0..255, or (B, H, W, 1), which counts as grey RGB. importance: (B, H, W, 1) weights of places,
    equal where None. crop: whether it is a part of an image. The published metric blurs over the mirror of an image
    above and below it and over zeros at either side (as the package ssimulacra2 does); edges that nobody sees shall not
    weigh so much.
    """

    def __init__(self, x: Any, importance: Any = None, *, crop: bool = False) -> None:
        self.crop = crop
        self.scales: list[_Scale] = []
        light = linear_light(_as_planes(x))
        share = None if importance is None else _as_planes(importance)
        while len(self.scales) < SCALES and min(light.shape[2:]) >= SMALLEST_SIDE:
            self.scales.append(_Scale(len(self.scales), light, share, crop))
            light = _halved(light)
            share = None if share is None else _halved(share)

    def distance(self, x_hat: Array) -> Array:
        """(B,) weighted sums of differences, 0 where equal, of copies (B, H, W, 3 or 1) in 0..255."""
        light: Any = linear_light(_as_planes(x_hat))
        total = 0 * light[:, 0, 0, 0]
        for scale in self.scales:
            total = total + scale.distance(light, self.crop)
            light = _halved(light)
        found: Array = total
        return found


class _Scale:
    """A scale of a reference: its planes that have weights there, their local means and powers."""

    def __init__(self, number: int, light: Any, share: Any, crop: bool) -> None:
        of_scale = {key[1:]: weight for key, weight in WEIGHTS.items() if key[0] == number}
        self.planes = sorted({plane for plane, _, _ in of_scale})
        self.weights = {(self.planes.index(plane), *kind): weight for (plane, *kind), weight in of_scale.items()}
        self.share = share
        self.x = _xyb(light, self.planes)
        self.mean, self.power = (_blurred(side, crop) for side in (self.x, self.x * self.x))

    def distance(self, light: Any, crop: bool) -> Any:
        x_hat, planes = _xyb(light, self.planes), len(self.planes)
        blurred = _blurred(_library(x_hat).concatenate([x_hat, x_hat * x_hat, self.x * x_hat], 1), crop)
        mean, power, product = (blurred[:, start : start + planes] for start in range(0, 3 * planes, planes))
        structure = (2 * (product - self.mean * mean) + CONTRAST_SOFTENING) / (
            (self.power - self.mean * self.mean) + (power - mean * mean) + CONTRAST_SOFTENING
        )
        dissimilar = 1 - (1 - (self.mean - mean) ** 2) * structure
        edges = (1 + abs(x_hat - mean)) / (1 + abs(self.x - self.mean)) - 1
        kinds = {DISSIMILAR: dissimilar.clip(min=0), ADDED: edges.clip(min=0), LOST: (-edges).clip(min=0)}
        norms = {
            MEAN: lambda d: self._mean(d),
            FOURTH: lambda d: (self._mean(d**4) + LEAST_FOURTH) ** 0.25,
        }
        found = {key: norms[key[0]](kinds[key[1]]) for key in {(norm, kind) for _, norm, kind in self.weights}}
        return sum(weight * found[norm, kind][:, plane] for (plane, norm, kind), weight in self.weights.items())

    def _mean(self, d: Any) -> Any:
        if self.share is None:
            return d.mean((2, 3))
        return (d * self.share).sum((2, 3)) / self.share.sum((2, 3)).clip(min=1e-9)


def distance(x: Array, x_hat: Array, importance: Array | None = None, *, crop: bool = False) -> Array:
    """(B,) `Reference.distance` of copies of images."""
    return Reference(x, importance, crop=crop).distance(x_hat)


def squared_error_of(log2_step: Array) -> Array:
    """Squared error a pixel that one unit of `distance` counts as, at nominal steps 2^log2_step."""
    octaves: Any = log2_step
    found: Array = 2 ** sum(c * octaves**power for power, c in enumerate(ERROR_OF_DISTANCE))
    return found


def score(distance: Array) -> Array:
    """The published scale of a `distance`: 100 is equal, 90 visually lossless, 70 high, 50 medium, 30 low quality."""
    d: Any = distance
    d = d * 0.9562382616834844
    d = 2.326765642916932 * d - 0.020884521182843837 * d * d + 6.248496625763138e-05 * d**3
    found: Array = 100 - 10 * d.clip(min=0) ** 0.6276336467831387
    return found


def linear_light(x: Array) -> Array:
    """Light in 0..1 of sRGB samples in 0..255, IEC 61966-2-1."""
    samples: Any = x
    samples = samples.clip(0, 255) / 255
    bent = ((samples.clip(min=0.04045) + 0.055) / 1.055) ** 2.4
    light: Array = _library(x).where(samples <= 0.04045, samples / 12.92, bent)
    return light


def _library(x: Any) -> Any:
    """numpy or torch, whichever an array is of."""
    return np if isinstance(x, np.ndarray) else import_module("torch")


def _as_planes(x: Any) -> Any:
    """(B, C, H, W) of (B, H, W, C)."""
    return _library(x).stack([x[..., channel] for channel in range(x.shape[3])], 1)


def _xyb(light: Any, planes: list[int]) -> Any:
    """(B, len(planes), H, W) of linear light (B, 3 or 1, H, W), all about 0..1."""
    colours = [light[:, min(channel, light.shape[1] - 1)] for channel in range(3)]
    long, middle, short = (
        (sum(share * colour for share, colour in zip(row, colours, strict=True)) + OPSIN_BIAS).clip(min=1e-6) ** (1 / 3)
        - OPSIN_BIAS ** (1 / 3)
        for row in OPSIN
    )
    lightness = (long + middle) / 2
    made = {X: lambda: 7 * (long - middle) + 0.42, Y: lambda: lightness + 0.01, B: lambda: short - lightness + 0.55}
    return _library(light).stack([made[plane]() for plane in planes], 1)


def _halved(x: Any) -> Any:
    """Means of two by two pixels, of fewer at odd ends."""
    concatenate = _library(x).concatenate
    if x.shape[2] % 2:
        x = concatenate([x, x[:, :, -1:]], 2)
    if x.shape[3] % 2:
        x = concatenate([x, x[..., -1:]], 3)
    return (x[:, :, ::2, ::2] + x[:, :, 1::2, ::2] + x[:, :, ::2, 1::2] + x[:, :, 1::2, 1::2]) / 4


def _blurred(x: Any, crop: bool) -> Any:
    down, along = ("normalised", "normalised") if crop else ("mirrored", "zeros")
    concatenate, device = _library(x).concatenate, None if isinstance(x, np.ndarray) else x.device
    x = concatenate([band @ x[:, :, begin:end] for begin, end, band in _bands(x.shape[2], down, device)], 2)
    return concatenate([x[..., begin:end] @ band.T for begin, end, band in _bands(x.shape[3], along, device)], 3)


@lru_cache(64)
def _bands(side: int, edges: str, device: Any) -> list[tuple[int, int, Any]]:
    """For each BLOCK of a blurred column: where what it is made of begins and ends, and the matrix that makes it.

    device: of torch; None for numpy.
    """
    whole, found = _band(side, edges), []
    for start in range(0, side, BLOCK):
        begin, end = max(start - REACH, 0), min(start + BLOCK + REACH, side)
        band: Any = np.ascontiguousarray(whole[start : start + BLOCK, begin:end])
        if device is not None:
            import torch

            with torch.inference_mode(False):  # kept for callers of either mode
                band = torch.from_numpy(band).to(device)
        found.append((begin, end, band))
    return found


def _band(side: int, edges: str) -> npt.NDArray[np.float32]:
    """(side, side) matrix that blurs a column; edges: what it takes for what lies beyond."""
    window = np.exp(-(np.arange(-REACH, REACH + 1) ** 2) / (2 * SIGMA**2))
    window /= window.sum()
    band = np.zeros((side, side + 2 * REACH))
    for row in range(side):
        band[row, row : row + len(window)] = window
    inside = band[:, REACH : REACH + side].copy()
    if edges == "mirrored":  # the outermost sample twice
        near = min(REACH, side)
        inside[:, :near] += band[:, REACH - near : REACH][:, ::-1]
        inside[:, side - near :] += band[:, REACH + side : REACH + side + near][:, ::-1]
    if edges == "normalised":
        inside /= inside.sum(1, keepdims=True)
    return inside.astype(np.float32)
