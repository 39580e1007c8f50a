"""Bytes: varints, the container, the range coder and its tables."""

from __future__ import annotations

import zlib
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from codec.bitstream import constants
from codec.bitstream.checksum import crc32c
from codec.bitstream.errors import CodecError, CorruptFile, LimitExceeded, UnsupportedFile
from codec.bitstream.image import Container, ImageHeader, Stream, read, write
from codec.bitstream.range_coder import SYMBOL_MAX, Decoder, Encoder, Models, PrefixDecoder
from codec.bitstream.tables import TOTAL, Tables, logistic_tables
from codec.bitstream.tiling import Tiling, tile_units
from codec.bitstream.wire import Reader, Writer

HEADER = ImageHeader(1, b"\xaa\xbb\xcc\xdd\1\2\3\4", 1440, 300, 200, 3)
SMALL = write(Container(HEADER, [Stream((b"12345678",))], {}))
TILED = Container(
    replace(HEADER, width=100, height=150, tile_units=(1, 2), alpha=True),
    [Stream((bytes([n]) * n, b"second", b"third")) for n in range(4)],
    {constants.SECTION_ALPHA: b"opaque", constants.SECTION_ICC: b"profile" * 9, constants.SECTION_XMP: b"<x/>"},
)
LOG2_SCALES = (np.arange(64) - 25.5) / 6
TABLES = logistic_tables(LOG2_SCALES)
MODELS = Models(TABLES)


@st.composite
def containers(draw: st.DrawFn) -> Container:
    """Any image's file: with and without tiles, alpha and metadata."""
    header = ImageHeader(
        model=draw(st.integers(0, 255)),
        digest=draw(st.binary(min_size=8, max_size=8)),
        step_index=draw(st.integers(0, constants.STEP_INDEX_MAX)),
        width=draw(st.integers(1, 500)),
        height=draw(st.integers(1, 500)),
        channels=draw(st.sampled_from([1, 3])),
        bit_depth=draw(st.sampled_from([8, 16])),
        alpha=draw(st.booleans()),
        tile_units=draw(st.one_of(st.just((0, 0)), st.tuples(st.integers(1, 9), st.integers(1, 9)))),
    )
    parts = constants.LAYERS if header.tiled else 1
    stream = st.builds(Stream, st.tuples(*[st.binary(max_size=200)] * parts))
    count = len(header.tiling)
    extras = draw(st.dictionaries(st.sampled_from([128, 129, 130]), st.binary(max_size=300)))
    if header.alpha:
        extras[constants.SECTION_ALPHA] = draw(st.binary(max_size=100))
    return Container(header, draw(st.lists(stream, min_size=count, max_size=count)), extras)


@given(st.integers(0, 2**32 - 1))
def test_a_varint_returns(value: int) -> None:
    data = Writer().varint(value).bytes()
    reader = Reader(data)
    assert reader.varint("value") == value
    assert reader.left == 0


@pytest.mark.parametrize("data", [b"\x80\x00", b"\xff\xff\xff\xff\x7f", b"\x80" * 6, b"\x80", b""])
def test_a_varint_that_is_too_long_or_cut_is_corrupt(data: bytes) -> None:
    with pytest.raises(CorruptFile):
        Reader(data).varint("value")


@given(containers())
def test_a_container_returns(container: Container) -> None:
    data = write(container)
    assert read(data) == container
    assert read(data, partial=True) == container


def test_a_small_file_has_exactly_these_bytes() -> None:
    head = b"\x01\x12\x00\x01\xaa\xbb\xcc\xdd\1\2\3\4\xa0\x05\x01\xac\x02\xc8\x01\x00"
    body = b"\x02\x0812345678"
    assert b"\x89LCC\x03" + b"".join(part + crc32c(part).to_bytes(4, "little") for part in (head, body)) == SMALL


def test_the_checksum_is_that_of_rfc_3720() -> None:
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert crc32c(bytes(range(32))) == 0x46DD794E
    assert crc32c(b"6789", crc32c(b"12345")) == crc32c(b"123456789") == 0xE3069283


def test_overhead_is_at_most_forty_bytes() -> None:
    largest = ImageHeader(1, bytes(8), 4000, 1448, 1448, 3, 16)
    payload = bytes(5_000_000)
    assert len(write(Container(largest, [Stream((payload,))], {}))) - len(payload) <= 40


@pytest.mark.parametrize("data", [SMALL, write(TILED)])
def test_every_truncation_is_an_error(data: bytes) -> None:
    for size in range(len(data)):
        with pytest.raises(CorruptFile):
            read(data[:size])


