"""The registry of models: one row for each model that a file can name. Ids are written out, never reused.

Loads no torch: a row's networks are loaded when first built.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from codec import quality
from codec.model.config import AudioConfig, Config, ImageConfig

if TYPE_CHECKING:
    from codec.model.base import Autoencoder
    from codec.model.onnx_engine import Graphs

WEIGHTS = Path(__file__).parent / "weights"

Sizes = TypeVar("Sizes", bound=Config)


@dataclass(frozen=True)
class ModelRow(Generic[Sizes]):
    """A model that files can name by `id`.

    media: what it codes, "image" or "audio". module: its networks are in `codec.model.<module>`, the same for ONNX
    Runtime in `codec.model.onnx_<module>`. encoder_parts: which of its arrays only an encoder reads, by what stands
    before the first dot of their names; all others, tables among them, are the decoder's, and files name their digest.
    shipped: the sets of weights that come with the codec, by the names of their files; the first is the default.
    for_metrics: the file of the set that a metric of `codec.quality` asks for, where that is another than the first.
    curve: what qualities mean; curves: the same with sets of weights that would otherwise write larger or smaller
    files, by their digests in hexadecimal digits, for as long as there are such files.
    """

    id: int
    name: str
    media: str
    module: str
    config: Sizes
    curve: quality.QualityCurve
    encoder_parts: tuple[str, ...]
    shipped: tuple[str, ...]
    for_metrics: Mapping[quality.Metric, str] = field(default_factory=dict)
    curves: Mapping[str, quality.QualityCurve] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        """Where its default weights are installed."""
        return self.path_for(None)

    def path_for(self, metric: quality.Metric | None) -> Path:
        """Where the weights are installed that are compressed with under a metric; the default ones where None."""
        chosen = None if metric is None else self.for_metrics.get(metric)
        return WEIGHTS / (chosen or self.shipped[0])

    def curve_of(self, digest: bytes) -> quality.QualityCurve:
        """What qualities mean with weights of this digest."""
        return self.curves.get(digest.hex(), self.curve)

    @property
    def model(self) -> Callable[..., Autoencoder]:
        """Makes one of a config, in torch."""
        home = import_module(f"codec.model.{self.module}")
        found: Callable[..., Autoencoder] = getattr(home, f"{self.module.capitalize()}Model")
        return found

    @property
    def graphs(self) -> Graphs:
        """Its transforms for ONNX Runtime."""
        home: Any = import_module(f"codec.model.onnx_{self.module}")
        graphs: Graphs = home
        return graphs

    def build(self) -> Autoencoder:
        """A new model in torch, not trained, in float32 on the CPU whatever the caller's defaults are."""
        import torch

        with torch.device("cpu"):
            return self.model(self.config).float()

    def is_of_encoder(self, name: str) -> bool:
        """Whether only an encoder reads the array of this name."""
        return name.split(".", 1)[0] in self.encoder_parts


IMAGE = ModelRow(
    id=1,
    name="image",
    media="image",
    module="image",
    config=ImageConfig(),
    curve=quality.IMAGE,
    encoder_parts=("a8", "a16", "dct", "down", "h_a"),
    shipped=("image.safetensors", "image-psnr.safetensors"),
    for_metrics={"psnr": "image-psnr.safetensors"},
    curves={"3284504255ed9de6": quality.IMAGE_PSNR},
)
AUDIO = ModelRow(
    id=4,
    name="audio",
    media="audio",
    module="audio",
    config=AudioConfig(),
    curve=quality.AUDIO,
    encoder_parts=("a_coarse", "a_fine", "down", "down_treble", "h_a"),
    shipped=("audio.safetensors",),
)
# what noise it fills in repeats every 20 ms: only files of before name it
AUDIO_2 = ModelRow(
    id=2,
    name="audio-2",
    media="audio",
    module="audio",
    config=AudioConfig(draws_signs=False),
    curve=quality.AUDIO,
    encoder_parts=AUDIO.encoder_parts,
    shipped=(),
)
MODELS: dict[int, ModelRow[Any]] = {row.id: row for row in (IMAGE, AUDIO, AUDIO_2)}
