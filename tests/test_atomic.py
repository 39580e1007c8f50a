"""Files that appear whole: their permissions, and what of the process is left alone."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from codec.atomic import write_whole


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("before", [0o600, 0o640, 0o666, 0o444])
def test_a_file_that_is_overwritten_keeps_its_mode(before: int, tmp_path: Path) -> None:
    path = tmp_path / "a.lcc"
    path.write_bytes(b"old")
    path.chmod(before)
    write_whole(path, lambda file: file.write(b"new"))
    assert (path.read_bytes(), mode(path)) == (b"new", before)


def test_what_replaces_a_private_file_is_never_readable_by_others(tmp_path: Path) -> None:
    path, seen = tmp_path / "a.lcc", []
    path.write_bytes(b"old")
    path.chmod(0o600)
    write_whole(path, lambda file: seen.extend(mode(other) for other in tmp_path.glob(".codec-*")))
    assert seen == [0o600]


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_a_new_file_has_the_mode_that_the_umask_leaves_which_nobody_sets(
    mask: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = os.umask(mask)
    try:
        with monkeypatch.context() as patch:
            patch.setattr(os, "umask", lambda mask: pytest.fail("the umask belongs to the process"))
            write_whole(tmp_path / "a.lcc", lambda file: file.write(b"new"))
    finally:
        os.umask(before)
    assert mode(tmp_path / "a.lcc") == 0o666 & ~mask


def test_what_fails_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "a.lcc"
    path.write_bytes(b"old")

    def fails(file: object) -> None:
        raise OSError("full")

    with pytest.raises(OSError, match="full"):
        write_whole(path, fails)
    assert [other.name for other in tmp_path.iterdir()] == ["a.lcc"]
    assert path.read_bytes() == b"old"
