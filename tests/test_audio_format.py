"""The format of audio: what is written returns, whatever the pieces; what is wrong is noticed, and the rest is had."""

from __future__ import annotations

import io
import zlib
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from codec.bitstream import constants
from codec.bitstream import image as image_file
from codec.bitstream.audio import AudioFile, Chunk, Description, Parser, begin, chunk, end, latents_of, later_of, read
from codec.bitstream.audio_header import AudioHeader, MidSide
from codec.bitstream.errors import CodecError, CorruptFile, LimitExceeded, UnsupportedFile
from codec.bitstream.file import framed
from codec.bitstream.wire import Writer

STEP_INDICES = st.integers(0, constants.STEP_INDEX_MAX)


@st.composite
def headers(draw: st.DrawFn) -> AudioHeader:
    """Any header."""
    channels, step_index = draw(st.integers(1, 8)), draw(STEP_INDICES)
    return AudioHeader(
        model=draw(st.integers(0, 255)),
        digest=draw(st.binary(min_size=8, max_size=8)),
        step_index=step_index,
        sample_rate=draw(st.integers(1, constants.MAX_RATE)),
        channels=channels,
        pairs=draw(pairs_of(channels, step_index)),
        bit_depth=draw(st.sampled_from([16, 24, 32])),
        seed=draw(st.integers(0, 2**16 - 1)),
        channel_mask=draw(st.integers(0, 2**32 - 1)) if channels > 2 else 0,
    )


@st.composite
def pairs_of(draw: st.DrawFn, channels: int, step_index: int) -> tuple[MidSide, ...]:
    """Any pairs of so many channels; the sum of stereo has the step of the header."""
    found, channel = [], 0
    while channel + 1 < channels:
        if draw(st.booleans()):
            mid = step_index if channels == 2 else draw(STEP_INDICES)
            found.append(MidSide(channel, mid, draw(STEP_INDICES)))
            channel += 1
        channel += 1
    return tuple(found)


@st.composite
def clips(draw: st.DrawFn) -> AudioFile:
    """Any audio of up to nine seconds."""
    header = draw(headers())
    samples = draw(st.integers(0, 9 * header.sample_rate))
    left, chunks = latents_of(samples, header.sample_rate), []
    while left > 0:
        latents = min(left, constants.CHUNK_LATENTS)
        chunks.append(Chunk(latents, draw(st.binary(max_size=200))))
        left -= latents
    said = draw(descriptions())
    return AudioFile(header, said.tags, chunks, samples, metadata=said.metadata)


@st.composite
def descriptions(draw: st.DrawFn) -> Description:
    """Any tags and metadata."""
    tags = draw(st.dictionaries(st.text(max_size=20), st.text(max_size=20)))
    metadata = draw(st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=30)), max_size=4))
    return Description(tags, tuple(metadata))


def written(audio: AudioFile, later: Description | None = None) -> bytes:
    """The file of a clip; later: what is said behind its chunks."""
    body = b"".join(chunk(c.latents, c.data) for c in audio.chunks)
    sizes = [len(c.data) + 1 for c in audio.chunks]
    return begin(audio.header, Description(audio.tags, audio.metadata)) + body + end(audio.samples, sizes, later)


HEADER = AudioHeader(2, b"\xaa\xbb\xcc\xdd\1\2\3\4", 1408, 48_000, 2, (MidSide(0, 1408, 1900),), 24, 258)
SMALL = AudioFile(HEADER, {"title": "Études"}, [Chunk(100, b"1234" * 40), Chunk(7, b"12345678")], 102_000)
FILE = written(SMALL)
FRONT = len(begin(HEADER))  # bytes up to the end of the header


def parsed_in_pieces(data: bytes, cuts: list[int]) -> AudioFile:
    """What a parser makes of bytes that are pushed in pieces."""
    parser = Parser()
    for start, stop in zip([0, *cuts], [*cuts, len(data)], strict=True):
        parser.push(data[start:stop])
    return parser.finish()


def outcome(data: bytes, cuts: list[int]) -> AudioFile | str:
    """What a parser makes of bytes, or the text of its error."""
    try:
        return parsed_in_pieces(data, cuts)
    except CodecError as error:
        return f"{type(error).__name__}: {error}"


def pieces_of(data: st.DataObject, size: int) -> list[int]:
    """Where to cut that many bytes into pieces."""
    return sorted(data.draw(st.lists(st.integers(0, size), max_size=30)))


