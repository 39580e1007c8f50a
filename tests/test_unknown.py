"""Numbers that a later version may give out are unknown, not damage: such files are refused, and not called broken."""

from __future__ import annotations

from pathlib import Path

import pytest

import codec
from codec.bitstream import audio as audio_file
from codec.bitstream import constants
from codec.bitstream import image as image_file
from codec.bitstream.audio import begin, end
from codec.bitstream.file import beginning, framed, read_beginning
from codec.bitstream.image import Container, Stream
from codec.bitstream.wire import Reader
from tests import golden
from tests.conftest import Run

UNKNOWN = 9


def with_unknown_tile() -> bytes:
    parsed = image_file.read(golden.file("one-pixel"))
    return image_file.write(Container(parsed.header, [Stream((bytes([UNKNOWN]) + parsed.streams[0].data[1:],))], {}))


def with_unknown_group() -> bytes:
    data = golden.file("audio-six-channels")
    reader = Reader(data)
    begun = read_beginning(reader)
    groups = data.index(bytes([6, 0x3F, 0, 0, 0])) + 5
    at = len(beginning(b"")) - constants.CRC_BYTES
    payload = bytearray(data[at : begun.end - constants.CRC_BYTES])
    payload[groups - at] = UNKNOWN
    return beginning(bytes(payload)) + data[begun.end :]


FILES = {"tile": with_unknown_tile, "group of channels": with_unknown_group}


@pytest.mark.parametrize("what", FILES)
def test_an_unknown_kind_is_no_damage(what: str, tmp_path: Path, run: Run) -> None:
    data = FILES[what]()
    with pytest.raises(codec.UnsupportedFile, match=f"a {what} of kind {UNKNOWN}"):
        codec.decompress(data)
    (tmp_path / "later.lcc").write_bytes(data)
    assert run("verify", "--deep", tmp_path / "later.lcc").returncode == 4


def test_a_length_that_products_do_not_hold_is_refused() -> None:
    header = audio_file.read(golden.file("audio-empty")).header
    for samples in (constants.MAX_SAMPLES + 1, 2**64 - 1):
        with pytest.raises(codec.CorruptFile, match="samples"):
            codec.verify(begin(header) + end(samples, []))


def test_private_sections_are_skipped() -> None:
    data = golden.file("one-pixel")
    begun = read_beginning(Reader(data))
    private = framed(240, b"mine")
    shown = codec.decompress(data[: begun.end] + private + data[begun.end :], output="array")
    assert shown.tolist() == codec.decompress(data, output="array").tolist()
