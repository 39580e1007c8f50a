"""Archives of folders: everything comes back, whatever happens on the way."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import codec
from codec import archive
from codec.archive import catalogue, journal, layout, names, plan, shards, workers
from codec.archive.records import Entry, Record
from codec.archive.source import LocalSource
from tests import archive_drill, golden
from tests.archive_drill import records_of, sha256
from tests.conftest import Run, only_line

pytest.importorskip("zstandard")
pytest.importorskip("lepton_jpeg_python")

EXACT = archive.Policy(archive.Mode.parse("exact"))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    root = tmp_path / "source"
    for name, text in {
        "notes.txt": "words " * 50,
        "deep/er/a.txt": "a",
        "deep/b.txt": "",
        "x": "x",
        "x.lcc/y": "y",
        "x.lcc~/y": "z",
        "odd/\udcff": "no UTF-8",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    (root / "link").symlink_to("notes.txt")
    os.utime(root / "notes.txt", ns=(1, 10**18 + 1))
    (root / "notes.txt").chmod(0o640)
    return root


def files_of(root: Path) -> dict[str, str]:
    found = {}
    for path in root.rglob("*"):
        kind = "link" if path.is_symlink() else "folder" if path.is_dir() else sha256(path)
        found[str(path.relative_to(root))] = f"{kind} {path.lstat().st_mode:o} {path.lstat().st_mtime_ns}"
    return found


@pytest.mark.parametrize("kind", ["mirror", "shards", "zip shards"])
def test_everything_comes_back_with_times_modes_and_links(kind: layout.Layout, source: Path, tmp_path: Path) -> None:
    summary = archive.build(source, tmp_path / "archive", kind=kind)
    assert (summary.stored, summary.failed, summary.new) == (7, 0, 13)
    opened = archive.opened(tmp_path / "archive")
    assert [done.error for done in archive.restore(opened, tmp_path / "out")] == [""] * 13
    assert files_of(tmp_path / "out") == files_of(source)
    assert {judged.verdict for judged in archive.verify(opened, deep=True)} == {"intact"}
    assert list(archive.differences(source, opened)) == []
    assert sorted(path.name for path in (tmp_path / "archive" / "parts").iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("options", [["--workers", 2], ["--shards"]])
def test_what_was_committed_before_a_kill_is_never_done_again(options: list[object], tmp_path: Path) -> None:
    counts = archive_drill.drill(tmp_path, 18, 1, options)
    assert counts["exact"] + counts["lossy"] == 18
    assert counts["notices"] == 1


@pytest.mark.parametrize(("kind", "name"), [("shards", "000000.tar"), ("zip shards", "000000.zip")])
def test_a_commit_that_was_cut_off_is_dropped_and_done_again(
    kind: layout.Layout, name: str, source: Path, tmp_path: Path
) -> None:
    root = tmp_path / "archive"
    archive.build(source, root, kind=kind)
    whole = (root / "shards" / name).read_bytes()
    path = root / "commits" / "000000.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    for kept in (0, 4, len(lines) - 1):
        path.write_bytes(b"".join(lines[:kept]) + lines[kept][:30])
        (root / "shards" / name).rename(root / "parts" / "000000.part")
        with sqlite3.connect(root / "catalogue.sqlite") as database:
            database.execute("UPDATE jobs SET done = 0")
            database.execute("DELETE FROM records")
        summary = archive.build(source, root)
        assert (summary.resumed, summary.new) == (True, len(lines) - kept)
        assert path.read_bytes().splitlines(keepends=True) == lines
        assert (root / "shards" / name).read_bytes() == whole


@pytest.mark.parametrize("large", [False, True])
def test_zip_shards_are_zip_files_as_others_read_them(
    large: bool, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if large:  # as from 4 GiB and 65,535 members on
        monkeypatch.setattr(shards, "LARGE_FROM", 600)
        monkeypatch.setattr(shards, "MANY_FROM", 3)
    (source / "long").write_bytes(os.urandom(1000))
    os.utime(source / "x", ns=(0, -(10**18)))  # before the times that zip has
    root = tmp_path / "archive"
    archive.build(source, root, kind="zip shards")
    path = root / "shards" / "000000.zip"
    with zipfile.ZipFile(path) as read:
        assert read.testzip() is None
        members = {each.filename.encode("utf-8" if each.flag_bits else "cp437"): each for each in read.infolist()}
        stored = [record for record in records_of(root) if record.place]
        assert members.keys() == {os.fsencode(record.path + ".lcc") for record in stored}
        for record in stored:
            data = read.read(members[os.fsencode(record.path + ".lcc")])
            assert hashlib.sha256(data).hexdigest() == record.stored_sha256
            assert path.read_bytes()[record.offset :][: record.stored_size] == data


def test_later_runs_store_what_is_new_or_changed_by_its_content(source: Path, tmp_path: Path) -> None:
    root = tmp_path / "archive"
    archive.build(source, root)
    assert archive.build(source, root).new == 0
    stored = (root / "files" / "notes.txt.lcc").stat().st_mtime_ns
    os.utime(source / "notes.txt")  # another time, the same content
    (source / "x").write_text("w")  # another content of the same size
    os.utime(source / "x", ns=(0, record_of(root, "x").mtime_ns))
    (source / "new").write_text("new")
    opened = archive.opened(root)
    assert list(archive.differences(source, opened)) == [("missing", "new"), ("changed", "x")]
    assert archive.build(source, root).stored == 3
    assert (root / "files" / "notes.txt.lcc").stat().st_mtime_ns == stored
    (source / "x").unlink()
    assert list(archive.differences(source, opened)) == [("extra", "x")]
    assert not [done.error for done in archive.restore(opened, tmp_path / "out") if done.error]
    assert (tmp_path / "out" / "x").read_text() == "w"
    assert files_of(tmp_path / "out")["notes.txt"] == files_of(source)["notes.txt"]


def record_of(root: Path, path: str) -> Record:
    return next(record for record in records_of(root) if record.path == path)


def test_a_lost_catalogue_is_made_anew_of_the_commits(source: Path, tmp_path: Path) -> None:
    root = tmp_path / "archive"
    archive.build(source, root)
    before = records_of(root)
    (root / "catalogue.sqlite").unlink()
    assert archive.build(source, root).new == 0
    assert records_of(root) == before
    (source / "new").write_text("new")
    assert archive.build(source, root).new == 1
    assert sorted(path.name for path in (root / "commits").iterdir()) == ["000000.jsonl", "000001.jsonl"]


def test_a_shard_is_closed_whose_plan_was_lost_with_the_catalogue(source: Path, tmp_path: Path) -> None:
    root = tmp_path / "archive"
    archive.build(source, root, kind="shards")
    path = root / "commits" / "000000.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:7]))
    (root / "shards" / "000000.tar").rename(root / "parts" / "000000.part")
    (root / "catalogue.sqlite").unlink()
    assert archive.build(source, root).new == 6
    assert {judged.verdict for judged in archive.verify(archive.opened(root), deep=True)} == {"intact"}
    assert sorted(each.name for each in (root / "shards").iterdir()) == ["000000.tar", "000001.tar"]


def test_damage_and_loss_are_found_and_named(source: Path, tmp_path: Path) -> None:
    root = tmp_path / "archive"
    archive.build(source, root)
    (root / "files" / "x.lcc").write_bytes(b"")
    (root / "files" / "deep" / "b.txt.lcc").unlink()
    data = bytearray((root / "files" / "notes.txt.lcc").read_bytes())
    data[-20] ^= 1
    (root / "files" / "notes.txt.lcc").write_bytes(data)
    verdicts = {judged.record.path: judged.verdict for judged in archive.verify(archive.opened(root))}
    assert {path for path, verdict in verdicts.items() if verdict == "damaged"} == {"x", "deep/b.txt", "notes.txt"}
    failed = {done.record.path for done in archive.restore(archive.opened(root), tmp_path / "out") if done.error}
    assert failed == {"x", "deep/b.txt", "notes.txt"}
    assert not (tmp_path / "out" / "notes.txt").exists()


def test_records_are_written_as_parquet_too(source: Path, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    archive.build(source, tmp_path / "archive")
    rows = parquet.read_table(tmp_path / "archive" / "catalogue.parquet").to_pylist()
    assert [row["path"] for row in rows] == [archive.shown(r.path) for r in records_of(tmp_path / "archive")]
    assert {row["place"] for row in rows if row["path"] == "odd/\\xff"} == {"files/odd/\\xff.lcc"}


def test_subsets_rotate_until_all_was_verified(source: Path, tmp_path: Path) -> None:
    archive.build(source, tmp_path / "archive")
    opened = archive.opened(tmp_path / "archive")
    seen = [[judged.record.path for judged in archive.verify(opened, share=0.4)] for _ in range(3)]
    assert list(map(len, seen)) == [3, 3, 3]
    assert len({path for some in seen for path in some}) == 7


def test_files_that_cannot_be_read_fail_alone_and_are_tried_again(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = LocalSource.open

    def refusing(self: LocalSource, entry: Entry) -> object:
        if entry.path == "x":
            raise PermissionError(13, "Permission denied")
        return real(self, entry)

    with monkeypatch.context() as patched:
        patched.setattr(LocalSource, "open", refusing)
        summary = archive.build(source, tmp_path / "archive")
    assert (summary.failed, summary.stored) == (1, 6)
    assert summary.errors == ["x: cannot be read: Permission denied"]
    assert archive.build(source, tmp_path / "archive").stored == 1


@pytest.mark.slow
def test_audio_has_a_bitrate_where_that_is_the_mode_and_images_are_exact(tmp_path: Path) -> None:
    source, root = tmp_path / "source", tmp_path / "archive"
    source.mkdir()
    samples = np.random.default_rng(1).integers(-9000, 9000, (3 * 48000, 1))
    (source / "noise.wav").write_bytes(golden.audio_bytes_of(samples, "<i2"))
    (source / "click.wav").write_bytes(golden.audio_bytes_of(samples[:480], "<i2"))  # whose header alone is more
    Image.new("RGB", (32, 32), "red").save(source / "red.bmp")
    archive.build(source, root, policy=archive.Policy(archive.Mode.parse("bitrate 24")))
    noise, click, red = (record_of(root, path) for path in ("noise.wav", "click.wav", "red.bmp"))
    assert (noise.way, noise.notice) == ("lossy", "")
    assert 24 * 0.98 <= noise.stored_size * 8 / 3000 <= 24 * 1.02
    assert click.way == "exact"
    assert "stored exactly" in click.notice
    assert (red.way, red.notice) == ("exact", "")
    assert not [done.error for done in archive.restore(archive.opened(root), tmp_path / "out") if done.error]


@pytest.mark.slow
def test_modes_are_followed_or_files_are_stored_exactly_and_say_so(tmp_path: Path) -> None:
    root, source = tmp_path / "archive", tmp_path / "source"
    archive_drill.make_tree(source, 18)
    kept = {"jpegs/cmyk 6.jpg", "pngs/picture 9.png", "photos/10/photo.png", "texts/note 12.txt", "waves/11.wav"}
    for path in list(source.rglob("*")):
        if path.is_file() and str(path.relative_to(source)) not in kept:
            path.unlink()
    archive.build(source, root, policy=archive.Policy(archive.Mode.parse("quality 30"), (PNGS_LOSSLESS,)))
    records = {path: record_of(root, path) for path in kept}
    ways = {path: record.way for path, record in records.items()}
    assert ways == {
        "jpegs/cmyk 6.jpg": "exact",
        "pngs/picture 9.png": "lossless",
        "photos/10/photo.png": "lossy",
        "texts/note 12.txt": "exact",
        "waves/11.wav": "lossy",
    }
    seen = archive.Policy(archive.Mode.parse("visually-lossless"))
    archive.build(source, tmp_path / "seen", policy=seen)
    photo = record_of(tmp_path / "seen", "photos/10/photo.png")
    assert photo.way == "lossy"
    assert photo.ssimulacra2 is not None
    assert photo.ssimulacra2 >= 90
    assert record_of(tmp_path / "seen", "waves/11.wav").way == "exact"
    assert "CMYK" in records["jpegs/cmyk 6.jpg"].notice
    assert records["texts/note 12.txt"].notice == ""
    needed = {record.weights for record in records.values()} - {""}
    assert {f"{each.rpartition(':')[2]}" for each in needed} == {p.stem[-16:] for p in (root / "weights").iterdir()}
    opened = archive.opened(root)
    assert {judged.verdict for judged in archive.verify(opened, deep=True)} == {"intact"}
    restored = {done.record.path: done.path for done in archive.restore(opened, tmp_path / "out")}
    assert all(restored[path] == path for path in kept)


PNGS_LOSSLESS = archive.Rule("pngs/*", archive.Mode.parse("lossless"))


def test_names_in_a_mirror_never_clash() -> None:
    paths = ["a", "a.lcc/b", "a.lcc~/b", "a.lcc~~/b", "a~/b", "b.lcc", "n" * 251, "n" * 252, "n" * 252 + "/x", "\udcff"]
    found = [names.mirrored(path) for path in paths]
    everything = {str(part) for path in found for part in [Path(path), *Path(path).parents]}
    files = set(found)
    folders = everything - files
    assert len(files) == len(paths)
    assert not files & folders
    assert len({path.casefold() for path in files}) == len(files)
    assert all(len(os.fsencode(part)) <= 255 for path in found for part in path.split("/"))


def test_plans_are_the_same_for_the_same_source_and_cut_by_files_and_bytes(source: Path) -> None:
    first, second = (list(LocalSource(str(source)).walk()) for _ in range(2))
    assert first == second
    assert [entry.path for entry in first][:2] == ["deep", "link"]
    jobs = list(plan.jobs((Entry(str(n), "file", size=n) for n in range(10)), plan.JobSize(4, 20)))
    assert [[entry.size for entry in job] for job in jobs] == [[0, 1, 2, 3], [4, 5, 6], [7, 8], [9]]


def test_resuming_a_plan_reads_nothing_of_the_source(tmp_path: Path) -> None:
    opened = layout.created(tmp_path / "archive", "mirror", EXACT, "/a folder that is not there")

    def synthetic() -> Iterator[Entry]:
        yield from (Entry(f"folder {n // 100}/file {n}", "file", size=n % 7) for n in range(5000))

    with catalogue.opened(opened) as found:
        found.plan(plan.jobs(synthetic(), plan.SIZES["mirror"]))
    with catalogue.opened(opened) as found:
        assert found.planned().entries == 5000
        assert len(found.unfinished()) == found.planned().jobs == 79
        assert found.job(78).entries[-1][0].path == "folder 49/file 4999"


def test_a_worker_that_dies_again_and_again_is_an_error(source: Path, tmp_path: Path) -> None:
    archive.build(source, tmp_path / "archive")
    opened = archive.opened(tmp_path / "archive")

    def load(number: int) -> catalogue.Job:
        return catalogue.Job(number, [(Dying(), None)])  # type: ignore[list-item]

    with pytest.raises(codec.CodecError, match="died"):
        list(workers.processes(opened, load, [7], 1))


class Dying:
    """Ends the process that it is given to."""

    def __reduce__(self) -> tuple[object, ...]:
        return os._exit, (3,)


def test_policies_are_read_and_refused(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text('mode = "quality 60"\n[[rule]]\npattern = "scans/*.tif"\nmode = "exact"\n')
    found = archive.read_policy(path)
    assert found.mode_of("scans/deep/a.tif") == archive.Mode("exact")
    assert found.mode_of("a.png") == archive.Mode("quality", 60.0)
    assert archive.Policy.of_json(json.loads(json.dumps(found.as_json()))) == found
    assert archive.Mode.parse("bitrate 24") == archive.Mode("bitrate", 24.0)
    bad = ("mode =", 'mode = "best"', 'colour = "red"', "[[rule]]\npattern = 'a'")
    for text in (*bad, *(f'mode = "{mode}"' for mode in ("quality 101", "bitrate", "bitrate 0", "lossless 5"))):
        path.write_text(text)
        with pytest.raises(ValueError, match=r"."):
            archive.read_policy(path)


def test_hostile_catalogues_write_nothing_elsewhere(source: Path, tmp_path: Path) -> None:
    root = tmp_path / "archive"
    archive.build(source, root)
    record = record_of(root, "x")
    lines = [
        Record.of(Entry("../escaped", "file"), place=record.place, stored_size=record.stored_size, way="exact").line(),
        Record.of(Entry("trap", "link", target=str(tmp_path))).line(),
        Record.of(Entry("trap/inside", "file"), place=record.place, stored_size=record.stored_size, way="exact").line(),
        Record.of(Entry("outside", "file"), place="../source/x", stored_size=1, way="exact").line(),
    ]
    (root / "commits" / "000001.jsonl").write_bytes(b"".join(lines))
    (root / "catalogue.sqlite").unlink()
    out = tmp_path / "deep" / "out"
    failed = {done.record.path for done in archive.restore(archive.opened(root), out) if done.error}
    assert failed == {"../escaped", "trap", "outside"}
    assert not (tmp_path / "deep" / "escaped").exists()
    assert not (tmp_path / "inside").exists()
    (root / "commits" / "000001.jsonl").write_bytes(b'{"path": 1}\n')
    with pytest.raises(codec.CorruptFile, match="damaged"):
        journal.read(root / "commits" / "000001.jsonl")


def test_archives_of_others_and_of_themselves_are_refused(source: Path, tmp_path: Path) -> None:
    root = tmp_path / "archive"
    archive.build(source, root)
    with pytest.raises(codec.MediaError, match="another policy"):
        archive.build(source, root, policy=archive.Policy(archive.Mode.parse("lossless")))
    with pytest.raises(codec.MediaError, match="mirror"):
        archive.build(source, root, kind="shards")
    with pytest.raises(codec.MediaError, match="itself"):
        archive.build(tmp_path, root)
    with pytest.raises(codec.MediaError, match="neither"):
        archive.build(root, source)
    with layout.locked(root / "lock", wait=False), pytest.raises(codec.MediaError, match="at work"):
        archive.build(source, root)
    with pytest.raises(codec.MissingFile, match="no archive"):
        archive.opened(source)


def test_the_commands_archive_verify_compare_and_restore(run: Run, source: Path, tmp_path: Path) -> None:
    root, bag = tmp_path / "archive", tmp_path / "bag"
    assert b"7 files stored" in run("archive", source, root).stdout
    assert b"7 files stored" in run("archive", "--shards", source, tmp_path / "tars").stdout
    assert b"7 files stored" in run("archive", "--shards", "zip", source, tmp_path / "zips").stdout
    assert sorted(path.name for path in tmp_path.glob("*/shards/*")) == ["000000.tar", "000000.zip"]
    assert b"7 intact" in run("verify", "--deep", root).stdout
    assert run("diff", source, root).returncode == 0
    assert run("restore", root, bag, "--bagit").returncode == 0
    manifest = (bag / "manifest-sha256.txt").read_text().splitlines()
    assert f"{sha256(source / 'notes.txt')}  data/notes.txt" in manifest
    assert len(manifest) == 7
    assert run("restore", root, tmp_path / "part", "deep").returncode == 0
    assert sorted(p.name for p in (tmp_path / "part").rglob("*")) == ["a.txt", "b.txt", "deep", "er"]
    (root / "files" / "x.lcc").unlink()
    (source / "new").write_text("new")
    assert run("verify", root).returncode == 1
    assert run("diff", source, root).stdout == b"missing: new\n"
    assert "no archive" in only_line(run("restore", source, tmp_path / "other"))


def test_a_bag_lists_all_that_it_holds_and_nothing_else(source: Path, tmp_path: Path) -> None:
    (source / "odd" / "\udcff folder").mkdir()
    (source / "odd" / "\udcff folder" / "line\nfeed 100%").write_text("listed")
    (source / "odd" / "\\xff").write_text("takes the name")
    (source / "to nothing").symlink_to("nowhere")
    archive.build(source, tmp_path / "archive")
    bag = tmp_path / "bag"
    done = list(archive.export_bag(archive.opened(tmp_path / "archive"), bag))
    assert not [each.error for each in done if each.error]
    for name in ("manifest", "tagmanifest"):
        listed = [line.split("  ", 1) for line in (bag / f"{name}-sha256.txt").read_text("utf-8").splitlines()]
        for digest, path in listed:
            assert sha256(bag / path.replace("%0A", "\n").replace("%25", "%")) == digest
        here = bag.rglob("data/**/*") if name == "manifest" else bag.glob("*")
        assert len(listed) == sum(path.is_file() for path in here) - (name == "tagmanifest")
    assert not any(path.is_symlink() for path in bag.rglob("*"))
    assert (bag / "data" / "odd" / "\\xff~").read_text() == "no UTF-8"
    assert json.loads((bag / "links.jsonl").read_text().splitlines()[0]) == {"path": "link", "target": "notes.txt"}
    assert (bag / "data" / "odd").stat().st_mtime_ns == (source / "odd").stat().st_mtime_ns


def test_archives_on_what_can_only_be_read_are_verified_and_restored(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "archive"
    archive.build(source, root)
    (root / "catalogue.sqlite").chmod(0o444)
    monkeypatch.setattr(os, "access", lambda path, mode: not str(path).startswith(str(root)))  # root may write all
    before = files_of(root)
    for out in ("with a catalogue", "and without"):
        opened = archive.opened(root)
        assert [judged.verdict for judged in archive.verify(opened)] == ["intact"] * 7
        assert not [done.error for done in archive.restore(opened, tmp_path / out) if done.error]
        assert files_of(root).keys() == before.keys()
        (root / "catalogue.sqlite").unlink(missing_ok=True)
        before.pop("catalogue.sqlite", None)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="mounts a small disk")
def test_a_disk_that_is_full_is_named_and_the_next_run_goes_on(source: Path, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    for number in range(8):
        (source / f"large {number}").write_bytes(os.urandom(150_000))
    with small_disk(tmp_path / "disk") as resize:
        root = tmp_path / "disk" / "archive"
        for _ in range(2):
            with pytest.raises(codec.MediaError, match=r"archive.*No space left"):
                archive.build(source, root)
        resize("8m")
        assert archive.build(source, root).stored == 15
        resize("2m")
        errors = [done.error for done in archive.restore(archive.opened(root), tmp_path / "disk" / "out") if done.error]
        assert errors
        assert all(error.startswith("cannot be written: No space left") for error in errors)


@contextmanager
def small_disk(folder: Path) -> Iterator[Callable[[str], None]]:
    """A disk of 600 KiB, mounted there; gives what gives it another size."""
    mount = ["mount", "-t", "tmpfs", "tmpfs", folder, "-o"]
    if subprocess.run([*mount, "size=600k"], capture_output=True, check=False).returncode:
        pytest.skip("may not mount")
    try:
        yield lambda size: subprocess.run(["mount", folder, "-o", f"remount,size={size}"], check=True) and None
    finally:
        subprocess.run(["umount", folder], check=True)


def test_what_was_a_folder_and_is_a_file_now_comes_back_as_that(source: Path, tmp_path: Path) -> None:
    root = tmp_path / "archive"
    archive.build(source, root)
    shutil.rmtree(source / "deep")
    (source / "deep").write_text("a file")
    (source / "x").unlink()
    (source / "x").mkdir()
    (source / "x" / "y").write_text("in a folder")
    (source / "link").unlink()
    (source / "link").write_text("no link")
    archive.build(source, root)
    for out in ("once", "of the commits"):
        assert list(archive.differences(source, archive.opened(root))) == []
        assert not [done.error for done in archive.restore(archive.opened(root), tmp_path / out) if done.error]
        assert files_of(tmp_path / out) == files_of(source)
        (root / "catalogue.sqlite").unlink()


def test_times_that_no_catalogue_can_hold_are_the_last_that_it_can(source: Path, tmp_path: Path) -> None:
    far = 13_569_465_600  # s: the year 2400
    try:
        os.utime(source / "x", (far, far))
    except OSError:
        pytest.skip("nor can this file system")
    assert archive.build(source, tmp_path / "archive").failed == 0
    assert archive.build(source, tmp_path / "archive").new == 0
    assert record_of(tmp_path / "archive", "x").mtime_ns == 2**63 - 1


def test_an_archive_that_lost_catalogue_and_commits_is_not_taken_for_an_empty_one(source: Path, tmp_path: Path) -> None:
    root = tmp_path / "archive"
    archive.build(source, root)
    (root / "catalogue.sqlite").unlink()
    shutil.rmtree(root / "commits")
    with pytest.raises(codec.CorruptFile, match="neither a catalogue nor commits"):
        list(archive.verify(archive.opened(root)))


@pytest.mark.parametrize(
    "change",
    [{"mode": "x"}, {"size": 2**64}, {"path": "a\0b"}, {"path": "\ud800"}, {"mtime_ns": None}, {"offset": True}],
    ids=["kind", "size", "zero byte", "surrogate", "null", "bool"],
)
def test_commits_that_no_archive_can_have_are_damaged(change: dict[str, object]) -> None:
    line = Record.of(Entry("x", "file"), place="files/x.lcc", psnr_db=40).line()
    assert Record.of_line(line).path == "x"
    with pytest.raises(ValueError, match="not a record"):
        Record.of_line(json.dumps(json.loads(line) | change).encode())
