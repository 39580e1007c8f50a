"""The networks of a model on torch: for CUDA, for what needs gradients, and to check the other engine by."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

from codec.model.base import Autoencoder
from codec.model.fixed_point import Floats
from codec.model.prior import Passes
from codec.model.walk import Positions, Predicted


@contextmanager
def undisturbed(device: torch.device) -> Iterator[None]:
    """No gradients, and no autocast of the caller's: the networks run as they were exported."""
    with torch.inference_mode(), torch.autocast(device.type, enabled=False):
        yield


class TorchEngine:
    """`Engine` of a frozen model on its device."""

    def __init__(self, model: Autoencoder, device: torch.device) -> None:
        self.model, self.device = model, device

    def prepare(self) -> None:
        """Nothing: torch loads all at once."""

    def analysis(self, x: Floats, log2_step: Floats) -> Floats:
        with undisturbed(self.device):
            return self._to_host(self.model.analysis(self.to_device(x), self.to_device(log2_step)))

    def synthesis(self, h: Floats, log2_step: Floats, noise: Floats | None = None) -> Floats:
        added = () if noise is None else (self.to_device(noise),)
        with undisturbed(self.device):
            return self._to_host(self.model.synthesis(self.to_device(h), self.to_device(log2_step), *added))

    def hyper_analysis(self, h: Floats) -> Floats:
        with undisturbed(self.device):
            return self._to_host(self.model.hyper_analysis(self.to_device(h)))

    def hyper_synthesis(self, z_hat: Floats, quality: Floats, shape: tuple[int, int]) -> TorchPasses:
        with undisturbed(self.device):
            features = self.model.prior.features(self.to_device(z_hat), self.to_device(quality), shape)
            steer = self.model.prior.steer
            steering = None if steer is None else self._to_host(steer(features))
        return TorchPasses(self, features, steering)

    def to_device(self, x: np.ndarray) -> Tensor:
        """As a tensor of the same type."""
        return torch.from_numpy(np.ascontiguousarray(x)).to(self.device)

    def _to_host(self, x: Tensor) -> Floats:
        out: Floats = x.float().cpu().numpy()
        return out


class TorchPasses:
    """`engine.Hyper` of signals: what is of no use to a coder stays on the device, one copy a pass leaves it."""

    def __init__(self, engine: TorchEngine, features: Tensor, steering: Floats | None) -> None:
        self._engine, self.steering = engine, steering
        self._passes = Passes(engine.model.prior, features)

    def first(self, group: int, number: int, context: Floats | None, where: Positions) -> Predicted:
        to_device = self._engine.to_device
        with undisturbed(self._engine.device):
            earlier = None if context is None else to_device(context)
            return _on_host(self._passes.first(group, number, earlier, to_device(where)))

    def later(self, number: int, stream: Tensor, seen: Floats, where: Positions) -> Predicted:
        to_device = self._engine.to_device
        with undisturbed(self._engine.device):
            return _on_host(self._passes.later(number, stream, to_device(seen), to_device(where)))


def _on_host(found: Predicted) -> Predicted:
    both = torch.cat([found.mean, found.log2_scale], -1).float().cpu().numpy()
    mean, log2_scale = np.split(both, 2, -1)
    return Predicted(found.stream, mean, log2_scale)
