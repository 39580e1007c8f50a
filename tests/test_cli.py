"""The command line as a user meets it: real processes, real files, exit codes and single lines."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from codec import media
from codec.bitstream.errors import LimitExceeded
from codec.cli import files
from codec.media import ImageData, Pixels, read_image, to_pillow
from tests import golden
from tests.clips import melody
from tests.conftest import PARROTS, PATIENCE_S, SHARED, SPEECH, Run, only_line

pytestmark = pytest.mark.slow  # a process a test


@pytest.fixture
def png(tmp_path: Path, patch: Pixels) -> Path:
    path = tmp_path / "in" / "a.png"
    path.parent.mkdir()
    to_pillow(ImageData(patch)).save(path)
    return path


def test_a_image_goes_there_and_back_beside_itself(png: Path, run: Run) -> None:
    assert run("compress", png, "-q", 80).returncode == 0
    assert sorted(p.name for p in png.parent.iterdir()) == ["a.lcc", "a.png"]
    png.unlink()
    done = run("decompress", png.with_suffix(".lcc"))
    assert done.returncode == 0
    assert done.stdout == b""
    assert read_image(png).pixels.shape == (75, 130, 3)


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
    assert (read_image(back.stdout).pixels == read_image(png.parent / "b.png").pixels).all()


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif", ".bmp", ".ppm"])
def test_the_suffix_names_the_format(suffix: str, png: Path, run: Run) -> None:
    run("compress", png)
    out = png.parent / f"b{suffix}"
    assert run("decompress", png.with_suffix(".lcc"), "-o", out).returncode == 0
    run("decompress", png.with_suffix(".lcc"), "-o", png.parent / "c.png")
    assert (read_image(out).pixels == read_image(png.parent / "c.png").pixels).all()


def test_several_files_go_into_a_folder_and_bad_ones_do_not_stop_the_rest(png: Path, run: Run, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no image")
    good = tmp_path / "good.png"
    good.write_bytes(png.read_bytes())
    done = run("compress", bad, png, good, "-o", out)
    assert done.returncode == 1
    assert sorted(p.name for p in out.iterdir()) == ["a.lcc", "good.lcc"]
    assert b"bad.png" in done.stderr
    assert b"1 of 3 files failed" in done.stderr


@pytest.mark.parametrize("options", [(), ("--force",)])
def test_what_one_input_made_is_not_overwritten_with_another_and_all_three_names_are_told(
    options: tuple[str, ...], png: Path, run: Run, tmp_path: Path
) -> None:
    other, third, out = tmp_path / "a.png", tmp_path / "c.png", tmp_path / "out"
    out.mkdir()
    other.write_bytes(png.read_bytes()[::-1])  # no image: nothing is made from it
    third.write_bytes(png.read_bytes())
    twin = tmp_path / "twin"
    twin.mkdir()
    (twin / "a.png").write_bytes(PARROTS.read_bytes())
    done = run("compress", other, png, twin / "a.png", third, "-o", out, *options)
    assert done.returncode == 1
    assert sorted(p.name for p in out.iterdir()) == ["a.lcc", "c.lcc"]
    assert (out / "a.lcc").read_bytes() == (out / "c.lcc").read_bytes()  # the twin is another image
    refused = f"codec: {twin / 'a.png'}: {out / 'a.lcc'} was just made from {png}: give -o another place"
    assert refused in done.stderr.decode().splitlines()
    assert b"2 of 4 files failed" in done.stderr


def test_two_inputs_beside_each_other_with_one_output_are_told_too(png: Path, run: Run) -> None:
    twin = png.with_suffix(".bmp")
    Image.open(png).save(twin)
    done = run("compress", png, twin)
    assert done.returncode == 1
    assert f"{twin}: {png.with_suffix('.lcc')} was just made from {png}" in done.stderr.decode()
    assert png.with_suffix(".lcc").exists()


def through_pipe(pipe: Path, data: bytes) -> subprocess.Popen[bytes]:
    """A process that writes to a pipe and ends well only where all of it is read, at once."""
    for file in (pipe, whole := pipe.with_name("whole")):
        file.unlink(missing_ok=True)
    whole.write_bytes(data)
    os.mkfifo(pipe)
    script = "import shutil, sys; shutil.copyfileobj(open(sys.argv[1], 'rb'), open(sys.argv[2], 'wb'))"
    return subprocess.Popen([sys.executable, "-c", script, whole, pipe])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_by_name_is_a_stream(png: Path, run: Run, tmp_path: Path) -> None:
    pipe, target = tmp_path / "pipe", tmp_path / "out"
    run("compress", png)
    run("compress", SPEECH, "-o", tmp_path / "speech.lcc", "-q", 0)
    coded, speech = png.with_suffix(".lcc").read_bytes(), (tmp_path / "speech.lcc").read_bytes()
    wave = tmp_path / "speech.wav"
    run("decompress", tmp_path / "speech.lcc", "-o", wave)
    for data, arguments in (
        (png.read_bytes(), ("compress", pipe, "-o", f"{target}.lcc")),
        (png.read_bytes(), ("compress", pipe)),
        (SPEECH.read_bytes(), ("compress", pipe, "-o", f"{target}.lcc")),
        (wave.read_bytes(), ("compress", pipe, "-o", f"{target}.lcc")),
        (coded, ("decompress", pipe, "-o", f"{target}.png")),
        (speech, ("decompress", pipe, "-o", f"{target}.wav")),
        (coded, ("info", pipe)),
        (speech, ("verify", pipe)),
    ):
        writer = through_pipe(pipe, data)
        done = run(*arguments, "--force") if arguments[0].endswith("compress") else run(*arguments)
        assert (done.returncode, writer.wait()) == (0, 0), done.stderr
    assert read_image(tmp_path / "out.png").pixels.shape == (75, 130, 3)
    assert pipe.with_suffix(".lcc").read_bytes() == coded
    nobody = run("decompress", pipe)  # which nobody writes to
    assert nobody.returncode == 2
    assert b"name the output with -o" in nobody.stderr


@pytest.mark.parametrize("name", ["a.wav", "a.flac"])
def test_audio_is_opened_once_and_closed(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(media.audio_bytes(melody(0.5), path.suffix))
    script = (
        "import os, sys, warnings\n"
        "warnings.simplefilter('error')\n"
        "opened = []\n"
        "sys.addaudithook(lambda name, values: name == 'open' and opened.append(str(values[0])))\n"
        "from codec.cli.main import cli\n"
        "cli(['compress', *sys.argv[1:]], standalone_mode=False)\n"
        "left = [os.path.realpath(f'/proc/self/fd/{n}') for n in os.listdir('/proc/self/fd')]\n"
        "print(opened.count(sys.argv[1]), left.count(os.path.realpath(sys.argv[1])))"
    )
    done = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True, check=False)
    assert done.stdout == "1 0\n", done.stderr


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
        "an image": PARROTS.read_bytes(),
        "newer": data[:4] + b"\x07" + data[5:],
    }[what]


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("truncated", "truncated"),
        ("flipped", "checksum"),
        ("empty", "not an .lcc file"),
        ("an image", "not an .lcc file"),
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
    from codec.bitstream.image import read, write

    run("compress", png)
    file = png.with_suffix(".lcc")
    container = read(file.read_bytes())
    file.write_bytes(write(replace(container, header=replace(container.header, digest=bytes(range(1, 9))))))
    assert "0102030405060708" in only_line(run("decompress", file, "-o", png.parent / "out.png"))


def test_inputs_that_cannot_be_read_give_one_line(png: Path, run: Run) -> None:
    assert "missing.png" in only_line(run("compress", png.parent / "missing.png"))
    assert "Is a directory" in only_line(run("compress", png.parent, "-o", png.parent / "b.lcc"))
    text = png.parent / "text.txt"
    text.write_text("hello")
    assert "not an image" in only_line(run("compress", text))
    assert not text.with_suffix(".lcc").exists()


def test_outputs_that_cannot_be_written_give_one_line(png: Path, run: Run) -> None:
    assert "No such file" in only_line(run("compress", png, "-o", png.parent / "none" / "a.lcc"))
    run("compress", png)
    assert ".xyz" in only_line(run("decompress", png.with_suffix(".lcc"), "-o", png.parent / "a.xyz"))
    assert sorted(p.name for p in png.parent.iterdir()) == ["a.lcc", "a.png"]


def test_what_is_no_file_of_ours_is_said_to_be_none_whatever_its_name(png: Path, run: Run) -> None:
    assert "not an .lcc file" in only_line(run("decompress", png))
    assert sorted(p.name for p in png.parent.iterdir()) == ["a.png"]


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="needs /dev/zero")
def test_a_device_without_end_is_not_read_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "WHOLE_MAX", files.PIECE + 1)
    with closing(files.Input("/dev/zero")) as endless, pytest.raises(LimitExceeded, match="not read at once"):
        endless.read()


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


UNFINISHED = ".codec-*.part"


def wait_for_work_in(folder: Path, process: subprocess.Popen[bytes]) -> None:
    """Until the process has an output there that is not finished."""
    while not list(folder.glob(UNFINISHED)):
        assert process.poll() is None
        time.sleep(0.01)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_no_file_behind(number: signal.Signals, tmp_path: Path) -> None:
    source = tmp_path / "large.png"
    Image.fromarray(np.tile(read_image(PARROTS).pixels, (3, 3, 1))).save(source)
    process = subprocess.Popen([sys.executable, "-m", "codec.cli", "compress", str(source)], stderr=subprocess.PIPE)
    wait_for_work_in(tmp_path, process)
    process.send_signal(number)
    _, errors = process.communicate()
    if process.returncode != 0:  # it may have been faster
        assert process.returncode == 130
        assert [p.name for p in tmp_path.iterdir()] == ["large.png"]
        assert errors.decode().strip() == "codec: interrupted"


def test_kill_never_leaves_a_partial_file_under_the_final_name(tmp_path: Path) -> None:
    source, target = tmp_path / "a.png", tmp_path / "a.lcc"
    Image.fromarray(np.tile(read_image(PARROTS).pixels, (2, 2, 1))).save(source)
    command = [sys.executable, "-m", "codec.cli", "compress", str(source), "--force"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    wait_for_work_in(tmp_path, process)
    began = time.monotonic()
    assert process.wait() == 0
    lasts = time.monotonic() - began
    whole = target.read_bytes()
    outcomes = set()
    for moment in (0, *np.random.default_rng(0).uniform(0, lasts, 9)):
        old = outcomes and b"an older file"
        if old:
            target.write_bytes(old)
        else:
            target.unlink()
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        wait_for_work_in(tmp_path, process)
        time.sleep(moment)
        process.kill()
        process.wait()
        for left in tmp_path.glob(UNFINISHED):
            left.unlink()
        found = target.read_bytes() if target.exists() else None
        assert found in (whole, old or None)
        outcomes.add(found == whole)
    assert False in outcomes  # it was killed in time


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
    assert reader.communicate(timeout=PATIENCE_S)[0] == real.read_bytes()
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


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("quality-50", "coded as: latents"),
        ("lossless", "coded as: pixels without loss"),
        ("screen-and-patch", "tiles: 5, 2 of pixels without loss, 3 of latents"),
        ("jpeg-xl", "tiles: 6, 5 of pixels without loss by JPEG XL (extra jxl), 1 of pixels without loss"),
    ],
)
def test_info_tells_how_an_image_is_coded(name: str, said: str, run: Run) -> None:
    assert said in run("info", golden.FOLDER / "1.0" / f"{name}.lcc").stdout.decode().splitlines()


def test_bench_measures_clips(run: Run) -> None:
    done = run("bench", SPEECH, "-n", 1)
    assert done.returncode == 0
    assert done.stdout.startswith(b"1 mono clip, ")
    assert b"x real time" in done.stdout
    mixed = run("bench", SPEECH, PARROTS)
    assert (mixed.returncode, mixed.stderr.count(b"apart")) == (2, 1)


def test_bench_measures(png: Path, run: Run) -> None:
    done = run("bench", png, "-n", 1, "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert (result["medium"], result["count"]) == ("images", 1)
    assert min(result[f"{stage}_s"] for stage in ("analysis", "encode", "synthesis", "decode")) > 0
    assert result["peak_memory"] > 50e6
    assert b"Mpx/s" in run("bench", png, "-n", 1).stdout


COMMANDS = ("compress", "decompress", "info", "verify", "eval", "bench", "train", "export")


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_is_there(command: str, run: Run) -> None:
    done = run(*command.split(), "--help")
    assert done.returncode == 0
    assert done.stdout.startswith(b"Usage: codec")


def test_version(run: Run) -> None:
    import codec

    assert codec.__version__ in run("--version").stdout.decode()


@pytest.mark.skipif(not SHARED.exists(), reason="the Kodak suite is not here")
def test_kodak_images_are_the_same_in_another_process(run: Run, tmp_path: Path) -> None:
    from codec.devices import CPU
    from codec.image import decode as image_decode
    from codec.image import encode as image_encode

    images = [SHARED / "kodak" / f"kodim{i:02d}.png" for i in range(1, 25)]
    assert run("compress", *images, "-o", tmp_path).returncode == 0
    files = [tmp_path / f"{p.stem}.lcc" for p in images]
    assert run("decompress", *files).returncode == 0
    for source, file in zip(images, files, strict=True):
        data = image_encode.encode(read_image(source), 50, CPU)
        assert file.read_bytes() == data
        here = image_decode.decode(data, CPU).image
        assert (read_image(file.with_suffix(".png")).pixels == here.pixels).all()


def test_standard_input_that_is_no_image_is_named(run: Run) -> None:
    line = only_line(run("compress", "-", stdin=b"junk"))
    assert line == "codec: -: not an image, or a clip, of a known format or kind"


# --- what decompress can be asked for ------------------------------------------------------------------------------


def test_a_region_is_the_same_pixels(png: Path, run: Run) -> None:
    file, out = png.with_suffix(".lcc"), png.parent / "b.png"
    run("compress", png)
    run("decompress", file, "-o", png.parent / "whole.png")
    assert run("decompress", file, "--region", "20,30,50,40", "-o", out).returncode == 0
    assert (read_image(out).pixels == read_image(png.parent / "whole.png").pixels[30:70, 20:70]).all()
    out.unlink()
    line = only_line(run("decompress", file, "--region", "100,0,31,10", "-o", out))
    assert "region 100,0,31,10 is not inside the image of 130 x 75 pixels" in line
    for nonsense in ("1,2,3", "a,b,c,d", "0,0,0,5", "-1,0,5,5", "0,0,5,5,5"):
        assert run("decompress", file, "--region", nonsense).returncode == 2
    assert not out.exists()


def test_partial_shows_what_there_is_and_says_so_in_its_exit_code(png: Path, run: Run) -> None:
    file, out = png.with_suffix(".lcc"), png.parent / "b.png"
    run("compress", png, "-q", 80)
    whole = run("decompress", file, "-o", out, "--partial")
    assert whole.returncode == 0
    file.write_bytes(file.read_bytes()[:-100])
    assert "truncated" in only_line(run("decompress", file, "-o", out, "--force"))
    done = run("decompress", file, "-o", out, "--partial", "--force")
    assert done.returncode == 3
    first, second = done.stderr.decode().splitlines()
    assert first.startswith(f"codec: {file}: truncated")
    assert str(out) in second
    assert read_image(out).pixels.shape == (75, 130, 3)
    file.write_bytes(file.read_bytes()[:20])
    only_line(run("decompress", file, "-o", out, "--partial", "--force"))


def test_verify_names_what_is_not_audio(png: Path, run: Run) -> None:
    file, bad = png.with_suffix(".lcc"), png.parent / "bad.lcc"
    run("compress", png)
    done = run("verify", file, "--deep")
    assert (done.returncode, done.stdout.decode()) == (0, f"{file}: intact\n")
    damaged = bytearray(file.read_bytes())
    damaged[60] ^= 1
    bad.write_bytes(damaged)
    done = run("verify", file, bad)
    assert done.returncode == 1
    assert done.stdout.decode() == f"{file}: intact\n"
    assert f"codec: {bad}: checksum of section 2" in done.stderr.decode()


def test_sixteen_bits_come_and_go(tmp_path: Path, run: Run) -> None:
    source = tmp_path / "deep.png"
    deep = (np.add.outer(np.arange(64), np.arange(64)) * 500).astype(np.uint16)
    Image.fromarray(deep).save(source)
    assert run("compress", source, "-q", 100).returncode == 0
    assert b"16 bits a sample" in run("info", tmp_path / "deep.lcc").stdout
    run("decompress", tmp_path / "deep.lcc", "-o", tmp_path / "b.png")
    restored = read_image(tmp_path / "b.png")
    assert restored.bit_depth == 16
    assert np.abs(restored.pixels[:, :, 0].astype(int) - deep).mean() < 257
    run("decompress", tmp_path / "deep.lcc", "--bit-depth", 8, "-o", tmp_path / "c.png")
    assert read_image(tmp_path / "c.png").bit_depth == 8
    (tmp_path / "cut.lcc").write_bytes((tmp_path / "deep.lcc").read_bytes()[:-30])
    assert run("decompress", tmp_path / "cut.lcc", "--partial", "-o", tmp_path / "d.png").returncode == 3
    assert read_image(tmp_path / "d.png").bit_depth == 16


def test_conversions_are_said_in_a_line(tmp_path: Path, run: Run) -> None:
    source = tmp_path / "palette.png"
    Image.open(PARROTS).crop((0, 0, 50, 50)).quantize(16).save(source)
    done = run("compress", source)
    assert done.returncode == 0
    first, _ = done.stderr.decode().splitlines()
    assert first.startswith(f"codec: {source}: palette")


def test_the_pixel_limit_is_an_option(png: Path, run: Run) -> None:
    assert "the limit is 9749" in only_line(run("compress", png, "--max-pixels", 9749))
    assert run("compress", png, "--max-pixels", 9750).returncode == 0
    file = png.with_suffix(".lcc")
    assert "the limit is 9749" in only_line(run("decompress", file, "--max-pixels", 9749, "-o", png.parent / "b.png"))
    assert run("verify", file, "--max-pixels", 9749).returncode == 4  # cannot be judged


def test_limits_and_choices_hold_for_clips_too(run: Run, tmp_path: Path) -> None:
    coded, restored = tmp_path / "speech.lcc", tmp_path / "speech.wav"
    assert "the limit is 1" in only_line(run("compress", SPEECH, "-o", coded, "--max-seconds", 1))
    assert "are for images" in only_line(run("compress", SPEECH, "-o", coded, "--effort", 1))
    assert not coded.exists()
    assert run("compress", SPEECH, "-o", coded, "-q", 0).returncode == 0
    for part in ((), ("--start", 0.5)):
        assert "the limit is 1" in only_line(run("decompress", coded, "-o", restored, "--max-seconds", 1, *part))
    assert not restored.exists()
