"""What models of images and audio share: features, latents, hyper-latents and the entropy nets between them."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from codec.model.blocks import Depthwise
from codec.model.config import Config
from codec.model.fixed_layers import clamp
from codec.model.fixed_point import SYMBOLS
from codec.model.gain import Gain
from codec.model.prior import Prior
from codec.model.walk import coarse_shape


class Autoencoder(nn.Module):
    """Base of the models. Subclasses bring `analysis`, `synthesis` and `h_a` (hyper-analysis).

    The names follow Ballé 2018: y are latents, z hyper-latents, *_hat their quantised values.
    """

    h_a: nn.Module

    def __init__(self, config: Config, log2_std: Tensor, log2_norm: Tensor) -> None:
        super().__init__()
        self.sees_symbols = config.sees_symbols
        self.gain = Gain(config.prior.channels, config.middle)
        self.prior = Prior(config.prior, log2_std, log2_norm)

    def analysis(self, x: Tensor, log2_step: Tensor) -> Tensor:
        """Features (B, h, w, M) of signals coded at nominal steps 2^log2_step, (B,)."""
        raise NotImplementedError

    def synthesis(self, h: Tensor, log2_step: Tensor) -> Tensor:
        """Signals from features (B, h, w, M) coded at nominal steps 2^log2_step, (B,).

        Where it `sees_symbols`, features of symbols alone lie behind: (B, h, w, 2 M).
        """
        raise NotImplementedError

    def linear_parameters(self) -> list[nn.Parameter]:
        """Parameters that start as the classical transform."""
        raise NotImplementedError

    def to_steps(self, log2_step: Tensor) -> Tensor:
        """(B, 1, 1, M) factor from feature units to the steps of channels, before hyper-latents steer them."""
        return self.prior.to_steps(self.gain.log2_steps(log2_step))[:, None, None]

    def log2_steps(self, features: Tensor, log2_step: Tensor) -> Tensor:
        """(B, n, M) log2 of the steps of latents in flat order at nominal ones, (B,); features: from `Prior.features`.

        n = 1 where one step serves all positions of a channel.
        """
        return self.prior.steps(features, self.gain.log2_steps(log2_step))

    def hyper_analysis(self, h: Tensor) -> Tensor:
        """Hyper-latents (B, *coarse_shape, channels), float32, not rounded, inside the range that can be coded.

        Where the prior repeats the ends of hyper-latents, those of features are repeated too: else they would tell an
        end, and what lies there would get coarser steps.
        """
        config = self.prior.config
        shape = (h.shape[1], h.shape[2])
        down, right = (
            n * u**2 - side for n, u, side in zip(coarse_shape(shape, config.up), config.up, shape, strict=True)
        )
        ends = config.repeated_columns
        beyond = ends * config.up[1] ** 2
        if down or right or beyond:
            padding = (beyond, right + beyond, 0, down)
            h = F.pad(h.permute(0, 3, 1, 2), padding, mode="replicate").permute(0, 2, 3, 1)
        z = self.h_a(h).float()
        return clamp(z[:, :, ends : z.shape[2] - ends], SYMBOLS)


def hyper_analysis_net(
    channels: int, width: int, hyper_channels: int, kernel: tuple[int, int], stride: tuple[int, int]
) -> nn.Sequential:
    """Features of so many channels to hyper-latents, `stride` squared times coarser."""
    return nn.Sequential(
        nn.Linear(channels, width),
        nn.ReLU(),
        Depthwise(width, kernel, stride),
        nn.Linear(width, width),
        nn.ReLU(),
        Depthwise(width, kernel, stride),
        nn.Linear(width, hyper_channels),
    )
