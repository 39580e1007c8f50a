"""Latents that lie open between two integers: what they must be expected to cost, as a smooth function of them.

A value leans to either neighbour by odds of their closeness. Networks see the mean, the rate is the mean of the bits of
both, and the error has the spread of the two on top. So nothing is drawn: the gradient is free of noise, and few steps
of a descent go far. Refinement's stand-in for coding, as `training.relaxation` is that of training.
Sources: Yang 2020 (odds between two neighbours); Agustsson and Theis 2020 (soft rounding without draws).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from codec.model.base import Autoencoder
from codec.model.logistic import LOG2_SCALE_MAX, LOG2_SCALE_MIN, logistic_bits
from codec.model.prior import at_positions, of_nominal, rows_of

EDGE = 1e-5  # keeps a value this far from either integer, where the odds would be infinite


class ExpectedLatents(NamedTuple):
    """h_hat: (B, h, w, M) mean features; bits: (B,); spread: (B, h, w) squared error, in nominal steps, between the
    mean and what rounding will make of it.
    """

    h_hat: Tensor
    bits: Tensor
    spread: Tensor


class SoftRounded(NamedTuple):
    """An integer or, with the probability `lean`, the next."""

    below: Tensor
    lean: Tensor

    @property
    def mean(self) -> Tensor:
        """Between the two."""
        return self.below + self.lean

    @property
    def variance(self) -> Tensor:
        """Around the mean."""
        return self.lean * (1 - self.lean)

    def bits(self, scale: Tensor) -> Tensor:
        """Expected, under a discretised logistic."""
        return torch.lerp(logistic_bits(self.below, scale), logistic_bits(self.below + 1, scale), self.lean)


def soft_rounded(x: Tensor, steepness: float) -> SoftRounded:
    """The two integers around values; odds are those of the distances, to the power of `steepness`."""
    below = x.detach().floor()
    fraction = (x - below).clamp(EDGE, 1 - EDGE)
    return SoftRounded(below, torch.sigmoid(steepness * torch.logit(fraction)))


def expected_latents(
    model: Autoencoder,
    h: Tensor,
    z: Tensor,
    log2_step: Tensor,
    steepness: float,
    certain: bool = True,
) -> ExpectedLatents:
    """Features h (B, h, w, M) and hyper-latents z, coded at nominal steps 2^log2_step, (B,), with gradients.

    certain: whether symbols under table row 0 are zero.
    """
    least_row = 1 if certain else 0
    quality = model.gain.quality(log2_step)
    z_log2_scale = model.prior.z_log2_scale(quality).float()[:, None, None]
    z_open = soft_rounded(z, steepness)
    coded = rows_of(z_log2_scale) >= least_row
    bits = (z_open.bits(torch.exp2(z_log2_scale)) * coded).sum((1, 2, 3))
    features = model.prior.features(z_open.mean * coded, quality, (h.shape[1], h.shape[2]))
    log2_steps = model.log2_steps(features, log2_step)
    to_steps = model.prior.to_steps(log2_steps)
    squared_steps = of_nominal(log2_steps, log2_step)
    y = h.flatten(1, 2) * to_steps
    spread = h.new_zeros(y.shape[:2])

    def choose(channels: slice, where: Tensor, mean: Tensor, log2_scale: Tensor) -> Tensor:
        nonlocal bits, spread
        coded = rows_of(log2_scale) >= least_row
        residual = soft_rounded(y[:, :, channels].index_select(1, where) - mean, steepness)
        scale = torch.exp2(log2_scale.clamp(LOG2_SCALE_MIN, LOG2_SCALE_MAX))
        bits = bits + (residual.bits(scale) * coded).sum((1, 2))
        variance = residual.variance * coded * at_positions(squared_steps[..., channels], where)
        spread = spread.index_add(1, where, variance.sum(2))
        return residual.mean * coded + mean

    y_hat = model.prior.walk(features, log2_steps, choose)
    return ExpectedLatents((y_hat.flatten(1, 2) / to_steps).view_as(h), bits, spread.view(h.shape[:3]))
