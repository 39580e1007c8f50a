"""Any program as a codec to compare with, described in a few lines of TOML:

    name = "cjxl"                        # of one word
    title = "JPEG XL (cjxl)"
    media = "images"                     # or "audio"
    encode = "cjxl {in} {out} -q {q}"    # no shell: words, split as a shell would
    decode = "djxl {in} {out}"
    ladder = [10, 30, 50, 70, 90]        # of {q}
    version = "cjxl --version"           # its first line; the programs' contents count too
    suffix = ".jxl"                      # of coded files
    input = ".png"                       # what the encoder reads: .png, .ppm, .jpg, ...; .wav or .flac
    output = ".png"                      # what the decoder writes
    knob = "-q"                          # what its documents call the setting
    count = "file"                       # or "packets": of audio, without container and headers
    trained_on = ["ssimulacra2"]         # metrics that it was trained or tuned for

name, media, encode, decode and ladder are needed. A step may be several commands, in a list. Files that commands name,
such as a script, are found beside the TOML.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import subprocess
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from codec.bitstream.errors import CodecError
from codec.eval.anchor import Anchor, is_ladder, is_name
from codec.eval.medium import MEDIA
from codec.media import AudioData, ImageData, audio_bytes, image_bytes, read_audio, read_image, to_8_bits

NEEDED = ("name", "media", "encode", "decode", "ladder")
DEFAULTS: dict[str, dict[str, Any]] = {
    "images": {"input": ".png", "output": ".png"},
    "audio": {"input": ".wav", "output": ".wav"},
}
OTHERS: dict[str, Any] = {
    "title": "",
    "version": "",
    "suffix": ".bin",
    "knob": "{q}",
    "count": "file",
    "trained_on": [],
}
COUNTS = ("file", "packets")
LINE = 200  # characters of what a program says that an error repeats


class TemplateError(CodecError):
    """A template is wrong."""


class ProgramFailed(CodecError):
    """A program of a template ended with an error, or wrote nothing."""


@dataclass(frozen=True, kw_only=True)
class Template(Anchor):
    """A codec of programs. steps: the commands of encode and of decode, as words with {in}, {out} and {q}."""

    name: str
    title: str
    media: str
    ladder: tuple[float, ...]
    steps: Mapping[str, Sequence[Sequence[str]]]
    version: Sequence[str]
    suffix: str
    input: str
    output: str
    knob: str
    whole: bool
    options: Mapping[str, Any]
    count: str
    trained_on: tuple[str, ...]

    @property
    def programs(self) -> list[str]:
        """Of all steps."""
        return list(dict.fromkeys(words[0] for steps in self.steps.values() for words in steps))

    @property
    def files(self) -> list[str]:
        """The programs, and the files that commands name: scripts, weights."""
        words = [word for steps in self.steps.values() for words in steps for word in words[1:]]
        return [*self.programs, *dict.fromkeys(word for word in words if os.path.isfile(word))]

    def library(self) -> str | None:
        """What the version command says first, and the contents of the programs and files."""
        if self.missing():
            return None
        said = _first_line(tuple(self.version)) if self.version else ""
        contents = ", ".join(f"{Path(file).name} {_contents(file)}" for file in self.files)
        return ", ".join(part for part in (said, contents) if part)

    def missing(self) -> str | None:
        """The programs that are not on the PATH."""
        absent = [program for program in self.programs if not shutil.which(program)]
        return f"{' and '.join(absent)} not on the PATH" if absent else None

    def encode(self, samples: Any, setting: float) -> bytes:
        """The bytes of what the encoder wrote. Raises ProgramFailed."""
        if self.media == "images":
            written = image_bytes(ImageData(samples), self.input)
        else:
            written = audio_bytes(AudioData(samples, 48_000), self.input)
        return self._done("encode", written, self.input, self.suffix, setting)

    def decode(self, data: bytes) -> Any:
        """The samples of what the decoder wrote. Raises ProgramFailed, MediaError."""
        shown = self._done("decode", data, self.suffix, self.output, self.ladder[0])
        if self.media == "images":
            return to_8_bits(read_image(shown)).pixels
        audio = read_audio(shown)
        if audio.sample_rate != 48_000:
            raise ProgramFailed(f"{self.name} decodes to {audio.sample_rate} Hz, expected 48000")
        return audio.samples

    def payload_bytes(self, data: bytes) -> int:
        """The file, or its packets."""
        if self.count == "file":
            return len(data)
        from codec.eval.audio_anchors import packet_bytes

        return packet_bytes(data)

    def process(self, action: str, spec: str, setting: float, source: Path, target: Path) -> list[str]:
        """The program itself where it is one and reads the source as it is."""
        steps = self.steps[action]
        if len(steps) > 1 or (action == "encode" and source.suffix != self.input):
            return super().process(action, spec, setting, source, target)
        return [_filled(word, source, target, setting) for word in steps[0]]

    def _done(self, action: str, given: bytes, before: str, after: str, setting: float) -> bytes:
        with tempfile.TemporaryDirectory() as work:
            source = Path(work) / f"in{before}"
            target = Path(work) / f"out{after}"
            source.write_bytes(given)
            for words in self.steps[action]:
                _run([_filled(word, source, target, setting) for word in words], work)
            try:
                return target.read_bytes()
            except OSError:
                raise ProgramFailed(f"{words[0]} wrote no {{out}}") from None


def read_template(text: str, place: str, folder: Path | None = None) -> Template:
    """The codec that a TOML describes. Raises TemplateError.

    place: of the text, for errors; folder: where it lies, if it is a file.
    """
    try:
        said = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise TemplateError(f"{place}: {error}") from error
    absent = [name for name in NEEDED if name not in said]
    if absent:
        raise TemplateError(f"{place}: {', '.join(absent)} missing")
    if said["media"] not in list(MEDIA):  # a list: what is said may have no hash
        raise TemplateError(f"{place}: media is {said['media']!r}, expected one of {', '.join(MEDIA)}")
    filled = OTHERS | DEFAULTS[said["media"]] | said
    unknown = sorted(set(filled) - set(NEEDED) - set(OTHERS) - set(DEFAULTS["images"]))
    if unknown:
        raise TemplateError(f"{place}: {', '.join(unknown)} unknown")
    ladder, trained_on = filled["ladder"], filled["trained_on"]
    if not (isinstance(ladder, list) and is_ladder(ladder) and len(ladder) >= 3):
        raise TemplateError(f"{place}: ladder is {ladder!r}, expected a list of at least 3 numbers, each once")
    if not (isinstance(trained_on, list) and all(isinstance(key, str) for key in trained_on)):
        raise TemplateError(f"{place}: trained_on is {trained_on!r}, expected a list of names of metrics")
    for name in ("name", "title", "version", "suffix", "input", "output", "knob", "count"):
        if not isinstance(filled[name], str):
            raise TemplateError(f"{place}: {name} is {filled[name]!r}, expected text")
    if not is_name(filled["name"]):
        raise TemplateError(f"{place}: name is {filled['name']!r}, expected one word")
    if filled["count"] not in COUNTS:
        raise TemplateError(f"{place}: count is {filled['count']!r}, expected one of {', '.join(COUNTS)}")
    steps = {
        action: [_placed(words, folder) for words in _steps(filled[action], action, place)]
        for action in ("encode", "decode")
    }
    if not any("{q}" in word for words in steps["encode"] for word in words):
        raise TemplateError(f"{place}: encode is {filled['encode']!r}, expected a {{q}} for the settings of the ladder")
    return Template(
        name=filled["name"],
        title=filled["title"] or filled["name"],
        media=filled["media"],
        ladder=tuple(sorted(map(float, ladder))),
        steps=steps,
        whole=all(float(setting).is_integer() for setting in ladder),
        options={name: "; ".join(" ".join(words) for words in commands) for name, commands in steps.items()},
        version=_words(filled["version"], "version", place),
        suffix=filled["suffix"],
        input=filled["input"],
        output=filled["output"],
        knob=filled["knob"],
        count=filled["count"],
        trained_on=tuple(trained_on),
    )


def _steps(said: Any, action: str, place: str) -> list[list[str]]:
    steps = [_words(command, action, place) for command in (said if isinstance(said, list) else [said])]
    together = [word for words in steps for word in words]
    if not all(steps) or not steps or not all(any(mark in w for w in together) for mark in ("{in}", "{out}")):
        raise TemplateError(f"{place}: {action} is {said!r}, expected a command with {{in}} and {{out}}")
    return steps


def _placed(words: list[str], folder: Path | None) -> list[str]:
    """The words, with absolute paths of files in a folder; programs without a slash are those of the PATH."""
    if folder is None:
        return words
    [program, *rest] = words
    return [
        *([os.path.abspath(folder / program)] if os.sep in program else [program]),
        *(os.path.abspath(folder / word) if (folder / word).is_file() else word for word in rest),
    ]


def _words(command: Any, what: str, place: str) -> list[str]:
    try:
        return shlex.split(command)
    except (ValueError, AttributeError) as error:
        raise TemplateError(f"{place}: {what} is {command!r}, expected a command: {error}") from error


def _filled(word: str, source: Path, target: Path, setting: float) -> str:
    return word.replace("{in}", str(source)).replace("{out}", str(target)).replace("{q}", f"{setting:g}")


def _run(words: Sequence[str], work: str) -> None:
    try:
        done = subprocess.run(words, capture_output=True, check=False, stdin=subprocess.DEVNULL, cwd=work)
    except OSError as error:
        raise ProgramFailed(f"{words[0]}: {error.strerror}") from error
    if done.returncode:
        said = (done.stderr or done.stdout).decode("utf-8", "replace").strip().splitlines()
        raise ProgramFailed(f"{words[0]} ended with {done.returncode}: {(said or ['no reason given'])[-1][:LINE]}")


@cache
def _first_line(words: tuple[str, ...]) -> str:
    """What a program says first, on either stream; "" where it says nothing."""
    try:
        done = subprocess.run(words, capture_output=True, check=False, stdin=subprocess.DEVNULL)
    except OSError:
        return ""
    lines = (done.stdout + done.stderr).decode("utf-8", "replace").strip().splitlines()
    return lines[0].strip()[:LINE] if lines else ""


@cache
def _contents(program: str) -> str:
    return hashlib.sha256(Path(shutil.which(program) or program).read_bytes()).hexdigest()[:8]
