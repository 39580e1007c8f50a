"""Who takes metrics: `Measure`, which others subclass too (entry points of the group `codec.metrics`)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

from codec.bitstream.errors import CodecError
from codec.eval import plugins
from codec.eval.medium import Metric
from codec.eval.plugins import PluginFailed
from codec.eval.results import Item

GROUP = "codec.metrics"


class MeasureMissing(CodecError):
    """There is no measure of this name."""


class Measure(ABC):
    """Takes one metric or several that come together, of images or of clips.

    name: of one word; media: "images" or "audio"; metrics: the rows that it fills; standard: whether it is taken where
    none is named.

    A class of another package, named by an entry point of the group `codec.metrics`, is taken as those here are.
    """

    name: str
    media: str
    metrics: tuple[Metric, ...]
    standard: bool = True

    @abstractmethod
    def scores(self, x: Any, x_hat: Any) -> dict[str, float | None]:
        """By key of the metric, the scores of `x_hat` as a copy of `x`; None: there is none.

        Images are uint8 (H, W, 1 or 3), clips float32 (n, 1 or 2) at 48 kHz; both of one shape.
        """

    @abstractmethod
    def identity(self) -> str:
        """All that scores depend on beside the samples, such as versions: kept results are found by it."""

    def missing(self) -> str | None:
        """Why it cannot be taken here, None where it can."""
        return None

    def wants(self, item: Item, rate: float) -> bool:
        """Whether a copy of `item` at this rate is worth its time."""
        return True


class Packaged(Measure):
    """By a Python package that may be missing. package: as it is installed; module: as it is imported."""

    package: str
    module: str

    def identity(self) -> str:
        """The version of the package."""
        return f"{self.package} {version(self.package)}"

    def missing(self) -> str | None:
        """What to install."""
        return None if find_spec(self.module) else f"{self.package} is not installed here"


def builtin(media: str) -> Sequence[type[Measure]]:
    """The measures of a medium that come with the codec."""
    if media == "images":
        from codec.eval.image_measures import IMAGE_MEASURES

        return IMAGE_MEASURES
    from codec.eval.audio_measures import AUDIO_MEASURES

    return AUDIO_MEASURES


@cache
def found(media: str) -> dict[str, Measure]:
    """Those built in and those of entry points, by name. Raises PluginFailed."""
    built = [made() for made in builtin(media)]
    others = [_checked(plugins.loaded(GROUP, name), name) for name in plugins.names(GROUP)]
    return {measure.name: measure for measure in (*built, *(m for m in others if m.media == media))}


@cache
def named(media: str, spec: str) -> Measure:
    """The measure of a name, or of `module:object`. Raises MeasureMissing, PluginFailed."""
    known = found(media)
    if spec in known:
        return known[spec]
    other = plugins.loaded(GROUP, spec)
    if other is None:
        raise MeasureMissing(f"'{spec}' is none of {', '.join(known)}, no entry point of {GROUP} and no module:object")
    return _checked(other, spec)


def _checked(measure: Any, name: str) -> Measure:
    if not isinstance(measure, Measure) or not all(hasattr(measure, a) for a in ("name", "media", "metrics")):
        raise PluginFailed(f"{name} is no codec.eval.measure.Measure with a name, media and metrics")
    return measure
