"""The worked examples of SPEC.md, traced by the second decoder: `python -m tests.golden` writes them anew."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from unittest import mock

from codec.model.registry import IMAGE
from tests import golden
from tests.second_decoder import SecondDecoder, network
from tests.second_decoder.streams import Ints, Model, Passes

SPEC = Path(__file__).parent.parent / "bitstream" / "SPEC.md"
BEGIN, END = "<!-- traced -->\n", "<!-- end of the trace -->\n"
PASSES = ["z", *(f"pass {p}" for p in range(11))]
WORD_BYTES = 4
REST = 0  # the size of the field that takes what the others leave
Fields = list[tuple[int, str]]

BEGINNING: Fields = [
    (4, "magic"),
    (1, "version"),
    (1, "section 1, header"),
    (1, "length of its payload"),
]
LATENTS: Fields = [
    (REST, "words of the range coder"),
    (4, "checksum of the latents"),
    (4, "CRC-32C of the section"),
]
IMAGE_FIELDS: Fields = [
    *BEGINNING,
    (1, "`media`: image"),
    (1, "`model`: image"),
    (8, "`digest` of the weights"),
    (2, "`step_index`"),
    (1, "flags: RGB"),
    (1, "`width`"),
    (1, "`height`"),
    (1, "tile width: one tile"),
    (4, "CRC-32C of the section"),
    (1, "section 2, latents"),
    (1, "length of its payload"),
    (1, "kind of the tile: latents"),
    *LATENTS,
]
AUDIO: Fields = [
    *BEGINNING,
    (1, "`media`: audio"),
    (1, "`model`: audio"),
    (8, "`digest` of the weights"),
    (2, "`step_index`"),
    (1, "flags: mono, 16 bits"),
    (3, "`rate`: 48,000 Hz"),
    (2, "`seed`"),
    (4, "CRC-32C of the section"),
    (1, "section 2, latents"),
    (1, "length of its payload"),
    (1, "columns of latents"),
    *LATENTS,
    (1, "section 5, end"),
    (1, "length of its payload"),
    (8, "samples"),
    (1, "bytes of later sections"),
    (1, "number of chunks"),
    (1, "length of the payload of the only one"),
    (4, "length of this payload"),
    (4, "CRC-32C of the section"),
]


class Tracer(Passes):
    """Passes that write a row of a table for every symbol."""

    table: list[str]

    def decode(self, rows: Ints) -> Ints:
        """One pass; its symbols get its name."""
        self.names = getattr(self, "names", PASSES)
        self.name, *self.names = self.names
        return super().decode(rows)

    def read(self, models: Sequence[Model]) -> list[int]:
        """The symbols of some models, one by one."""
        found = []
        for model in models:
            scale = self.lowest.range >> 24
            q = self.lowest.offset // scale
            (s,) = super().read([model])
            found.append(s)
            state = f"`{self.lowest.offset:016x}` | `{self.lowest.range:016x}`"
            value = s - (len(model) // 2 - 1)
            self.table.append(
                f"| {self.name} | {len(model) - 1} | `{scale:010x}` | `{q:06x}` | {s} | `{model[s]:06x}` |"
                f" `{model[s + 1]:06x}` | {value} | {state} |"
            )
        return found


def text() -> str:
    """The fields of an image and the steps of its range decoder, and the fields of a clip, as tables."""
    data = golden.file("one-pixel")
    lines = fields(data, IMAGE_FIELDS)
    lines += ["", "| pass | n | scale | q | s | c[s] | c[s + 1] | symbol | point - lower | range |", "|---" * 10 + "|"]
    Tracer.table = []
    with mock.patch.object(network, "Passes", Tracer):
        (latents,) = SecondDecoder(IMAGE.path).latents(data)
    shown = ", ".join(str(y) for y in latents.ravel()[:8].tolist())
    lines += [*Tracer.table, "", f"The latents begin {shown} and sum to {latents.sum()}.", ""]
    lines += ["A clip of one sample at quality 0:", "", *fields(golden.file("audio-one-sample"), AUDIO), ""]
    return "\n".join(lines)


def fields(data: bytes, sizes: Fields) -> list[str]:
    """The bytes of a file, field by field, as rows of a table."""
    lines = ["| offset | bytes | meaning |", "|---|---|---|"]
    rest = len(data) - sum(size for size, _ in sizes)
    assert rest % WORD_BYTES == 0, "the range coder writes whole words: a field is missing from the list"
    at = 0
    for size, meaning in sizes:
        end = at + (size or rest)
        if end > at:
            lines.append(f"| {at} | `{data[at:end].hex(' ')}` | {meaning} |")
        at = end
    return lines


def write() -> None:
    """Puts the examples into SPEC.md."""
    page = SPEC.read_text()
    before, rest = page.split(BEGIN)
    SPEC.write_text(before + BEGIN + text() + END + rest.split(END)[1])