@pytest.mark.parametrize("data", [SMALL, write(TILED)])
def test_every_changed_byte_is_an_error(data: bytes) -> None:
    for i in range(len(data)):
        for change in (1, 0x80, 0xFF):
            changed = bytearray(data)
            changed[i] ^= change
            with pytest.raises(CodecError):
                read(bytes(changed))


def front_of(container: Container, file: bytes) -> int:
    """Bytes of a file that must be whole: up to its header, or its index."""
    front = 5 + len(container.header.bytes()) + 6
    if not container.header.tiled:
        return front
    reader = Reader(file[front + 1 :])
    size = reader.varint("index length")
    return front + 1 + reader.offset + size + 4


@given(containers(), st.data())
def test_a_file_cut_behind_its_header_gives_the_beginnings_of_its_streams(
    container: Container, data: st.DataObject
) -> None:
    file = write(container)
    size = data.draw(st.integers(front_of(container, file), len(file) - 1))
    found = read(file[:size], partial=True)
    assert found.header == container.header
    assert found.damage
    assert len(found.streams) == len(container.streams)
    for there, here in zip(container.streams, found.streams, strict=True):
        assert there.data.startswith(here.data)
        assert not here.whole or here == there
    assert found.extras.items() <= container.extras.items()


@given(containers(), st.data())
def test_a_changed_byte_behind_the_index_costs_one_tile_or_one_section(
    container: Container, data: st.DataObject
) -> None:
    file = bytearray(write(container))
    at = data.draw(st.integers(front_of(container, bytes(file)), len(file) - 1))
    file[at] ^= data.draw(st.integers(1, 255))
    found = read(bytes(file), partial=True)
    assert found.damage
    changed = [n for n, (a, b) in enumerate(zip(container.streams, found.streams, strict=True)) if a != b]
    assert len(changed) <= 1
    for n in changed:
        assert not found.streams[n].whole
        # without an index a wrong length looks like a cut, and takes what follows for a part of the stream
        assert container.streams[n].data.startswith(found.streams[n].data) or not container.header.tiled


@given(st.binary(max_size=200))
def test_any_bytes_behind_the_magic_are_a_file_or_an_error(data: bytes) -> None:
    try:
        read(constants.MAGIC + data)
    except CodecError:
        return


def section(number: int, payload: bytes) -> bytes:
    body = Writer().uint(number, 1).varint(len(payload)).raw(payload).bytes()
    return body + crc32c(body).to_bytes(4, "little")


def test_optional_sections_are_skipped_and_critical_ones_refused() -> None:
    for data in (SMALL, write(TILED)):
        assert read(data + section(200, b"later")) == read(data)
        with pytest.raises(UnsupportedFile, match="section 77"):
            read(data + section(77, b"later"))


@pytest.mark.parametrize("extra", [section(1, b""), section(2, b""), section(3, b""), section(128, b"") * 2])
def test_sections_may_not_stand_twice_or_where_they_do_not_belong(extra: bytes) -> None:
    for data in (SMALL, write(TILED)):
        with pytest.raises(CodecError, match=r"out of place|inflated|one compressed block"):
            read(data + extra)


def test_an_alpha_section_is_there_if_and_only_if_the_header_says_so() -> None:
    with pytest.raises(CorruptFile, match="alpha section is missing"):
        read(write(Container(TILED.header, TILED.streams, {})))
    with pytest.raises(UnsupportedFile, match="section 4"):
        read(write(Container(HEADER, [Stream((b"",))], {constants.SECTION_ALPHA: b""})))


def test_metadata_that_inflates_without_end_is_refused() -> None:
    bomb = section(constants.SECTION_ICC, zlib.compress(bytes(constants.MAX_METADATA_BYTES + 1), 9))
    with pytest.raises(LimitExceeded, match="inflates"):
        read(SMALL + bomb)
    with pytest.raises(CorruptFile, match="inflated"):
        read(SMALL + section(constants.SECTION_ICC, b"no zlib"))
    with pytest.raises(CorruptFile, match="one compressed block"):
        read(SMALL + section(constants.SECTION_ICC, zlib.compress(b"profile") + b"more"))


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\0" * 9,
        b"\0" * 12,
        Writer().varint(2**32 - 1).raw(bytes(12)).bytes(),
        Writer().varint(0).varint(2**31).raw(bytes(11)).bytes(),
    ],
)
def test_an_index_that_lies_is_corrupt(payload: bytes) -> None:
    head = section(constants.SECTION_HEADER, replace(TILED.header, alpha=False).bytes())
    parts = section(constants.SECTION_LATENTS, b"x") * 12
    with pytest.raises(CodecError):
        read(SMALL[:5] + head + section(constants.SECTION_INDEX, payload) + parts)


