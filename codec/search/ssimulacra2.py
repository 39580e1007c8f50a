"""SSIMULACRA 2 of two images, differentiable: for training and for encoders that search.

Structural dissimilarity, added edges and lost edges of XYB planes at six scales, as means and as fourth norms that go
by the worst places, in a weighted sum that was fitted to a great many human judgements.
Source: Sneyers 2022, github.com/cloudinary/ssimulacra2 (libjxl, BSD-3-Clause), whose constants these are.
Blurs are products with banded matrices, on CPUs ten times as fast as convolutions of single planes.
"""

from __future__ import annotations

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

SMALLEST_SIDE = 8  # pixels, of a scale that counts
SIGMA, REACH = 1.5, 5  # of the blur, pixels
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


def distance(x: Tensor, x_hat: Tensor, importance: Tensor | None = None, *, crop: bool = False) -> Tensor:
    """(B,) weighted sums of differences, 0 where equal, of copies x_hat of images x, (B, H, W, 3) in 0..255.

    importance: (B, H, W, 1) weights of places, equal where None. Grey images (B, H, W, 1) count as grey RGB.
    crop: whether these are parts of images. The published metric blurs over the mirror of an image above and below it
    and over zeros at either side (as the package ssimulacra2 does); edges that nobody sees shall not weigh so much.
    """
    light, copied = (linear_light(side.expand(-1, -1, -1, 3)).permute(0, 3, 1, 2) for side in (x, x_hat))
    share = None if importance is None else importance.permute(0, 3, 1, 2)
    total = x_hat.new_zeros(len(x_hat))
    for scale in range(SCALES):
        if min(light.shape[2:]) < SMALLEST_SIDE:
            break
        planes = sorted({plane for s, plane, _, _ in WEIGHTS if s == scale})
        found = _differences(_xyb(light, planes), _xyb(copied, planes), share, crop)
        for (s, plane, norm, kind), weight in WEIGHTS.items():
            if s == scale:
                total = total + weight * found[norm][kind][:, planes.index(plane)]
        light, copied = _halved(light), _halved(copied)
        share = None if share is None else _halved(share)
    return total


def score(distance: Tensor) -> Tensor:
    """The published scale of a `distance`: 100 is equal, 90 visually lossless, 70 high, 50 medium, 30 low quality."""
    d = distance * 0.9562382616834844
    d = 2.326765642916932 * d - 0.020884521182843837 * d * d + 6.248496625763138e-05 * d**3
    return 100 - 10 * d.clamp_min(0) ** 0.6276336467831387


def linear_light(x: Tensor) -> Tensor:
    """Light in 0..1 of sRGB samples in 0..255, IEC 61966-2-1."""
    x = x.clamp(0, 255) / 255
    return torch.where(x <= 0.04045, x / 12.92, ((x.clamp_min(0.04045) + 0.055) / 1.055) ** 2.4)


def _xyb(light: Tensor, planes: list[int]) -> Tensor:
    """(B, len(planes), H, W) of linear light (B, 3, H, W), all about 0..1."""
    opsin = torch.tensor(OPSIN, dtype=torch.float32, device=light.device)
    mixed = torch.einsum("oc,bchw->bohw", opsin, light) + OPSIN_BIAS
    long, middle, short = (mixed.clamp_min(1e-6) ** (1 / 3) - OPSIN_BIAS ** (1 / 3)).unbind(1)
    lightness = (long + middle) / 2
    made = {X: lambda: 7 * (long - middle) + 0.42, Y: lambda: lightness + 0.01, B: lambda: short - lightness + 0.55}
    return torch.stack([made[plane]() for plane in planes], 1)


def _halved(x: Tensor) -> Tensor:
    return F.avg_pool2d(x, 2, ceil_mode=True)


def _differences(x: Tensor, x_hat: Tensor, share: Tensor | None, crop: bool) -> list[list[Tensor]]:
    """By norm and kind, (B, planes) each."""
    mean, copied, power, power_copied, product = _blurred(
        torch.cat([x, x_hat, x * x, x_hat * x_hat, x * x_hat], 1), crop
    ).chunk(5, 1)
    structure = (2 * (product - mean * copied) + CONTRAST_SOFTENING) / (
        (power - mean * mean) + (power_copied - copied * copied) + CONTRAST_SOFTENING
    )
    dissimilar = 1 - (1 - (mean - copied) ** 2) * structure
    edges = (1 + (x_hat - copied).abs()) / (1 + (x - mean).abs()) - 1
    kinds = [dissimilar.clamp_min(0), edges.clamp_min(0), (-edges).clamp_min(0)]
    return [[_mean(d, share) for d in kinds], [(_mean(d**4, share) + LEAST_FOURTH) ** 0.25 for d in kinds]]


def _mean(d: Tensor, share: Tensor | None) -> Tensor:
    if share is None:
        return d.mean((2, 3))
    return (d * share).sum((2, 3)) / share.sum((2, 3)).clamp_min(1e-9)


def _blurred(x: Tensor, crop: bool) -> Tensor:
    down, along = ("normalised", "normalised") if crop else ("mirrored", "zeros")
    return _band(x.shape[2], down, x.device) @ x @ _band(x.shape[3], along, x.device).T


@lru_cache(64)
def _band(side: int, edges: str, device: torch.device) -> Tensor:
    """(side, side) matrix that blurs a column; edges: what it takes for what lies beyond."""
    offsets = torch.arange(-REACH, REACH + 1, dtype=torch.float64, device="cpu")
    window = torch.exp(-(offsets**2) / (2 * SIGMA**2))
    window /= window.sum()
    band = torch.zeros(side, side + 2 * REACH, dtype=torch.float64, device="cpu")
    for row in range(side):
        band[row, row : row + len(window)] = window
    inside = band[:, REACH : REACH + side].clone()
    if edges == "mirrored":  # the outermost sample twice
        near = min(REACH, side)
        inside[:, :near] += band[:, REACH - near : REACH].flip(1)
        inside[:, side - near :] += band[:, REACH + side : REACH + side + near].flip(1)
    if edges == "normalised":
        inside /= inside.sum(1, keepdim=True)
    with torch.inference_mode(False):  # kept for callers of either mode
        return inside.float().to(device)
