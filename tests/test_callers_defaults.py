"""What a caller sets for its whole process changes nothing of what we do, and we change nothing of it."""

from __future__ import annotations

import ast
import subprocess
import sys

import pytest

from tests.conftest import PARROTS, ROOT, SPEECH

pytestmark = pytest.mark.slow  # a process a test

# All that users do; prints a digest of each result. In a process of its own, as what is kept from one call to the next
# would hide that a default is looked at.
OPERATIONS = """
import hashlib, sys, warnings
import numpy as np
import torch

warnings.simplefilter("ignore")
exec(sys.argv[1])
import codec
from codec import media

image = media.read_image(sys.argv[2]).pixels[200:264, 300:380].copy()
speech = media.read_audio(sys.argv[3])
mono = speech.samples[:48000, :1].copy()
stereo = np.concatenate([mono, 0.5 * mono[::-1]], 1)


def tell(name, result):
    print(name, hashlib.sha256(result if isinstance(result, bytes) else np.ascontiguousarray(result)).hexdigest())


coded = codec.compress(image)
tell("image", coded)
tell("pixels", codec.decompress(coded, output="array"))
tell("region", codec.decompress(coded, output="array", region=(3, 5, 20, 30)))
tell("part of image", codec.decompress(coded[:-40], output="array", partial=True))
for metric in ("psnr", "msssim", "ssimulacra2"):
    tell(metric, codec.compress(image, effort=2, metric=metric))
tell("size", codec.compress(image, target_size=1200))
tell("psnr", codec.compress(image, target_psnr=30))
tell("roi", codec.compress(image, roi=image[..., 0].copy()))
tell("grey", codec.compress(image[..., :1].copy()))
for name, samples in (("mono", mono), ("stereo", stereo)):
    coded = codec.compress_audio(samples, sample_rate=speech.sample_rate)
    tell(name, coded)
    tell(name + " samples", codec.decompress_audio(coded).samples)
    tell(name + " part", codec.decompress_audio(coded[:-90], partial=True).samples)
    tell(name + " later", codec.decompress_audio(coded, start_s=0.4, duration_s=0.2).samples)
    codec.verify(coded, deep=True)
exec(sys.argv[4])
"""

HOSTILE = {
    "float64": "torch.set_default_dtype(torch.float64)",
    "bfloat16": "torch.set_default_dtype(torch.bfloat16)",
    "a device without values": "torch.set_default_device('meta')",
    "both, gradients off": "torch.set_default_dtype(torch.float64); torch.set_default_device('meta'); "
    "torch.set_grad_enabled(False)",
    "modes and errors": "torch.inference_mode().__enter__(); torch.autocast('cpu').__enter__(); "
    "torch.use_deterministic_algorithms(True); np.seterr(all='raise')",
}

# what a caller could feel, from before our import until after all operations
FELT = """
import gc, locale, logging, os, random, signal, tempfile, threading
from PIL import Image, ImageFile
import soundfile, soxr


def felt():
    return {
        "random": random.getstate(),
        "numpy's random": [str(part) for part in np.random.get_state()],
        "torch's random": torch.get_rng_state().tolist(),
        "torch's defaults": [torch.get_default_dtype(), torch.get_default_device(), torch.get_num_threads()],
        "torch's modes": [torch.is_grad_enabled(), torch.is_inference_mode_enabled(), torch.is_autocast_enabled("cpu"),
                          torch.are_deterministic_algorithms_enabled(), torch.get_float32_matmul_precision()],
        "numpy's errors": np.geterr(),
        "numpy's print": np.get_printoptions(),
        "Pillow": [Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES],
        "signals": [signal.getsignal(number) for number in signal.valid_signals()],
        "warnings": list(warnings.filters),
        "logging": [logging.root.level, list(logging.root.handlers), logging.raiseExceptions],
        "hooks": [sys.excepthook, sys.displayhook, threading.excepthook, sys.gettrace(), list(sys.path_hooks)],
        "process": [os.getcwd(), dict(os.environ), sys.getrecursionlimit(), gc.isenabled(), gc.get_threshold()],
        "locale": locale.setlocale(locale.LC_ALL),
        "files": sorted(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else [],
        "threads": [thread.name for thread in threading.enumerate()],
        "temporary": tempfile.tempdir,
    }


tempfile.gettempdir()
before = felt()
"""
FELT_THEN = """
after = felt()
changed = {name: (value, after[name]) for name, value in before.items() if after[name] != value}
assert not changed, changed
"""


def told(before: str, after: str = "pass") -> str:
    done = subprocess.run(
        [sys.executable, "-c", OPERATIONS, before, PARROTS, SPEECH, after], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def usual() -> str:
    found = told("pass")
    assert len(found.splitlines()) == 19
    return found


@pytest.mark.parametrize("default", HOSTILE)
def test_results_do_not_depend_on_what_the_caller_sets(usual: str, default: str) -> None:
    assert told(HOSTILE[default]).splitlines() == usual.splitlines()


def test_a_caller_feels_nothing_of_what_we_do() -> None:
    told(FELT, FELT_THEN)


MAKERS = {"arange", "empty", "eye", "full", "hann_window", "linspace", "ones", "rand", "randint", "randn", "tensor"}
MAKERS |= {"as_tensor", "logspace", "randperm", "zeros"}
BUILT_UNDER_A_DEVICE = "model"  # networks are built by `ModelRow.build`, which says where


def test_every_new_tensor_says_its_type_and_device() -> None:
    seen = 0
    for path in (ROOT / "codec").rglob("*.py"):
        if path.relative_to(ROOT).parts[1] in {BUILT_UNDER_A_DEVICE, "bitstream", "cli", "eval"}:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in MAKERS):
                continue
            if isinstance(node.func.value, ast.Name) and node.func.value.id == "torch":
                seen += 1
                names = {keyword.arg for keyword in node.keywords}
                assert {"dtype", "device"} <= names, f"{path}:{node.lineno}"
    assert seen > 5
