"""The registry of models: one row for each set of weights that a file can name. Ids are written out, never reused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch

from codec import quality
from codec.model.audio import AudioConfig, AudioModel
from codec.model.base import Autoencoder
from codec.model.image import ImageConfig, ImageModel

WEIGHTS = Path(__file__).parent / "weights"

Config = TypeVar("Config")


@dataclass(frozen=True)
class ModelRow(Generic[Config]):
    """A model that files can name by `id`. model: makes one of a config."""

    id: int
    name: str
    model: Callable[[Config], Autoencoder]
    config: Config
    curve: quality.QualityCurve

    @property
    def path(self) -> Path:
        """Where its weights are installed."""
        return WEIGHTS / f"{self.name}.safetensors"

    def build(self) -> Autoencoder:
        """A new model, not trained, in float32 on the CPU whatever the caller's defaults are."""
        with torch.device("cpu"):
            return self.model(self.config).float()


IMAGE = ModelRow(1, "image", ImageModel, ImageConfig(), quality.IMAGE)
AUDIO = ModelRow(2, "audio", AudioModel, AudioConfig(), quality.AUDIO)
MODELS: dict[int, ModelRow[Any]] = {row.id: row for row in (IMAGE, AUDIO)}
