"""The rate-distortion objective of pictures, and the balance between signals that all media share."""

from __future__ import annotations

import torch
from torch import Tensor

from codec.relaxed import BITS_PER_ERROR, Pass

SOFTENING = 0.02  # bits a pixel: keeps empty crops from weighing without end


def rate_distortion(x: Tensor, coded: Pass, log2_step: Tensor) -> Tensor:
    """(B,) bits a pixel, plus squared error a pixel at the price of nominal steps (B,)."""
    pixels = x.shape[1] * x.shape[2]
    squared_error = ((coded.x_hat - x) ** 2).sum((1, 2, 3))
    return (coded.y_bits + coded.z_bits + BITS_PER_ERROR * torch.exp2(-2 * log2_step) * squared_error) / pixels


def balanced(costs: Tensor, softening: float) -> Tensor:
    """Mean logarithm of costs (B,): a percent counts the same at every rate and in every signal, as in BD-rates."""
    return torch.log(softening + costs).mean()
