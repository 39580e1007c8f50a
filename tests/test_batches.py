"""Many files at once: in the library, and the habits of the commands that convert them."""

from __future__ import annotations

import io
import itertools
import json
import os
import re
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from PIL import Image

import codec
from codec.cli.main import COMMANDS, cli
from codec.media import AudioData, Pixels
from codec.workers import ordered_map, shared_out
from tests.conftest import ROOT, SPEECH, Run

SIDE = 24


def picture(seed: int) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (SIDE, SIDE, 3), np.uint8)


@pytest.fixture(scope="module")
def coded() -> list[bytes]:
    return [codec.compress(picture(seed)) for seed in range(5)]


# --- the library ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("one", ["photo.png", b"bytes", io.BytesIO()])
def test_one_source_is_not_taken_apart(one: Any) -> None:
    with pytest.raises(TypeError, match="put it into a list"):
        codec.compress_many(one)
    with pytest.raises(TypeError, match="put it into a list"):
        codec.decompress_many(one)


@pytest.mark.parametrize("workers", [1, 3, None])
def test_results_are_those_of_compress_in_order_with_errors_in_their_places(
    workers: int | None, coded: list[bytes], tmp_path: Path
) -> None:
    sources = [picture(0), b"no image", picture(1), tmp_path / "missing.png", picture(2)]
    found = list(codec.compress_many(sources, workers=workers))
    assert [found[0], found[2], found[4]] == coded[:3]
    assert isinstance(found[1], codec.MediaError)
    assert isinstance(found[3], codec.MissingFile)


@pytest.mark.slow
def test_processes_give_the_same_results_errors_and_warnings(coded: list[bytes]) -> None:
    palette = Image.fromarray(picture(0)).quantize(16)
    with pytest.warns(codec.MediaNotice, match="palette"):
        found = list(codec.compress_many([picture(0), b"no image", palette], workers=2, in_processes=True))
    assert found[0] == coded[0]
    assert isinstance(found[1], codec.MediaError)
    assert str(found[1]) == "not an image, or a clip, of a known format or kind"
    (decoded,) = codec.decompress_many(coded[:1], output="array", in_processes=True)
    assert np.array_equal(decoded, codec.decompress(coded[0], output="array"))  # type: ignore[arg-type]


def test_images_and_audio_mix_and_come_back_in_order(coded: list[bytes]) -> None:
    sound = AudioData(np.zeros((480, 1), np.float32), 48_000)
    data = list(codec.compress_many([picture(0), sound, picture(1)], workers=2))
    assert (data[0], data[2]) == (coded[0], coded[1])
    image, audio, _ = codec.decompress_many(data, workers=2)  # type: ignore[arg-type]
    assert isinstance(image, Image.Image)
    assert isinstance(audio, AudioData)


def test_decoded_arrays_are_those_of_decompress_with_errors_in_their_places(coded: list[bytes]) -> None:
    found = list(codec.decompress_many([coded[0], coded[1][:-9], coded[2]], output="array", workers=3))
    for number in (0, 2):
        assert np.array_equal(found[number], codec.decompress(coded[number], output="array"))  # type: ignore[arg-type]
    assert isinstance(found[1], codec.CorruptFile)


def test_an_endless_source_is_taken_from_as_results_are(coded: list[bytes]) -> None:
    taken = itertools.count()
    results = codec.decompress_many((coded[next(taken) % 5] for _ in itertools.count()), output="array", workers=2)
    for _ in range(6):
        next(results)
    assert next(taken) <= 6 + 4  # two at work, two waiting
    results.close()  # type: ignore[attr-defined]


def test_what_is_wrong_for_all_is_raised(coded: list[bytes]) -> None:
    with pytest.raises(ValueError, match="workers"):
        codec.compress_many([], workers=0)
    with pytest.raises(ValueError, match="output 'jpeg'"):
        codec.decompress_many(coded, output="jpeg")  # type: ignore[call-overload]
    with pytest.raises(ValueError, match="quality 101"):
        next(codec.compress_many([picture(0)], 101))
    with pytest.raises(TypeError, match="int"):
        list(codec.compress_many([picture(0), 5], workers=2))  # type: ignore[list-item]


def test_warnings_of_a_batch_are_the_callers(coded: list[bytes]) -> None:
    palette = Image.fromarray(picture(0)).quantize(16)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        list(codec.compress_many([picture(1), palette, palette], workers=2))
        list(codec.decompress_many([coded[0][:-9], coded[1]], partial=True, workers=2))
    assert [w.category.__name__ for w in caught] == ["MediaNotice", "MediaNotice", "IncompleteImage"]
    assert {w.filename for w in caught} == {__file__}


def test_work_that_ends_early_is_told_so_before_it_is_waited_for() -> None:
    stopping, begun = threading.Event(), threading.Event()

    def work(number: int) -> int:
        if number:
            begun.set()
            stopping.wait()  # for ever, were it not told
        return number

    results = ordered_map(work, range(9), 2, 1, stopping.set)
    assert next(results) == 0
    begun.wait()
    results.close()  # type: ignore[attr-defined]


