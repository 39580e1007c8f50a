"""Three channels and more: each comes back in its place, with its loudspeaker, in every format."""

from __future__ import annotations

import io
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

import codec
from codec.audio.pairing import lefts_of
from codec.bitstream import audio as audio_file
from codec.bitstream.errors import MediaError
from codec.media import AudioData, MediaNotice, Samples, audio_bytes, read_audio
from codec.media.audio.layout import usual_mask
from tests.conftest import Run

RATE = 48_000
SIDES, BACKS = 0x60F, 0x3F  # masks of 5.1 with channels beside and behind the listener
MASKS = {3: 0x7, 4: 0x33, 5: 0x607, 6: SIDES, 7: 0x70F, 8: 0x63F}


def tones(channels: int, seconds: float = 0.5) -> Samples:
    """A tone of its own in each channel, the fourth as low as that of loudspeakers for nothing else."""
    t = np.arange(round(seconds * RATE))[:, None] / RATE
    hertz = [60 if channels > 5 and channel == 3 else 300 + 160 * channel for channel in range(channels)]
    return (0.2 * np.sin(2 * np.pi * t * hertz)).astype(np.float32)


def clip(channels: int) -> AudioData:
    return AudioData(tones(channels), RATE, channel_mask=MASKS[channels])


def places(found: Samples, known: Samples) -> list[int]:
    """For each channel the one that it is most like."""
    n = min(len(found), len(known))
    spectra = [np.abs(np.fft.rfft(side[:n] * np.hanning(n)[:, None], axis=0)) for side in (found, known)]
    return np.argmax(spectra[0].T @ spectra[1], 1).tolist()


@pytest.mark.parametrize("channels", MASKS)
@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg"])
@pytest.mark.filterwarnings("ignore:OGG holds the usual layout:codec.MediaNotice")
@pytest.mark.filterwarnings("ignore:OGG holds no:codec.MediaNotice")
def test_formats_keep_channels_in_their_places(suffix: str, channels: int) -> None:
    data = audio_bytes(clip(channels), suffix)
    found = read_audio(data)
    assert places(found.samples, tones(channels)) == list(range(channels))
    assert found.channel_mask == (usual_mask(channels) if suffix == ".ogg" else MASKS[channels])
    assert not found.metadata


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg"])
@pytest.mark.filterwarnings("ignore:OGG holds no:codec.MediaNotice")
def test_ffmpeg_finds_channels_where_we_put_them(suffix: str) -> None:
    av = pytest.importorskip("av")
    audio = replace(clip(6), channel_mask=BACKS)
    with av.open(io.BytesIO(audio_bytes(audio, suffix))) as container:
        names = [channel.name for channel in container.streams.audio[0].layout.channels]
        resampler = av.AudioResampler(format="flt", layout=container.streams.audio[0].layout)
        frames = [out for frame in container.decode(audio=0) for out in resampler.resample(frame)]
        samples = np.concatenate([frame.to_ndarray().reshape(-1, 6) for frame in frames])
    assert names == ["FL", "FR", "FC", "LFE", "BL", "BR"]
    assert places(samples, tones(6)) == list(range(6))


@pytest.mark.parametrize(("encoder", "kind"), [("aac", "ipod"), ("libopus", "webm")])
def test_files_of_ffmpeg_are_read_with_their_layout(encoder: str, kind: str) -> None:
    av = pytest.importorskip("av")
    out = io.BytesIO()
    with av.open(out, "w", format=kind) as container:
        track = container.add_stream(encoder, rate=RATE, layout="5.1")
        for start in range(0, 24_000, 1000):
            frame = av.AudioFrame.from_ndarray(tones(6)[start : start + 1000].T.copy(), "fltp", "5.1")
            frame.sample_rate, frame.pts = RATE, start
            container.mux(track.encode(frame))
        container.mux(track.encode(None))
    found = read_audio(out.getvalue())
    assert (found.channels, found.channel_mask) == (6, BACKS)
    assert places(found.samples, tones(6)) == list(range(6))


def test_layouts_that_are_not_known_stay_so() -> None:
    plain = io.BytesIO()
    soundfile.write(plain, tones(5), RATE, "PCM_16", format="WAV")
    for data in (plain.getvalue(), audio_bytes(AudioData(tones(5), RATE), ".flac")):
        assert read_audio(data).channel_mask == 0
    for mask, channels in ((-1, 3), (1 << 32, 3), (3, 2)):
        with pytest.raises(ValueError, match="a channel mask"):
            AudioData(tones(channels), RATE, channel_mask=mask)


def test_what_a_format_cannot_hold_of_a_layout_is_said() -> None:
    with pytest.warns(
        MediaNotice, match=r"OGG holds the usual layout of 6 channels only, not 6 channels \(5\.1, FL FR FC"
    ):
        audio_bytes(replace(clip(6), bit_depth=32), ".ogg")
    with pytest.raises(MediaError, match="MP3 holds at most 2 channels, not 6"):
        audio_bytes(clip(6), ".mp3")


def test_pairs_are_of_left_and_right_and_the_low_channel_is_in_none() -> None:
    found = {mask: lefts_of(mask.bit_count(), mask) for mask in (0x7, 0xB, 0x33, BACKS, SIDES, 0x70F, 0x63F, 0xFF)}
    assert found == {0x7: [0], 0xB: [0], 0x33: [0, 2], BACKS: [0, 4], SIDES: [0, 4], 0x70F: [0, 5]} | {
        0x63F: [0, 4, 6],
        0xFF: [0, 4, 6],
    }
    assert [lefts_of(channels, 0) for channels in (1, 2, 6)] == [[], [0], [0, 4]]


def test_channels_come_back_from_our_files_in_their_places() -> None:
    audio = clip(6)
    front = audio.samples.copy()
    front[:, 1] = 0.7 * front[:, 0]
    data = codec.compress_audio(replace(audio, samples=front), 60)
    assert [pair.first for pair in audio_file.read(data).header.pairs] == [0]
    found = codec.decompress_audio(data)
    assert (found.channel_mask, found.samples.shape) == (SIDES, front.shape)
    assert places(found.samples, front) == [0, 0, 2, 3, 4, 5]
    part = codec.decompress_audio(data, start_s=0.1, duration_s=0.2)
    assert np.allclose(part.samples, found.samples[4800:14_400], atol=1e-4)
    assert codec.info(data).layout == "6 channels (5.1, FL FR FC LFE SL SR)"


@pytest.mark.slow
def test_the_command_keeps_layouts_from_pipe_to_pipe(run: Run, tmp_path: Path) -> None:
    source, coded = tmp_path / "in.wav", tmp_path / "six.lcc"
    source.write_bytes(audio_bytes(clip(6), ".wav"))
    command = [sys.executable, "-m", "codec.cli", "compress", "-", "-o", "-", "-q", "60"]
    coded.write_bytes(subprocess.run(command, input=source.read_bytes(), capture_output=True, check=True).stdout)
    assert b"6 channels (5.1, FL FR FC LFE SL SR), 48000 Hz" in run("info", coded).stdout
    piped = run("decompress", coded, "-o", "-").stdout
    assert run("decompress", coded, "-o", tmp_path / "out.wav").returncode == 0
    for data in (piped, (tmp_path / "out.wav").read_bytes()):
        found = read_audio(data)
        assert (found.channel_mask, found.samples.shape) == (SIDES, (24_000, 6))
        assert places(found.samples, tones(6)) == list(range(6))