def test_a_small_index_cannot_make_many_tiles() -> None:
    header = replace(HEADER, width=1 << 14, height=12_000, tile_units=(1, 1))
    data = SMALL[:5] + section(constants.SECTION_HEADER, header.bytes()) + section(constants.SECTION_INDEX, bytes(30))
    with pytest.raises(CorruptFile, match="too short for 48128 tiles"):
        read(data)


@pytest.mark.parametrize("version", [0, 1, 9])
def test_other_versions_are_named(version: int) -> None:
    with pytest.raises(UnsupportedFile, match=f"version {version}"):
        read(SMALL[:4] + bytes([version]) + SMALL[5:])


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"width": 1 << 25}, LimitExceeded),
        ({"width": 1 << 20, "height": 1 << 20}, LimitExceeded),
        ({"width": 1500, "height": 1500}, LimitExceeded),  # in one tile
        ({"width": 5000, "height": 5000, "tile_units": (30, 30)}, LimitExceeded),
        ({"width": 0}, CorruptFile),
        ({"tile_units": (3, 0)}, CorruptFile),
        ({"step_index": 65535}, CorruptFile),
    ],
)
def test_impossible_headers_are_refused(change: dict[str, Any], error: type[CodecError]) -> None:
    header = replace(HEADER, **change).bytes()
    with pytest.raises(error):
        read(SMALL[:5] + section(constants.SECTION_HEADER, header) + section(constants.SECTION_LATENTS, b""))


def test_unknown_flags_are_refused() -> None:
    header = bytearray(HEADER.bytes())
    header[12] |= 64
    with pytest.raises(UnsupportedFile, match="flags"):
        read(SMALL[:5] + section(constants.SECTION_HEADER, bytes(header)) + section(constants.SECTION_LATENTS, b""))


def test_the_pixel_limit_is_the_callers() -> None:
    assert read(SMALL, max_pixels=60_000).header == HEADER
    with pytest.raises(LimitExceeded, match="300 x 200"):
        read(SMALL, max_pixels=59_999)


# --- tiles --------------------------------------------------------------------------------------------------------


@given(st.integers(1, 3000), st.integers(1, 3000), st.integers(1, 20), st.integers(1, 20))
def test_tiles_cover_every_pixel_once(width: int, height: int, across: int, down: int) -> None:
    tiling = Tiling(width, height, across * 64, down * 64)
    area = sum(tile.width * tile.height for tile in tiling)  # type: ignore[attr-defined]
    assert area == width * height
    last = tiling[len(tiling) - 1]
    assert (last.x + last.width, last.y + last.height) == (width, height)


@given(st.integers(1, 60_000), st.integers(1, 60_000))
def test_our_tiles_are_within_the_limits_and_no_slivers(width: int, height: int) -> None:
    across, down = tile_units(width, height)
    assert ((across, down) == (0, 0)) == (width * height <= 1 << 20)
    if across:
        assert 1 <= across <= 16
        assert 1 <= down <= 16
        tiling = Tiling(width, height, across * 64, down * 64)
        assert tiling.columns == -(-width // 1024) or tiling.columns < -(-width // 1024)


@given(st.integers(1, 900), st.integers(1, 900), st.data())
def test_the_tiles_that_touch_a_rectangle_are_those_with_pixels_in_it(
    width: int, height: int, data: st.DataObject
) -> None:
    tiling = Tiling(width, height, 64, 128)
    x0, y0 = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    x1, y1 = data.draw(st.integers(x0 + 1, width)), data.draw(st.integers(y0 + 1, height))
    tiles = [tiling[n] for n in range(len(tiling))]
    expected = [n for n, t in enumerate(tiles) if t.x < x1 and t.x + t.width > x0 and t.y < y1 and t.y + t.height > y0]
    assert tiling.touching(x0, y0, x1, y1) == expected


# --- tables and coder ---------------------------------------------------------------------------------------------


def logistic_symbols(rows: np.ndarray, seed: int) -> np.ndarray:
    u = np.random.default_rng(seed).random(len(rows))
    symbols = np.round(np.exp2(LOG2_SCALES[rows]) * np.log(u / (1 - u))).astype(np.int32)
    symbols[rows == 0] = 0
    return symbols


@given(
    st.lists(
        st.tuples(
            hnp.arrays(np.uint8, st.integers(0, 60), elements=st.integers(0, 63)),
            st.integers(0, 2**32 - 1),
            st.floats(0, 1),
        ),
        max_size=4,
    )
)
def test_symbols_return_whatever_they_are(passes: list[tuple[np.ndarray, int, float]]) -> None:
    written = []
    encoder = Encoder(MODELS)
    for rows, seed, wild in passes:
        rng = np.random.default_rng(seed)
        symbols = np.where(
            rng.random(len(rows)) < wild,
            rng.integers(-SYMBOL_MAX, SYMBOL_MAX + 1, len(rows)),
            logistic_symbols(rows, seed),
        ).astype(np.int32)
        symbols[rows == 0] = 0
        encoder.put(rows, symbols)
        written.append((rows, symbols))
    decoder = Decoder(MODELS, encoder.bytes())
    for rows, symbols in written:
        assert (decoder.take(rows) == symbols).all()
    decoder.finish()


def test_the_stream_is_as_long_as_the_probabilities_say() -> None:
    rows = np.random.default_rng(0).integers(1, 64, 100_000).astype(np.uint8)
    symbols = logistic_symbols(rows, 1)
    ideal = 0.0
    for row in range(1, 64):
        reach = int(TABLES.reach[row])
        at = symbols[rows == row]
        index = np.where(np.abs(at) > reach, 2 * reach + 1, at + reach)
        ideal -= np.log2(TABLES.row(row)[index] / TOTAL).sum()
    encoder = Encoder(MODELS)
    encoder.put(rows, symbols)
    assert 0 < len(encoder.bytes()) * 8 - ideal < 0.0005 * ideal + 64


def test_the_certain_row_costs_nothing() -> None:
    encoder = Encoder(MODELS)
    encoder.put(np.zeros(1_000_000, np.uint8), np.zeros(1_000_000, np.int32))
    assert encoder.bytes() == b""


def test_a_stream_has_exactly_these_bytes() -> None:
    encoder = Encoder(MODELS)
    encoder.put(np.arange(64, dtype=np.uint8), np.minimum(np.arange(64, dtype=np.int32), 40))
    assert encoder.bytes().hex() == GOLDEN_STREAM


GOLDEN_STREAM = (
    "a3f34ba0127567ebf7a58038f189251d34ab6a41827496a11be6a75631aaf11cdb1deff1ff0be0a7ffdb7fffff7b4bffff7e"
    "2bffff0970ffffc1deffff7647ffff29acffffd90affff8765ffff32baffffda08ffff8053ffff2398ffffc3d6ffff600fff"
    "b3f043ff668ee34d66666666b065666671e13844b59632597b52f57f28fc8b03000050df"
)


def test_a_symbol_beyond_every_escape_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="beyond"):
        Encoder(MODELS).put(np.array([5], np.uint8), np.array([SYMBOL_MAX + 1], np.int32))


