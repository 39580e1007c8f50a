"""What coding asks of the networks, whoever computes them: numpy arrays in and out."""

from __future__ import annotations

from typing import Protocol

from codec.model.fixed_point import Floats
from codec.model.walk import Nets


class Hyper(Nets, Protocol):
    """The passes of the prior, for signals whose hyper-latents are known.

    steering: (B, H, W, M) octaves that the step of each latent moves by; None where the model does not steer.
    """

    @property
    def steering(self) -> Floats | None: ...


class Engine(Protocol):
    """The networks of one model. Signals and features are float32, channels last, B signals of one size.

    From hyper-latents to predictions every value is exact (`fixed_point`): engines agree to the last bit.
    """

    def prepare(self) -> None:
        """Loads what decoding needs, which is else done when it is first needed."""

    def analysis(self, x: Floats, log2_step: Floats) -> Floats:
        """Features (B, h, w, M) of signals coded at nominal steps 2^log2_step, (B,)."""

    def synthesis(self, h: Floats, log2_step: Floats, noise: Floats | None = None) -> Floats:
        """Signals, not clamped, from features coded at nominal steps; noise: what audio adds."""

    def hyper_analysis(self, h: Floats) -> Floats:
        """Hyper-latents (B, *coarse_shape, channels) of features, not rounded, inside the range that can be coded."""

    def hyper_synthesis(self, z_hat: Floats, quality: Floats, shape: tuple[int, int]) -> Hyper:
        """What hyper-latents tell of latents (B, *shape, M), at qualities `Gains.quality`, (B,)."""
