"""The light installation: what works where torch is not installed, and what the rest says there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from codec.media import read_audio, read_image
from tests.conftest import PARROTS, SPEECH

# as if the packages were not installed: no finder knows them
HIDE = """
import sys

HIDDEN = {"torch", "onnx", "scipy", "matplotlib"}

class Blind:
    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, path=None, target=None):
        return None if name.split(".")[0] in HIDDEN else self.finder.find_spec(name, path, target)

    def __getattr__(self, name):
        return getattr(self.finder, name)

sys.meta_path[:] = map(Blind, sys.meta_path)
"""
COMMAND = HIDE + "from codec.cli.main import main; main(sys.argv[1:])"


def light(*arguments: object) -> subprocess.CompletedProcess[str]:
    """`codec ARGUMENTS` without torch."""
    return subprocess.run(
        [sys.executable, "-c", COMMAND, *map(str, arguments)], capture_output=True, text=True, check=False
    )


def python(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", HIDE + code, *map(str, arguments)], capture_output=True, text=True, check=False
    )


def test_torch_is_hidden_from_these_processes() -> None:
    assert "ModuleNotFoundError: No module named 'torch'" in python("import torch").stderr


@pytest.mark.parametrize("effort", [0, 1])
def test_an_image_goes_through_every_command_without_torch(effort: int, tmp_path: Path) -> None:
    coded, shown = tmp_path / "a.lcc", tmp_path / "a.png"
    for arguments in (
        ("compress", PARROTS, "-o", coded, "--effort", effort),
        ("info", coded),
        ("verify", coded),
        ("verify", "--deep", coded),
        ("decompress", coded, "-o", shown),
    ):
        done = light(*arguments)
        assert done.returncode == 0, (arguments, done.stderr)
    error = read_image(shown).pixels.astype(float) - read_image(PARROTS).pixels
    assert np.sqrt((error**2).mean()) < 8


def test_audio_goes_through_every_command_without_torch(tmp_path: Path) -> None:
    speech = read_audio(SPEECH)
    stereo = np.concatenate([speech.samples, 0.5 * speech.samples], 1)[: 3 * speech.sample_rate]
    source, coded, heard = tmp_path / "a.npy", tmp_path / "a.lcc", tmp_path / "a.wav"
    np.save(source, stereo)
    code = """
import numpy, codec
data = codec.compress_audio(numpy.load(sys.argv[1]), sample_rate=int(sys.argv[2]))
open(sys.argv[3], "wb").write(data)
"""
    done = python(code, source, speech.sample_rate, coded)
    assert done.returncode == 0, done.stderr
    for arguments in (("info", coded), ("verify", "--deep", coded), ("decompress", coded, "-o", heard)):
        done = light(*arguments)
        assert done.returncode == 0, (arguments, done.stderr)
    assert light("compress", heard, "-o", tmp_path / "b.lcc").returncode == 0
    found = read_audio(heard)
    assert found.samples.shape == stereo.shape
    assert np.corrcoef(found.samples[:, 0], stereo[:, 0])[0, 1] > 0.9


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("compress", PARROTS, "--effort", "2"), "refinement (effort 2 and more) needs torch"),
        (("compress", PARROTS, "--target-ssim", "0.9"), "a target of MS-SSIM needs torch"),
        (("compress", PARROTS, "--device", "cuda"), "device 'cuda' needs torch"),
    ],
)
def test_what_needs_torch_says_in_one_line_how_to_get_it(
    arguments: tuple[object, ...], said: str, tmp_path: Path
) -> None:
    done = light(*arguments, "-o", tmp_path / "a.lcc")
    assert done.returncode == 1
    assert f"{said}: pip install 'codec[torch]'" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "a.lcc").exists()


def test_a_tensor_needs_torch() -> None:
    code = """
import numpy, codec
data = codec.compress(numpy.zeros((9, 9, 3), numpy.uint8))
assert codec.decompress(data, output="array").shape == (9, 9, 3)
try:
    codec.decompress(data, output="tensor")
except codec.MissingPackage as error:
    assert isinstance(error, codec.CodecError)
    assert str(error) == "output 'tensor' needs torch: pip install 'codec[torch]'"
else:
    sys.exit("no error")
"""
    done = python(code)
    assert done.returncode == 0, done.stderr


def test_targets_of_size_psnr_and_ssimulacra2_work_without_torch(tmp_path: Path) -> None:
    for target in (("--target-size", "9000"), ("--target-psnr", "32"), ("--target-ssimulacra2", "50")):
        done = light("compress", PARROTS, "-o", tmp_path / "a.lcc", "-f", *target)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("call", ["codec.decompress(data)", "codec.verify(data, deep=True)", "codec.preload('image')"])
def test_decoding_loads_nothing_of_search_or_training_nor_torch(call: str, tmp_path: Path) -> None:
    coded = tmp_path / "a.lcc"
    assert light("compress", PARROTS, "-o", coded).returncode == 0
    code = (
        "import sys, codec\ndata = open(sys.argv[1], 'rb').read()\n"
        f"{call}\n"
        "print([m for m in sys.modules if m.startswith(('codec.search', 'codec.training', 'torch', 'onnx.'))])"
    )
    done = subprocess.run([sys.executable, "-c", code, coded], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_coding_in_one_thread_and_in_two_gives_the_same_file(tmp_path: Path) -> None:
    files = [tmp_path / f"{threads}.lcc" for threads in (1, 2)]
    for threads, file in enumerate(files, 1):
        assert light("compress", PARROTS, "-o", file, "--threads", threads).returncode == 0
    assert files[0].read_bytes() == files[1].read_bytes()


def test_onnx_runtime_reports_nothing_and_opens_no_file(tmp_path: Path) -> None:
    code = """
import os, codec
codec.preload("image")
folder = "/proc/self/fd/"
found = [os.readlink(folder + n) for n in os.listdir(folder) if os.path.exists(folder + n)]
print([name for name in found if "onnxruntime" in name and not name.endswith(".so")])
print("ORT_DISABLE_TELEMETRY" in os.environ)
"""
    if not Path("/proc/self/fd").exists():
        pytest.skip("no list of open files here")
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=environment | {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")},
    )
    assert done.stdout.split() == ["[]", "False"]
    assert not list(tmp_path.rglob("*onnxruntime*"))


def test_all_uses_of_latents_work_without_torch() -> None:
    code = """
import numpy, codec
chance = numpy.random.default_rng(0)
images = [chance.integers(0, 255, (32, 48, 3), numpy.uint8) for _ in range(5)]
sound = (chance.normal(0, 0.1, 9600).astype(numpy.float32), 48_000)
assert codec.bits_map(images[0]).shape == (1, 2, 3, 5)
assert codec.latents_of(sound).total_bits > 0
assert len(list(codec.features_many(images[:2], workers=1))) == 2
ordinary = codec.fitted(images[:4], workers=1)
assert codec.surprise(images[4], ordinary) > 0
assert codec.surprise_map(images[4], ordinary).shape == (2, 3)
assert numpy.asarray(codec.denoise(images[0], 20, shifts=1)).shape == (32, 48, 3)
assert codec.denoise(sound).samples.shape == (9600, 1)
assert codec.sample((32, 48)).size == codec.complete(images[0], 0.5).size == (48, 32)
assert codec.decompress(codec.interpolate(*images[:2])).size == (48, 32)
assert "torch" not in sys.modules
"""
    done = python(code)
    assert done.returncode == 0, done.stderr
