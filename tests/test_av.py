"""AAC, MP4 and WebM as inputs: samples, tags, chapters, pipes, memory, and what happens without the package."""

from __future__ import annotations

import io
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import mutagen.flac
import mutagen.mp4
import numpy as np
import pytest

from codec.bitstream.errors import LimitExceeded, MediaError
from codec.media import AudioFileReader, Chapter, MediaNotice, is_audio, read_audio
from tests.test_wave import piped

av = pytest.importorskip("av")
RATE, COUNT = 48_000, 60_000


def made(codec: str, kind: str, rate: int = RATE, streams: int = 1, video: bool = False, **texts: str) -> bytes:
    """A file of stereo tones that FFmpeg wrote."""
    out = io.BytesIO()
    with av.open(out, "w", format=kind) as container:
        container.metadata.update(texts)
        tracks = [container.add_stream(codec, rate=rate, layout="stereo") for _ in range(streams)]
        screen = container.add_stream("mpeg4", rate=25) if video else None
        if screen:
            screen.width = screen.height = 32
            screen.pix_fmt = "yuv420p"
            container.mux(screen.encode(av.VideoFrame(32, 32, "yuv420p")))
            container.mux(screen.encode(None))
        for track in tracks:
            for start in range(0, COUNT, 1000):
                frame = av.AudioFrame.from_ndarray(tones(rate)[start : start + 1000].T.copy(), "fltp", "stereo")
                frame.sample_rate, frame.pts = rate, start
                container.mux(track.encode(frame))
            container.mux(track.encode(None))
    return out.getvalue()


def tones(rate: int = RATE) -> np.ndarray:
    t = np.arange(COUNT)[:, None] / rate
    return (0.3 * np.sin(2 * np.pi * t * [440, 665])).astype(np.float32)


KINDS = [("aac", "ipod"), ("aac", "mp4"), ("aac", "adts"), ("alac", "ipod"), ("libopus", "webm"), ("aac", "matroska")]
KINDS += [("flac", "ogg")]


@pytest.mark.parametrize(("codec", "kind"), KINDS)
def test_files_are_read_and_pipes_as_they_are(codec: str, kind: str) -> None:
    data = made(codec, kind)
    assert is_audio(data[:16])
    audio = read_audio(data)
    assert (audio.sample_rate, audio.channels, audio.bit_depth) == (RATE, 2, 24 if codec == "alac" else 16)
    assert COUNT <= len(audio.samples) <= COUNT + 3 * 1024
    shift = 1024 if kind == "adts" else 0  # alone says nothing of the encoder's delay
    assert np.abs(audio.samples[5000 + shift : 50_000 + shift] - tones()[5000:50_000]).mean() < 0.01
    with piped(data) as pipe:
        assert np.array_equal(read_audio(pipe).samples, audio.samples)


def test_tags_are_read_and_further_ones_kept() -> None:
    found = read_audio(made("aac", "ipod", title="Étude", artist="x", composer="Chopin"))
    assert (found.tags["title"], found.tags["artist"]) == ("Étude", "x")
    assert ("COMPOSER", "Chopin") in found.metadata.comments


def test_what_is_not_audio_is_named() -> None:
    with pytest.warns(MediaNotice, match="not kept: 1 further audio streams, video"):
        assert len(read_audio(made("aac", "mp4", streams=2, video=True)).samples) >= COUNT


def test_damage_and_length_are_errors_of_the_family() -> None:
    data = made("aac", "ipod")
    for broken in (data[:40], data[:16] + bytes(len(data) - 16)):
        with pytest.raises(MediaError):
            read_audio(broken)
    with pytest.raises(LimitExceeded, match=r"the limit is 0\.5"):
        read_audio(data, max_seconds=0.5)


def test_an_image_in_such_a_box_is_no_audio() -> None:
    assert not is_audio(b"\0\0\0\x1cftypavif\0\0\0\0")
    assert not is_audio(b"\0\0\0\x1cftypheic\0\0\0\0")


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    data = made("aac", "ipod")
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(MediaError, match=r"read by PyAV: pip install 'codec\[av\]'"):
        read_audio(data)


MEMORY = """
import resource, sys
from codec.media import AudioFileReader
with AudioFileReader(sys.argv[1]) as reader:
    blocks = reader.blocks()
    count = len(next(blocks))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    count += sum(map(len, blocks))
print(count, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_a_long_file_passes_in_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "long.aac"
    path.write_bytes(made("aac", "adts") * 120)
    done = subprocess.run([sys.executable, "-c", MEMORY, path], capture_output=True, check=True, text=True)
    count, more = map(int, done.stdout.split())
    assert count > 100 * COUNT
    assert more < 20 << 10  # KiB, of 55 MiB


def test_blocks_join_to_the_whole() -> None:
    data = made("aac", "ipod")
    with AudioFileReader(data) as reader:
        assert np.array_equal(np.concatenate(list(reader.blocks(777))), read_audio(data).samples)


def test_cover_art_and_chapters_are_kept_and_cost_no_samples() -> None:
    plain = made("aac", "ipod")
    png = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
    file = io.BytesIO(plain)
    tagged = mutagen.mp4.MP4(file)
    tagged["covr"] = [mutagen.mp4.MP4Cover(png, mutagen.mp4.MP4Cover.FORMAT_PNG)]
    file.seek(0)
    tagged.save(file)
    found = read_audio(file.getvalue())
    assert mutagen.flac.Picture(found.metadata.pictures[0]).data == png
    assert np.array_equal(found.samples, read_audio(plain).samples)
    out = io.BytesIO()
    with av.open(out, "w", format="matroska") as container:
        track = container.add_stream("pcm_s16le", rate=RATE, layout="mono")
        marks = [{"id": 1, "start": 0, "end": 500, "time_base": Fraction(1, 1000), "metadata": {"title": "one"}}]
        container.set_chapters(marks)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 48_000), np.int16), "s16", "mono")
        frame.sample_rate = RATE
        container.mux(track.encode(frame))
        container.mux(track.encode(None))
    assert read_audio(out.getvalue()).metadata.chapters == (Chapter(0, 500, "one"),)
