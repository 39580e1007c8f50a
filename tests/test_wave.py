"""WAVE files of every kind: lengths that are not true, wide formats, packed samples, as files and through pipes."""

from __future__ import annotations

import contextlib
import io
import os
import struct
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable
from typing import BinaryIO

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from codec.bitstream.errors import CodecError, LimitExceeded, MediaError
from codec.media import AudioFileReader, MediaNotice, Samples, read_audio
from codec.media.audio import riff
from codec.media.audio.riff import W64_RIFF, W64_SUFFIX

RATE = 48_000
ALL = 5000  # samples


def waves(samples: int = ALL, channels: int = 1) -> Samples:
    t = np.arange(samples)[:, None] / RATE
    return (0.5 * np.sin(2 * np.pi * t * [440, 665, 880][:channels])).astype(np.float32)


PCM = np.rint(waves() * 32768).astype("<i2").tobytes()
FORMAT = struct.pack("<HHIIHH", 1, 1, RATE, RATE * 2, 2, 16)
TEXTS = b"INFOINAM" + struct.pack("<I", 6) + b"title\0"


def chunk(name: bytes, payload: bytes, declared: int | None = None, pad: bool = True) -> bytes:
    size = struct.pack("<I", len(payload) if declared is None else declared)
    return name + size + payload + bytes(len(payload) % 2 if pad else 0)


def riff_of(*chunks: bytes, declared: int | None = None, magic: bytes = b"RIFF") -> bytes:
    body = b"WAVE" + b"".join(chunks)
    return magic + struct.pack("<I", len(body) if declared is None else declared) + body


def rf64_of(declared: int, samples: bytes, magic: bytes = b"RF64") -> bytes:
    sizes = chunk(b"ds64", struct.pack("<QQQI", declared + 72, declared, 0, 0))
    data = chunk(b"data", samples, riff.UNKNOWN)
    return riff_of(sizes, chunk(b"fmt ", FORMAT), data, declared=riff.UNKNOWN, magic=magic)


def w64_of(declared: int, samples: bytes) -> bytes:
    wave = b"wave" + W64_SUFFIX
    form = b"fmt " + W64_SUFFIX + struct.pack("<Q", 24 + len(FORMAT)) + FORMAT
    data = b"data" + W64_SUFFIX + struct.pack("<Q", declared + 24) + samples
    return W64_RIFF + struct.pack("<Q", 40 + len(form) + len(data)) + wave + form + data


def foreign(kind: str, encoding: str, samples: Samples) -> bytes:
    out = io.BytesIO()
    soundfile.write(out, samples, RATE, encoding, format=kind)
    return out.getvalue()


def piped(data: bytes) -> BinaryIO:
    """The reading end of a pipe that data are written to."""
    read, write = os.pipe()

    def fill() -> None:
        with os.fdopen(write, "wb") as end:
            end.write(data)

    threading.Thread(target=fill, daemon=True).start()
    return os.fdopen(read, "rb")


def both_ways(data: bytes) -> list[tuple[Samples, list[str]]]:
    """The samples of a file, and what is said of it: as a file, and from a pipe."""
    found = []
    for source in (io.BytesIO(data), piped(data)):
        with source, warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            with AudioFileReader(source) as reader:
                blocks = list(reader.blocks(1000))
        samples = np.concatenate(blocks) if blocks else np.zeros((0, reader.channels), np.float32)
        found.append((samples, [str(warning.message) for warning in said if warning.category is MediaNotice]))
    return found


