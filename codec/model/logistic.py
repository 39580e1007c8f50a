"""The discretised logistic that training and encoders take for the distribution of a symbol; files hold tables."""

from __future__ import annotations

import torch
from torch import Tensor

from codec.model.fixed_point import ROW_OF_UNIT_SCALE, ROWS, ROWS_PER_OCTAVE

LOG2_SCALE_MIN = -ROW_OF_UNIT_SCALE / ROWS_PER_OCTAVE - 0.75  # a little below row 0, which is certain
LOG2_SCALE_MAX = (ROWS - 1 - ROW_OF_UNIT_SCALE) / ROWS_PER_OCTAVE
LEAST_PROBABILITY = 1e-6


def logistic_bits(residual: Tensor, scale: Tensor) -> Tensor:
    """Bits of an integer (or noisy) zero-centred residual under a discretised logistic."""
    a = residual.abs()
    p = torch.sigmoid((0.5 - a) / scale) - torch.sigmoid((-0.5 - a) / scale)
    return -torch.log2(p.clamp_min(LEAST_PROBABILITY))
