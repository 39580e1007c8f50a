from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from codec.devices import Device
from codec.media import Pixels, read_image
from codec.model import weights
from codec.model.registry import ModelRow

if TYPE_CHECKING:
    from codec.model.base import Autoencoder

ROOT = Path(__file__).parent.parent
PARROTS = ROOT / "examples" / "parrots.png"
SPEECH = ROOT / "examples" / "speech.flac"
SHARED = ROOT.parent / "shared" / "data"
PATIENCE_S = 1200  # of whoever waits for a process: longer than any takes on a machine with a load of ten

settings.register_profile("any load", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any load")

Run = Callable[..., "subprocess.CompletedProcess[bytes]"]


@pytest.fixture(scope="session")
def parrots() -> Pixels:
    """A Kodak image, (512, 768, 3)."""
    return read_image(PARROTS).pixels


@pytest.fixture(scope="session")
def patch(parrots: Pixels) -> Pixels:
    """A small piece of it whose sides are no multiples of anything, (75, 130, 3)."""
    return np.ascontiguousarray(parrots[200:275, 300:430])


@pytest.fixture
def run() -> Run:
    """Runs `codec ARGUMENTS` in a process of its own."""

    def call(*arguments: object, stdin: bytes = b"", **environment: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [sys.executable, "-m", "codec.cli", *map(str, arguments)],
            input=stdin,
            capture_output=True,
            check=False,
            timeout=PATIENCE_S,
            env=os.environ | environment,
        )

    return call


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that run the command line are slow: each starts processes that load networks."""
    for item in items:
        if "run" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)


def only_line(done: subprocess.CompletedProcess[bytes]) -> str:
    """The one line on stderr of a failed command that printed nothing else."""
    assert done.returncode == 1, done.stderr
    assert done.stdout == b""
    lines = done.stderr.decode().splitlines()
    assert len(lines) == 1, lines
    return lines[0]


def torch_model(row: ModelRow[Any]) -> Autoencoder:
    """The installed model in torch, frozen."""
    from codec.model.torch_engine import TorchEngine  # smoke tests run without torch

    engine = weights.installed(row.id, Device(engine="torch")).model.engine
    assert isinstance(engine, TorchEngine)
    return engine.model