def test_cores_are_shared_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "12")
    assert shared_out(None, None) == (8, 1)
    assert shared_out(None, None, 1) == (1, None)  # all of them
    assert shared_out(None, None, 3) == (3, 4)
    assert shared_out(4, None) == (4, 3)
    assert shared_out(None, 6) == (2, 6)


# --- commands -------------------------------------------------------------------------------------------------------

Call = Callable[..., int]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Call:
    """Runs a command in this process, in an empty folder, and gives its exit code."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", Image.MAX_IMAGE_PIXELS)  # which the command lifts

    def called(*arguments: object) -> int:
        try:
            return cli.main([str(a) for a in arguments], standalone_mode=False) or 0
        except codec.CodecError:
            return 1
        except click.UsageError:
            return 2

    return called


@pytest.fixture
def tree(call: Call) -> Path:
    """A folder `in` with pictures at two depths, and a file that is none."""
    folder = Path("in")
    (folder / "deep").mkdir(parents=True)
    for number, name in enumerate(("a.png", "b.bmp", "deep/c.png")):
        Image.fromarray(picture(number)).save(folder / name)
    (folder / "notes.txt").write_text("no picture")
    return folder


def names_in(folder: str | Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in Path(folder).rglob("*") if p.is_file())


def test_folders_are_gone_through_and_kept(tree: Path, call: Call, coded: list[bytes]) -> None:
    Path("out").mkdir()
    assert call("compress", tree) == 1  # without -r
    assert call("compress", "-r", tree, "-o", "out", "-j", 3) == 0
    assert names_in("out") == ["a.lcc", "b.lcc", "deep/c.lcc"]
    assert Path("out/deep/c.lcc").read_bytes() == coded[2]
    assert call("decompress", "-r", "out", "-j", 2) == 0
    assert names_in("out") == ["a.lcc", "a.png", "b.lcc", "b.png", "deep/c.lcc", "deep/c.png"]
    assert call("verify", "-r", "out", "--deep") == 0
    assert call("info", "-r", "in") == 1  # nothing of ours in it


def test_the_output_of_a_folder_is_a_folder_and_made_where_it_is_missing(tree: Path, call: Call) -> None:
    assert call("compress", "-r", "in", "-o", "new/coded", "--quiet") == 0
    assert names_in("new") == ["coded/a.lcc", "coded/b.lcc", "coded/deep/c.lcc"]
    assert call("decompress", "-r", "new/coded/deep", "-o", "one") == 0  # a single file
    assert names_in("one") == ["c.png"]
    assert call("compress", "in/a.png", "in/b.bmp", "-o", "mistyped") == 2
    assert call("compress", "-r", "in/a.png", "-o", "a-file.lcc") == 0
    assert Path("a-file.lcc").is_file()


def test_files_side_by_side_are_told_in_order_and_bad_ones_stop_no_other(
    tree: Path, call: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    sources = ["in/b.bmp", "in/notes.txt", "in/deep/c.png", "in/a.png", "in/a.png"]
    assert call("compress", *sources, "-j", 4) == 1
    said = capsys.readouterr().err.splitlines()
    assert [line.removeprefix("codec: ").split(":")[0].split(" ->")[0] for line in said] == sources
    assert "not an image" in said[1]
    assert "was just made from in/a.png" in said[4]


def test_what_exists_is_left_out_when_asked_for(tree: Path, call: Call, capsys: pytest.CaptureFixture[str]) -> None:
    Path("in/a.lcc").write_bytes(b"precious")
    assert call("compress", "in/a.png", "in/b.bmp") == 1
    capsys.readouterr()
    assert call("compress", "in/a.png", "in/b.bmp", "in/deep/c.png", "--skip-existing") == 0
    assert Path("in/a.lcc").read_bytes() == b"precious"
    assert capsys.readouterr().err.count("skipped") == 2
    assert call("compress", "in/a.png", "--skip-existing", "--force") == 2


def test_a_dry_run_says_what_would_be_and_writes_nothing(
    tree: Path, call: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    before = names_in("in")
    assert call("compress", "in/a.png", "--rm", "--dry-run") == 0
    assert "in/a.png -> in/a.lcc: would be written, and the input removed" in capsys.readouterr().err
    assert call("compress", "in/none.png", "--dry-run") == 1
    assert names_in("in") == before


def test_an_input_is_removed_only_once_its_output_was_found_whole(
    tree: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = codec.verify

    def damaged(target: str, **options: object) -> None:
        data = bytearray(Path(target).read_bytes())
        data[-5] ^= 1  # as a bad disk has it
        Path(target).write_bytes(data)
        real(target, **options)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(codec, "verify", damaged, raising=False)
        assert call("compress", "in/a.png", "--rm") == 1
    assert Path("in/a.png").exists()
    assert call("compress", "in/a.png", "in/b.bmp", "--rm", "--force") == 0
    assert names_in("in") == ["a.lcc", "b.lcc", "deep/c.png", "notes.txt"]
    assert call("decompress", "in/a.lcc", "--rm") == 0
    assert names_in("in") == ["a.png", "b.lcc", "deep/c.png", "notes.txt"]
    whole = Path("in/b.lcc").read_bytes()
    Path("in/b.lcc").write_bytes(whole[:-9])
    assert call("decompress", "in/b.lcc", "--rm", "--partial") == 3
    assert Path("in/b.lcc").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("compress", "-", "--rm"),
        ("compress", "in/a.png", "--rm", "-o", "-"),
        ("compress", "in/a.png", "--rm", "--partial"),
        ("decompress", "in/a.lcc", "--rm", "--region", "0,0,1,1"),
        ("compress", "in/a.png", "--json", "-o", "-"),
        ("compress", "in/a.png", "--quiet", "-v"),
    ],
)
def test_what_would_lose_data_or_mix_outputs_is_wrong_usage(arguments: tuple[str, ...], tree: Path, call: Call) -> None:
    before = names_in("in")
    assert call(*arguments) == 2
    assert names_in("in") == before


def test_json_is_an_object_a_file_whatever_becomes_of_it(
    tree: Path, call: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("compress", "in/a.png", "in/notes.txt", "--json") == 1
    done, failed = map(json.loads, capsys.readouterr().out.splitlines())
    assert (done["status"], done["output"]) == ("done", "in/a.lcc")
    assert (done["input_bytes"], done["output_bytes"]) == tuple(os.stat(f"in/a.{s}").st_size for s in ("png", "lcc"))
    assert (failed["status"], failed["output_bytes"]) == ("failed", None)
    assert "not an image" in failed["error"]
    assert call("verify", "in/a.lcc", "in/a.png", "--json") == 1
    assert [json.loads(line)["status"] for line in capsys.readouterr().out.splitlines()] == ["intact", "damaged"]
    assert call("info", "in/a.lcc", "in/a.lcc", "--json") == 0
    assert {json.loads(line)["file"] for line in capsys.readouterr().out.splitlines()} == {"in/a.lcc"}


def test_quiet_says_only_what_is_wrong_and_verbose_says_more(
    tree: Path, call: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("compress", "in/a.png", "in/notes.txt", "--quiet", "-f") == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("codec: in/notes.txt: not an image")
    assert call("compress", "in/a.png", "-v", "-f") == 0
    assert re.search(r"bytes, \d+\.\d\d to 1, \d+\.\d\d s$", capsys.readouterr().err.strip())


def test_info_titles_several_files_and_goes_on_after_a_bad_one(
    tree: Path, call: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    call("compress", "in/a.png", "in/b.bmp")
    capsys.readouterr()
    assert call("info", "in/a.lcc", "in/notes.txt", "in/b.lcc") == 1
    said = capsys.readouterr()
    assert said.out.splitlines()[0] == "in/a.lcc:"
    assert "\n\nin/b.lcc:\nimage: 24 x 24 pixels" in said.out
    assert "in/notes.txt: not an .lcc file" in said.err


def test_names_with_control_characters_are_quoted(call: Call, capsys: pytest.CaptureFixture[str]) -> None:
    Image.fromarray(picture(0)).save("two\nlines.png")
    assert call("compress", "two\nlines.png") == 0
    assert capsys.readouterr().err.startswith(r"'two\nlines.png' -> 'two\nlines.lcc': ")


def test_audio_goes_through_the_same_habits(call: Call, capsys: pytest.CaptureFixture[str]) -> None:
    Path("clips").mkdir()
    Path("clips/a.flac").write_bytes(SPEECH.read_bytes())
    assert call("compress", "-r", "clips", "-q", 0, "--json", "--rm") == 0
    assert json.loads(capsys.readouterr().out)["removed"]
    assert names_in("clips") == ["a.lcc"]
    assert call("decompress", "clips/a.lcc", "--rm", "--quiet") == 0
    assert names_in("clips") == ["a.wav"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_are_for_their_shells(shell: str, call: Call, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("completion", shell) == 0
    assert f"_CODEC_COMPLETE={shell}_complete" in capsys.readouterr().out


def test_commands_and_files_are_completed(run: Run) -> None:
    environment = {"_CODEC_COMPLETE": "bash_complete", "COMP_CWORD": "1"}
    assert b"plain,decompress" in run(COMP_WORDS="codec dec", **environment).stdout
    environment["COMP_CWORD"] = "2"
    assert run(COMP_WORDS="codec compress ph", **environment).stdout.startswith(b"file,")


@pytest.mark.slow
def test_every_command_has_a_man_page(tmp_path: Path) -> None:
    pytest.importorskip("click_man", reason="needs click-man")
    done = subprocess.run([sys.executable, ROOT / "docs" / "manual.py", tmp_path], check=False, capture_output=True)
    assert done.returncode == 0, done.stderr
    made = {p.stem for p in tmp_path.iterdir()}
    assert made >= {"codec", *(f"codec-{name}" for name in COMMANDS), "codec-weights-needed"}
    assert "skip\\-existing" in (tmp_path / "codec-compress.1").read_text()
