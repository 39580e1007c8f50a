"""Noise taken off, and what is unusual told from what is ordinary."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

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


def machine(seed: int, seconds: float = 0.5, stops_at: float | None = None) -> tuple[Samples, int]:
    """A hum under noise at 48 kHz, which may stop for 50 ms."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * 48_000)) / 48_000
    x = 0.1 * np.sin(2 * np.pi * 120 * t + rng.uniform(0, 7)) + 0.02 * rng.normal(size=len(t))
    if stops_at is not None:
        x[(t >= stops_at) & (t < stops_at + 0.05)] *= 0.2
    return x.astype(np.float32)[:, None], 48_000


@pytest.fixture(scope="module")
def running() -> codec.Ordinary:
    return codec.fitted([machine(seed) for seed in range(10)], workers=1)


def test_a_machine_that_stops_for_a_moment_is_a_surprise_also_in_a_long_clip(running: codec.Ordinary) -> None:
    usual = [codec.surprise(machine(seed), running) for seed in (100, 101, 102)]
    odd = [codec.surprise(machine(seed, stops_at=0.2), running) for seed in (100, 101, 102)]
    assert max(usual) + 1 < min(odd)
    seconds = 2.3
    long = codec.surprise(machine(100, seconds, stops_at=seconds - 0.1), running)
    assert long > codec.surprise(machine(100, seconds), running) + 1


def test_files_and_pixels_of_other_kinds_are_judged_alike(ordinary: codec.Ordinary) -> None:
    grey = surface(100)
    score = codec.surprise(grey, ordinary)
    for same in (np.dstack([grey] * 3), grey.astype(np.uint16) * 257):
        assert codec.surprise(same, ordinary) == pytest.approx(score, abs=0.3)
    coded = [codec.surprise(codec.compress(surface(100, scratched), quality=95), ordinary) for scratched in (0, 1)]
    assert coded[0] + 2 < coded[1]


def test_marks_much_smaller_than_a_latent_are_found_wherever_they_are(ordinary: codec.Ordinary) -> None:
    usual = codec.surprise(surface(100), ordinary)
    for row, column in ((14, 14), (22, 24), (30, 46)):
        x = surface(100)
        x[row : row + 3, column : column + 2] = 20
        assert codec.surprise(x, ordinary) > usual + 2
        heat = codec.surprise_map(x, ordinary)
        top, left = np.unravel_index(heat.argmax(), heat.shape)
        assert abs(top * 16 + 8 - row) <= 24
        assert abs(left * 16 + 8 - column) <= 24


