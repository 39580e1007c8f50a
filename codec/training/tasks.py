"""The tasks of models: what the training loop asks of each medium."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from codec.model.registry import MODELS
from codec.training.loss import Objective
from codec.training.task import TableSignals, Task

MEDIA = {row.name: row.media for row in MODELS.values()}


def task_named(
    name: str, sources: list[Path], crop: int, device: torch.device, seed: int, objective: Objective
) -> Task:
    """The task of a model, its data loaded from shards or folders; objective: of images. Raises MediaError."""
    if MEDIA[name] == "audio":
        from codec.training.audio import Cuts

        return Cuts(sources, crop, device, seed)
    from codec.training.images import Crops

    return Crops(sources, crop, device, seed, objective)


def table_signals_of(name: str, sources: Sequence[Path]) -> TableSignals:
    """What the tables of a model are fitted to, from the first of these shards or folders. Raises MediaError."""
    if MEDIA[name] == "audio":
        from codec.training import audio

        return audio.table_signals(sources)
    from codec.training import images

    return images.table_signals(sources)