@given(clips())
def test_a_audio_returns(audio: AudioFile) -> None:
    assert read(written(audio)) == audio
    assert read(written(audio), partial=True) == audio


@given(clips(), descriptions(), st.data())
def test_what_is_said_behind_the_chunks_returns_too(audio: AudioFile, later: Description, data: st.DataObject) -> None:
    assume(audio.chunks)
    file, both = written(audio, later), Description(audio.tags, audio.metadata).with_later(later)
    expected = replace(audio, tags=both.tags, metadata=both.metadata)
    assert read(file) == read(file, partial=True) == parsed_in_pieces(file, pieces_of(data, len(file))) == expected
    stream = io.BytesIO(b"before" + file)
    stream.seek(3)
    assert later_of(stream) == later
    assert stream.tell() == 3


LATER = Description({"artist": "later"}, ((1, b"cue points"),))


def test_behind_damage_the_end_finds_the_chunks_before_what_is_said_behind_them() -> None:
    file, frame = bytearray(written(SMALL, LATER)), len(begin(HEADER, Description(SMALL.tags)))
    file[frame + 50] ^= 1
    found = read(bytes(file), partial=True)
    assert [c.whole for c in found.chunks] == [False, True]
    assert found.tags == {"title": "Études", "artist": "later"}
    assert found.metadata == LATER.metadata


def test_what_is_said_behind_the_chunks_may_be_damaged_alone() -> None:
    file = bytearray(written(SMALL, LATER))
    file[-len(end(0, [161, 9])) - 3] ^= 1
    found = read(bytes(file), partial=True)
    assert (found.chunks, found.samples, found.tags["artist"]) == (SMALL.chunks, SMALL.samples, "later")
    assert "checksum of section 136" in found.damage[0]
    assert later_of(io.BytesIO(file)).metadata == ()


def test_a_chunk_may_not_stand_behind_what_is_said_later_nor_may_the_end_be_wrong_about_that() -> None:
    body = b"".join(chunk(c.latents, c.data) for c in SMALL.chunks)
    last = end(SMALL.samples, [161, 9, 9], LATER)
    with pytest.raises(UnsupportedFile, match="out of place"):
        read(begin(HEADER) + body + LATER.sections() + chunk(7, b"12345678") + last)
    with pytest.raises(CorruptFile, match="between the last chunk and the end"):
        read(begin(HEADER) + body + framed(200, b"?") + end(SMALL.samples, [161, 9], LATER))
    with pytest.raises(UnsupportedFile, match="out of place"):
        read(begin(HEADER) + body + LATER.sections() + end(SMALL.samples, [161, 9], LATER))


def test_a_small_file_has_exactly_these_bytes() -> None:
    tags = zlib.compress(b"\x05title\x07\xc3\x89tudes", 9)
    assert (
        b"\x89LCC\x03"
        + framed(1, b"\x01\x02\xaa\xbb\xcc\xdd\1\2\3\4\x80\x05\x07\x80\xf7\x02\x02\x01\x6c\x07")
        + framed(131, tags)
        + framed(2, b"\x64" + b"1234" * 40)
        + framed(2, b"\x0712345678")
        + framed(5, b"\x70\x8e\x01\0\0\0\0\0\x00\x02\xa1\x01\x09\x11\0\0\0")
    ) == FILE


@given(clips(), st.data())
def test_any_pieces_of_a_file_are_parsed_as_the_whole(audio: AudioFile, data: st.DataObject) -> None:
    file = written(audio)
    assert parsed_in_pieces(file, pieces_of(data, len(file))) == audio


def test_single_bytes_are_parsed_as_the_whole() -> None:
    assert parsed_in_pieces(FILE, list(range(1, len(FILE)))) == SMALL


@given(st.data())
def test_what_is_wrong_is_called_the_same_in_any_pieces(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(FILE) - 1))
    changed = FILE[:at] + data.draw(st.binary(max_size=9)) + FILE[at + data.draw(st.integers(0, 9)) :]
    assert outcome(changed, pieces_of(data, len(changed))) == outcome(changed, [])


def test_every_truncation_is_an_error_and_gives_the_beginning() -> None:
    for size in range(len(FILE)):
        with pytest.raises(CorruptFile):
            read(FILE[:size])
        if size < FRONT:
            with pytest.raises(CorruptFile):
                read(FILE[:size], partial=True)
            continue
        found = read(FILE[:size], partial=True)
        assert found.header == HEADER
        assert found.damage
        assert len(found.chunks) <= len(SMALL.chunks)
        for there, here in zip(SMALL.chunks, found.chunks, strict=False):
            assert here == there or (not here.whole and there.data.startswith(here.data))
        assert latents_of(found.samples, 48_000) == sum(c.latents for c in found.chunks)


