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


def test_steps_on_the_grid_of_blocks_are_priced_and_others_are_not() -> None:
    x = torch.full((1, 64, 64, 3), 100.0)
    at, beside = (torch.where(torch.arange(64) // BLOCK % 2 == 0, 0.0, 2.0), torch.arange(64) % 2 * 2.0)
    assert float(seams(x, x)) == 0
    assert float(seams(x, x + at[None, None, :, None])) > 0.5
    assert float(seams(x, x + beside[None, None, :, None])) < 1e-3
