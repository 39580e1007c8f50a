"""Clips at the edges: every kind of file, odd and broken ones, blocks, pipes, rates."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import threading
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from codec.bitstream.errors import LimitExceeded, MediaError
from codec.media import (
    AudioData,
    AudioFileReader,
    AudioFileWriter,
    MediaNotice,
    Resampler,
    Samples,
    WaveWriter,
    audio_bytes,
    read_audio,
    resample,
    resampled_length,
)
from codec.media.audio import libsndfile
from codec.media.audio import read as audio_read
from codec.media.audio.data import TAGS

RATE = 44_100
ALL_TAGS = {name: f"é {name}" for name in TAGS}


def waves(samples: int = 5000, channels: int = 2, peak: float = 0.5) -> Samples:
    """Tones that differ by channel."""
    t = np.arange(samples)[:, None] / RATE
    return (peak * np.sin(2 * np.pi * t * [440, 665][:channels])).astype(np.float32)


def quantised(samples: Samples, bits: int) -> Samples:
    return (np.rint(samples * 2 ** (bits - 1)) / 2 ** (bits - 1)).astype(np.float32)


def foreign(kind: str, encoding: str, samples: Samples, rate: int = RATE) -> bytes:
    """A file that soundfile wrote by itself."""
    out = io.BytesIO()
    soundfile.write(out, samples, rate, encoding, format=kind)
    return out.getvalue()


@pytest.fixture
def wav() -> bytes:
    """1000 samples of 16 bits, mono, behind a header of 44 bytes."""
    return foreign("WAV", "PCM_16", waves(1000, 1))


@pytest.mark.parametrize(
    ("suffix", "bits"), [(".wav", 16), (".wav", 24), (".wav", 32), (".flac", 16), (".flac", 24)], ids=str
)
@pytest.mark.parametrize("channels", [1, 2])
def test_lossless_files_give_back_every_sample(suffix: str, bits: int, channels: int) -> None:
    samples = waves(channels=channels) if bits == 32 else quantised(waves(channels=channels), bits)
    back = read_audio(audio_bytes(AudioData(samples, RATE, {}, bits), suffix))
    assert (back.sample_rate, back.channels, back.bit_depth) == (RATE, channels, bits)
    assert np.array_equal(back.samples, samples)


@pytest.mark.parametrize("suffix", [".ogg", ".mp3"])
def test_lossy_files_are_near_and_as_long(suffix: str) -> None:
    samples = waves(20_000)
    back = read_audio(audio_bytes(AudioData(samples, RATE), suffix))
    assert back.samples.shape == samples.shape
    assert np.abs(back.samples - samples).mean() < 0.02
    assert back.bit_depth == 16


@pytest.mark.parametrize(
    ("kind", "encoding", "bits"),
    [
        ("WAV", "PCM_U8", 16),
        ("WAV", "ULAW", 16),
        ("WAV", "PCM_24", 24),
        ("WAV", "FLOAT", 32),
        ("WAVEX", "PCM_16", 16),
        ("RF64", "PCM_16", 16),
        ("W64", "PCM_16", 16),
        ("AIFF", "PCM_S8", 16),
        ("AIFF", "PCM_16", 16),
        ("AU", "PCM_16", 16),
        ("CAF", "PCM_24", 24),
        ("FLAC", "PCM_S8", 16),
        ("OGG", "OPUS", 16),
        ("OGG", "VORBIS", 16),
        ("MP3", "MPEG_LAYER_III", 16),
    ],
)
def test_files_of_every_kind_are_read(kind: str, encoding: str, bits: int) -> None:
    samples = waves(12_000)
    audio = read_audio(foreign(kind, encoding, samples, 48_000))
    assert (audio.sample_rate, audio.bit_depth, audio.samples.shape) == (48_000, bits, samples.shape)
    assert np.abs(audio.samples - samples).mean() < 0.03


def test_precision_that_float32_lacks_is_said() -> None:
    for encoding, said in (("PCM_32", "rounded to 24"), ("DOUBLE", "rounded to 32")):
        with pytest.warns(MediaNotice, match=said):
            read_audio(foreign("WAV", encoding, waves()))


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg"])
def test_tags_are_kept(suffix: str) -> None:
    tags = {name: text for name, text in ALL_TAGS.items() if suffix != ".wav" or name != "license"}
    assert read_audio(audio_bytes(AudioData(waves(), RATE, tags), suffix)).tags == tags
    assert read_audio(audio_bytes(AudioData(waves(), RATE), suffix)).tags == {}


def test_tags_that_a_format_cannot_hold_are_named() -> None:
    with pytest.warns(MediaNotice, match="WAV cannot hold everything: license left out"):
        audio_bytes(AudioData(waves(), RATE, ALL_TAGS), ".wav")
    with pytest.warns(MediaNotice, match="MP3 cannot hold everything: artist, license left out"):
        data = audio_bytes(AudioData(waves(), RATE, {"title": "ours", "artist": "é", "license": "free"}), ".mp3")
    assert read_audio(data).tags == {"title": "ours"}


@pytest.mark.parametrize("samples", [0, 1, 2])
@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".mp3"])
def test_the_shortest_clips(samples: int, suffix: str) -> None:
    audio = AudioData(waves(samples), RATE)
    if samples or suffix not in (".flac", ".mp3"):
        assert read_audio(audio_bytes(audio, suffix)).samples.shape == (samples, 2)
    else:
        with pytest.raises(MediaError, match="cannot hold a clip without samples"):
            audio_bytes(audio, suffix)


def test_integers_round_to_the_nearest_and_are_cut_at_full_scale() -> None:
    step = 2**-15
    samples = np.array([[0.6 * step], [-0.6 * step], [1.5], [-1.5], [1 - step], [-1]], np.float32)
    with pytest.warns(MediaNotice, match="2 samples beyond full scale"):
        back = read_audio(audio_bytes(AudioData(samples, RATE), ".wav"))
    assert (back.samples[:, 0] / step).tolist() == [1, -1, 32767, -32768, 32767, -32768]


def test_floats_beyond_full_scale_are_kept() -> None:
    loud = waves(peak=3.0)
    assert np.array_equal(read_audio(foreign("WAV", "FLOAT", loud)).samples, loud)
    assert np.array_equal(read_audio(audio_bytes(AudioData(loud, RATE, {}, 32), ".wav")).samples, loud)


def test_a_flac_of_floats_has_24_bits() -> None:
    with pytest.warns(MediaNotice, match="FLAC holds no floats: rounded to 24 bits"):
        back = read_audio(audio_bytes(AudioData(waves(), RATE, {}, 32), ".flac"))
    assert np.array_equal(back.samples, quantised(waves(), 24))


def test_unknown_suffixes_are_refused() -> None:
    with pytest.raises(MediaError, match=r"cannot write audio as '\.aac'; known: \.wav \.flac \.ogg \.mp3"):
        audio_bytes(AudioData(waves(), RATE), ".aac")
    with pytest.raises(MediaError, match="cannot write the audio as MP3"):
        audio_bytes(AudioData(waves(), 1234), ".mp3")
    with pytest.raises(MediaError, match="OGG holds at most 200000 samples a second, not 384000"):
        audio_bytes(AudioData(waves(), 384_000), ".ogg")


@pytest.mark.parametrize(
    ("samples", "bits"),
    [
        ((waves() * 32767).astype(np.int16), 16),
        ((waves() * 32767).astype(">i2"), 16),
        ((waves() * 2**31).astype(np.int32), 24),
        (waves(), 32),
        (waves().astype(np.float64), 32),
        (waves(channels=1)[:, 0], 32),
        (torch.from_numpy(waves()), 32),
        (waves()[::-1], 32),
    ],
    ids=lambda value: str(getattr(value, "dtype", value)),
)
def test_arrays_and_tensors_are_clips_with_a_rate(samples: object, bits: int) -> None:
    audio = read_audio((samples, RATE))  # type: ignore[arg-type]
    assert (audio.bit_depth, len(audio.samples), audio.sample_rate) == (bits, 5000, RATE)
    assert 0.49 < np.abs(audio.samples).max() <= 0.501
    assert read_audio(audio) is audio


def test_arrays_that_are_no_clips_are_refused() -> None:
    x = waves()
    for samples, said in (
        (x.astype(np.uint8), "samples of uint8"),
        (x[None], r"samples of float32 \(1, 5000, 2\)"),
        (x.T, "of 5000 channels"),
        (x[:, :0], r"\(5000, 0\)"),
        (x * np.nan, "no numbers"),
        (x + np.float32(np.inf), "no numbers"),
    ):
        with pytest.raises(MediaError, match=said):
            read_audio((samples, RATE))
    with pytest.raises(MediaError, match="a clip of 0 samples a second"):
        read_audio((x, 0))
    for rate in (44_100.5, "48k", float("nan"), None):
        with pytest.raises(ValueError, match=r"sample rate .*: expected a whole number"):
            read_audio((x, rate))  # type: ignore[arg-type]
    assert read_audio((x, 44_100.0)).sample_rate == 44_100  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="3 things in a tuple"):
        read_audio((x, RATE, 1))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="samples at a sample rate are an array, not a list"):
        read_audio(([0.0], RATE))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="a clip cannot be a int"):
        read_audio(3)  # type: ignore[arg-type]


def test_more_than_eight_channels_are_refused() -> None:
    with pytest.raises(MediaError, match="a clip of 9 channels; at most 8"):
        read_audio(foreign("WAV", "PCM_16", np.zeros((10, 9), np.float32)))


def test_samples_that_are_no_numbers_are_refused() -> None:
    for value in (np.nan, np.inf):
        samples = waves()
        samples[4321] = value
        with pytest.raises(MediaError, match="no numbers, or infinite"):
            read_audio(foreign("WAV", "FLOAT", samples))


def test_files_that_are_no_clips_are_refused(tmp_path: Path) -> None:
    text = tmp_path / "text.wav"
    text.write_text("not a clip\n" * 20)
    for source in (text, b"", text.read_bytes()):
        with pytest.raises(MediaError, match="not a clip of a known format"):
            read_audio(source)
    with pytest.raises(MediaError, match=r"cannot read '.*none\.wav': No such file"):
        read_audio(tmp_path / "none.wav")
    with pytest.raises(MediaError, match="cannot read"):
        read_audio(tmp_path)


def test_a_file_that_ends_early_gives_what_is_there_and_says_so(wav: bytes) -> None:
    with pytest.warns(MediaNotice, match="1000 of 2000 bytes of samples"):
        assert len(read_audio(wav[:1044]).samples) == 500
    mp3 = foreign("MP3", "MPEG_LAYER_III", waves(48_000))
    with pytest.warns(MediaNotice, match="of 48000 samples are there"):
        assert 10_000 < len(read_audio(mp3[: len(mp3) // 2]).samples) < 40_000
    with pytest.raises(MediaError, match="the WAVE file ends in its header"):
        read_audio(wav[:30])


def test_a_damaged_flac_is_refused() -> None:
    flac = foreign("FLAC", "PCM_16", np.random.default_rng(0).normal(0, 0.1, (48_000, 1)))
    middle = len(flac) // 2
    for damaged in (flac[:middle], flac[:middle] + bytes([flac[middle] ^ 0xFF]) + flac[middle + 1 :]):
        with pytest.raises(MediaError, match="the audio is damaged"):
            read_audio(damaged)


@pytest.mark.parametrize("declared", [0xFFFFFFFF, 0x7FFFFFFF])
def test_a_wav_for_a_pipe_declares_nonsense_and_is_read(wav: bytes, declared: int) -> None:
    streamed = wav[:4] + b"\xff" * 4 + wav[8:40] + struct.pack("<I", declared) + wav[44:]
    audio = read_audio(streamed)
    assert np.array_equal(audio.samples, read_audio(wav).samples)


def test_a_flac_that_does_not_say_how_long_it_is_is_read() -> None:
    flac = foreign("FLAC", "PCM_16", waves())
    about = int.from_bytes(flac[18:26], "big")
    assert about % 2**36 == 5000
    unknown = flac[:18] + (about - 5000).to_bytes(8, "big") + flac[26:]
    with AudioFileReader(unknown) as reader:
        assert reader.declared_samples is None
    assert np.array_equal(read_audio(unknown).samples, read_audio(flac).samples)


def test_a_declared_length_beyond_the_limit_is_refused_before_anything_is_read(wav: bytes) -> None:
    flac = foreign("FLAC", "PCM_16", waves())
    about = int.from_bytes(flac[18:26], "big")
    huge = flac[:18] + (about | (2**36 - 1)).to_bytes(8, "big") + flac[26:]
    with pytest.raises(LimitExceeded, match=r"1558264\.8 seconds or more, the limit is 86400"):
        read_audio(huge)
    with pytest.raises(LimitExceeded, match=r"the limit is 0\.01"):
        read_audio(wav, max_seconds=0.01)
    with pytest.raises(LimitExceeded):
        read_audio((waves(), RATE), max_seconds=0.1)
    with pytest.raises(LimitExceeded):
        read_audio(AudioData(waves(), RATE), max_seconds=0.1)


def test_a_length_that_is_not_declared_is_limited_too() -> None:
    flac = foreign("FLAC", "PCM_16", waves())
    about = int.from_bytes(flac[18:26], "big")
    unknown = flac[:18] + (about - 5000).to_bytes(8, "big") + flac[26:]
    with pytest.raises(LimitExceeded, match=r"the limit is 0\.1"):
        read_audio(unknown, max_seconds=0.1)


def test_files_and_pipes_beyond_the_limit_of_bytes_are_refused(
    wav: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audio_read, "MAX_FILE_BYTES", len(wav) - 1)
    path = tmp_path / "a.wav"
    path.write_bytes(wav)
    for source in (wav, path):
        with pytest.raises(LimitExceeded, match="an audio file of more than"):
            read_audio(source)
    au = foreign("AU", "PCM_16", waves())
    with pipe_of(au) as pipe, pytest.raises(LimitExceeded, match="an audio file of more than"):
        read_audio(pipe)


def test_a_audio_checks_what_it_is_given() -> None:
    for samples in (waves().astype(np.float64), waves()[:, 0], np.zeros((3, 9), np.float32), waves()[::2] * np.nan):
        with pytest.raises(ValueError, match="samples"):
            AudioData(samples, RATE)
    with pytest.raises(ValueError, match="8 bits"):
        AudioData(waves(), RATE, {}, 8)
    with pytest.raises(ValueError, match="unknown tags: mood"):
        AudioData(waves(), RATE, {"mood": "good"})
    assert AudioData(waves(), RATE).duration_s == pytest.approx(5000 / RATE)


def pipe_of(data: bytes) -> BinaryIO:
    """The reading end of a pipe that data are written to."""
    read, write = os.pipe()

    def fill() -> None:
        with os.fdopen(write, "wb") as end:
            end.write(data)

    threading.Thread(target=fill, daemon=True).start()
    return os.fdopen(read, "rb")


@pytest.mark.parametrize("block", [1000, 4999, 5000, 5001, 100_000])
def test_blocks_join_to_the_whole(block: int, tmp_path: Path) -> None:
    samples = quantised(waves(), 16)
    out = io.BytesIO()
    with AudioFileWriter(out, ".flac", RATE, 2, tags={"title": "blocks"}) as writer:
        for start in range(0, len(samples), block):
            writer.write(samples[start : start + block])
    path = tmp_path / "blocks.flac"
    path.write_bytes(out.getvalue())
    for source in (path, out.getvalue(), out):
        out.seek(0)
        with AudioFileReader(source) as reader:
            assert (reader.declared_samples, reader.tags) == (5000, {"title": "blocks"})
            blocks = list(reader.blocks(block))
        assert all(len(b) == block for b in blocks[:-1])
        assert np.array_equal(np.concatenate(blocks), samples)
    assert not out.closed


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg"])
def test_pipes_are_read_and_written(suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libsndfile, "SPOOLED_BYTES", 1000)  # so that a temporary file takes over
    data = audio_bytes(AudioData(waves(), RATE), suffix)
    with pipe_of(data) as pipe:
        assert np.array_equal(read_audio(pipe).samples, read_audio(data).samples)
    read, write = os.pipe()
    with os.fdopen(read, "rb") as source, os.fdopen(write, "wb") as target:
        with AudioFileWriter(target, suffix, RATE, 2) as writer:
            writer.write(waves())
        target.close()
        assert np.array_equal(read_audio(source.read()).samples, read_audio(data).samples)


def test_a_pipe_with_a_name_is_read(wav: bytes, tmp_path: Path) -> None:
    fifo = tmp_path / "fifo.wav"
    os.mkfifo(fifo)
    threading.Thread(target=fifo.write_bytes, args=(wav,), daemon=True).start()
    assert len(read_audio(fifo).samples) == 1000


def test_a_writer_leaves_no_file_behind_an_error() -> None:
    out = io.BytesIO()
    with pytest.raises(KeyError), AudioFileWriter(out, ".wav", RATE, 1):
        raise KeyError("in between")
    assert not out.closed


def test_a_long_audio_passes_in_little_memory(tmp_path: Path) -> None:
    script = (
        "import resource, sys, numpy as np\n"
        "from codec.media import AudioFileReader, AudioFileWriter\n"
        "block = np.zeros((1 << 16, 2), np.float32)\n"
        "with open(sys.argv[1], 'w+b') as file, AudioFileWriter(file, '.wav', 48000, 2) as writer:\n"
        "    writer.write(block)\n"
        "peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "with open(sys.argv[1], 'w+b') as file, AudioFileWriter(file, '.wav', 48000, 2) as writer:\n"
        "    for _ in range(400): writer.write(block)\n"
        "with AudioFileReader(sys.argv[1]) as reader:\n"
        "    assert sum(len(b) for b in reader.blocks()) == 400 << 16\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak)\n"
    )
    arguments = [sys.executable, "-c", script, str(tmp_path / "long.wav")]
    done = subprocess.run(arguments, check=True, capture_output=True, text=True)
    assert int(done.stdout) < 30 << 10  # KiB, of 200 MiB


def test_clips_are_loaded_when_used() -> None:
    script = "import sys, codec.media\nsys.exit(len({'soundfile', 'soxr', 'torch'} & set(sys.modules)))"
    subprocess.run([sys.executable, "-c", script], check=True)


@settings(max_examples=60)
@given(
    rates=st.sampled_from([(44_100, 48_000), (48_000, 44_100), (16_000, 48_000), (48_000, 22_050), (44_101, 47_999)]),
    samples=st.integers(0, 6000),
    cuts=st.lists(st.integers(0, 6000), max_size=6),
    channels=st.integers(1, 2),
)
def test_resampled_blocks_are_the_resampled_whole(
    rates: tuple[int, int], samples: int, cuts: list[int], channels: int
) -> None:
    x = np.random.default_rng(samples).normal(0, 0.1, (samples, channels)).astype(np.float32)
    whole = resample(x, *rates)
    assert whole.shape == (resampled_length(samples, *rates), channels)
    assert whole.dtype == np.float32
    resampler = Resampler(*rates, channels)
    pieces = np.split(x, sorted(min(cut, samples) for cut in cuts))
    out = [resampler.process(piece, last=i == len(pieces) - 1) for i, piece in enumerate(pieces)]
    assert np.allclose(np.concatenate(out), whole, atol=1e-6)


def test_resampling_keeps_a_tone_and_its_place() -> None:
    there = resample(waves(RATE), RATE, 48_000)
    assert len(there) == 48_000
    back = resample(there, 48_000, RATE)
    assert np.abs(back - waves(RATE))[2000:-2000].max() < 1e-4
    same = waves()
    assert resample(same, RATE, RATE) is same


def test_lengths_round_to_the_nearest() -> None:
    assert [resampled_length(n, 2, 1) for n in range(5)] == [0, 1, 1, 2, 2]  # halves up
    assert resampled_length(441, 44_100, 48_000) == 480
    assert resampled_length(10**12, 44_100, 48_000) == 1_088_435_374_150


def test_a_wave_stream_says_what_it_leaves_out_and_cuts() -> None:
    out = io.BytesIO()
    with pytest.warns(MediaNotice, match="holds no tags: title left out"):
        writer = WaveWriter(out, RATE, 2, 16, {"title": "ours"})
    writer.write(waves(peak=3.0))
    with pytest.warns(MediaNotice, match=r"\d+ samples beyond full scale were cut"):
        writer.close()
