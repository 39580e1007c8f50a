"""What an evaluation does with the things of one medium: reads them, has them coded, measures them, shows them.

`Material` is the seam between what images and audio share (run.py and all that follows) and what they do not.
"""

from __future__ import annotations

import hashlib
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from codec.bitstream.errors import MediaError
from codec.eval import measure
from codec.eval.cache import Cache
from codec.eval.comparison import Comparison
from codec.eval.measure import Measure, MeasureMissing
from codec.eval.medium import MEDIA, Medium, Metric
from codec.eval.plugins import PluginFailed
from codec.eval.results import OWN, Item, Published, Results

Samples = npt.NDArray[np.generic]
HASH_BYTES = 16


@dataclass(frozen=True)
class Source:
    """A thing to code, as every codec gets it, in a file without metadata."""

    item: Item
    path: Path


class Material(ABC):
    """Images or clips.

    name: of the medium; model: of ours, in the registry; arguments: of our command line, beside the quality.
    """

    name: str
    model: str
    arguments: tuple[str, ...] = ()

    def __init__(self, scores: Sequence[str] = ()) -> None:
        """scores: the measures to take, all that are standard where there are none."""
        self._scores = tuple(scores)

    @property
    def trained_on(self) -> tuple[str, ...]:
        """Keys of the metrics that our weights were trained for."""
        return tuple(metric.key for metric in self.medium.metrics if OWN in metric.trained)

    @property
    def names(self) -> tuple[str, ...]:
        """Of the measures to take, as the user says them."""
        return self._scores or tuple(name for name, m in measure.found(self.name).items() if m.standard)

    @cached_property
    def measures(self) -> dict[str, Measure]:
        """Those that can be taken here, by what the user calls them. Raises MeasureMissing, PluginFailed."""
        found = {spec: measure.named(self.name, spec) for spec in self.names}
        return {spec: m for spec, m in found.items() if not m.missing()}

    @cached_property
    def missing(self) -> dict[str, str]:
        """The titles of metrics that cannot be taken, with the reason."""
        absent = [measure.named(self.name, spec) for spec in self.names if spec not in self.measures]
        return {metric.title: m.missing() or "" for m in absent for metric in m.metrics}

    @cached_property
    def medium(self) -> Medium:
        """With the metrics that are taken, in the order of the medium.

        Raises MeasureMissing where there are none, PluginFailed where two have one key.
        """
        taken: dict[str, Metric] = {}
        for spec, m in self.measures.items():
            for metric in m.metrics:
                if metric.key in taken:
                    raise PluginFailed(f"{spec} takes '{metric.key}', as another metric does")
                taken[metric.key] = metric
        if not taken:
            reasons = "; ".join(f"{title}: {why}" for title, why in self.missing.items())
            raise MeasureMissing(f"no metric can be taken here: {reasons}")
        ordered = [metric for metric in MEDIA[self.name].metrics if metric.key in taken]
        ordered += [metric for metric in taken.values() if metric not in ordered]
        ordered.sort(key=lambda metric: not metric.in_deltas)  # the first is that of the headline
        if not ordered[0].in_deltas:
            raise MeasureMissing(f"{ordered[0].title} is not fit for Bjontegaard deltas: name another metric, too")
        return MEDIA[self.name].of(ordered)

    @abstractmethod
    def sources(self, folder: Path, work: Path) -> tuple[list[Source], dict[str, str]]:
        """The things in a folder as sources inside `work`, and the files that could not be read, with the reason."""

    @abstractmethod
    def samples(self, path: Path) -> Any:
        """The samples of a source, or of what a decoder of ours wrote."""

    @abstractmethod
    def fitted(self, x: Any, x_hat: Any) -> Any:
        """What a decoder gave, as long as the original. Raises MediaError where it is another size or kind of array."""

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
        sheet: bool = False,
        processes: int | None = None,
    ) -> dict[str, Any]:
        """What the report shows of single things, as JSON values, under the names that its script knows.

        sheet: also what a sheet of crops holds; processes: that share the work, None: one a core.
        """

    @abstractmethod
    def notes(self, results: Results) -> list[str]:
        """How this medium was measured, a sentence or two each."""

    def published(self, sources: Sequence[Source]) -> list[Published]:
        """Curves of others over exactly these things."""
        return []


def check_array(x_hat: Any, dtypes: Sequence[str], dimensions: int, shape: str) -> None:
    """Raises MediaError where what a decoder gave is no array of such samples."""
    if isinstance(x_hat, np.ndarray) and x_hat.dtype in dtypes and x_hat.ndim == dimensions:
        return
    given = f"{x_hat.dtype} {x_hat.shape}" if isinstance(x_hat, np.ndarray) else f"a {type(x_hat).__name__}"
    raise MediaError(f"the decoder gave {given}, expected {dtypes[0]} {shape}")


def printable_name(path: Path) -> str:
    """The name of a file as UTF-8 can hold it: bytes that are not stand as escapes."""
    return os.fsencode(path.name).decode("utf-8", "backslashreplace")


def content_hash(samples: Samples) -> str:
    """First bytes of SHA-256 over shape and samples, in hex."""
    return hashlib.sha256(repr(samples.shape).encode() + samples.tobytes()).hexdigest()[: 2 * HASH_BYTES]
