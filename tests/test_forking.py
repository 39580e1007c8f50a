"""Processes that are forked from one that used the library: they work, and give what their parent gives."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.conftest import PARROTS, PATIENCE_S, SPEECH

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="processes do not fork here"),
]

BEGINNING = """
import multiprocessing, os, sys, threading
import numpy as np
import torch
import codec
from codec import media

assert torch.get_num_threads() == 2  # the pool of one has no thread that could be missing
image = media.read_image(sys.argv[1]).pixels[:192, :192].copy()
speech = media.read_audio(sys.argv[2])
stereo = np.concatenate([speech.samples[:60000, :1], 0.5 * speech.samples[:60000, :1]], 1)


def images(effort=1):
    return codec.decompress(codec.compress(image, effort=effort), output="array")


def audio():
    return codec.decompress_audio(codec.compress_audio(stereo, sample_rate=speech.sample_rate)).samples


def forked(work):
    expected, child = work(), os.fork()
    if not child:
        os._exit(0 if np.array_equal(work(), expected) else 1)
    assert os.waitpid(child, 0)[1] == 0
"""

ENDINGS = {
    "an image": "forked(images)",
    "audio": "forked(audio)",
    "a refined image": "forked(lambda: images(2).shape)",  # descent sums in another order on one thread
    "a child of a child": "forked(lambda: forked(images) or 0)",
    "a pool of multiprocessing": """
expected = images()
with multiprocessing.get_context("fork").Pool(2) as pool:
    assert all(np.array_equal(found, expected) for found in pool.map(images, [1, 1, 1]))
""",
    "a fork while another thread takes memory": """
from codec.model import onnx_engine
made = onnx_engine.Session.__init__
def noting(session, *args):
    made(session, *args)
    shares.append(session._session.get_session_options().get_session_config_entry(onnx_engine.SHARES_MEMORY))
onnx_engine.Session.__init__ = noting
for shared in "10":
    shares = []
    images()
    assert set(shares) == {shared}, shares
    child = os.fork() if shared == "1" else 0
    if child:
        assert os.waitpid(child, 0)[1] == 0
        break
""",
    "a fork while another thread loads weights": """
from codec.model import weights
with weights._lock:
    child = os.fork()
    if not child:
        images()
        os._exit(0)
assert os.waitpid(child, 0)[1] == 0
""",
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_forked_process_does_what_its_parent_did(ending: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", BEGINNING + ENDINGS[ending], PARROTS, SPEECH],
        env=os.environ | {"OMP_NUM_THREADS": "2"},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 0, done.stderr
