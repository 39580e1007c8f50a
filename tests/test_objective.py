"""What images are trained for: SSIMULACRA 2 with gradients, and the price on seams."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from ssimulacra2 import compute_ssimulacra2

from codec.media import Pixels
from codec.search import ssimulacra2
from codec.training.loss import BLOCK, seams


@pytest.mark.parametrize("quality", [20, 60, 90])
def test_the_differentiable_metric_is_the_published_one(parrots: Pixels, quality: int, tmp_path: Path) -> None:
    data = io.BytesIO()
    Image.fromarray(parrots[:301, :402]).save(tmp_path / "a.png")
    Image.fromarray(parrots[:301, :402]).save(data, "JPEG", quality=quality)
    Image.open(data).save(tmp_path / "b.png")
    x, x_hat = (torch.tensor(np.array(Image.open(tmp_path / name)))[None].float() for name in ("a.png", "b.png"))
    x_hat.requires_grad_()
    score = ssimulacra2.score(ssimulacra2.distance(x, x_hat))
    assert float(score.detach()) == pytest.approx(compute_ssimulacra2(tmp_path / "a.png", tmp_path / "b.png"), abs=0.5)
    score.sum().backward()
    assert x_hat.grad is not None
    assert bool(x_hat.grad.isfinite().all())
    assert float(ssimulacra2.distance(x, x)) < 0.1  # what keeps gradients of fourth roots finite, times weights


@pytest.mark.parametrize("shape", [(2, 140, 67, 3), (1, 9, 131, 1)])
@pytest.mark.parametrize("crop", [False, True])
def test_numpy_finds_what_torch_finds(shape: tuple[int, ...], crop: bool) -> None:
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 255, shape).astype(np.float32).cumsum(2) % 256
    x_hat = np.clip(x + rng.normal(0, 12, shape), 0, 255).astype(np.float32)
    importance = rng.uniform(0, 2, (*shape[:3], 1)).astype(np.float32)
    for weights in (None, importance):
        found = ssimulacra2.distance(x, x_hat, weights, crop=crop)
        tensors = [None if side is None else torch.from_numpy(side) for side in (x, x_hat, weights)]
        np.testing.assert_allclose(found, ssimulacra2.distance(*tensors, crop=crop).numpy(), rtol=1e-3)


def test_a_place_without_importance_changes_nothing() -> None:
    """As at the padding of tiles; blurs reach five pixels, at each of the scales."""
    x = np.full((1, 64, 320, 3), 90, np.float32)
    x_hat, importance = x.copy(), np.ones((1, 64, 320, 1), np.float32)
    x_hat[:, :, 200:] = 240
    importance[:, :, 32:] = 0
    assert float(ssimulacra2.distance(x, x_hat, importance, crop=True)[0]) < 0.1
    assert float(ssimulacra2.distance(x, x_hat, crop=True)[0]) > 10


def test_steps_on_the_grid_of_blocks_are_priced_and_others_are_not() -> None:
    x = torch.full((1, 64, 64, 3), 100.0)
    at, beside = (torch.where(torch.arange(64) // BLOCK % 2 == 0, 0.0, 2.0), torch.arange(64) % 2 * 2.0)
    assert float(seams(x, x)) == 0
    assert float(seams(x, x + at[None, None, :, None])) > 0.5
    assert float(seams(x, x + beside[None, None, :, None])) < 1e-3
