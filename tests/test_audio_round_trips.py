"""What others wrote into files is what others find in ours, having been through an .lcc: sox and mutagen look."""

from __future__ import annotations

import io
import shutil
import subprocess
from pathlib import Path
from typing import Any

import mutagen
import mutagen.flac
import mutagen.oggvorbis
import mutagen.wave
import numpy as np
import pytest
import soundfile

import codec
from codec.media import audio_bytes
from tests.conftest import PATIENCE_S
from tests.test_layouts import SIDES, clip

RATE = 16_000
COVER = b"\xff\xd8\xff\xe0 a picture \xff\xd9"
COMMENTS = {"title": ["Étude"], "artist": ["A B"], "composer": ["Chopin", "Liszt"], "mood": ["calm"]}


def sox(*arguments: object) -> str:
    """What sox says to a command line."""
    if not shutil.which("sox"):
        pytest.skip("sox is not installed")
    command = list(map(str, arguments))
    return subprocess.run(command, capture_output=True, check=True, timeout=PATIENCE_S, text=True).stdout


def tune(path: Path) -> Path:
    """A second and a half of a tone, written by soundfile."""
    t = np.arange(RATE * 3 // 2) / RATE
    soundfile.write(path, 0.3 * np.sin(2 * np.pi * 440 * t), RATE)
    return path


def through(path: Path, suffix: str) -> bytes:
    """A file compressed, restored, and written in a format."""
    return audio_bytes(codec.decompress_audio(codec.compress_audio(path, 10)), suffix)


@pytest.mark.parametrize("kind", [".flac", ".ogg", ".aiff"])
def test_sox_finds_its_comments_again(kind: str, tmp_path: Path) -> None:
    plain, source = tune(tmp_path / "plain.wav"), tmp_path / f"source{kind}"
    comments = ["a word"] if kind == ".aiff" else ["Title=Étude", "Composer=Chopin", "Mood=calm"]
    sox("sox", plain, *(part for text in comments for part in ("--add-comment", text)), source)
    for suffix in (".flac", ".ogg"):
        restored = tmp_path / f"restored{suffix}"
        restored.write_bytes(through(source, suffix))
        said = {line.casefold() for line in sox("soxi", "-a", restored).splitlines()}
        expected = [f"Comment={text}" if kind == ".aiff" else text for text in comments]
        assert {text.casefold() for text in expected} <= said
        assert sox("soxi", "-s", restored).strip() == str(RATE * 3 // 2)


@pytest.mark.parametrize("kind", [".flac", ".ogg"])
def test_mutagen_finds_its_comments_and_pictures_again(kind: str, tmp_path: Path) -> None:
    source = tune(tmp_path / f"source{kind}")
    tagged: Any = mutagen.File(source)
    for name, values in COMMENTS.items():
        tagged[name] = values
    picture = mutagen.flac.Picture()
    picture.type, picture.mime, picture.desc, picture.data = 3, "image/jpeg", "front", COVER
    if kind == ".flac":
        tagged.add_picture(picture)
    tagged.save()
    for suffix, reader in ((".flac", mutagen.flac.FLAC), (".ogg", mutagen.oggvorbis.OggVorbis)):
        found: Any = reader(io.BytesIO(through(source, suffix)))
        assert {name: sorted(found[name]) for name in COMMENTS} == COMMENTS
        if kind == suffix == ".flac":
            assert found.pictures[0].write() == picture.write()
    wave: Any = mutagen.wave.WAVE(io.BytesIO(through(source, ".wav"))).tags
    assert list(wave["TCOM"].text) == COMMENTS["composer"][:1]


def test_sox_finds_six_channels_in_their_places(tmp_path: Path) -> None:
    source, restored = tmp_path / "six.wav", tmp_path / "restored.wav"
    source.write_bytes(audio_bytes(clip(6), ".wav"))
    restored.write_bytes(through(source, ".wav"))
    assert sox("soxi", "-c", restored).strip() == "6"
    assert codec.media.read_audio(restored).channel_mask == SIDES
    for number in range(1, 7):
        sox("sox", restored, tmp_path / "one.wav", "remix", number)
        assert soundfile.read(tmp_path / "one.wav")[0].std() > 0.05
