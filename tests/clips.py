"""Clips made from formulas."""

from __future__ import annotations

import numpy as np

from codec.media import AudioData

RATE = 48_000


def melody(seconds: float = 5.0, channels: int = 1, rate: int = RATE) -> AudioData:
    """Gliding harmonics with a beat, and a little noise."""
    t = np.arange(round(seconds * rate)) / rate
    phase = 2 * np.pi * (220 * t + 15 * np.sin(2 * t))
    tone = sum(np.sin(k * phase) / k for k in range(1, 9)) * (0.6 + 0.4 * np.sin(5 * t)) * 0.2
    rng = np.random.default_rng(1)
    sides = [tone + 0.003 * rng.standard_normal(len(t)) for _ in range(channels)]
    return AudioData(np.ascontiguousarray(np.stack(sides, 1).astype(np.float32)), rate)
