"""What coding makes of a file's header, that of an image or of audio: weights, step, what checksums cover."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from codec.bitstream import constants
from codec.bitstream.errors import CorruptFile
from codec.devices import Device
from codec.model import weights
from codec.model.fixed_point import QUALITY, Floats
from codec.model.registry import ModelRow
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
    def step_index(self) -> int:
        """log2 of the nominal step of what is coded without one of its own, in 1/256."""

    @property
    def step_indices(self) -> tuple[int, ...]:
        """log2 of the nominal steps, in 1/256, of what is coded side by side."""

    def bytes(self) -> bytes:
        """The payload of the header's section."""


def weights_of(header: Header, row: ModelRow[Any], device: Device) -> Loaded:
    """The weights that a file was written with, of a model of this row's media.

    Raises UnsupportedFile where the model is unknown; ModelMismatch where its weights are not here; CorruptFile where
    the model is of another kind or the step beyond what it was made for.
    """
    loaded = weights.installed(header.model, device, header.digest)
    if loaded.row.media != row.media:
        raise CorruptFile(f"model {header.model} is one of {loaded.row.media}, not of {row.media}")
    steps = (header.step_index, *header.step_indices)  # where all channels are coded in pairs, none has the first
    if np.abs(loaded.model.gains.quality(_log2(steps))).max() > QUALITY.high * 2.0**-QUALITY.bits:
        raise CorruptFile(f"a step among {steps} is beyond what the model was made for")
    return loaded


def log2_steps_of(header: Header) -> Floats:
    """(1,) float32, or (channels,) of audio, as the model takes them."""
    return _log2(header.step_indices)


def _log2(step_indices: tuple[int, ...]) -> Floats:
    """log2 of steps, float32, of indices of headers."""
    return np.array(step_indices, np.float32) / np.float32(constants.STEP_UNITS)


def identity(header: Header, number: int) -> bytes:
    """What the checksum of a tile or chunk also covers: a header or a place that is not theirs is noticed."""
    return header.bytes() + number.to_bytes(4, "little")
