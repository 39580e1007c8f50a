"""Training: the start is a transform coder, runs resume to the bit, exports decode."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.flop_counter import FlopCounterMode

from codec.bitstream.errors import MediaError, ModelMismatch
from codec.bitstream.range_coder import Models
from codec.devices import CPU as HERE
from codec.devices import Device
from codec.eval.metrics import psnr_db
from codec.image.tile_encoder import padded
from codec.latents import encode as latents_encode
from codec.media import Pixels, audio_bytes, read_audio, resample
from codec.model import torch_weights, weights, weights_file
from codec.model.config import AudioConfig
from codec.model.dct import block_transform, dct_matrix, image_statistics
from codec.model.fixed_layers import FixedLayer, QuantMode, set_quant_mode
from codec.model.image import ImageModel
from codec.model.registry import AUDIO, IMAGE
from codec.search.lagrangian import ROUNDING
from codec.search.perceptual import Spectra
from codec.search.rdoq import Rdoq
from codec.training import checkpoint, units
from codec.training.audio import Cuts
from codec.training.export import export
from codec.training.images import Crops, images
from codec.training.loop import Plan, Trainer, begin, load_trained, train
from codec.training.relaxation import Pass, TensorRdoq, relaxed_pass, rounded_pass
from codec.training.tables import assumed, fitted
from tests.clips import melody
from tests.conftest import PARROTS, PATIENCE_S, SPEECH, Run, only_line, torch_model

pytestmark = pytest.mark.slow  # it trains

CPU = torch.device("cpu")
TORCH = Device(engine="torch")
PLAN = Plan(steps=4, decay_steps=2, batch=2, crop=64, warmup_steps=2)


@pytest.fixture(scope="module")
def shard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """45 small images in a tar file, one member that is none, and one that is too large for Pillow."""
    folder = tmp_path_factory.mktemp("data")
    source = Image.open(PARROTS)
    names = []
    for i in range(45):
        name = folder / f"{i:03d}.png"
        source.crop((i * 10, i * 5, i * 10 + 150, i * 5 + 120)).save(name)
        names.append(name)
    broken = folder / "zzz.png"
    broken.write_bytes(b"nothing")
    bomb = folder / "yyy.png"
    Image.new("1", (14_000, 14_000)).save(bomb)
    path = folder / "shard.tar"
    with tarfile.open(path, "w") as tar:
        for name in [*names, broken, bomb]:
            tar.add(name, name.name)
            name.unlink()
    return path


@pytest.fixture(scope="module")
def crops(shard: Path) -> Crops:
    return Crops([shard], 64, CPU)


def test_transforms_are_orthonormal() -> None:
    assert np.allclose(dct_matrix(8) @ dct_matrix(8).T, np.eye(8))
    rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    t = block_transform(16, rotation)
    assert np.allclose(t @ t.T, np.eye(768))


def test_a_new_model_is_the_transform_coder(parrots: Pixels) -> None:
    statistics = image_statistics([parrots])
    torch.manual_seed(0)
    model = IMAGE.model(IMAGE.config, statistics)
    x = torch.tensor(parrots[None, :256, :256]).float()
    log2_step = torch.tensor([4.0])
    with torch.inference_mode():
        h = model.analysis(x, log2_step)[0]
        x_hat = model.synthesis(h[None], log2_step)[0]
    # its features are the strongest 16x16 coefficients, divided by their norm
    keep = np.argsort(-statistics.rms16, kind="stable")[:320]
    block = parrots[:16, :16].astype(np.float64).transpose(2, 0, 1).reshape(-1) - 128
    expected = (block_transform(16, statistics.color) @ block)[keep]
    norm = np.exp2(model.prior.log2_norm.numpy())
    assert np.allclose(h[0, 0].numpy() * norm, expected, atol=0.02)
    # and synthesis is the transpose: what is lost are the 448 weakest coefficients
    assert psnr_db(parrots[:256, :256], x_hat.round().clamp(0, 255).byte().numpy()) > 40


def test_data_comes_from_shards_and_folders_without_what_is_broken(shard: Path, crops: Crops, tmp_path: Path) -> None:
    assert len(list(images([shard]))) == 45
    assert len(list(images([shard.parent]))) == 45
    (tmp_path / "folder.png").mkdir()
    assert not list(images([tmp_path]))
    assert (len(crops.native), len(crops.validation)) == (41, 4)
    assert len(crops.shrunk) == 2 * 41
    batch = crops.batch(7, 3)
    assert batch.shape == (3, 64, 64, 3)
    assert torch.equal(batch, crops.batch(7, 3))
    assert not torch.equal(batch, crops.batch(8, 3))


def test_a_resumed_run_takes_the_same_steps(crops: Crops, tmp_path: Path) -> None:
    def run(folder: Path, *ends: int) -> dict[str, torch.Tensor]:
        folder.mkdir()
        for end in ends:
            trainer = begin(crops, PLAN, CPU, folder)
            while trainer.step < end:
                trainer.train_step()
            trainer.save(folder / "checkpoint.pt")
        return trainer.average

    whole, resumed = run(tmp_path / "a", 4), run(tmp_path / "b", 2, 4)
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_training_lowers_the_loss(crops: Crops) -> None:
    torch.manual_seed(0)
    model = crops.fresh()
    trainer = Trainer(model, Plan(60, 10, batch=2, crop=64), CPU, crops)
    before = trainer.validate()["validation"]
    for _ in range(60):
        trainer.train_step()
    assert trainer.validate()["validation"] < 0.97 * before


def test_a_run_logs_saves_and_draws(crops: Crops, tmp_path: Path) -> None:
    trainer = begin(crops, PLAN, CPU, tmp_path)
    rows: list[dict[str, float]] = []
    train(trainer, tmp_path, rows.append)
    logged = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [row["step"] for row in logged] == [4]
    assert logged[0]["validation"] > 0
    assert 0.5 < logged[0]["active"] <= 1
    with Image.open(tmp_path / "curve.png") as curve:
        assert curve.width > 400


def test_the_learning_rate_warms_up_stays_and_falls() -> None:
    plan = Plan(steps=1000, decay_steps=200, warmup_steps=100)
    rates = [plan.rate_at(step) for step in range(1000)]
    assert rates[0] == 0.01
    assert rates[100:800] == [1.0] * 700
    assert rates[800:] == sorted(rates[800:], reverse=True)
    assert rates[-1] == pytest.approx(plan.final_share, rel=0.01)


def test_snapped_fine_tuning_moves_the_integers(crops: Crops) -> None:
    torch.manual_seed(0)
    model = IMAGE.build()
    load_trained(model, IMAGE.path)
    trainer = Trainer(model, Plan(2, 0, batch=2, crop=64, warmup_steps=1, snapped=True), CPU, crops)
    before = model.prior.from_hyper[0].integers().weight
    for _ in range(2):
        assert trainer.train_step()["loss"].isfinite()
    assert (model.prior.from_hyper[0].integers().weight != before).any()


def test_snapped_nets_compute_what_frozen_ones_do(parrots: Pixels) -> None:
    frozen = torch_model(IMAGE)
    model = IMAGE.build()
    load_trained(model, IMAGE.path)
    set_quant_mode(model.prior, QuantMode.FAKE_QUANTISED)
    z = torch.randint(-9, 10, (1, 3, 2, IMAGE.config.prior.hyper_channels), generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        quality = torch.tensor([0.5])
        assert torch.equal(*(net.prior.features(z.float(), quality, (12, 8)) for net in (model, frozen)))


def test_integer_nets_cost_at_most_three_permille(parrots: Pixels) -> None:
    """A float model near the installed one, against the integers that it is rounded to."""
    free = IMAGE.build()
    load_trained(free, IMAGE.path)
    rng = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for layer in free.modules():
            if isinstance(layer, FixedLayer):  # anywhere within half a unit of each integer
                unit = torch.exp2(-torch.from_numpy(layer.integers().exponent.astype(np.float32)))
                noise = torch.rand(layer.weight.shape, generator=rng) - 0.5
                layer.weight += noise * unit.reshape(-1, *[1] * (layer.weight.dim() - 1))
    frozen = IMAGE.build()
    torch_weights.unpack(frozen, torch_weights.pack(free, assumed()), IMAGE)
    x = torch.tensor(parrots[None, :, :704]).float()
    bits = []
    for model in (free, frozen):
        with torch.inference_mode():
            coded = [relaxed_pass(model, x, torch.tensor([step]), hard=True) for step in (3.0, 5.0, 7.0)]
        bits.append(sum(float(c.y_bits + c.z_bits) for c in coded))
    assert bits[0] != bits[1]
    assert bits[1] < bits[0] * 1.003


def test_the_last_stage_trains_all_but_the_encoder(crops: Crops) -> None:
    torch.manual_seed(0)
    model = IMAGE.build()
    load_trained(model, IMAGE.path)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    trainer = Trainer(model, replace(PLAN, rounded=True), CPU, crops)
    for _ in range(3):
        assert trainer.train_step()["loss"].isfinite()
    moved = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    parts = {name.split(".")[0] for name in moved}
    assert parts == {"s16", "s8", "up", "idct", "prior"}
    assert {name for name, _ in model.prior.named_parameters()} == {n[6:] for n in moved if n.startswith("prior.")}


def test_the_last_stage_sees_latents_as_files_hold_them(parrots: Pixels) -> None:
    model, x = weights.installed(IMAGE.id, TORCH).model, parrots[None, :256, :256].astype(np.float32)
    for log2_step in (np.array([step], np.float32) for step in (3.5, 6.0)):
        h = model.analysis(x, log2_step)
        coded = latents_encode.encode(model, Models(assumed()), h, log2_step, b"", Rdoq(assumed()), price=ROUNDING)
        shown = model.synthesis(coded.latents.features, log2_step)
        with torch.inference_mode():
            tensors = torch.from_numpy(x), torch.from_numpy(log2_step)
            seen = rounded_pass(torch_model(IMAGE), *tensors, TensorRdoq(assumed(), ROUNDING, CPU))
        # means are rounded to 1/64 of a step in files, and not in training
        assert np.sqrt(np.square(seen.x_hat.numpy() - shown).mean()) < 0.1 * 2 ** log2_step[0]
        size = sum(map(len, coded.parts))
        assert size * 0.99 < float(seen.y_bits + seen.z_bits) / 8 < size


def test_the_networks_keep_their_budget_of_multiplications() -> None:
    """Per pixel: at most 25,000 in synthesis, 12,000 in the entropy nets, 60,000 in analysis."""
    model = IMAGE.build()
    side = 256
    x, log2_step = torch.zeros(1, side, side, 3), torch.tensor([5.0])

    def thousands(call: Callable[[], object]) -> float:
        with torch.inference_mode(), FlopCounterMode(display=False) as counter:
            call()
        return counter.get_total_flops() / 2 / side**2 / 1000

    with torch.inference_mode():
        h = model.analysis(x, log2_step)
        z, quality = model.hyper_analysis(h).round(), model.gain.quality(log2_step)
        log2_steps = model.gain.log2_steps(log2_step)[:, None]
    entropy = thousands(
        lambda: model.prior.walk(
            model.prior.features(z, quality, (side // 16, side // 16)),
            log2_steps,
            lambda channels, where, mean, scale: mean,
        )
    )
    assert 5 < thousands(lambda: model.synthesis(h, log2_step)) < 25
    assert 5 < entropy < 12
    assert 5 < thousands(lambda: model.hyper_analysis(model.analysis(x, log2_step))) < 60


def test_an_export_loads_and_names_its_training(crops: Crops, tmp_path: Path) -> None:
    trainer = begin(crops, PLAN, CPU, tmp_path)
    trainer.train_step()
    trainer.save(tmp_path / "checkpoint.pt")
    target = tmp_path / "w.safetensors"
    record = export(tmp_path, target)
    assert target.stat().st_size < 16 * 2**20
    loaded = weights.load(IMAGE, HERE, target)
    assert weights_file.describe(target).record == record
    assert record["steps"] == 1
    assert record["earlier"] == []
    for start in (tmp_path / "checkpoint.pt", target):
        (stage,) = begin(crops, PLAN, CPU, tmp_path / "next", start).earlier
        assert (stage["steps"], stage["plan"]) == (1, record["plan"])
    assert loaded.digest != weights.installed(IMAGE.id, HERE).digest


def test_dead_units_start_anew_and_change_nothing(parrots: Pixels) -> None:
    model = IMAGE.build()
    load_trained(model, IMAGE.path)
    blocks = (model.s16[1], model.prior.predict[4].body)
    with torch.no_grad():
        for block in blocks:
            block.widen.bias[:100] = -1e3
    x = torch.tensor(padded(parrots[:96, :128]))
    step = torch.tensor([4.0])

    def coded() -> Pass:
        return relaxed_pass(model, x, step, hard=True)

    with torch.inference_mode(), units.watched(model) as dead:
        before = coded()
    assert units.reinitialise(model, coded) >= 200
    with torch.inference_mode(), units.watched(model) as seen:
        after = coded()
    for a, b in zip(before, after, strict=True):
        assert torch.allclose(a, b, rtol=1e-4, atol=1e-3)
    for name in ("s16.1.widen", "prior.predict.4.body.widen"):
        assert not dead[name].opened[:100].any()
        assert seen[name].opened[:100].float().mean() > 0.5


def test_a_larger_model_starts_where_a_smaller_one_stood(tmp_path: Path, parrots: Pixels) -> None:
    small = ImageModel(replace(IMAGE.config, analysis16=2, synthesis16=3, synthesis8=2))
    torch.manual_seed(0)
    for parameter in small.parameters():
        torch.nn.init.normal_(parameter, std=0.02)
    empty = {key: {} for key in checkpoint.KEYS} | {"step": 1, "core_seconds": 0.0, "earlier": []}
    checkpoint.save(tmp_path / "small.pt", empty | {"model": small.state_dict()})
    large = ImageModel(IMAGE.config)
    load_trained(large, tmp_path / "small.pt")
    x = torch.from_numpy(parrots[None, :64, :64].astype(np.float32))
    for a, b in zip(*(relaxed_pass(model, x, torch.tensor([4.0]), hard=True) for model in (small, large)), strict=True):
        assert torch.equal(a, b)
    checkpoint.save(tmp_path / "other.pt", empty | {"model": {"a": torch.zeros(1)}})
    with pytest.raises(ModelMismatch, match="nothing in"):
        load_trained(large, tmp_path / "other.pt")
    checkpoint.save(tmp_path / "audio.pt", empty | {"plan": {"model": "audio"}})
    with pytest.raises(ModelMismatch, match="audio model"):
        load_trained(large, tmp_path / "audio.pt")


def test_tables_fitted_to_images_make_them_smaller(parrots: Pixels) -> None:
    loaded = weights.installed(IMAGE.id, HERE)
    before = assumed()
    crop = np.ascontiguousarray(parrots[:128, :192])
    after = fitted(loaded.model, before, [padded(crop)], (6.25, 4.25, 2.75), ROUNDING)
    step, rounding = np.array([2.75], np.float32), Rdoq(loaded.tables.tables)
    h = loaded.model.analysis(padded(crop), step)
    coded = [
        latents_encode.encode(loaded.model, Models(t), h, step, b"", rounding, price=ROUNDING) for t in (before, after)
    ]
    sizes = [sum(map(len, each.parts)) for each in coded]
    assert sizes[1] < sizes[0]
    with pytest.raises(MediaError, match="no signals"):
        fitted(loaded.model, before, [], (6.25,), ROUNDING)


def test_weights_that_are_missing_or_foreign_are_a_mismatch(tmp_path: Path) -> None:
    with pytest.raises(ModelMismatch, match="cannot be read"):
        weights.load(IMAGE, HERE, tmp_path / "none.safetensors")
    weights_file.write(tmp_path / "other.safetensors", IMAGE, {"a": np.zeros(3, np.int8)}, {})
    with pytest.raises(ModelMismatch, match="does not hold"):
        weights.load(IMAGE, HERE, tmp_path / "other.safetensors")


def test_train_and_export_work_from_the_command_line(shard: Path, tmp_path: Path, run: Run) -> None:
    arguments = ("train", shard, "--run", tmp_path / "run", "--batch", 1, "--crop", 64, "--decay-steps", 1)
    for steps in (1, 2):  # the second resumes the first
        done = run(*arguments, "--steps", steps, "--threads", 1)
        assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [1, 2]
    out = tmp_path / "w.safetensors"
    exported = run("export", tmp_path / "run", "-o", out)
    assert exported.returncode == 0
    assert weights.load(IMAGE, HERE, out).digest.hex() in exported.stderr.decode()
    assert weights_file.describe(out).record["steps"] == 2
    assert run("export", tmp_path / "run", "-o", out).returncode == 1  # exists
    done = run("train", shard, "--run", tmp_path / "run", "--steps", 3, "--decay-steps", 4)
    assert done.returncode == 2
    assert b"more than the 3 steps in all" in done.stderr
    assert run("train", shard, "--run", tmp_path / "big", "--seed", 2**32).returncode == 2
    done = run("train", shard, "--run", tmp_path / "big", "--crop", 1024)
    assert done.returncode == 1
    assert b"no images of at least 1024" in done.stderr


def test_two_processes_train_one_model(shard: Path, tmp_path: Path, run: Run) -> None:
    arguments = ("train", shard, "--run", tmp_path / "run", "--batch", 2, "--crop", 64, "--steps", 2)
    done = run(*arguments, "--processes", 2)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [2]
    assert rows[0]["signals_per_s"] > 0
    assert run(*arguments, "--processes", 3).returncode == 2  # three do not share two crops
    done = run(*arguments, "--processes", 2, "--crop", 1024)
    assert done.returncode == 1
    assert "no images of at least 1024" in only_line(done)


def under_way(shard: Path, folder: Path, *options: object, before: Sequence[str] = ()) -> subprocess.Popen[bytes]:
    """`codec train` in a process of its own that has logged its first row."""
    arguments = ("train", shard, "--run", folder, "--crop", 64, *options)
    command = [*before, sys.executable, "-m", "codec.cli", *map(str, arguments)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE)
    log = folder / "log.jsonl"
    while not (log.exists() and log.stat().st_size):
        assert process.poll() is None
        time.sleep(0.2)
    return process


@pytest.mark.parametrize(("processes", "number"), [(1, signal.SIGTERM), (2, signal.SIGTERM), (2, signal.SIGHUP)])
def test_a_stopped_run_leaves_a_checkpoint(processes: int, number: int, shard: Path, tmp_path: Path) -> None:
    if signal.getsignal(number) == signal.SIG_IGN:
        pytest.skip("these tests run under nohup, and so does what they start")
    process = under_way(shard, tmp_path, "--batch", processes, "--processes", processes)
    process.send_signal(number)
    _, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130, errors
    saved = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    last = json.loads((tmp_path / "log.jsonl").read_text().splitlines()[-1])
    assert saved["step"] == last["step"] > 0


def test_a_run_of_some_minutes_goes_on_with_the_same_command(shard: Path, tmp_path: Path, run: Run) -> None:
    for last in (1, 2):
        done = run("train", shard, "--run", tmp_path, "--batch", 1, "--crop", 64, "--minutes", 1e-4)
        assert done.returncode == 0, done.stderr
        assert torch.load(tmp_path / "checkpoint.pt", weights_only=True)["step"] == last
        with (tmp_path / "log.jsonl").open("a") as log:
            log.write('{"step": 9, "lo')  # as a run leaves it that is killed while it writes


def test_a_run_under_nohup_outlives_its_terminal(shard: Path, tmp_path: Path) -> None:
    process = under_way(shard, tmp_path, "--batch", 1, "--steps", 60, before=["nohup"])
    process.send_signal(signal.SIGHUP)
    _, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, errors
    assert torch.load(tmp_path / "checkpoint.pt", weights_only=True)["step"] == 60


def test_members_that_are_killed_are_one_line(shard: Path, tmp_path: Path) -> None:
    process = under_way(shard, tmp_path, "--batch", 2, "--processes", 2)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    member = next(int(c) for c in children if b"spawn_main" in Path(f"/proc/{c}/cmdline").read_bytes())
    os.kill(member, signal.SIGKILL)
    _, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1
    assert b"codec: one of the 2 processes was ended by SIGKILL" in errors
    assert b"Traceback" not in errors


def test_stages_do_not_mix(shard: Path, tmp_path: Path, run: Run) -> None:
    arguments = ("train", shard, "--batch", 1, "--crop", 64, "--steps", 1)
    done = run(*arguments, "--run", tmp_path / "a", "--rounded")
    assert done.returncode == 2
    assert b"--start-from" in done.stderr
    assert run(*arguments, "--run", tmp_path / "a").returncode == 0
    done = run(*arguments, "--run", tmp_path / "a", "--rounded")
    assert done.returncode == 1
    assert "without --rounded" in only_line(done)
    done = run(*arguments, "--run", tmp_path / "b", "--rounded", "--start-from", tmp_path / "a" / "checkpoint.pt")
    assert done.returncode == 0, done.stderr
    done = run(*arguments, "--run", tmp_path / "b")
    assert done.returncode == 1
    assert "with --rounded" in only_line(done)


def test_a_run_that_diverges_is_one_line(shard: Path, tmp_path: Path, run: Run) -> None:
    arguments = ("--batch", 1, "--crop", 64, "--steps", 40, "--learning-rate", 1e9)
    done = run("train", shard, "--run", tmp_path, *arguments)
    assert done.returncode == 1
    assert "the loss is no number" in only_line(done)
    assert not (tmp_path / "checkpoint.pt").exists()


@pytest.mark.parametrize("content", [b"", b"junk", None])
def test_broken_checkpoints_are_one_line(content: bytes | None, shard: Path, tmp_path: Path, run: Run) -> None:
    if content is not None:
        (tmp_path / "checkpoint.pt").write_bytes(content)
        done = run("train", shard, "--run", tmp_path, "--steps", 1, "--crop", 64)
        assert done.returncode == 1
        assert "is not a checkpoint" in done.stderr.decode()
        assert len(done.stderr.splitlines()) == 1
    done = run("export", tmp_path, "-o", tmp_path / "w.safetensors")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "w.safetensors").exists()


def test_data_that_is_no_shard_is_one_line(tmp_path: Path, run: Run) -> None:
    junk = tmp_path / "junk.tar"
    junk.write_bytes(b"junk" * 1000)
    for source in (junk, PARROTS):
        done = run("train", source, "--run", tmp_path / "run", "--steps", 1)
        assert done.returncode == 1
        assert b"neither a folder nor a tar shard" in done.stderr
        assert len(done.stderr.splitlines()) == 1


def test_audio_trains_and_its_export_loads(tmp_path: Path) -> None:
    for i in range(12):
        tune = melody(1 + i / 12, channels=1 + i % 2, rate=(48_000, 22_050)[i % 2])
        (tmp_path / f"{i:02}.flac").write_bytes(audio_bytes(tune, ".flac"))
    (tmp_path / "torn.wav").write_bytes(b"RIFF")
    cuts = Cuts([tmp_path], 16, CPU)
    assert (len(cuts.validation), len(cuts.recorded)) == (1, 11)
    assert torch.equal(cuts.batch(3, 2), cuts.batch(3, 2))
    assert cuts.batch(3, 2).shape == (2, 1, (16 * 4 + 1) * 240)
    trainer = begin(cuts, Plan(2, 0, batch=2, crop=16, model="audio", warmup_steps=1), CPU, tmp_path)
    for _ in range(2):
        row = trainer.train_step()
        assert all(row[name].isfinite() for name in ("loss", "norm", *cuts.figure_names))
    assert np.isfinite(trainer.validate()["validation"])
    trainer.save(tmp_path / "checkpoint.pt")
    assert export(tmp_path, tmp_path / "audio.safetensors")["model"] == "audio"
    assert isinstance(weights.load(AUDIO, HERE, tmp_path / "audio.safetensors").model.config, AudioConfig)


def test_spectral_distances_are_none_between_equals_and_grow() -> None:
    x = torch.from_numpy(melody(1).samples.T.copy())
    spectra = Spectra()
    noise = 0.01 * torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    for distance in (
        lambda a, b: spectra.views(a, b).mel,
        lambda a, b: spectra.views(a, b).convergence,
        lambda a, b: spectra.views(a, b).texture,
        spectra.dissimilarity,
        spectra.loudness.disturbance,
    ):
        found = [float(distance(x, x + share * noise)) for share in (0, 0.1, 1)]
        assert found[0] == pytest.approx(0, abs=1e-3)
        assert found == sorted(found)


def test_disturbance_follows_pesq() -> None:
    pesq = pytest.importorskip("pesq").pesq
    speech = read_audio(SPEECH)
    x = speech.samples[: 4 * speech.sample_rate].mean(1, keepdims=True)
    noise = np.random.default_rng(0).normal(0, np.sqrt((x**2).mean()), x.shape).astype(np.float32)
    lost, scores = [], []
    for snr_db in (0, 8, 16, 24, 32):  # not copies of ours: training knows disturbance, and that loosens the tie
        copy = x + noise * 10 ** (-snr_db / 20)
        at_48, at_16 = ([resample(s, speech.sample_rate, rate)[:, 0] for s in (x, copy)] for rate in (48_000, 16_000))
        lost.append(float(Spectra().loudness.disturbance(*(torch.from_numpy(s)[None] for s in at_48))))
        mapped = pesq(16_000, *at_16, "wb")
        scores.append((4.6607 - np.log(4 / (mapped - 0.999) - 1)) / 1.3669)  # P.862.2 the other way round
    assert lost == sorted(lost, reverse=True)
    assert np.corrcoef(lost, scores)[0, 1] < -0.99
