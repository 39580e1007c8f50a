"""The command line as a user meets it: real processes, real files, exit codes and single lines."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from codec.media import Pixels, read_picture, to_pillow
from tests.conftest import PARROTS, SHARED, Run


@pytest.fixture
def png(tmp_path: Path, patch: Pixels) -> Path:
    path = tmp_path / "in" / "a.png"
    path.parent.mkdir()
    to_pillow(patch).save(path)
    return path


def only_line(done: subprocess.CompletedProcess[bytes]) -> str:
    """The one line on stderr of a failed command that printed nothing else."""
    assert done.returncode == 1, done.stderr
    assert done.stdout == b""
    lines = done.stderr.decode().splitlines()
    assert len(lines) == 1, lines
    return lines[0]


def test_a_picture_goes_there_and_back_beside_itself(png: Path, run: Run) -> None:
    assert run("compress", png, "-q", 80).returncode == 0
    assert sorted(p.name for p in png.parent.iterdir()) == ["a.lcc", "a.png"]
    png.unlink()
    done = run("decompress", png.with_suffix(".lcc"))
    assert done.returncode == 0
    assert done.stdout == b""
    assert read_picture(png).shape == (75, 130, 3)


def test_streams_carry_data_and_nothing_else(png: Path, run: Run) -> None:
    there = run("compress", "-", "-q", 80, stdin=png.read_bytes())
    assert there.returncode == 0
    assert there.stderr == b""
    assert there.stdout[:4] == b"\x89LCC"
    back = run("decompress", "-", stdin=there.stdout)
    assert back.returncode == 0
    run("compress", png, "-q", 80)
    assert png.with_suffix(".lcc").read_bytes() == there.stdout
    run("decompress", png.with_suffix(".lcc"), "-o", png.parent / "b.png")
    assert (read_picture(back.stdout) == read_picture(png.parent / "b.png")).all()


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif", ".bmp", ".ppm"])
def test_the_suffix_names_the_format(suffix: str, png: Path, run: Run) -> None:
    run("compress", png)
    out = png.parent / f"b{suffix}"
    assert run("decompress", png.with_suffix(".lcc"), "-o", out).returncode == 0
    run("decompress", png.with_suffix(".lcc"), "-o", png.parent / "c.png")
    assert (read_picture(out) == read_picture(png.parent / "c.png")).all()


def test_several_files_go_into_a_folder_and_bad_ones_do_not_stop_the_rest(png: Path, run: Run, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no picture")
    good = tmp_path / "good.png"
    good.write_bytes(png.read_bytes())
    done = run("compress", bad, png, good, "-o", out)
    assert done.returncode == 1
    assert sorted(p.name for p in out.iterdir()) == ["a.lcc", "good.lcc"]
    assert b"bad.png" in done.stderr
    assert b"1 of 3 files failed" in done.stderr


def test_nothing_is_overwritten_without_force(png: Path, run: Run) -> None:
    target = png.with_suffix(".lcc")
    target.write_bytes(b"precious")
    assert "a.lcc exists already" in only_line(run("compress", png))
    assert target.read_bytes() == b"precious"
    assert run("compress", png, "--force").returncode == 0
    assert target.read_bytes()[:4] == b"\x89LCC"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("compress", "a.png", "b.png", "-o", "x.lcc"), "folder"),
        (("compress",), "Missing argument"),
        (("compress", "a.png", "-q", "101"), "101"),
        (("compress", "a.png", "-q", "good"), "good"),
        (("compress", "a.png", "--device", "tpu"), "tpu"),
        (("compress", "-", "-"), "once"),
        (("compress", "x/a.png", "y/a.png", "-o", "."), "same output"),
        (("compress", "a.png", "a.jpg"), "folder|same output"),
        (("decompress", "a.png"), "own output"),
        (("compress", "a.png", "-o", "./a.png", "--force"), "own output"),
        (("compress", "a.png", "-o", "nodir/"), "no folder"),
        (("compress", "."), "not the name of a file"),
        (("compress", ""), "not the name of a file"),
        (("compress", "a.png", "-q", "nan"), "not a number"),
        (("train", ".", "--run", "r", "--learning-rate", "nan"), "not a number"),
        (("export", ".", "-o", "-"), "standard output"),
        (("nonsense",), "nonsense"),
    ],
)
def test_wrong_usage_is_exit_code_two(arguments: tuple[str, ...], message: str, run: Run, tmp_path: Path) -> None:
    import re

    done = run(*arguments)
    assert done.returncode == 2
    assert re.search(message, done.stderr.decode())
    assert b"Traceback" not in done.stderr


def damaged(data: bytes, what: str) -> bytes:
    return {
        "truncated": data[:-7],
        "flipped": data[:60] + bytes([data[60] ^ 4]) + data[61:],
        "empty": b"",
        "a picture": PARROTS.read_bytes(),
        "newer": data[:4] + b"\x07" + data[5:],
    }[what]


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("truncated", "truncated"),
        ("flipped", "checksum"),
        ("empty", "not an .lcc file"),
        ("a picture", "not an .lcc file"),
        ("newer", "version 7"),
    ],
)
def test_damaged_files_give_one_line_and_no_output(what: str, message: str, png: Path, run: Run) -> None:
    run("compress", png)
    file = png.with_suffix(".lcc")
    file.write_bytes(damaged(file.read_bytes(), what))
    out = png.parent / "out.png"
    line = only_line(run("decompress", file, "-o", out))
    assert message in line
    assert str(file) in line
    assert not out.exists()
    assert sorted(p.name for p in png.parent.iterdir()) == ["a.lcc", "a.png"]


def test_a_file_of_another_model_names_both_weights(png: Path, run: Run) -> None:
    from codec.bitstream.container import Container, read, write

    run("compress", png)
    file = png.with_suffix(".lcc")
    container = read(file.read_bytes())
    header = type(container.header)(**(vars(container.header) | {"digest": b"\1\2\3\4"}))
    file.write_bytes(write(Container(header, container.sections)))
    assert "01020304" in only_line(run("decompress", file, "-o", png.parent / "out.png"))


def test_inputs_that_cannot_be_read_give_one_line(png: Path, run: Run) -> None:
    assert "missing.png" in only_line(run("compress", png.parent / "missing.png"))
    assert "Is a directory" in only_line(run("compress", png.parent, "-o", png.parent / "b.lcc"))
    text = png.parent / "text.txt"
    text.write_text("hello")
    assert "not a picture" in only_line(run("compress", text))
    assert not text.with_suffix(".lcc").exists()


def test_outputs_that_cannot_be_written_give_one_line(png: Path, run: Run) -> None:
    assert "No such file" in only_line(run("compress", png, "-o", png.parent / "none" / "a.lcc"))
    run("compress", png)
    assert ".xyz" in only_line(run("decompress", png.with_suffix(".lcc"), "-o", png.parent / "a.xyz"))
    assert sorted(p.name for p in png.parent.iterdir()) == ["a.lcc", "a.png"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_gives_one_line(png: Path, run: Run) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "codec.cli", "compress", str(png), "-o", "-"],
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_reader_that_leaves_early_causes_no_traceback(png: Path) -> None:
    writer = subprocess.Popen(
        [sys.executable, "-m", "codec.cli", "compress", str(png), "-o", "-"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert writer.stdout is not None
    writer.stdout.close()
    assert writer.stderr is not None
    errors = writer.stderr.read()
    writer.stderr.close()
    assert writer.wait() == 1
    assert b"Traceback" not in errors


def test_an_interrupt_leaves_no_file_behind(tmp_path: Path) -> None:
    source = tmp_path / "large.png"
    Image.fromarray(np.tile(read_picture(PARROTS), (3, 3, 1))).save(source)
    process = subprocess.Popen([sys.executable, "-m", "codec.cli", "compress", str(source)], stderr=subprocess.PIPE)
    time.sleep(2)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate()
    if process.returncode != 0:  # it may have been faster
        assert process.returncode == 130
        assert [p.name for p in tmp_path.iterdir()] == ["large.png"]
        assert errors.decode().strip() == "codec: interrupted"


def test_outputs_have_the_mode_that_the_umask_asks_for(png: Path, run: Run) -> None:
    run("compress", png)
    assert png.with_suffix(".lcc").stat().st_mode & 0o777 == 0o666 & ~umask()


def test_links_are_followed_and_devices_are_not_replaced(png: Path, run: Run) -> None:
    real, link = png.parent / "real.lcc", png.parent / "link.lcc"
    real.write_bytes(b"old")
    link.symlink_to(real)
    assert run("compress", png, "-o", link, "--force").returncode == 0
    assert link.is_symlink()
    assert real.read_bytes()[:4] == b"\x89LCC"
    pipe = png.parent / "pipe"
    os.mkfifo(pipe)
    reader = subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE)
    assert run("compress", png, "-o", pipe, "--force").returncode == 0
    assert reader.communicate(timeout=20)[0] == real.read_bytes()
    assert pipe.is_fifo()


def test_a_link_to_the_input_is_not_its_output(png: Path, run: Run) -> None:
    link = png.parent / "link.png"
    link.symlink_to(png)
    before = png.read_bytes()
    assert run("compress", link, "-o", png, "--force").returncode == 2
    assert png.read_bytes() == before


def test_names_may_be_as_long_as_the_system_allows(png: Path, run: Run) -> None:
    assert run("compress", png, "-o", png.parent / ("n" * 251 + ".lcc")).returncode == 0
    assert "too long" in only_line(run("compress", png, "-o", png.parent / ("n" * 300)))


def test_closed_streams_give_one_line(png: Path) -> None:
    for redirection in ("- -o - <&-", f"{png} -o - >&-"):
        command = f"{sys.executable} -m codec.cli compress {redirection}"
        done = subprocess.run(["bash", "-c", command], capture_output=True, check=False)
        assert "closed" in only_line(done)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_text_that_cannot_be_printed_gives_one_line(png: Path, run: Run) -> None:
    run("compress", png)
    command = f"{sys.executable} -m codec.cli info {png.with_suffix('.lcc')} > /dev/full"
    assert "No space left" in only_line(subprocess.run(["bash", "-c", command], capture_output=True, check=False))


def umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_info_speaks_to_people_and_to_programs(png: Path, run: Run) -> None:
    run("compress", png, "-q", 30)
    file = png.with_suffix(".lcc")
    text = run("info", file).stdout.decode()
    assert "130 x 75 pixels, RGB" in text
    facts = json.loads(run("info", file, "--json").stdout)
    assert (facts["width"], facts["height"], facts["quality"]) == (130, 75, 30)
    assert facts["size_bytes"] == file.stat().st_size
    assert "not an .lcc file" in only_line(run("info", png))


def test_bench_measures(png: Path, run: Run) -> None:
    done = run("bench", png, "-n", 1, "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["pictures"] == 1
    assert 0 < result["analysis_s"] < result["encode_s"]
    assert 0 < result["synthesis_s"] < result["decode_s"]
    assert result["peak_memory"] > 50e6
    assert b"Mpx/s" in run("bench", png, "-n", 1).stdout


@pytest.mark.parametrize("command", ["", "compress", "decompress", "info", "eval", "bench", "train", "export"])
def test_help_is_there(command: str, run: Run) -> None:
    done = run(*command.split(), "--help")
    assert done.returncode == 0
    assert done.stdout.startswith(b"Usage: codec")


def test_version(run: Run) -> None:
    import codec

    assert codec.__version__ in run("--version").stdout.decode()


@pytest.mark.skipif(not SHARED.exists(), reason="the Kodak suite is not here")
def test_kodak_pictures_equal_the_encoders_reconstruction(run: Run, tmp_path: Path) -> None:
    import torch

    from codec import picture

    pictures = [SHARED / "kodak" / f"kodim{i:02d}.png" for i in range(1, 25)]
    assert run("compress", *pictures, "-o", tmp_path).returncode == 0
    files = [tmp_path / f"{p.stem}.lcc" for p in pictures]
    assert run("decompress", *files).returncode == 0
    for source, file in zip(pictures, files, strict=True):
        coded = picture.encode(read_picture(source), 50, torch.device("cpu"), reconstruct=True)
        assert file.read_bytes() == coded.data
        assert (read_picture(file.with_suffix(".png")) == coded.reconstruction).all()


def test_standard_input_that_is_no_picture_is_named(run: Run) -> None:
    line = only_line(run("compress", "-", stdin=io.BytesIO(b"junk").read()))
    assert line == "codec: -: not a picture of a known format"
