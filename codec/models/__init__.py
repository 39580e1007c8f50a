"""The registry of models: one row for each set of weights that a file can name. Ids are written out, never reused."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from codec import quality
from codec.models.image import ImageConfig, ImageModel

WEIGHTS = Path(__file__).parent / "weights"


@dataclass(frozen=True)
class ModelRow:
    """A model that files can name by `id`."""

    id: int
    name: str
    model: type[ImageModel]
    config: ImageConfig
    curve: quality.QualityCurve

    @property
    def path(self) -> Path:
        """Where its weights are installed."""
        return WEIGHTS / f"{self.name}.safetensors"


IMAGE = ModelRow(1, "image", ImageModel, ImageConfig(), quality.IMAGE)
MODELS = {row.id: row for row in (IMAGE,)}