def test_a_stream_with_more_than_was_asked_for_is_corrupt() -> None:
    encoder = Encoder(MODELS)
    encoder.put(np.full(1000, 40, np.uint8), np.full(1000, 3, np.int32))
    decoder = Decoder(MODELS, encoder.bytes())
    decoder.take(np.full(10, 40, np.uint8))
    with pytest.raises(CorruptFile, match="more than"):
        decoder.finish()


def test_a_stream_of_odd_length_is_corrupt() -> None:
    with pytest.raises(CorruptFile, match="multiple of 4"):
        Decoder(MODELS, b"12345")


@given(st.binary(max_size=64).map(lambda b: b[: len(b) // 4 * 4]), st.integers(0, 2**32 - 1))
def test_any_stream_decodes_to_something_or_is_corrupt(data: bytes, seed: int) -> None:
    rows = np.random.default_rng(seed).integers(0, 64, 500).astype(np.uint8)
    decoder = Decoder(MODELS, data)
    try:
        symbols = decoder.take(rows)
    except CorruptFile:
        return
    assert np.abs(symbols).max() < 2**18


def test_tables_that_are_no_probabilities_are_refused() -> None:
    bad = TABLES.counts.copy()
    bad[0] += 1
    with pytest.raises(ValueError, match="row 1"):
        Tables(bad, TABLES.reach)
    with pytest.raises(ValueError, match="size"):
        Tables(TABLES.counts[:-1], TABLES.reach)


@given(st.integers(0, 2**32 - 1), st.floats(0, 0.2), st.integers(0, 400))
def test_the_beginning_of_a_stream_gives_symbols_that_are_right_or_zero(seed: int, wild: float, size: int) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.integers(0, 64, (4, 60)).astype(np.uint8)
    encoder, written = Encoder(MODELS), []
    for row in rows:
        symbols = logistic_symbols(row, seed)
        symbols = np.where(rng.random(60) < wild, rng.integers(-900, 900, 60), symbols).astype(np.int32)
        symbols[row == 0] = 0
        encoder.put(row, symbols)
        written.append(symbols)
    data = encoder.bytes()
    decoder = PrefixDecoder(MODELS, data[:size])
    known = 0
    for row, symbols in zip(rows, written, strict=True):
        found = decoder.take(row)
        right = found == symbols
        assert (right | (found == 0)).all()
        known += int(np.count_nonzero(found))
    if size >= len(data):
        assert known == np.count_nonzero(written)
    if size == 0:
        assert known == 0
