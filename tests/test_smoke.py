"""One way through everything that users install, for `nox -s lowest` and `nox -s newest`: no other tests, no extras."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

import codec
from codec.media import AudioData, ImageData, Pixels, audio_bytes, image_bytes, read_audio, read_image
from tests.clips import melody
from tests.conftest import Run


def test_an_image_goes_through_the_library_and_the_command_line(patch: Pixels, run: Run, tmp_path: Path) -> None:
    alpha = np.arange(patch.shape[0] * patch.shape[1]).astype(np.uint8).reshape(patch.shape[:2]) | 1
    source, coded, restored = tmp_path / "a.png", tmp_path / "a.lcc", tmp_path / "b.webp"
    source.write_bytes(image_bytes(ImageData(patch, alpha), ".png"))
    for arguments in (
        ("compress", source, "-o", coded, "-q", 70),
        ("verify", "--deep", coded),
        ("decompress", coded, "-o", restored, "--region", "10,20,64,32"),
    ):
        done = run(*arguments)
        assert done.returncode == 0, done.stderr
    told = json.loads(run("info", "--json", coded).stdout)
    assert (told["width"], told["height"]) == patch.shape[1::-1]
    assert read_image(restored).pixels.shape == (32, 64, 3)
    data = codec.compress(ImageData(patch, alpha), 70)
    shown = codec.decompress(data, output="array")
    assert (shown[:, :, 3] == alpha).all()
    error = shown[:, :, :3].astype(float) - patch
    assert np.square(error).mean() < 40


def test_audio_goes_through_the_library_and_the_command_line(run: Run, tmp_path: Path) -> None:
    tune = melody(0.7, channels=2, rate=44_100)
    source, coded = tmp_path / "a.wav", tmp_path / "a.lcc"
    source.write_bytes(audio_bytes(AudioData(tune.samples, 44_100, tags={"title": "Études"}), ".wav"))
    done = run("compress", source, "-o", coded, "-q", 60)
    assert done.returncode == 0, done.stderr
    assert run("verify", "--deep", coded).returncode == 0
    for suffix in (".wav", ".flac", ".ogg", ".mp3"):
        restored = tmp_path / f"b{suffix}"
        done = run("decompress", coded, "-o", restored, "--duration", 0.5)
        assert done.returncode == 0, done.stderr
        back = read_audio(restored)
        assert back.samples.shape == (22_050, 2)
    assert read_audio(tmp_path / "b.flac").tags == {"title": "Études"}
    data = codec.compress_audio(tune, quality=60)
    found = codec.decompress_audio(data).samples
    assert np.square(found - tune.samples).mean() < 0.1 * np.square(tune.samples).mean()


def test_commands_that_need_more_than_that_are_listed_all_the_same(run: Run) -> None:
    for arguments in (("--help",), ("--version",), ("train", "--help"), ("eval", "--help"), ("export", "--help")):
        assert run(*arguments).returncode == 0
