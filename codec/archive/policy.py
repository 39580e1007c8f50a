"""How files are stored: a mode for all, and rules for those whose paths match a pattern."""

from __future__ import annotations

import tomllib
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from codec.arguments import check_audio_options, check_quality

EXACT, LOSSLESS, LOSSLESS_JXL, VISUALLY_LOSSLESS = "exact", "lossless", "lossless-jxl", "visually-lossless"
QUALITY, PSNR, BITRATE = "quality", "psnr", "bitrate"
ALONE = (EXACT, LOSSLESS, LOSSLESS_JXL, VISUALLY_LOSSLESS)
WITH_NUMBER = (QUALITY, PSNR, BITRATE)
FOR_IMAGES = (LOSSLESS, LOSSLESS_JXL, VISUALLY_LOSSLESS, QUALITY, PSNR)  # all else is stored exactly under these
FOR_AUDIO = (QUALITY, BITRATE)


@dataclass(frozen=True)
class Mode:
    """A way to store files. name: one of the constants above; value: of QUALITY (0 to 100), PSNR (dB) and BITRATE
    (kbit/s, of audio).
    """

    name: str
    value: float | None = None

    @staticmethod
    def parse(text: str) -> Mode:
        """The mode of one of the words of ALONE, or of "quality 60", "psnr 42" or "bitrate 24".

        Raises ValueError.
        """
        name, _, number = text.strip().replace("=", " ").partition(" ")
        try:
            value = float(number) if number.strip() else None
        except ValueError:
            value = None
            name = ""
        if name not in (WITH_NUMBER if value is not None else ALONE):
            known = ", ".join([*ALONE, *(f"{name} N" for name in WITH_NUMBER[:-1])])
            raise ValueError(f"mode '{text}': expected {known} or {WITH_NUMBER[-1]} N")
        if name == QUALITY:
            check_quality(value or 0.0)
        elif name == BITRATE:
            check_audio_options(target_bitrate=value)
        elif name == PSNR and not 0 < (value or 0.0) < 200:
            raise ValueError(f"mode '{text}': expected decibels")
        return Mode(name, value)


@dataclass(frozen=True)
class Rule:
    """A mode for paths that match a pattern, as fnmatch has it: `*` stands for any letters, "/" among them."""

    pattern: str
    mode: Mode


@dataclass(frozen=True)
class Policy:
    """A mode, and rules before it, of which the first that matches counts."""

    mode: Mode
    rules: tuple[Rule, ...] = ()

    def mode_of(self, path: str) -> Mode:
        """How a file is stored, by its path in the source."""
        return next((rule.mode for rule in self.rules if fnmatchcase(path, rule.pattern)), self.mode)

    def as_json(self) -> dict[str, Any]:
        """What `of_json` takes."""
        return asdict(self)

    @staticmethod
    def of_json(found: dict[str, Any]) -> Policy:
        """What `as_json` gave."""
        rules = tuple(Rule(rule["pattern"], Mode(**rule["mode"])) for rule in found["rules"])
        return Policy(Mode(**found["mode"]), rules)


def read(path: Path) -> Policy:
    """The policy of a TOML file: `mode`, "exact" by default, and tables `[[rule]]` with `pattern` and `mode`.

    Raises ValueError, OSError.
    """
    try:
        found = tomllib.loads(path.read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not TOML: {error}") from error
    if unknown := found.keys() - {"mode", "rule"}:
        raise ValueError(f"{path}: '{min(unknown)}' is unknown; expected mode and [[rule]]")
    rules = []
    for number, rule in enumerate(found.get("rule", []), 1):
        if not isinstance(rule, dict) or rule.keys() != {"pattern", "mode"}:
            raise ValueError(f"{path}: rule {number} needs a pattern and a mode, and nothing else")
        rules.append(Rule(str(rule["pattern"]), Mode.parse(str(rule["mode"]))))
    return Policy(Mode.parse(str(found.get("mode", EXACT))), tuple(rules))
