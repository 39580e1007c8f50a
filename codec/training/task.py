"""What the training loop asks of a medium: data, the price of an error, the figures of its log."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

from torch import Tensor

from codec.model.base import Autoencoder
from codec.model.fixed_point import Floats
from codec.model.registry import ModelRow
from codec.search.lagrangian import Price
from codec.training.relaxation import Pass


class Judged(NamedTuple):
    """costs: (B,) rate and distortion, in one unit; figures: (B,) each, by name, what the log says their means of."""

    costs: Tensor
    figures: dict[str, Tensor]


class Task(Protocol):
    """A model to train and what it is trained on.

    validation: signals that are kept out of training, each as one of a batch; validation_steps: log2 of the nominal
    steps that they are coded at, in turn; softening: added to costs before their logarithm, keeps empty signals from
    weighing without end; figure_names: of the figures of `judged`; rounding: at what price its encoder chooses
    integers, as a rule.
    """

    row: ModelRow[Any]
    validation: list[Tensor]
    validation_steps: tuple[float, ...]
    softening: float
    figure_names: tuple[str, ...]
    rounding: Price

    def fresh(self) -> Autoencoder:
        """A model at its start: the classical transform with the statistics of the data."""

    def batch(self, step: int, size: int) -> Tensor:
        """`size` signals, float32, in the units of the model: the same for the same step."""

    def judged(self, x: Tensor, coded: Pass, log2_step: Tensor) -> Judged:
        """Signals coded at nominal steps (B,)."""


class TableSignals(NamedTuple):
    """What tables of symbols are fitted to: signals, log2 of the steps that each is coded at, and at what price its
    integers are chosen.
    """

    signals: Iterator[Floats]
    log2_steps: tuple[float, ...]
    rounding: Price