def test_every_changed_byte_is_an_error_and_costs_one_chunk_at_most() -> None:
    for at in range(len(FILE)):
        for change in (1, 0x80, 0xFF):
            changed = bytearray(FILE)
            changed[at] ^= change
            with pytest.raises(CodecError):
                read(bytes(changed))
            if at < FRONT:
                continue
            found = read(bytes(changed), partial=True)
            assert found.damage
            assert len(found.chunks) == len(SMALL.chunks)
            differing = [here for here, there in zip(found.chunks, SMALL.chunks, strict=True) if here != there]
            assert len(differing) <= 1
            assert not any(c.whole for c in differing)
            assert latents_of(found.samples, 48_000) == latents_of(SMALL.samples, 48_000)


@given(clips(), st.data())
def test_any_changed_byte_is_an_error(audio: AudioFile, data: st.DataObject) -> None:
    changed = bytearray(written(audio))
    changed[data.draw(st.integers(0, len(changed) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(CodecError):
        read(bytes(changed))


@given(st.binary(max_size=200), st.booleans(), st.booleans())
def test_any_bytes_are_a_file_or_an_error(data: bytes, behind_a_header: bool, partial: bool) -> None:
    try:
        read((FILE[:FRONT] if behind_a_header else constants.MAGIC) + data, partial=partial)
    except CodecError:
        assert not (behind_a_header and partial)


@given(st.integers(1, 10**6), st.integers(1, constants.MAX_RATE))
def test_a_file_that_lost_its_end_has_the_longest_audio_of_its_latents(samples: int, rate: int) -> None:
    latents = latents_of(samples, rate)
    whole, rest = divmod(latents, constants.CHUNK_LATENTS)
    if not 0 < whole < 50:
        return
    file = begin(replace(HEADER, sample_rate=rate)) + chunk(100, b"") * whole + (chunk(rest, b"") if rest else b"")
    found = read(file, partial=True)
    assert latents_of(found.samples, rate) == latents < latents_of(found.samples + 1, rate)
    assert found.samples >= samples


def test_optional_sections_are_skipped_and_critical_ones_refused() -> None:
    parts = [
        begin(HEADER, Description(SMALL.tags)),
        *(chunk(c.latents, c.data) for c in SMALL.chunks),
        end(102_000, [161, 9]),
    ]
    for place in range(1, len(parts)):
        with_one = [b"".join([*parts[:place], framed(number, b"x"), *parts[place:]]) for number in (200, 128, 77, 3, 4)]
        if place == 1:
            assert [read(data) for data in with_one[:2]] == [SMALL, SMALL]
        for data in with_one[2 if place == 1 else 0 :]:
            with pytest.raises(CodecError, match=r"unknown or out of place|between the last chunk and the end"):
                read(data)
            found = read(data, partial=True)
            assert replace(found, damage=()) == SMALL
            assert found.damage


@pytest.mark.parametrize("extra", [framed(200, b""), end(0, []), chunk(1, b""), b"\x02", b"more than there should be"])
def test_nothing_stands_behind_the_end(extra: bytes) -> None:
    with pytest.raises(CodecError, match=r"bytes follow at offset .* behind the end"):
        read(FILE + extra)
    found = read(FILE + extra, partial=True)
    assert replace(found, damage=()) == SMALL
    assert found.damage


def test_tags_that_no_reader_would_take_are_not_written() -> None:
    longest = {"a": "b" * (constants.MAX_TAGS_BYTES - 5)}
    assert read(written(replace(SMALL, tags=longest))).tags == longest
    with pytest.raises(LimitExceeded, match="tags of 65537 bytes"):
        begin(HEADER, Description({"a": "b" * (constants.MAX_TAGS_BYTES - 4)}))


def test_tags_stand_once_before_the_chunks_and_once_behind_them() -> None:
    tags = begin(HEADER, Description({"a": "b"}))[FRONT:]
    empty = framed(constants.SECTION_TAGS, zlib.compress(b""))
    for data in (tags + tags, empty + tags, chunk(100, b"") + tags + tags):
        with pytest.raises(UnsupportedFile, match="section 131"):
            read(FILE[:FRONT] + data)


@pytest.mark.parametrize(
    ("payload", "error", "message"),
    [
        (b"not deflated", CorruptFile, "inflated"),
        (zlib.compress(b"\x01a"), CorruptFile, "pairs"),
        (zlib.compress(b"\x01a\x01b\x01a\x01c"), CorruptFile, "twice"),
        (zlib.compress(b"\x01a\x02b"), CorruptFile, "truncated"),
        (zlib.compress(b"\x01\xff\x01b"), CorruptFile, "UTF-8"),
        (zlib.compress(bytes(constants.MAX_TAGS_BYTES + 2)), LimitExceeded, "inflates"),
    ],
)
def test_tags_that_are_none_are_refused_and_leave_the_audio(
    payload: bytes, error: type[CodecError], message: str
) -> None:
    data = FILE[:FRONT] + framed(constants.SECTION_TAGS, payload) + written(replace(SMALL, tags={}))[FRONT:]
    with pytest.raises(error, match=message):
        read(data)
    found = read(data, partial=True)
    assert (found.chunks, found.samples) == (SMALL.chunks, SMALL.samples)
    assert message in found.damage[0]


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"sample_rate": 0}, CorruptFile),
        ({"sample_rate": constants.MAX_RATE + 1}, CorruptFile),
        ({"step_index": constants.STEP_INDEX_MAX + 1}, CorruptFile),
        ({"pairs": (MidSide(0, 1408, constants.STEP_INDEX_MAX + 1),)}, CorruptFile),
        ({"channels": 1}, CorruptFile),
    ],
)
def test_impossible_headers_are_refused(change: dict[str, Any], error: type[CodecError]) -> None:
    with pytest.raises(error):
        read(begin(replace(HEADER, **change)) + end(0, []))


