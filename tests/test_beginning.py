"""What encoders see before a clip: what it would have been."""

from __future__ import annotations

import numpy as np
import pytest

from codec.audio.beginning import before
from codec.media import Samples

RATE, COUNT = 48_000, 240


def chord(start: int, stop: int) -> Samples:
    """Two channels of some tones, from one sample to another."""
    t = np.arange(start, stop)[:, None] / RATE
    hertz = np.array([[440, 3000, 10_000], [123, 8500, 15_000]])
    return (0.2 * np.sin(2 * np.pi * t[:, :, None] * hertz + 1).sum(2)).astype(np.float32)


def test_tones_go_on_backwards() -> None:
    assert before(chord(0, 2000), COUNT) == pytest.approx(chord(-COUNT, 0), abs=0.06)


def test_what_begins_with_silence_has_silence_before_it() -> None:
    clip = np.concatenate([np.zeros((1000, 2), np.float32), chord(0, 1000)])
    assert not before(clip, COUNT).any()
    assert not before(chord(0, 10), COUNT).any()
    assert before(chord(0, 0), COUNT).shape == (COUNT, 2)


def test_nothing_grows_backwards() -> None:
    rng = np.random.default_rng(0)
    for clip in (
        rng.normal(0, 0.1, (2000, 1)),
        np.eye(2000, 1),
        np.exp(-np.arange(2000) / 50)[:, None],
        np.ones((2000, 1)),
    ):
        found = before(clip.astype(np.float32), 4 * COUNT)
        assert np.isfinite(found).all()
        assert np.abs(found).max() <= np.abs(clip).max() + 1e-6
