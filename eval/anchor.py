"""A codec to compare with: `Anchor`, which others subclass too, and how one is found by what a user calls it.

That is a name built in, the name of a template in `templates/`, the name of an entry point of the group
`codec.anchors`, `module:object`, a TOML file of one's own (see template.py), or a folder of files that were made
elsewhere (see made.py).
"""

from __future__ import annotations

import math
import re
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import packages_distributions, version
from importlib.resources import files
from pathlib import Path
from typing import Any

from codec.bitstream.errors import CodecError
from codec.eval import plugins
from codec.eval.plugins import PluginFailed

GROUP = "codec.anchors"
TEMPLATE = ".toml"


class AnchorMissing(CodecError):
    """There is no anchor of this name."""


class Anchor(ABC):
    """A codec of images, uint8 (H, W, 1 or 3), or of clips, float32 (n, 1 or 2) at 48 kHz.

    name: of one word; ladder: the settings that draw its curve; encode and decode. The rest has defaults.
    media: "images" or "audio"; title: for tables; knob: what its own documents call the setting; whole: whether
    settings are whole numbers; options: what is fixed; trained_on: keys of metrics that it was trained or tuned for.
    """

    name: str
    title: str
    ladder: tuple[float, ...]
    media: str = "images"
    knob: str = "setting"
    whole: bool = False
    options: Mapping[str, Any]
    trained_on: tuple[str, ...] = ()

    def library(self) -> str | None:
        """What it runs on, with versions; None where that is missing. Results are kept under it.

        Here the package of the class and a hash of its Python files; weights and libraries are for the class to add.
        """
        module = type(self).__module__.partition(".")[0]
        found = packages_distributions().get(module)
        title = f"{found[0]} {version(found[0])}" if found else f"module {module}"
        return f"{title} {plugins.source_hash(module)}".rstrip()

    def missing(self) -> str | None:
        """Why it cannot take part, None where it can."""
        return None if self.library() else "not installed here"

    def save_options(self, setting: float) -> dict[str, Any]:
        """All that the codec is told, as JSON values. Results are kept under it."""
        return {**self.options, self.knob: setting}

    @abstractmethod
    def encode(self, samples: Any, setting: float) -> bytes:
        """The bytes of a file."""

    @abstractmethod
    def decode(self, data: bytes) -> Any:
        """The samples of such a file; of clips up to 2048 more than went in."""

    def payload_bytes(self, data: bytes) -> int:
        """What of such a file counts as its rate."""
        return len(data)

    def process(self, action: str, spec: str, setting: float, source: Path, target: Path) -> list[str]:
        """The command that does one file in a process of its own, for timing. action: encode or decode."""
        return [
            *(sys.executable, "-m", "codec.eval.anchor_process"),
            *(self.media, action, spec, str(setting), str(source), str(target)),
        ]


def builtin(media: str) -> Mapping[str, Anchor]:
    """The anchors of a medium that need no file, by name: those that are taken where none are named first."""
    if media == "images":
        from codec.eval.anchors import ANCHORS

        return ANCHORS
    from codec.eval.audio_anchors import AUDIO_ANCHORS

    return AUDIO_ANCHORS


def standard(media: str) -> list[str]:
    """The names of those that are taken where none are named."""
    return [name for name, anchor in builtin(media).items() if getattr(anchor, "standard", True)]


def known(media: str) -> list[str]:
    """The names of all: built in, templates, entry points."""
    names = [*builtin(media), *_templates()]
    names += [name for name in plugins.names(GROUP) if name not in names]
    return [name for name in names if named(media, name).media == media]


@cache
def named(media: str, spec: str) -> Anchor:
    """The anchor that a user means. Raises AnchorMissing, PluginFailed, and TemplateError of a file."""
    from codec.eval.made import Made
    from codec.eval.template import read_template

    if spec in builtin(media):
        return builtin(media)[spec]
    if spec in _templates():
        return read_template(_templates()[spec], spec)
    path = Path(spec)
    if path.suffix == TEMPLATE:
        try:
            return read_template(path.read_text("utf-8"), str(path), path.parent)
        except (OSError, UnicodeDecodeError) as error:
            raise AnchorMissing(f"{path} cannot be read: {error}") from error
    found = plugins.loaded(GROUP, spec)
    if found is not None:
        return _checked(found, spec)
    if path.is_dir():
        return Made.read(path, media)
    raise AnchorMissing(
        f"'{spec}' is none of {', '.join([*builtin(media), *_templates()])}, no TOML file, no folder, no entry point "
        f"of {GROUP} and no module:object"
    )


def is_name(name: object) -> bool:
    """Whether a codec may be called so: tables, conditions of `compare` and caches take it as one word."""
    return isinstance(name, str) and re.fullmatch(r"[\w.+-]+", name) is not None


def is_ladder(settings: Sequence[Any]) -> bool:
    """Whether these are settings: numbers, each once."""
    numbers = [s for s in settings if isinstance(s, int | float) and not isinstance(s, bool) and math.isfinite(s)]
    return 0 < len(settings) == len(numbers) == len(set(numbers))


def _checked(anchor: Any, spec: str) -> Anchor:
    if not isinstance(anchor, Anchor) or not all(hasattr(anchor, a) for a in ("name", "ladder")):
        raise PluginFailed(f"{spec} is no codec.eval.anchor.Anchor with a name and a ladder")
    if not is_ladder(anchor.ladder):
        raise PluginFailed(f"{spec} has the ladder {anchor.ladder!r}, expected numbers, each once")
    if not is_name(anchor.name):
        raise PluginFailed(f"{spec} has the name {anchor.name!r}, expected one word")
    for attribute, default in (("title", anchor.name), ("options", {})):
        if not hasattr(anchor, attribute):
            setattr(anchor, attribute, default)
    return anchor


@cache
def _templates() -> dict[str, str]:
    """The texts of the templates that are shipped, by name."""
    found = sorted(files("codec.eval").joinpath("templates").iterdir(), key=lambda path: path.name)
    return {path.name.removesuffix(TEMPLATE): path.read_text("utf-8") for path in found if path.name.endswith(TEMPLATE)}