@pytest.mark.parametrize(
    ("flags", "error"),
    [(32, UnsupportedFile), (12, CorruptFile), (2, CorruptFile), (17, CorruptFile), (18, CorruptFile)],
)
def test_impossible_flags_are_refused(flags: int, error: type[CodecError]) -> None:
    payload = bytearray(HEADER.bytes())
    payload[12] = flags
    for header in (bytes(payload), HEADER.bytes() + b"\0"):
        with pytest.raises(CodecError):
            read(FILE[:5] + framed(constants.SECTION_HEADER, header) + end(0, []))
    with pytest.raises(error, match="flags"):
        read(FILE[:5] + framed(constants.SECTION_HEADER, bytes(payload)) + end(0, []))


LAYOUT = replace(HEADER, channels=6, pairs=(MidSide(0, 1, 2), MidSide(4, 3, 4)), channel_mask=0x3F)


def test_the_header_of_six_channels_has_exactly_these_bytes() -> None:
    front = b"\x01\x02\xaa\xbb\xcc\xdd\1\2\3\4\x80\x05\x14\x80\xf7\x02\x02\x01"
    assert LAYOUT.bytes() == front + b"\6\x3f\0\0\0" + b"\1\1\0\2\0" + b"\0\0" + b"\1\3\0\4\0"
    assert LAYOUT.step_indices == (1, 2, 1408, 1408, 3, 4)
    assert read(begin(LAYOUT) + end(0, [])).header == LAYOUT


@pytest.mark.parametrize(
    ("layout", "message"),
    [
        (b"\2\0\0\0\0\0\0", "a layout of 2 channels"),
        (b"\11\0\0\0\0" + bytes(9), "a layout of 9 channels"),
        (b"\3\0\0\0\0\0\0\1\0\0\0\0", "has no partner"),
        (b"\3\0\0\0\0\1\0\0\xff\xff\0", "above 4096"),
        (b"\3\0\0\0\0\0\0", "truncated"),
        (b"\3\0\0\0\0\0\0\0\0", "bytes too many"),
    ],
)
def test_impossible_layouts_are_refused(layout: bytes, message: str) -> None:
    payload = LAYOUT.bytes()[:18] + layout
    with pytest.raises(CorruptFile, match=message):
        read(FILE[:5] + framed(constants.SECTION_HEADER, payload) + end(0, []))


def test_chunks_of_many_channels_may_be_longer() -> None:
    for channels, times in ((1, 1), (2, 1), (3, 2), (8, 4)):
        front = begin(AudioHeader(2, bytes(8), 1408, 48_000, channels))
        Parser().push(front + Writer().uint(2, 1).varint(times * constants.MAX_CHUNK_BYTES).bytes())
        with pytest.raises(LimitExceeded, match="section 2"):
            read(front + Writer().uint(2, 1).varint(times * constants.MAX_CHUNK_BYTES + 1).bytes())


