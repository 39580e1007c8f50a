"""What an evaluation does with the things of one medium: reads them, has them coded, measures them, shows them.

`Material` is the seam between what images and audio share (run.py and all that follows) and what they do not.
"""

from __future__ import annotations

import hashlib
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from codec.eval.cache import Cache
from codec.eval.comparison import Comparison
from codec.eval.medium import Medium
from codec.eval.results import Item, Published, Results

Samples = npt.NDArray[np.generic]
HASH_BYTES = 16


@dataclass(frozen=True)
class Source:
    """A thing to code, as every codec gets it, in a file without metadata."""

    item: Item
    path: Path


class Anchor(Protocol):
    """A codec to compare with. ladder: the settings that draw its curve; knob: what its library calls the setting."""

    @property
    def name(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def ladder(self) -> tuple[float, ...]: ...
    @property
    def knob(self) -> str: ...
    @property
    def options(self) -> Mapping[str, Any]: ...

    def library(self) -> str | None:
        """What it runs on, with versions; None where that is missing."""

    def save_options(self, setting: float) -> dict[str, Any]:
        """What the library is told."""

    def encode(self, samples: Any, setting: float) -> bytes:
        """The bytes of a file."""

    def decode(self, data: bytes) -> Any:
        """The samples of such a file."""

    def payload_bytes(self, data: bytes) -> int:
        """What of such a file counts as its rate."""


class Material(ABC):
    """Images or clips.

    anchors: by name; model: of ours, in the registry; packages: modules that nothing works without. arguments: of our
    command line, beside the quality.
    anchor_module: `python -m` this does one file in a process of its own; errors: what anchors raise.
    """

    anchors: Mapping[str, Anchor]
    model: str
    packages: tuple[str, ...]
    arguments: tuple[str, ...] = ()
    anchor_module: str
    errors: tuple[type[Exception], ...]

    @property
    @abstractmethod
    def medium(self) -> Medium:
        """With the metrics that can be taken here."""

    @property
    def missing(self) -> Mapping[str, str]:
        """The metrics that cannot, with the reason."""
        return {}

    @abstractmethod
    def sources(self, folder: Path, work: Path) -> tuple[list[Source], dict[str, str]]:
        """The things in a folder as sources inside `work`, and the files that could not be read, with the reason."""

    @abstractmethod
    def samples(self, path: Path) -> Any:
        """The samples of a source, or of what a decoder of ours wrote."""

    @abstractmethod
    def measured(self, source: Source, x_hat: Any, rate: float) -> dict[str, float | None]:
        """Scores by key of the metric; None: not taken. Raises ValueError where a decoder changed the size."""

    @abstractmethod
    def basis(self) -> dict[str, object]:
        """All that scores depend on beside the samples, as JSON values: names of kept results depend on it."""

    @abstractmethod
    def versions(self) -> dict[str, str]:
        """The packages behind the metrics."""

    @abstractmethod
    def in_process(self, setting: float) -> tuple[Callable[[Any], bytes], Callable[[bytes], object]]:
        """Our encoder and decoder of samples, for timing without the start of a process."""

    @abstractmethod
    def exhibits(
        self,
        results: Results,
        comparison: Comparison,
        sources: Sequence[Source],
        cache: Cache,
        progress: Callable[[int, int], object],
    ) -> dict[str, Any]:
        """What the report shows of single things, as JSON values, under the names that its script knows."""

    @abstractmethod
    def notes(self, results: Results) -> list[str]:
        """How this medium was measured, a sentence or two each."""

    def published(self, sources: Sequence[Source]) -> list[Published]:
        """Curves of others over exactly these things."""
        return []


def without_missing(medium: Medium, missing: Mapping[str, str]) -> Medium:
    """The medium without the metrics whose keys are missing."""
    return replace(
        medium,
        metrics=tuple(m for m in medium.metrics if m.key not in missing),
        compared_at_equal_rates=tuple(key for key in medium.compared_at_equal_rates if key not in missing),
    )


def printable_name(path: Path) -> str:
    """The name of a file as UTF-8 can hold it: bytes that are not stand as escapes."""
    return os.fsencode(path.name).decode("utf-8", "backslashreplace")


def content_hash(samples: Samples) -> str:
    """First bytes of SHA-256 over shape and samples, in hex."""
    return hashlib.sha256(repr(samples.shape).encode() + samples.tobytes()).hexdigest()[: 2 * HASH_BYTES]
