"""Control of a call: what is done is told, and whoever is told may end it; devices of several."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import codec
from codec.devices import CPU, Device, device_named
from codec.image import decode as image_decode
from codec.image.encode import ImageEncoder
from codec.media import ImageData, Pixels
from codec.model import onnx_engine, weights
from codec.model.registry import IMAGE
from tests.conftest import PARROTS, Run

RATE = 8_000  # Hz
Report = Callable[[float], None]


class Enough(Exception):
    """What a caller ends a call with."""


@pytest.fixture(scope="module")
def works(patch: Pixels) -> dict[str, Callable[..., Any]]:
    """Calls that take `progress`."""
    rng = np.random.default_rng(0)
    noise = np.clip(rng.normal(0, 0.1, (5 * RATE, 1)), -1, 1).astype(np.float32)
    image, audio = codec.compress(patch), codec.compress_audio(noise, sample_rate=RATE)
    return {
        "an image, plain": lambda **how: codec.compress(patch, effort=0, **how),
        "an image": lambda **how: codec.compress(patch, effort=1, **how),
        "an image of a size": lambda **how: codec.compress(patch, target_size=len(image) + 300, **how),
        "an image, lossless": lambda **how: codec.compress(patch, lossless=True, **how),
        "audio": lambda **how: codec.compress_audio(noise, sample_rate=RATE, **how),
        "audio of a size": lambda **how: codec.compress(noise, sample_rate=RATE, target_size=len(audio), **how),
        "an image restored": lambda **how: codec.decompress(image, output="array", **how),
        "a part restored": lambda **how: codec.decompress_image(image, region=(3, 4, 20, 30), output="array", **how),
        "audio restored": lambda **how: codec.decompress(audio, **how).samples,
        "a second restored": lambda **how: codec.decompress_audio(audio, start_s=3, duration_s=1, **how).samples,
    }


WORKS = [
    "an image, plain",
    "an image",
    "an image of a size",
    "an image, lossless",
    "audio",
    "audio of a size",
    "an image restored",
    "a part restored",
    "audio restored",
    "a second restored",
]


@pytest.mark.parametrize("work", WORKS)
def test_every_call_tells_what_is_done_and_ends_with_what_the_caller_raises(
    work: str, works: dict[str, Callable[..., Any]]
) -> None:
    seen: list[float] = []
    whole = works[work](progress=seen.append)
    assert seen[0] == 0
    assert seen[-1] == 1
    assert all(a <= b or b == 0 for a, b in itertools.pairwise(seen))  # a target's next file starts anew
    for calls in range(1, min(len(seen), 3) + 1):
        told: list[float] = []

        def report(done: float, told: list[float] = told, calls: int = calls) -> None:
            told.append(done)
            if len(told) >= calls:
                raise Enough

        with pytest.raises(Enough):
            works[work](progress=report)
        assert told == seen[:calls]
    assert np.array_equal(works[work](), whole)  # nothing of ended calls is left


def test_tiles_side_by_side_end_too(parrots: Pixels) -> None:
    pixels = np.ascontiguousarray(parrots[:192, :192])
    seen: list[float] = []
    encoder = ImageEncoder(ImageData(pixels), CPU, tiles=lambda width, height: (1, 1), progress=seen.append)
    data = encoder.encode(IMAGE.curve.step_index(50), 1)
    assert seen == pytest.approx([number / 9 for number in range(10)])

    def late(done: float) -> None:
        if done > 0.4:
            raise Enough

    with pytest.raises(Enough):
        ImageEncoder(ImageData(pixels), CPU, tiles=lambda width, height: (1, 1), progress=late).encode(1400, 1)
    with pytest.raises(Enough):
        image_decode.restored(codec.bitstream.image.read(data), CPU, progress=late)


def test_an_ended_call_writes_nothing(patch: Pixels, tmp_path: Path) -> None:
    def late(done: float) -> None:
        raise Enough

    with pytest.raises(Enough):
        codec.compress(patch, out=tmp_path / "a.lcc", progress=late)
    assert not list(tmp_path.iterdir())


def test_the_documented_deadline_ends_a_refinement(patch: Pixels) -> None:
    text = (Path(__file__).parent.parent / "docs" / "control.md").read_text()
    recipe = text.split("```python\n")[1].split("```")[0].split("\n\n\n")
    names: dict[str, Any] = {}
    exec("\n\n".join(part for part in recipe if not part.startswith("try")), names)
    with pytest.raises(names["TooLate"]):
        codec.compress(patch, effort=1, progress=names["until"](time.monotonic() - 1))
    assert codec.compress(patch, effort=1, progress=names["until"](time.monotonic() + 3600))


@pytest.mark.parametrize("name", ["gpu", "cuda:", "cuda:-1", "cuda:x", "CUDA", "cuda:1 ", "cuda:99999"])
def test_devices_of_other_names_are_refused(name: str, patch: Pixels) -> None:
    with pytest.raises(ValueError, match="expected auto, cpu, cuda or"):
        codec.compress(patch, device=name)


def test_one_of_several_devices_is_chosen_by_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert device_named("cuda:1") == Device("cuda:1", engine="torch")
    with pytest.raises(ValueError, match="'cuda:2': there are 2, from cuda:0 on"):
        device_named("cuda:2")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match="'cuda:1': no CUDA device is available"):
        device_named("cuda:1")


def test_the_command_line_refuses_devices_that_cannot_be(run: Run) -> None:
    done = run("compress", PARROTS, "-o", "-", "--device", "tpu")
    assert done.returncode == 2
    assert "expected auto, cpu, cuda" in done.stderr.decode()


def test_no_session_computes_with_less_than_float32(patch: Pixels, monkeypatch: pytest.MonkeyPatch) -> None:
    codec.decompress(codec.compress(patch))
    engine = weights.installed(IMAGE.id, CPU).model.engine
    assert isinstance(engine, onnx_engine.OnnxEngine)
    sessions = [session._session for stage in engine._sessions.values() for session in stage]
    for session in sessions:
        onnx_engine.check_exact(session)
        assert session.get_providers() == onnx_engine.PROVIDERS
    bfloat16 = "mlas.enable_gemm_fastmath_arm64_bfloat16"
    monkeypatch.setitem(onnx_engine.EXACTLY, bfloat16, "1")  # what another default would look like
    with pytest.raises(RuntimeError, match=bfloat16):
        onnx_engine.check_exact(sessions[0])
