"""Archives of trees that never rest, of files without a size or an end: each is named, and nothing waits for it."""

from __future__ import annotations

import os
from pathlib import Path
from threading import Event, Thread

import pytest

import codec
from codec import archive
from codec.archive import mounts
from codec.archive.records import Entry
from codec.archive.source import LocalSource
from tests.archive_drill import records_of
from tests.conftest import Run, only_line

pytest.importorskip("zstandard")
RANDOM = Path("/proc/sys/kernel/random")  # files without a size, each with some bytes
needs_proc = pytest.mark.skipif(not RANDOM.is_dir(), reason="needs the /proc of Linux")


@needs_proc
def test_what_the_kernel_makes_up_is_refused_as_a_source_and_left_out_of_others(tmp_path: Path, run: Run) -> None:
    for source in ("/proc", "/proc/self", "/sys"):
        assert "made up by the kernel" in only_line(run("archive", source, tmp_path / "archive"))
    found = LocalSource("/").entry("proc")
    assert found is not None
    assert found.kind == "other"


@needs_proc
def test_files_without_a_size_fail_by_name_and_are_not_stored_as_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mounts, "of_kernel", dict)
    summary = archive.build(RANDOM, tmp_path / "archive")
    assert summary.stored == 0
    assert any(line.startswith("uuid: ") and "no size" in line for line in summary.errors)


def test_mounts_are_told_by_their_devices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mounts").write_text(
        "22 1 0:21 / /proc rw,relatime shared:5 - proc proc rw\n"
        "23 1 8:1 / /home\\040of rw - ext4 /dev/sda1 rw\n"
        "24 1 0:99 /a /b rw shared:1 master:2 - cgroup2 none rw\n"
    )
    monkeypatch.setattr(mounts, "MOUNTS", tmp_path / "mounts")
    assert mounts.of_kernel() == {os.makedev(0, 21): "proc", os.makedev(0, 99): "cgroup2"}
    monkeypatch.setattr(mounts, "MOUNTS", tmp_path / "nothing")
    assert mounts.of_kernel() == {}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with names")
def test_a_pipe_that_took_the_place_of_a_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "file")
    with pytest.raises(OSError, match="no file any more"):
        LocalSource(str(tmp_path)).open(Entry("file", "file", 5))


def test_a_file_that_grows_for_ever_is_stored_as_long_as_it_was(tmp_path: Path) -> None:
    root, stop = tmp_path / "source", Event()
    root.mkdir()
    (root / "log").write_bytes(b"first line\n")

    def grow() -> None:
        with (root / "log").open("ab", buffering=0) as file:
            while not stop.is_set():
                file.write(b"one more line\n" * 1000)

    writer = Thread(target=grow)
    writer.start()
    try:
        summary = archive.build(root, tmp_path / "archive")
    finally:
        stop.set()
        writer.join()
    assert (summary.stored, summary.failed) == (1, 0)
    (record,) = records_of(tmp_path / "archive")
    assert not [
        done.error for done in archive.restore(archive.opened(tmp_path / "archive"), tmp_path / "out") if done.error
    ]
    data = (tmp_path / "out" / "log").read_bytes()
    assert len(data) == record.size
    assert (root / "log").read_bytes().startswith(data)


def test_files_longer_than_any_that_can_be_stored_are_named_before_they_are_read(tmp_path: Path) -> None:
    root = tmp_path / "source"
    root.mkdir()
    try:
        with (root / "hole").open("wb") as file:
            file.truncate((1 << 40) + 1)
    except OSError:
        pytest.skip("this file system has no files of that length")
    summary = archive.build(root, tmp_path / "archive")
    assert (summary.stored, summary.failed) == (0, 1)
    assert "at most 1099511627776 can be stored" in summary.errors[0]


def test_folders_deeper_than_a_path_may_be_long_are_named_and_the_rest_is_stored(tmp_path: Path) -> None:
    root = tmp_path / "source"
    root.mkdir()
    (root / "a").write_text("a")
    here = os.open(root, os.O_RDONLY)
    for _ in range(21):
        os.mkdir("d" * 200, dir_fd=here)
        inner = os.open("d" * 200, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(here)
    summary = archive.build(root, tmp_path / "archive")
    assert summary.stored == 1
    assert summary.failed == 1
    assert "File name too long" in summary.errors[0]
    with pytest.raises(codec.MediaError, match="File name too long"):
        list(archive.differences(root, archive.opened(tmp_path / "archive")))
