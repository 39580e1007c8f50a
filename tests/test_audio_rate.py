"""Audio of a wanted bit rate or size, from samples, files and pipes; what cannot be met is said."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest

import codec
from codec.bitstream.errors import MediaError
from codec.media import AudioData, MediaNotice, audio_bytes
from tests.clips import melody
from tests.conftest import PARROTS, SPEECH, Run, only_line
from tests.test_wave import piped

SECONDS = 3.0
CLIP = melody(SECONDS, rate=16_000)


def kbps(data: bytes, seconds: float = SECONDS) -> float:
    return len(data) * 8 / 1000 / seconds


@pytest.mark.parametrize("wanted", [6, 20])
def test_a_bit_rate_is_met_within_two_percent(wanted: float) -> None:
    assert kbps(codec.compress_audio(CLIP, target_bitrate=wanted)) == pytest.approx(wanted, rel=0.02)


def test_a_size_is_not_exceeded_and_nearly_used() -> None:
    assert 0.985 * 4000 < len(codec.compress_audio(CLIP, target_size=4000)) <= 4000


def test_files_and_pipes_are_coded_as_their_samples_are() -> None:
    data = audio_bytes(AudioData(CLIP.samples, CLIP.sample_rate, {}, 16), ".wav")
    found = codec.compress_audio(data, target_bitrate=8)
    with piped(data) as pipe:
        assert codec.compress_audio(pipe, target_bitrate=8) == found
    assert codec.compress_audio(io.BytesIO(data), target_bitrate=8) == found


def test_targets_that_cannot_be_met_are_said() -> None:
    with pytest.raises(MediaError, match=r"even quality 0 takes .* bytes; the target is 100 bytes"):
        codec.compress_audio(CLIP, target_size=100)
    with pytest.warns(MediaNotice, match="no quality comes nearer to the target of"):
        codec.compress_audio(CLIP, target_bitrate=500)


def test_targets_that_make_no_sense_are_refused() -> None:
    for options, said in (
        ({"target_bitrate": 0}, "above 0"),
        ({"target_bitrate": float("nan")}, "above 0"),
        ({"target_size": -1}, "positive number of bytes"),
        ({"target_size": 1000, "target_bitrate": 8}, "target bitrate and target size contradict"),
        ({"quality": 30, "target_bitrate": 8}, "quality and target bitrate contradict"),
    ):
        with pytest.raises(ValueError, match=said):
            codec.compress_audio(CLIP, **options)  # type: ignore[arg-type]


def test_an_empty_clip_has_no_bit_rate_to_meet() -> None:
    empty = AudioData(np.zeros((0, 1), np.float32), 16_000)
    with pytest.raises(MediaError, match="even quality 0 takes"):
        codec.compress_audio(empty, target_bitrate=8)


def test_the_command_meets_a_bit_rate_from_files_and_pipes(run: Run, tmp_path: Path) -> None:
    target = tmp_path / "a.lcc"
    done = run("compress", SPEECH, "-o", target, "--bitrate", 10)
    assert done.returncode == 0, done.stderr
    assert json.loads(run("info", target, "--json").stdout)["rate_kbps"] == pytest.approx(10, rel=0.02)
    done = run("compress", "-", "-o", "-", "--bitrate", 10, stdin=SPEECH.read_bytes())
    assert done.stdout == target.read_bytes()
    said = only_line(run("compress", PARROTS, "-o", tmp_path / "b.lcc", "--bitrate", 10))
    assert "--bitrate is for audio" in said
