"""The differentiable stand-in for coding in training: noise for the rate, straight-through rounding for all else.

In a last stage decoder and entropy nets learn from latents as encoders round them, `rounded_pass`.
Sources: Ballé 2017 (additive noise), Minnen and Singh 2020 (mixed quantisation), Guo 2021 (soft, then hard).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from codec.bitstream.tables import Tables
from codec.model.base import Autoencoder
from codec.model.logistic import LOG2_SCALE_MAX, LOG2_SCALE_MIN, logistic_bits
from codec.model.prior import at_positions, of_nominal, rows_of
from codec.search.lagrangian import Price
from codec.search.rdoq import Rdoq


class RelaxedLatents(NamedTuple):
    """h_hat: (B, h, w, M or 2 M) features, as synthesis takes them; y_bits, z_bits: (B,) estimated bits."""

    h_hat: Tensor
    y_bits: Tensor
    z_bits: Tensor


class Pass(NamedTuple):
    """A coded signal, estimated. x_hat: as x, not clamped; y_bits, z_bits: (B,) estimated bits."""

    x_hat: Tensor
    y_bits: Tensor
    z_bits: Tensor


class TensorRdoq:
    """`Rdoq` on tensors of a device, at a price."""

    def __init__(self, tables: Tables, price: Price, device: torch.device) -> None:
        self.savings = torch.from_numpy(Rdoq(tables).savings).to(device)
        bits = torch.as_tensor(price.bits, dtype=torch.float32, device=device)
        self.price = Price(bits, price.own)

    def __call__(self, values: Tensor, rows: Tensor, price: Tensor) -> Tensor:
        """Integers (B, n, C) for values (B, n, C) under table rows; price: as `Rdoq` takes it."""
        nearest = values.round()
        magnitude = nearest.abs()
        saved = self.savings[rows.long(), magnitude.long().clamp(max=self.savings.shape[1] - 1)]
        error = 1 + 2 * (values.abs() - magnitude)
        return torch.where(saved > price * error, nearest - nearest.sign(), nearest)


def straight(x: Tensor, integers: Tensor) -> Tensor:
    """The integers that x becomes; the gradient passes as if it stayed x."""
    return x + (integers - x).detach()


def noisy(x: Tensor) -> Tensor:
    """x plus uniform noise of one quantisation step."""
    return x + torch.rand_like(x) - 0.5


def relaxed_pass(model: Autoencoder, x: Tensor, log2_step: Tensor, hard: bool = False) -> Pass:
    """x coded at nominal steps 2^log2_step, (B,), with gradients.

    hard: rounded latents for the rate too, as in a real file.
    """
    h = model.analysis(x, log2_step)
    coded = relaxed_latents(model, h, model.hyper_analysis(h), log2_step, hard)
    return Pass(model.synthesis(coded.h_hat, log2_step).float(), coded.y_bits, coded.z_bits)


def rounded_pass(model: Autoencoder, x: Tensor, log2_step: Tensor, rounding: TensorRdoq) -> Pass:
    """x coded at nominal steps 2^log2_step, (B,), as in a real file; the encoder, steps included, gets no gradient.

    rounding: how latents become integers.
    """
    with torch.no_grad():  # autocast keeps these casts of weights: none may be shared with what learns
        h = model.analysis(x, log2_step)
        z = model.hyper_analysis(h)
    coded = relaxed_latents(model, h, z, log2_step, True, rounding, steps_learn=False)
    return Pass(model.synthesis(coded.h_hat, log2_step).float(), coded.y_bits, coded.z_bits)


def relaxed_latents(
    model: Autoencoder,
    h: Tensor,
    z: Tensor,
    log2_step: Tensor,
    hard: bool,
    rounding: TensorRdoq | None = None,
    steps_learn: bool = True,
) -> RelaxedLatents:
    """Features h (B, h, w, M) and hyper-latents z, coded at nominal steps 2^log2_step, (B,), with gradients.

    hard: rounded latents for the rate too, and row 0 is certain. rounding: to the nearest where None. steps_learn:
    whether gradients reach what the steps of channels come from.
    """
    quality = model.gain.quality(log2_step)
    z_scale = torch.exp2(model.prior.z_log2_scale(quality).float())[:, None, None]
    z_hat = straight(z, z.round())
    z_bits = logistic_bits(z_hat if hard else noisy(z), z_scale)
    features = model.prior.features(z_hat, quality, (h.shape[1], h.shape[2]))
    with torch.set_grad_enabled(steps_learn and torch.is_grad_enabled()):
        log2_steps = model.log2_steps(features, log2_step)
    to_steps = model.prior.to_steps(log2_steps)
    y = h.flatten(1, 2) * to_steps
    prices = rounding.price.of(of_nominal(log2_steps.detach(), log2_step)) if rounding else None
    symbols = torch.zeros_like(y)
    residuals: list[Tensor] = []
    scales: list[Tensor] = []

    def choose(channels: slice, where: Tensor, mean: Tensor, log2_scale: Tensor) -> Tensor:
        residual = y[:, :, channels].index_select(1, where) - mean
        values = residual.detach()
        if rounding and prices is not None:
            integers = rounding(values, rows_of(log2_scale), at_positions(prices[..., channels], where))
        else:
            integers = values.round()
        rounded = straight(residual, integers)
        if hard:
            rounded = rounded * (rows_of(log2_scale) > 0)
        symbols[:, where, channels] = rounded.detach()
        residuals.append((rounded if hard else residual).flatten(1))
        scales.append(log2_scale.flatten(1))
        return rounded + mean

    y_hat = model.prior.walk(features, log2_steps, choose)
    residual = torch.cat(residuals, 1)
    scale = torch.exp2(torch.cat(scales, 1).clamp(LOG2_SCALE_MIN, LOG2_SCALE_MAX))
    y_bits = logistic_bits(residual if hard else noisy(residual), scale).sum(1)
    shown = [y_hat.flatten(1, 2), symbols] if model.sees_symbols else [y_hat.flatten(1, 2)]
    h_hat = torch.cat([(x / to_steps).view_as(h) for x in shown], 3)
    return RelaxedLatents(h_hat, y_bits, z_bits.sum((1, 2, 3)))