WRONG = {
    "zero": riff_of(chunk(b"fmt ", FORMAT), chunk(b"data", PCM, 0), declared=0),
    "zero, form not": riff_of(chunk(b"fmt ", FORMAT), chunk(b"data", PCM, 0)),
    "a quarter": riff_of(chunk(b"fmt ", FORMAT), chunk(b"data", PCM, len(PCM) // 4), declared=36 + len(PCM) // 4),
    "one sample short": riff_of(chunk(b"fmt ", FORMAT), chunk(b"data", PCM, 2)),
    "RF64, zero": rf64_of(0, PCM),
    "RF64, half": rf64_of(len(PCM) // 2, PCM),
    "BW64, zero": rf64_of(0, PCM, b"BW64"),
    "Wave64, zero": w64_of(0, PCM),
    "Wave64, half": w64_of(len(PCM) // 2, PCM),
}
SILENCE = bytes(len(PCM))


@pytest.mark.parametrize("name", WRONG)
def test_a_length_that_is_too_small_is_mended_and_said(name: str) -> None:
    for samples, said in both_ways(WRONG[name]):
        assert np.array_equal(samples, waves_of(PCM))
        assert len(said) == 1
        assert "the header gives a length of" in said[0]
        assert "read to the end" in said[0]


def waves_of(pcm: bytes) -> Samples:
    return (np.frombuffer(pcm, "<i2").astype(np.float32) / 32768)[:, None]


def test_a_length_of_zero_before_silence_is_not_taken_for_an_empty_file() -> None:
    for samples, said in both_ways(riff_of(chunk(b"fmt ", FORMAT), chunk(b"data", bytes(200_000), 0), declared=0)):
        assert len(samples) == 100_000
        assert len(said) == 1


@pytest.mark.parametrize("declared", [0xFFFFFFFF, 0x7FFFF000, 0xFFFFFFFE])
def test_a_length_that_says_that_it_is_not_known_is_read_to_the_end_in_silence(declared: int) -> None:
    for samples, said in both_ways(riff_of(chunk(b"fmt ", FORMAT), chunk(b"data", PCM, declared), declared=declared)):
        assert np.array_equal(samples, waves_of(PCM))
        assert not said


LONG_TEXTS = chunk(b"LIST", b"INFOICMT" + struct.pack("<I", 2_000_000) + b"x" * 2_000_000)
RIGHT = {
    "nothing": b"",
    "texts": chunk(b"LIST", TEXTS),
    "texts and a tag": chunk(b"LIST", TEXTS) + chunk(b"id3 ", b"ID3\x04\0\0\0\0\0\0"),
    "chunks that nobody knows": chunk(b"Xyz1", bytes(7)) + chunk(b"9abc", bytes(70)),
    "a chunk that is cut": chunk(b"LIST", TEXTS)[:-4],
    "many texts": LONG_TEXTS,
    "zeros": bytes(512),
    "a tag behind the file": b"TAG" + b"title".ljust(125),
    "a stray byte": b"\n",
}


@pytest.mark.parametrize("name", RIGHT)
@pytest.mark.parametrize("odd", [False, True])
def test_a_length_that_is_right_is_believed_whatever_follows(name: str, odd: bool) -> None:
    description = struct.pack("<HHIIHH", 1, 1, RATE, RATE, 1, 8) if odd else FORMAT
    samples = bytes([130]) * 4001 if odd else PCM
    for pad in (True, False) if odd else (True,):
        data = riff_of(chunk(b"fmt ", description), chunk(b"data", samples, pad=pad)) + RIGHT[name]
        for found, said in both_ways(data):
            assert len(found) == (4001 if odd else ALL)
            assert not any("length" in text for text in said)


def test_an_empty_file_is_empty() -> None:
    for tail in (b"", chunk(b"LIST", TEXTS)):
        for samples, said in both_ways(riff_of(chunk(b"fmt ", FORMAT), chunk(b"data", b"")) + tail):
            assert len(samples) == 0
            assert not any("length" in text for text in said)


CUES = chunk(b"cue ", struct.pack("<I6I", 1, 7, 12, 0x61746164, 0, 0, 12))


def test_what_a_file_says_is_read_wherever_it_stands_and_from_pipes_too() -> None:
    front = riff_of(chunk(b"fmt ", FORMAT), chunk(b"LIST", TEXTS), CUES, chunk(b"data", PCM))
    behind = riff_of(chunk(b"fmt ", FORMAT), chunk(b"data", PCM), chunk(b"LIST", TEXTS), CUES)
    for data in (front, behind):
        with piped(data) as pipe:
            for audio in (read_audio(data), read_audio(pipe)):
                assert audio.tags == {"title": "title"}
                assert [name for name, _ in audio.metadata.chunks] == [b"cue "]


def test_what_a_pipe_says_behind_its_samples_is_kept_unless_it_is_too_large() -> None:
    odd = struct.pack("<HHIIHH", 1, 1, RATE, RATE, 1, 8)  # an odd number of bytes of samples, and one of padding
    large, larger = (chunk(b"iXML", b"x" * size) for size in (riff.TAIL_BYTES + 7, riff.MAX_HELD_BYTES + 1))
    for form, samples in ((FORMAT, PCM), (odd, PCM[:-1])):
        with piped(riff_of(chunk(b"fmt ", form), chunk(b"data", samples), large, CUES)) as pipe:
            assert [name for name, _ in read_audio(pipe).metadata.chunks] == [b"iXML", b"cue "]
    said = pytest.warns(MediaNotice, match="not kept: iXML, 16777217 bytes behind the samples of a piped WAVE file")
    with piped(riff_of(chunk(b"fmt ", FORMAT), chunk(b"data", PCM), CUES, larger)) as pipe, said:
        assert [name for name, _ in read_audio(pipe).metadata.chunks] == [b"cue "]


def test_a_file_that_ends_early_says_so_either_way() -> None:
    for samples, said in both_ways(riff_of(chunk(b"fmt ", FORMAT), chunk(b"data", PCM))[:-44]):
        assert len(samples) == ALL - 22
        assert said == [f"the file ends early: {len(PCM) - 44} of {len(PCM)} bytes of samples are there"]


KINDS = [
    *(("WAV", e) for e in ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW")),
    *(("WAV", e) for e in ("IMA_ADPCM", "MS_ADPCM", "GSM610", "G721_32", "NMS_ADPCM_16")),
    *(("WAVEX", e) for e in ("PCM_16", "PCM_24", "FLOAT", "ULAW")),
    *(("RF64", e) for e in ("PCM_16", "PCM_24", "FLOAT", "ALAW")),
    *(("W64", e) for e in ("PCM_16", "PCM_24", "FLOAT", "ULAW", "IMA_ADPCM", "MS_ADPCM", "GSM610")),
    *(("AIFF", e) for e in ("PCM_16", "PCM_24", "ULAW", "IMA_ADPCM")),
    *(("AU", e) for e in ("PCM_16", "FLOAT", "ALAW")),
    *(("CAF", e) for e in ("PCM_16", "PCM_24", "ALAC_16")),
]


@pytest.mark.parametrize(("kind", "encoding"), KINDS)
def test_every_kind_is_read_from_a_pipe_as_from_a_file(kind: str, encoding: str) -> None:
    mono = encoding in ("GSM610", "G721_32", "NMS_ADPCM_16") or (kind, encoding) == ("AIFF", "IMA_ADPCM")
    data = foreign(kind, encoding, waves(channels=1 if mono else 2))
    (file, said), (pipe, said_of_pipe) = both_ways(data)
    expected = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)[0]
    assert np.array_equal(file, expected[: len(file)])
    assert np.array_equal(file, pipe)
    assert said == said_of_pipe
    assert ALL <= len(file) <= len(expected)


def test_the_last_block_of_packed_samples_is_as_long_as_the_file_says() -> None:
    assert len(read_audio(foreign("WAV", "MS_ADPCM", waves())).samples) == ALL
    assert len(soundfile.read(io.BytesIO(foreign("WAV", "MS_ADPCM", waves())))[0]) > ALL


def test_packed_samples_of_a_stopped_recorder_are_read_to_the_end() -> None:
    data = foreign("WAV", "IMA_ADPCM", waves())
    at = data.index(b"data") + 4
    for samples, said in both_ways(data[:4] + bytes(4) + data[8:at] + bytes(4) + data[at + 4 :]):
        assert np.array_equal(samples, soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)[0])
        assert len(said) == 1


AIFF, AU, CAF = (foreign(kind, "PCM_16", waves()) for kind in ("AIFF", "AU", "CAF"))
PLACES = {  # of the length of samples: the file, where, how it is written, what it holds beside samples
    "AIFF": (AIFF, AIFF.index(b"SSND") + 4, ">I", 8),
    "AU": (AU, 8, ">I", 0),
    "CAF": (CAF, CAF.index(b"data") + 4, ">Q", 4),
}


@pytest.mark.parametrize("kind", PLACES)
@pytest.mark.parametrize("samples", [0, ALL // 4, ALL - 1000, None])
def test_lengths_of_other_formats_are_mended_too(kind: str, samples: int | None) -> None:
    data, at, form, more = PLACES[kind]
    wrong = bytearray(data)
    unknown = 2 ** (8 * struct.calcsize(form)) - 1
    struct.pack_into(form, wrong, at, unknown if samples is None else 2 * samples + more)
    for found, said in both_ways(bytes(wrong)):
        assert found == pytest.approx(waves(), abs=1e-4)
        assert ["the header gives a length of" in text for text in said] == [True] * (samples is not None)
    for found, said in both_ways(data):
        assert len(found) == ALL
        assert not said
    if kind != "AU":
        for found, said in both_ways(data + (b"ANNO" if kind == "AIFF" else b"free\0\0\0\0") + b"\0\0\0\4text"):
            assert len(found) == ALL
            assert not said


def test_a_big_endian_file_is_read_and_mended() -> None:
    out = io.BytesIO()
    soundfile.write(out, waves(), RATE, "PCM_16", endian="BIG", format="WAV")
    data = out.getvalue()
    assert data[:4] == b"RIFX"
    at = data.index(b"data") + 4
    for samples, said in both_ways(data[:at] + bytes(4) + data[at + 4 :]):
        assert samples == pytest.approx(waves(), abs=1e-4)
        assert len(said) == 1


def test_a_pipe_gives_its_first_samples_before_its_last_have_come() -> None:
    read, write = os.pipe()
    with os.fdopen(read, "rb") as source, os.fdopen(write, "wb") as target:
        target.write(rf64_of(len(PCM), PCM)[: 80 + 4000])
        target.flush()
        with AudioFileReader(source) as reader:
            assert len(next(iter(reader.blocks(1000)))) == 1000


def test_a_head_without_end_costs_no_memory() -> None:
    for data, said in (
        (riff_of(chunk(b"fmt ", FORMAT), chunk(b"bext", b"", 1 << 30)), "chunks of more than"),
        (riff_of(*[chunk(b"Xyz1", b"")] * 5000, chunk(b"data", PCM)), "more than 4096 chunks"),
    ):
        for source in (io.BytesIO(data), piped(data)):
            with source, pytest.raises(LimitExceeded, match=said):
                read_audio(source)


def test_samples_before_their_description_are_refused() -> None:
    with pytest.raises(MediaError, match="not described before its samples"):
        read_audio(riff_of(chunk(b"data", PCM), chunk(b"fmt ", FORMAT)))


MEMORY = """
import os, resource, sys
import numpy as np
from codec.media import AudioFileReader
head = sys.stdin.buffer
with AudioFileReader(head) as reader:
    first = True
    for block in reader.blocks():
        if first:
            before, first = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, False
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize("make", [lambda pcm: rf64_of(len(pcm), pcm), lambda pcm: w64_of(len(pcm), pcm)])
def test_a_long_pipe_passes_in_little_memory(make: Callable[[bytes], bytes]) -> None:
    data = make(PCM * 8000)
    done = subprocess.run([sys.executable, "-c", MEMORY], input=data, capture_output=True, check=True)
    assert int(done.stdout) < 20 << 10  # KiB, of 76 MiB


CORPUS = [
    *WRONG.values(),
    riff_of(chunk(b"bext", bytes(602)), chunk(b"fmt ", FORMAT), chunk(b"data", PCM)) + RIGHT["texts"],
]
CHANGES = st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), max_size=6)


@settings(max_examples=300)
@given(st.sampled_from(CORPUS), CHANGES, st.integers(0))
def test_damaged_heads_are_read_or_refused_in_words(data: bytes, changes: list[tuple[int, int]], cut: int) -> None:
    damaged = bytearray(data)
    for at, value in changes:
        damaged[at] = value
    for source in (bytes(damaged[: cut % (2 * len(data))]), bytes(damaged)):
        with warnings.catch_warnings(), contextlib.suppress(CodecError):
            warnings.simplefilter("ignore", MediaNotice)
            assert len(read_audio(source).samples) <= len(source)
