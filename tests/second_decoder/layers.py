"""The layers of synthesis that images and audio share (SPEC-SYNTHESIS, sections 1 and 2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.float64]


class Layers:
    """The float layers of a weights file at one nominal step. Everything is (rows, columns, channels) in float64."""

    def __init__(self, weights: Mapping[str, NDArray[Any]], step_index: int, middle: int) -> None:
        self.weights = weights
        self.step = 2.0 ** (step_index / 256)
        self.quality = (middle - step_index) / 512

    def array(self, name: str) -> Reals:
        """A stored array of floats."""
        return self.weights[name].astype(np.float64)

    def norms(self) -> Reals:
        """Of latents."""
        return np.exp2(self.array("prior.log2_norm") / 256)

    def linear(self, name: str, x: Reals) -> Reals:
        """A matrix product over channels, and a bias."""
        total: Reals = x @ self.array(f"{name}.weight").T + self.array(f"{name}.bias")
        return total

    def by_quality(self, name: str) -> Reals:
        """A linear layer of the quality, its only input."""
        return self.linear(name, np.array([self.quality]))

    def blocks(self, name: str, count: int, x: Reals, norm: Reals) -> Reals:
        """Residual blocks, one after the other."""
        for number in range(count):
            x = self._block(f"{name}.{number}", x, norm)
        return x

    def _block(self, name: str, x: Reals, norm: Reals) -> Reals:
        h = self._look(f"{name}.look", x / norm) * (1 + self.by_quality(f"{name}.by_quality"))
        h = self.linear(f"{name}.narrow", np.maximum(self.linear(f"{name}.widen", h), 0))
        g = self.step / 4
        return x + h * g * norm / (g + norm**2)

    def _look(self, name: str, x: Reals) -> Reals:
        """Each channel under a kernel of its own; zeros beyond the edges."""
        kernel = self.array(f"{name}.weight")
        rows, columns, _ = x.shape
        height, width = kernel.shape[1:]
        padded = np.pad(x, ((height // 2, height // 2), (width // 2, width // 2), (0, 0)))
        total = np.broadcast_to(self.array(f"{name}.bias"), x.shape).copy()
        for a in range(height):
            for b in range(width):
                total += kernel[:, a, b] * padded[a : a + rows, b : b + columns]
        return total


def depth_to_space(x: Reals, growth: tuple[int, int]) -> Reals:
    """(rows, columns, u v c) to (u rows, v columns, c)."""
    rows, columns, channels = x.shape
    u, v = growth
    return x.reshape(rows, columns, u, v, -1).swapaxes(1, 2).reshape(u * rows, v * columns, channels // (u * v))