def test_either_medium_refuses_the_other_by_name() -> None:
    image = image_file.ImageHeader(1, bytes(8), 1440, 1, 1, 1)
    with pytest.raises(UnsupportedFile, match="not audio"):
        read(image_file.write(image_file.Container(image, [image_file.Stream((b"",))], {})))
    with pytest.raises(UnsupportedFile, match="media type 1"):
        image_file.read(FILE)


def test_what_is_no_file_of_ours_is_refused_with_its_first_bytes() -> None:
    for head, error in ((b"RIFF\x24", CorruptFile), (b"\x89LCC\x07", UnsupportedFile)):
        with pytest.raises(error):
            Parser().push(head)


@pytest.mark.parametrize("latents", [0, 101, 255])
def test_chunks_of_an_impossible_length_are_refused(latents: int) -> None:
    with pytest.raises(CorruptFile, match=f"declares {latents} latents"):
        read(FILE[:FRONT] + chunk(latents, b"") + end(1, [1]))


def test_only_the_last_chunk_is_shorter() -> None:
    with pytest.raises(CorruptFile, match="follows a shorter one"):
        read(FILE[:FRONT] + chunk(99, b"") + chunk(1, b"") + end(1, [1, 1]))


@pytest.mark.parametrize(
    ("samples", "sizes"),
    [
        (2**64 - 1, [161, 9]),
        (0, []),
        (102_000, [161, 8]),
        (102_000, [161]),
        (102_000, [161, 9, 0]),
        (200_000, [161, 9]),
    ],
)
def test_an_end_that_lies_is_refused_and_never_believed(samples: int, sizes: list[int]) -> None:
    data = written(replace(SMALL, samples=0))[: -len(end(0, [161, 9]))] + end(samples, sizes)
    with pytest.raises(CorruptFile, match=r"file's end says|the end at offset"):
        read(data)
    found = read(data, partial=True)
    assert found.chunks == SMALL.chunks
    assert found.damage
    assert latents_of(found.samples, 48_000) <= 107


@pytest.mark.parametrize(
    "payload", [b"", bytes(8), bytes(13), bytes(8) + b"\x01\0\0\0\0", bytes(8) + b"\xff\xff\xff\xff\x0f" + bytes(4)]
)
def test_an_end_that_is_none_is_corrupt(payload: bytes) -> None:
    with pytest.raises(CorruptFile):
        read(FILE[:FRONT] + framed(constants.SECTION_END, payload))


def test_no_section_is_waited_for_that_is_too_long() -> None:
    for section, size in ((2, constants.MAX_CHUNK_BYTES + 1), (131, 1 << 31), (5, 1 << 20)):
        parser = Parser()
        parser.push(FILE[:FRONT])
        with pytest.raises(LimitExceeded, match=f"declares {size} bytes"):
            parser.push(Writer().uint(section, 1).varint(size).bytes())


def test_the_limit_is_the_callers() -> None:
    data = begin(HEADER) + chunk(100, b"") * 9 + end(9 * 96_000 - 240, [1] * 9)
    assert len(read(data, max_seconds=18).chunks) == 9
    for seconds in (10, 17.99):  # it has 17.995
        with pytest.raises(LimitExceeded, match=f"the limit is {seconds}"):
            read(data, max_seconds=seconds)


def test_metadata_stand_once_before_the_chunks_and_within_their_limit() -> None:
    items = [(1, b"bext" + bytes(9)), (4, b"")]
    front, behind = (
        begin(HEADER, Description(metadata=tuple(items))),
        FILE[len(begin(HEADER, Description(SMALL.tags))) :],
    )
    assert read(front + behind).metadata == tuple(items)
    again = front[FRONT:]
    with pytest.raises(UnsupportedFile, match=r"section 136 at offset .* is unknown or out of place"):
        read(front + again + behind)
    with pytest.raises(LimitExceeded, match="at most 16777216 can be stored"):
        begin(HEADER, Description(metadata=((2, bytes(1 << 24)),)))
    bomb = framed(constants.SECTION_METADATA, zlib.compress(bytes((1 << 24) + 1)))
    with pytest.raises(LimitExceeded, match="inflates beyond its limit"):
        read(front[:FRONT] + bomb + behind)
    cut = framed(constants.SECTION_METADATA, zlib.compress(b"\1\x7fabc"))
    with pytest.raises(CorruptFile, match="truncated: metadata needs 127 bytes"):
        read(front[:FRONT] + cut + behind)
