"""Numbers that a later version may give out are unknown, not damage: such files are refused, and not called broken."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest

import codec
from codec.bitstream import audio as audio_file
from codec.bitstream import constants
from codec.bitstream import image as image_file
from codec.bitstream.audio import begin, end
from codec.bitstream.file import HEAD_BYTES, beginning, framed, read_beginning
from codec.bitstream.image import Container, Stream
from codec.bitstream.wire import Reader
from codec.devices import Device
from codec.image import decode as image_decode
from codec.model.registry import AUDIO, IMAGE
from codec.original.decode import blocks_from
from tests import golden
from tests.conftest import Run
from tests.second_decoder import SecondDecoder
from tests.second_decoder.audio_file import damaged_audio_pieces
from tests.second_decoder.container import read_header
from tests.second_decoder.image_file import image_pieces

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


def with_section(number: int, payload: bytes, data: bytes | None = None) -> bytes:
    """A file with one more section behind its header."""
    data = golden.file("one-pixel") if data is None else data
    end = read_beginning(Reader(data)).end
    return data[:end] + framed(number, payload) + data[end:]


@pytest.fixture(scope="module")
def second() -> SecondDecoder:
    return SecondDecoder(IMAGE.path, AUDIO.path)


FILES = {"tile": with_unknown_tile, "group of channels": with_unknown_group}


@pytest.mark.parametrize("what", FILES)
def test_an_unknown_kind_is_no_damage(what: str, tmp_path: Path, run: Run) -> None:
    data = FILES[what]()
    with pytest.raises(codec.UnsupportedFile, match=f"a {what} of kind {UNKNOWN}"):
        codec.decompress(data)
    (tmp_path / "later.lcc").write_bytes(data)
    assert run("verify", "--deep", tmp_path / "later.lcc").returncode == 4


@pytest.mark.parametrize("left", [60, 250, None])
def test_nothing_is_shown_of_a_tile_of_an_unknown_kind(left: int | None, second: SecondDecoder) -> None:
    parsed = image_file.read(golden.file("quality-50"))
    stream = Stream((bytes([UNKNOWN]) + parsed.streams[0].data[1:],))
    data = image_file.write(Container(parsed.header, [stream], {}))[:left]
    (found,) = image_decode.latents(data, Device(), partial=True)
    assert not found.any()
    assert not second.prefix(data)[0].any()
    with pytest.warns(codec.IncompleteImage, match=f"a tile of kind {UNKNOWN}"):
        codec.decompress(data, partial=True)


@pytest.mark.parametrize(
    ("section", "payload"),
    [
        (constants.SECTION_TEXTS, b"\2"),
        (constants.SECTION_RESOLUTION, b"\0\4\1\1"),
        (constants.SECTION_TRAILER, b"\3\0x"),
    ],
)
def test_metadata_of_a_kind_that_is_unknown_are_no_damage(section: int, payload: bytes) -> None:
    with pytest.raises(codec.UnsupportedFile, match="unknown"):
        codec.decompress(with_section(section, payload))


def test_only_ids_that_a_medium_has_stand_once(second: SecondDecoder) -> None:
    for name, ids in {
        "one-pixel": (200, constants.SECTION_TAGS),
        "audio-one-sample": (200, constants.SECTION_ICC),
    }.items():
        for number in ids:
            data = with_section(number, b"x", with_section(number, b"y", golden.file(name)))
            assert codec.verify(data) is None
            assert golden.latents_hash(second.latents(data)) == golden.latents_hash(golden.latents_of(data))


def test_a_tiled_file_may_have_one_tile(second: SecondDecoder) -> None:
    parsed = image_file.read(golden.file("one-pixel"))
    header = replace(parsed.header, tile_units=(1, 1))
    streams = [Stream((parsed.streams[0].data, b"", b""))]
    data = image_file.write(Container(header, streams, {}))
    assert [len(piece.stream) for piece in image_pieces(data, read_header(data))] == [len(streams[0].data) - 1]
    assert image_file.read(data).streams[0].data == streams[0].data
    large = image_file.write(Container(replace(header, tile_units=(1 << 20, 1)), streams, {}))
    with pytest.raises(codec.LimitExceeded, match="too large"):
        image_file.read(large)
    with pytest.raises(ValueError, match="at most"):
        image_pieces(large, read_header(large))


def test_the_header_ends_within_the_beginning_of_the_file() -> None:
    header = Reader(golden.file("one-pixel"))
    payload = golden.file("one-pixel")[7 : read_beginning(header).end - constants.CRC_BYTES]
    for size in (HEAD_BYTES, 1 << 20):
        data = beginning(payload + bytes(size))
        with pytest.raises(codec.LimitExceeded, match="header"):
            codec.info(data)
        with pytest.raises(ValueError, match="whole header"):
            read_header(data)


def test_what_stands_behind_the_end_of_audio_is_not_looked_for() -> None:
    short, long = golden.file("audio-one-sample"), golden.file("audio-two-chunks")
    both = audio_file.read(short + long, partial=True)
    found = damaged_audio_pieces(short + long, read_header(short))
    assert [chunk.latents for chunk in both.chunks] == [piece.shape[1] for piece in found] == [1]
    assert "behind the end" in both.damage[0]


def test_sections_of_originals_are_short_whatever_they_are() -> None:
    data = (golden.FOLDER / "originals" / "text.lcc").read_bytes() + framed(200, bytes(constants.MAX_PART_BYTES + 1))
    for read in (codec.verify, lambda file: b"".join(blocks_from(io.BytesIO(file)))):
        with pytest.raises(codec.LimitExceeded, match="declares 4194305 bytes"):
            read(data)


def test_a_step_that_no_channel_has_is_within_its_limits_too() -> None:
    data = golden.file("audio-six-channels")
    begun = read_beginning(Reader(data))
    payload = bytearray(data[7 : begun.end - constants.CRC_BYTES])
    payload[10:12] = (constants.STEP_INDEX_MAX).to_bytes(2, "little")
    with pytest.raises(codec.CorruptFile, match="beyond what the model"):
        codec.verify(beginning(bytes(payload)) + data[begun.end :], deep=True)


def test_a_length_that_products_do_not_hold_is_refused() -> None:
    header = audio_file.read(golden.file("audio-empty")).header
    for samples in (constants.MAX_SAMPLES + 1, 2**64 - 1):
        with pytest.raises(codec.CorruptFile, match="samples"):
            codec.verify(begin(header) + end(samples, []))


def test_private_sections_are_skipped() -> None:
    data = golden.file("one-pixel")
    shown = codec.decompress(with_section(240, b"mine"), output="array")
    assert shown.tolist() == codec.decompress(data, output="array").tolist()
