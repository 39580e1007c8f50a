"""What models of pictures and sound share: features, latents, hyper-latents and the entropy nets between them."""

from __future__ import annotations

from torch import Tensor, nn

from codec import gain
from codec.gain import Gain
from codec.prior import SYMBOLS, Prior, PriorConfig


class Autoencoder(nn.Module):
    """Base of the models. Subclasses bring `analysis`, `synthesis` and `h_a` (hyper-analysis).

    The names follow Ballé 2018: y are latents, z hyper-latents, *_hat their quantised values.
    """

    h_a: nn.Module

    def __init__(self, config: PriorConfig, log2_step_worst: float, log2_std: Tensor, log2_norm: Tensor) -> None:
        super().__init__()
        self.gain = Gain(sum(config.groups), log2_step_worst)
        self.prior = Prior(config, log2_std, log2_norm)

    def analysis(self, x: Tensor, quality: Tensor) -> Tensor:
        """Features (B, h, w, M) of a signal."""
        raise NotImplementedError

    def synthesis(self, h: Tensor, quality: Tensor) -> Tensor:
        """A signal from features (B, h, w, M)."""
        raise NotImplementedError

    def linear_parameters(self) -> list[nn.Parameter]:
        """Parameters that start as the classical transform."""
        raise NotImplementedError

    @staticmethod
    def told(quality: Tensor) -> Tensor:
        """Quality as the transforms see it."""
        return gain.centred(quality)

    def to_steps(self, quality: Tensor) -> Tensor:
        """(B, M) factor from feature units to quantisation steps."""
        return self.prior.to_steps(self.gain.log2_steps(quality))

    def hyper_analysis(self, h: Tensor) -> Tensor:
        """Hyper-latents (B, h / 4, w / 4, channels), float32, not rounded, inside the range that can be coded."""
        return SYMBOLS.clamp(self.h_a(h).float())
