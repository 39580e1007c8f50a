"""What coding makes of a file's header, that of an image or of audio: weights, step, what checksums cover."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from codec.bitstream import constants
from codec.bitstream.errors import CorruptFile
from codec.model import weights
from codec.model.base import Autoencoder
from codec.model.prior import QUALITY
from codec.model.weights import Loaded


class Header(Protocol):
    """What the headers of all media have."""

    @property
    def model(self) -> int:
        """Its id."""

    @property
    def digest(self) -> bytes:
        """Of its weights."""

    @property
    def step_indices(self) -> tuple[int, ...]:
        """log2 of the nominal steps, in 1/256, of what is coded side by side."""

    def bytes(self) -> bytes:
        """The payload of the header's section."""


def weights_of(header: Header, kind: type[Autoencoder], medium: str, device: torch.device) -> Loaded:
    """The weights that a file was written with, of a model of this kind.

    Raises UnsupportedFile where the model is unknown; ModelMismatch where its weights are not here; CorruptFile where
    the model is of another kind or the step beyond what it was made for.
    """
    loaded = weights.installed(header.model, device, header.digest)
    if not isinstance(loaded.model, kind):
        raise CorruptFile(f"model {header.model} is not one of {medium}")
    if float(loaded.model.gain.quality(log2_steps_of(header, device)).abs().max()) > QUALITY.high * 2.0**-QUALITY.bits:
        raise CorruptFile(f"a step of {header.step_indices} is beyond what the model was made for")
    return loaded


def log2_steps_of(header: Header, device: torch.device) -> Tensor:
    """(1,) float32, or (2,) of stereo audio, as the model takes them."""
    return torch.tensor(header.step_indices, dtype=torch.float32, device=device) / constants.STEP_UNITS


def identity(header: Header, number: int) -> bytes:
    """What the checksum of a tile or chunk also covers: a header or a place that is not theirs is noticed."""
    return header.bytes() + number.to_bytes(4, "little")
