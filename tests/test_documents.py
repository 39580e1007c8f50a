"""What the documents promise: Python and programs that run, links that lead somewhere, one screen."""

from __future__ import annotations

import importlib
import io
import re
import shutil
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import codec
from tests.conftest import PARROTS, PATIENCE_S, ROOT
from tests.web_server import served

EXAMPLES = ROOT / "examples"
README = ROOT / "README.md"
FOLDERS = (ROOT / "docs", EXAMPLES, ROOT / "bitstream")
PAGES = [*ROOT.glob("*.md"), *(page for folder in FOLDERS for page in folder.rglob("*.md"))]
SCREEN_LINES = 80
FEW_CORES = "ignore:This DataLoader will create"  # where there are fewer cores than the examples have workers


def ran(arguments: list[str | Path], folder: Path) -> str:
    """What Python prints that runs in a folder."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-W", FEW_CORES, *map(str, arguments)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_python_of_the_readme_runs(tmp_path: Path) -> None:
    (program,) = re.findall(r"^```python\n(.*?)^```$", README.read_text(), re.DOTALL | re.MULTILINE)
    shutil.copytree(EXAMPLES, tmp_path / "examples")
    rate_kbps = float(ran(["-c", program], tmp_path))
    assert 1 < rate_kbps < 40


def test_the_readme_has_two_commands_one_screen_and_no_links_that_an_index_would_break() -> None:
    text = README.read_text()
    commands = re.findall(r"^```sh\n(.*)\n```$", text, re.MULTILINE)
    assert len(commands) == 2
    assert "codec compress examples/parrots.png" in commands[0]
    assert commands[1].endswith("python -m pytest")
    assert len(text.splitlines()) <= SCREEN_LINES
    assert not re.findall(r"\]\((?!https?:)", text)
    for name in re.findall(r"`([\w./]+(?:\.md|\.py|/)|LICENSE)`", text):
        assert (ROOT / name).exists(), name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        assert found.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)$", found.read_text(), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", h).lower().replace(" ", "-") for h in headings}, target


@pytest.mark.slow
@pytest.mark.parametrize("name", ["asynchronous", "dataset", "fit", "preview", "stream"])
def test_examples_without_arguments_say_what_they_need(name: str) -> None:
    if name == "dataset":
        pytest.importorskip("torch", reason="needs torch")
    command = [sys.executable, str(EXAMPLES / f"{name}.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    assert done.returncode == 1
    assert f"`python examples/{name}.py " in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_the_example_fits_images_into_bytes_and_goes_on_after_what_is_none(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.png", tmp_path / "bad.png"
    with Image.open(PARROTS) as image:
        image.crop((200, 100, 360, 260)).save(good)
    bad.write_bytes(b"nothing")
    lines = ran([EXAMPLES / "fit.py", "1500", bad, good], tmp_path).splitlines()
    assert lines[0].startswith(str(bad))
    assert 1485 <= int(lines[1].removeprefix(f"{good}: ").split()[0]) <= 1500


@pytest.mark.slow
def test_the_example_shows_the_beginning_of_a_file_and_a_part(tmp_path: Path) -> None:
    lines = ran([EXAMPLES / "preview.py", PARROTS, tmp_path], tmp_path).splitlines()
    assert [line.split()[0] for line in lines] == ["20", "50", "100"]
    assert "complete" in lines[2]
    assert "complete" not in lines[0]
    original = np.asarray(Image.open(PARROTS)).astype(float)
    errors = [np.square(np.asarray(Image.open(tmp_path / f"{p}.png")) - original).mean() for p in (20, 50, 100)]
    assert errors == sorted(errors, reverse=True)
    with Image.open(tmp_path / "corner.png") as corner:
        assert corner.size == (384, 256)


@pytest.mark.slow
def test_the_example_streams_audio(tmp_path: Path) -> None:
    rate_kbps = float(ran([EXAMPLES / "stream.py", "out.wav"], tmp_path).split()[0])
    assert 1 < rate_kbps < 60
    with wave.open(str(tmp_path / "out.wav")) as played:
        assert (played.getframerate(), played.getnframes()) == (48_000, 5 * 48_000)
        samples = np.frombuffer(played.readframes(5 * 48_000), "<i2") / 32767
    assert 0.15 < np.sqrt(np.square(samples).mean()) < 0.3


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A piece of the parrots, 160 x 128."""
    path = tmp_path / "small.png"
    with Image.open(PARROTS) as image:
        image.crop((200, 100, 360, 228)).save(path)
    return path


@pytest.mark.slow
def test_the_example_feeds_a_dataloader_by_its_processes(small: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="needs torch")
    for number in range(5):
        codec.compress(small, out=tmp_path / f"{number}.lcc")
    lines = ran([EXAMPLES / "dataset.py", tmp_path], tmp_path).splitlines()
    assert [line.split(" mean")[0] for line in lines] == ["(4, 3, 64, 64)", "(1, 3, 64, 64)"]


@pytest.mark.slow
def test_the_example_compresses_side_by_side_and_gives_up_when_it_takes_too_long(small: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="needs torch")
    first, second = ran([EXAMPLES / "asynchronous.py", small, "0.01"], tmp_path).splitlines()
    sizes = [int(size) for size in first.removeprefix("bytes:").split()]
    assert sizes == sorted(sizes)
    assert sizes[1] == len(codec.compress(small))
    assert second == "given up"


@pytest.mark.slow
def test_the_example_is_a_service(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("uvicorn", reason="needs uvicorn")
    pytest.importorskip("fastapi", reason="needs fastapi")
    monkeypatch.syspath_prepend(str(EXAMPLES))
    with served(importlib.import_module("service").app) as server:
        status, coded = server.post("/compress?quality=50", small.read_bytes())
        assert (status, coded) == (200, codec.compress(small))
        with Image.open(io.BytesIO(server.post("/decompress", coded)[1])) as image:
            assert image.size == (160, 128)
        status, body = server.post("/decompress", coded[:100])
        assert status == 422
        assert b"truncated" in body
        assert server.post("/compress", b"")[0] == 413
