"""The command line under names, limits and surroundings that nobody wishes for: one clear line, and an exit code."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import PARROTS, Run

NAMES = ["two\nlines.png", "red \x1b[31m text.png", "bell\a and back\b.png", "turned \u202e round.png"]


@pytest.mark.parametrize("name", NAMES)
def test_no_name_breaks_a_line_or_reaches_the_terminal(name: str, tmp_path: Path, run: Run) -> None:
    source = tmp_path / name
    Image.fromarray(np.zeros((32, 32, 3), np.uint8)).save(source)
    file = source.with_suffix(".lcc")
    for done, said in (
        (run("compress", source), "stderr"),
        (run("verify", file), "stdout"),
        (run("decompress", file, "-f"), "stderr"),
        (run("decompress", file), "stderr"),  # fails: the output is there
    ):
        (line,) = getattr(done, said).decode().split("\n")[:-1]
        assert line.isprintable(), line


SHORT_OF_MEMORY = """
import resource, sys
import numpy, PIL.Image
import codec.api, codec.image.encode, codec.model.onnx_engine
from codec.cli.main import main

used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (100 << 20),) * 2)
main(sys.argv[1:])
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is limited as on Linux")
def test_a_lack_of_memory_is_one_line(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SHORT_OF_MEMORY, "compress", PARROTS, "-o", "parrots.lcc"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.splitlines() == [f"codec: {PARROTS}: there is not enough memory"]
    assert not list(tmp_path.iterdir())
