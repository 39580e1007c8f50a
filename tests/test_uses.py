"""Noise taken off, and what is unusual told from what is ordinary."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import codec
from codec.eval import anomaly, oddities
from codec.media import Pixels, Samples
from codec.uses.denoising import noise_sigma
from tests.conftest import PARROTS, PATIENCE_S, ROOT, SPEECH, Run, only_line


def surface(seed: int, scratched: bool = False) -> Pixels:
    """Soft clouds with a little grain, maybe with a bright scratch."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:48, :48] / 48
    shade = sum(
        np.sin(2 * np.pi * (rng.uniform(-2, 2) * x + rng.uniform(-2, 2) * y) + rng.uniform(0, 7)) for _ in range(4)
    )
    grey = 128 + 15 * shade + rng.normal(0, 2, x.shape)
    if scratched:
        grey[20:23, 8:40] = 240
    return np.clip(grey, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def ordinary() -> codec.Ordinary:
    return codec.fitted([surface(seed) for seed in range(12)], workers=1)


def test_scratches_are_more_of_a_surprise_than_surfaces(ordinary: codec.Ordinary) -> None:
    usual = [codec.surprise(surface(seed), ordinary) for seed in (100, 101, 102)]
    odd = [codec.surprise(surface(seed, scratched=True), ordinary) for seed in (100, 101, 102)]
    assert max(usual) < min(odd)


def test_the_map_is_hot_where_the_scratch_is(ordinary: codec.Ordinary) -> None:
    odd, usual = (codec.surprise_map(surface(100, scratched), ordinary) for scratched in (True, False))
    assert odd.shape == (3, 3)
    assert odd.max() > usual.max() + 1
    assert (odd - usual)[1].mean() > (odd - usual)[0].mean()
    assert odd.max() <= codec.surprise(surface(100, scratched=True), ordinary) + 1e-3


def test_audio_is_no_judge_of_images_and_few_examples_are_none(ordinary: codec.Ordinary) -> None:
    with pytest.raises(codec.MediaError, match="other media"):
        codec.surprise((np.zeros(4800, np.float32), 48_000), ordinary)
    with pytest.raises(codec.MediaError, match="at least"):
        codec.fitted([surface(0)])


def test_the_commands_learn_and_judge(run: Run, ordinary: codec.Ordinary, tmp_path: Path) -> None:
    folder = tmp_path / "fine"
    folder.mkdir()
    for seed in range(12):
        Image.fromarray(surface(seed)).save(folder / f"{seed:02}.png")
    assert run("anomaly", "fit", folder, "-o", tmp_path / "m.npz").returncode == 0
    Image.fromarray(surface(100, scratched=True)).save(tmp_path / "odd.png")
    done = run("anomaly", "score", tmp_path / "m.npz", tmp_path / "odd.png")
    expected = codec.surprise(surface(100, scratched=True), ordinary)
    assert float(done.stdout.split()[0]) == pytest.approx(expected, abs=2e-3)
    done = run("anomaly", "map", tmp_path / "m.npz", tmp_path / "odd.png", "-o", tmp_path / "map.png")
    assert done.returncode == 0, done.stderr
    with Image.open(tmp_path / "map.png") as image:
        drawn = np.asarray(image).astype(int)
    assert drawn.shape == (48, 48, 3)
    redness = drawn[..., 0] - drawn[..., 1]
    assert redness[16:32].mean() > max(redness[:8].mean(), redness[40:].mean())
    assert "not what" in only_line(run("anomaly", "score", tmp_path / "odd.png", tmp_path / "odd.png"))


def test_oddities_repeat_and_differ_from_the_ordinary() -> None:
    for kind in oddities.SURFACES:
        usual = oddities.surface(kind, 5)
        np.testing.assert_array_equal(usual, oddities.surface(kind, 5))
        assert not np.array_equal(usual, oddities.surface(kind, 6))
        for defect in oddities.DEFECTS:
            assert not np.array_equal(usual, oddities.surface(kind, 5, defect))
    for kind in oddities.MACHINES:
        usual_hum = oddities.hum(kind, 5)
        np.testing.assert_array_equal(usual_hum, oddities.hum(kind, 5))
        for fault in oddities.FAULTS:
            assert not np.array_equal(usual_hum, oddities.hum(kind, 5, fault))


def test_areas_are_one_for_the_best_of_scores_and_half_for_the_same() -> None:
    task = anomaly.Task([], [], [None, None, "a", "b"])
    assert task.areas([1, 2, 3, 4]) == {"a": 1, "b": 1}
    assert task.areas([1, 3, 2, 0]) == {"a": 0.5, "b": 0}
    assert task.areas([7, 7, 7, 7]) == {"a": 0.5, "b": 0.5}


def test_noise_is_estimated_and_taken_off(parrots: Pixels) -> None:
    clean = parrots[200:328, 300:428].astype(np.float64)
    noisy = np.clip(clean + np.random.default_rng(0).normal(0, 25, clean.shape), 0, 255).astype(np.uint8)
    assert noise_sigma(noisy.astype(np.float32)) == pytest.approx(25, rel=0.15)
    found = np.asarray(codec.denoise(noisy, shifts=2)).astype(np.float64)
    assert np.mean((found - clean) ** 2) < 0.4 * np.mean((noisy - clean) ** 2)


def speech() -> tuple[Samples, int]:
    """(n, 1), and their rate."""
    audio = codec.media.read_audio(SPEECH)
    return np.ascontiguousarray(audio.samples[:, :1]), audio.sample_rate


def snr_db(clean: Samples, found: Samples) -> float:
    return float(10 * np.log10((clean**2).sum() / ((found - clean) ** 2).sum()))


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("ratio_db", [0, 10, 20])
def test_hiss_is_taken_off_speech(ratio_db: int, told: bool) -> None:
    clean, rate = speech()
    sigma = float(clean.std()) * 10 ** (-ratio_db / 20)
    noisy = (clean + np.random.default_rng(0).normal(0, sigma, clean.shape)).astype(np.float32)
    found = codec.denoise((noisy, rate), sigma if told else None)
    assert isinstance(found, codec.AudioData)
    assert found.sample_rate == rate
    assert snr_db(clean, found.samples) > ratio_db + (4 if ratio_db < 20 else 1)
    again = codec.denoise((noisy, rate), sigma if told else None)
    assert isinstance(again, codec.AudioData)
    np.testing.assert_array_equal(again.samples, found.samples)


def test_speech_without_noise_stays_nearly_as_it_is_and_silence_as_silent() -> None:
    clean, rate = speech()
    both = np.ascontiguousarray(np.hstack([clean, np.zeros_like(clean)]))
    found = codec.denoise((both, rate), 0)
    assert isinstance(found, codec.AudioData)
    assert snr_db(clean, found.samples[:, :1]) > 60
    assert not found.samples[:, 1].any()


@pytest.mark.parametrize("samples", [0, 1, 7, 500, 48_000 * 70])
def test_audio_of_any_length_is_denoised_without_seams(samples: int) -> None:
    x = 0.1 * np.random.default_rng(0).normal(size=(samples, 1)).astype(np.float32)
    found = codec.denoise((x, 48_000))
    assert isinstance(found, codec.AudioData)
    assert found.samples.shape == x.shape
    assert samples < 48_000 or found.samples.std() < 0.15 * x.std()


def test_lcc_files_of_both_media_are_denoised(parrots: Pixels) -> None:
    clean, rate = speech()
    sound = codec.denoise(codec.compress_audio(clean, sample_rate=rate))
    assert isinstance(sound, codec.AudioData)
    assert sound.samples.shape == clean.shape
    image = codec.denoise(codec.compress(parrots[:32, :48]), 20, shifts=1)
    assert np.asarray(image).shape == (32, 48, 3)


def test_a_clean_image_stays_as_it_is() -> None:
    flat = np.full((20, 30, 3), 77, np.uint8)
    np.testing.assert_array_equal(np.asarray(codec.denoise(flat)), flat)
    with pytest.raises(ValueError, match="shift"):
        codec.denoise(flat, shifts=0)


def test_images_between_two_are_files_and_the_ends_are_the_two(parrots: Pixels) -> None:
    one, other = parrots[200:248, 300:380], parrots[60:108, 120:200]
    files = [codec.interpolate(one, other, share) for share in (0, 0.5, 1)]
    between = [codec.decode_image(data).image.pixels.astype(np.float64) for data in files]
    ends = [codec.decode_image(codec.compress(x)).image.pixels.astype(np.float64) for x in (one, other)]
    for found, end, opposite in zip(between[::2], ends, ends[::-1], strict=True):
        assert np.mean((found - end) ** 2) < 0.02 * np.mean((found - opposite) ** 2)
    away = [np.mean((between[1] - end) ** 2) for end in ends]
    assert max(away) < 0.6 * np.mean((ends[0] - ends[1]) ** 2)


def test_there_is_nothing_between_images_of_two_sizes(parrots: Pixels) -> None:
    with pytest.raises(codec.MediaError, match="size"):
        codec.interpolate(parrots[:40, :40], parrots[:40, :41])
    with pytest.raises(codec.MediaError, match="audio"):
        codec.interpolate(parrots[:40, :40], codec.compress_audio(np.zeros(4800, np.float32), sample_rate=48_000))
    with pytest.raises(ValueError, match="share"):
        codec.interpolate(parrots[:40, :40], parrots[:40, :40], 1.5)


@pytest.mark.slow
def test_the_example_makes_its_pictures(tmp_path: Path) -> None:
    example = [sys.executable, "-W", "error", str(ROOT / "examples" / "latents.py"), str(PARROTS), str(tmp_path)]
    done = subprocess.run(example, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    assert done.returncode == 0, done.stderr
    for name, width in (("bits", 128), ("drawn", 4 * 128), ("denoised", 3 * 128), ("between", 5 * 128)):
        with Image.open(tmp_path / f"{name}.png") as image:
            assert image.size == (width, 96)
            assert np.ptp(np.asarray(image)) > 0