@pytest.mark.parametrize("shape", [(1, 1), (5, 70), (33, 47)])
def test_images_of_any_size_have_a_score_and_a_map(ordinary: codec.Ordinary, shape: tuple[int, int]) -> None:
    x = np.full((*shape, 3), 128, np.uint8)
    heat = codec.surprise_map(x, ordinary)
    assert heat.shape == (-(-shape[0] // 16), -(-shape[1] // 16))
    assert heat.max() == pytest.approx(codec.surprise(x, ordinary), abs=1e-3)


@pytest.mark.parametrize("samples", [1, 500, 60_000])
def test_audio_of_any_length_has_a_score_and_silence_is_a_surprise(running: codec.Ordinary, samples: int) -> None:
    assert codec.surprise((np.zeros((samples, 2), np.float32), 48_000), running) > 4
    with pytest.raises(codec.MediaError, match="of audio, not of image"):
        codec.surprise(surface(0), running)
    with pytest.raises(codec.CodecError, match="nothing"):
        codec.surprise((np.zeros((0, 1), np.float32), 48_000), running)


def test_what_was_learned_is_saved_and_older_files_are_refused(
    run: Run, ordinary: codec.Ordinary, running: codec.Ordinary, tmp_path: Path
) -> None:
    for name, learned, source in (("image", ordinary, surface(100)), ("audio", running, machine(100))):
        path = tmp_path / f"{name}.npz"
        with path.open("wb") as file:
            learned.save(file)
        assert codec.surprise(source, codec.Ordinary.load(path)) == codec.surprise(source, learned)
    older = tmp_path / "older.npz"
    np.savez_compressed(older, media="image", quality=50, views=2, mean0=np.zeros(32))
    assert "learn anew" in only_line(run("anomaly", "score", older, PARROTS))
    newer = tmp_path / "newer.npz"
    np.savez_compressed(newer, media="image", quality=50, format=99)
    with pytest.raises(codec.MediaError, match="another version"):
        codec.Ordinary.load(newer)
    bare = tmp_path / "bare.npz"
    np.savez_compressed(bare, nothing=0)
    with pytest.raises(codec.MediaError, match="not what"):
        codec.Ordinary.load(bare)


@pytest.mark.parametrize(
    "odd",
    [
        {"format": np.zeros(3)},
        {"quality": 500.0},
        {"quality": np.nan},
        {"pixels.mean": np.full(192, np.nan, np.float32)},
        {"pixels.mean": np.zeros(5, np.float32)},
        {"pixels.places": np.zeros((0, 80), np.float32)},
        {"pixels.places": np.zeros((4, 80))},
        {"pixels.axes": np.float32(1)},
        {"pixels.spread": np.float32(0)},
        {"pixels.spread": np.zeros(3, np.float32)},
    ],
)
def test_what_cannot_have_been_learned_is_refused(
    ordinary: codec.Ordinary, tmp_path: Path, odd: dict[str, Any]
) -> None:
    path = tmp_path / "m.npz"
    with path.open("wb") as file:
        ordinary.save(file)
    with np.load(path) as held:
        arrays = dict(held)
    np.savez(path, **(arrays | odd))
    with pytest.raises(codec.MediaError, match="not what"):
        codec.Ordinary.load(path)


def test_what_was_learned_and_then_damaged_is_refused_or_the_same(ordinary: codec.Ordinary, tmp_path: Path) -> None:
    path = tmp_path / "m.npz"
    with path.open("wb") as file:
        ordinary.save(file)
    whole, refused = path.read_bytes(), 0
    for place in (0, 30, 300, 500, len(whole) // 2, len(whole) - 30, len(whole) - 8):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 255]) + whole[place + 1 :])
        try:
            assert codec.surprise(surface(100), codec.Ordinary.load(path)) == codec.surprise(surface(100), ordinary)
        except codec.MediaError:
            refused += 1
    assert refused >= 4
    for name, content in (("array.npy", np.zeros(3)), ("cut.npz", None)):
        other = tmp_path / name
        other.write_bytes(whole[:1000]) if content is None else np.save(other, content)
        with pytest.raises(codec.MediaError, match="not what"):
            codec.Ordinary.load(other)


def test_a_reference_is_what_was_learned_not_its_file(ordinary: codec.Ordinary) -> None:
    for judge in (codec.surprise, codec.surprise_map):
        with pytest.raises(TypeError, match=r"str: expected what fitted or Ordinary\.load"):
            judge(surface(0), "m.npz")  # type: ignore[arg-type]


def test_the_commands_name_what_cannot_be_read_and_read_pipes(
    run: Run, ordinary: codec.Ordinary, tmp_path: Path
) -> None:
    folder = tmp_path / "fine"
    folder.mkdir()
    for seed in range(4):
        Image.fromarray(surface(seed)).save(folder / f"{seed}.png")
    (folder / "odd.png").write_bytes(b"no image")
    assert "odd.png: " in only_line(run("anomaly", "fit", folder, "-o", tmp_path / "m.npz"))
    with (tmp_path / "m.npz").open("wb") as file:
        ordinary.save(file)
    whole = (folder / "0.png").read_bytes()
    done = run("anomaly", "score", tmp_path / "m.npz", "-", stdin=whole)
    assert done.stdout.decode().endswith(" -\n"), done.stderr
    (tmp_path / "named.otherwise").write_bytes(codec.compress(surface(0)))
    assert (
        run("anomaly", "map", tmp_path / "m.npz", tmp_path / "named.otherwise", "-o", tmp_path / "a.png").returncode
        == 0
    )


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


@pytest.mark.parametrize("sigma", [0, 0.6, 1.9, 2, 3, 200, 1e9, 1e200])
def test_noise_of_any_amount_is_taken_off_images_and_audio(parrots: Pixels, sigma: float) -> None:
    image = codec.denoise(parrots[:32, :48], sigma, shifts=1)
    assert np.asarray(image).shape == (32, 48, 3)
    assert (np.asarray(image) == parrots[:32, :48]).all() == (sigma < 2)
    sound = codec.denoise((0.1 * np.random.default_rng(0).normal(size=2400).astype(np.float32), 48_000), sigma)
    assert isinstance(sound, codec.AudioData)
    assert np.isfinite(sound.samples).all()


def test_little_noise_is_not_exchanged_for_more_of_codings_own(parrots: Pixels) -> None:
    clean = parrots[200:328, 300:428].astype(np.float64)
    for sigma in (1, 2, 3, 5):
        noisy = np.clip(np.rint(clean + np.random.default_rng(0).normal(0, sigma, clean.shape)), 0, 255).astype(
            np.uint8
        )
        found = np.asarray(codec.denoise(noisy, sigma, shifts=2)).astype(np.float64)
        assert np.mean((found - clean) ** 2) <= np.mean((noisy - clean) ** 2)


@pytest.mark.parametrize("sigma", [-1, float("nan"), float("inf")])
def test_there_is_no_such_noise(sigma: float) -> None:
    with pytest.raises(ValueError, match=r"^sigma "):
        codec.denoise(np.zeros((20, 30, 3), np.uint8), sigma)


def test_grey_of_16_bits_has_8_without_noise_also_where_it_had_none() -> None:
    assert codec.denoise(np.full((20, 30), 3000, np.uint16)).mode == "L"  # type: ignore[union-attr]


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
def test_the_example_needs_no_arguments(tmp_path: Path) -> None:
    example = [sys.executable, "-W", "error", str(ROOT / "examples" / "latents.py")]
    told = os.environ | {"TMPDIR": str(tmp_path)}
    done = subprocess.run(example, capture_output=True, text=True, check=False, timeout=PATIENCE_S, env=told)
    assert done.returncode == 0, done.stderr
    [folder] = tmp_path.glob("latents-*")
    assert str(folder) in done.stdout
    assert len(list(folder.glob("*.png"))) == 4


@pytest.mark.slow
def test_the_example_makes_its_pictures(tmp_path: Path) -> None:
    example = [sys.executable, "-W", "error", str(ROOT / "examples" / "latents.py"), str(PARROTS), str(tmp_path)]
    done = subprocess.run(example, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    assert done.returncode == 0, done.stderr
    for name, width in (("bits", 128), ("drawn", 4 * 128), ("denoised", 3 * 128), ("between", 5 * 128)):
        with Image.open(tmp_path / f"{name}.png") as image:
            assert image.size == (width, 96)
            assert np.ptp(np.asarray(image)) > 0
