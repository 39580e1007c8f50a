"""Bytes: varints, the container, the range coder and its tables."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from codec.bitstream import format
from codec.bitstream.container import Container, ImageHeader, read, write
from codec.bitstream.entropy import SYMBOL_MAX, Decoder, Encoder, Models
from codec.bitstream.errors import CodecError, CorruptFile, LimitExceeded, UnsupportedFile
from codec.bitstream.tables import TOTAL, Tables, logistic_tables
from codec.bitstream.wire import Reader, Writer

HEADER = ImageHeader(1, b"\xaa\xbb\xcc\xdd", 1440, 300, 200, 3)
SMALL = write(Container(HEADER, {format.SECTION_LATENTS: b"12345678"}))
LOG2_SCALES = (np.arange(64) - 25.5) / 6
TABLES = logistic_tables(LOG2_SCALES)
MODELS = Models(TABLES)

headers = st.builds(
    ImageHeader,
    model=st.integers(0, 255),
    digest=st.binary(min_size=4, max_size=4),
    step_index=st.integers(0, format.STEP_INDEX_MAX),
    width=st.integers(1, 8000),
    height=st.integers(1, 8000),
    channels=st.sampled_from([1, 3]),
)


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


@given(headers, st.binary(max_size=300))
def test_a_container_returns(header: ImageHeader, payload: bytes) -> None:
    container = Container(header, {format.SECTION_LATENTS: payload})
    assert read(write(container)) == container


def test_a_small_file_has_exactly_these_bytes() -> None:
    head = b"\x01\x0f\x00\x01\xaa\xbb\xcc\xdd\xa0\x05\x03\xac\x02\xc8\x01"
    head = head[:1] + bytes([len(head) - 2]) + head[2:]
    body = b"\x02\x0812345678"
    assert b"\x89LCC\x00" + b"".join(part + zlib.crc32(part).to_bytes(4, "little") for part in (head, body)) == SMALL


def test_overhead_is_at_most_forty_bytes() -> None:
    largest = ImageHeader(1, bytes(4), 4000, 8000, 8000, 3)
    payload = bytes(5_000_000)
    assert len(write(Container(largest, {format.SECTION_LATENTS: payload}))) - len(payload) <= 40


def test_every_truncation_is_an_error() -> None:
    for size in range(len(SMALL)):
        with pytest.raises(CorruptFile):
            read(SMALL[:size])


def test_every_changed_byte_is_an_error() -> None:
    for i in range(len(SMALL)):
        for change in (1, 0x80, 0xFF):
            data = bytearray(SMALL)
            data[i] ^= change
            with pytest.raises(CodecError):
                read(bytes(data))


@given(st.binary(max_size=200))
def test_any_bytes_behind_the_magic_are_a_file_or_an_error(data: bytes) -> None:
    try:
        read(format.MAGIC + data)
    except CodecError:
        return


def section(number: int, payload: bytes) -> bytes:
    body = Writer().uint(number, 1).varint(len(payload)).raw(payload).bytes()
    return body + zlib.crc32(body).to_bytes(4, "little")


def test_optional_sections_are_skipped_and_critical_ones_refused() -> None:
    assert read(SMALL + section(200, b"later")) == read(SMALL)
    with pytest.raises(UnsupportedFile, match="section 77"):
        read(SMALL + section(77, b"later"))


@pytest.mark.parametrize("extra", [section(1, b""), section(2, b"")])
def test_sections_may_not_stand_twice(extra: bytes) -> None:
    with pytest.raises(CorruptFile, match="out of place"):
        read(SMALL + extra)


def test_newer_versions_are_named() -> None:
    with pytest.raises(UnsupportedFile, match="version 9"):
        read(SMALL[:4] + b"\x09" + SMALL[5:])


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"width": 1 << 25}, LimitExceeded),
        ({"width": 1 << 20, "height": 1 << 20}, LimitExceeded),
        ({"width": 0}, CorruptFile),
        ({"channels": 2}, CorruptFile),
        ({"step_index": 65535}, CorruptFile),
    ],
)
def test_impossible_headers_are_refused(change: dict[str, Any], error: type[CodecError]) -> None:
    with pytest.raises(error):
        read(write(Container(ImageHeader(**(vars(HEADER) | change)), {2: b""})))


def test_the_pixel_limit_is_the_callers() -> None:
    assert read(SMALL, max_pixels=60_000).header == HEADER
    with pytest.raises(LimitExceeded, match="300 x 200"):
        read(SMALL, max_pixels=59_999)


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
    "fffefeff0211fffdffefd0ffffd194ffffb358ffff951cffff77e0ffff58a2ffff3964ffff1a26fffffbe7ffffdba7ffffbb"
    "67ffff9b27ffff7be7ffff5a00ffff846dff481917fefcf8f4a1c4c49c42ca6a828c1faff50a4eac8959a9b413ac9c11f7f4"
    "c3169e0a17500a76999999199999999952e298990ae2e1b7aa162839014aeaff00005029"
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
