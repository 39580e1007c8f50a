"""CompressAI's architectures, for their speed: imported here only, because torchvision must be helped first.

CompressAI wants numpy below 2 and drags in torchvision, whose PyPI build does not fit a CPU build of torch: its C++
operators are missing and the import fails. Naming the two that it registers functions for is enough; nobody calls them.
Source: Begaint 2020, "CompressAI"; Minnen 2018 (mbt2018).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from codec.bitstream.errors import CodecError

MISSING_OPERATORS = ("nms", "qnms")
SIGNATURE = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
MODELS = ("mbt2018", "mbt2018-mean")


def model(name: str, quality: int, checkpoint: Path | None = None) -> Any:
    """A model of CompressAI in evaluation mode, on the CPU, its tables ready; random weights without a checkpoint.

    checkpoint: a state dict as `torch.save` wrote it. Raises CodecError where CompressAI is not installed or a
    checkpoint does not fit.
    """
    try:
        _import_torchvision()
        from compressai.zoo import image_models
    except ImportError as error:
        raise CodecError("this needs the package compressai: pip install 'codec[compressai]'") from error
    torch.manual_seed(0)
    made = image_models[name](quality=quality, pretrained=False)
    if checkpoint:
        try:
            made.load_state_dict(torch.load(checkpoint, map_location="cpu", weights_only=True))
        except (OSError, RuntimeError, KeyError, ValueError) as error:
            raise CodecError(f"{checkpoint} holds no weights of {name}: {error}") from error
    made.update(force=True)
    return made.eval()


def _import_torchvision() -> None:
    try:
        import torchvision
    except RuntimeError:  # an operator does not exist
        for name in MISSING_OPERATORS:
            torch.library.define(f"torchvision::{name}", SIGNATURE)
        import torchvision  # noqa: F401
