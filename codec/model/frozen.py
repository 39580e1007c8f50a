"""A model as coders use it: an engine for its networks, and exact numbers for all that lies between them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from codec.model.config import Config
from codec.model.engine import Engine, Hyper
from codec.model.fixed_point import Floats
from codec.model.steps import Gains
from codec.model.walk import Choose, Exact, Steps, walk


@dataclass(frozen=True)
class Frozen:
    """A frozen model. All arrays are float32; signals coded side by side have nominal steps 2^log2_step, (B,)."""

    config: Config
    gains: Gains
    engine: Engine

    def analysis(self, x: Floats, log2_step: Floats) -> Floats:
        """Features (B, h, w, M) of signals."""
        return self.engine.analysis(x, log2_step)

    def synthesis(self, h: Floats, log2_step: Floats, noise: Floats | None = None) -> Floats:
        """Signals, not clamped, from features, and behind them those of symbols where it sees them."""
        return self.engine.synthesis(h, log2_step, noise)

    def hyper_analysis(self, h: Floats) -> Floats:
        """Hyper-latents (B, *coarse_shape, channels) of features, not rounded."""
        return self.engine.hyper_analysis(h)

    def hyper_synthesis(self, z_hat: Floats, log2_step: Floats, shape: tuple[int, int]) -> Hyper:
        """What hyper-latents tell of latents (B, *shape, M)."""
        return self.engine.hyper_synthesis(z_hat, self.gains.quality(log2_step), shape)

    def log2_steps(self, hyper: Hyper, log2_step: Floats) -> Floats:
        """(B, n, M) log2 of the steps of latents in flat order; n = 1 where one step serves all of a channel.

        Idea: spatially adaptive quantisation, steered by masking in audio coders.
        """
        channels = self.gains.log2_steps(log2_step)[:, None]
        if hyper.steering is None:
            return channels
        return channels + hyper.steering.reshape(len(channels), -1, self.config.prior.channels)

    def walk(self, hyper: Hyper, log2_steps: Floats, shape: tuple[int, int], choose: Choose) -> Floats:
        """Decoded latents (B, *shape, M) in quantisation steps, as `choose` takes them pass by pass."""
        steps = Steps(log2_steps, self.gains.log2_std, self.gains.log2_norm)
        grid = (len(log2_steps), *shape)
        found: Floats = walk(self.config.prior, hyper, Exact(), steps, grid, choose)
        return found

    def unknown(self, shape: tuple[int, int, int]) -> Floats:
        """Features, all zero, as synthesis takes them: (*shape, M), or 2 M with those of symbols."""
        return np.zeros((*shape, self.config.prior.channels * (1 + self.config.sees_symbols)), np.float32)
