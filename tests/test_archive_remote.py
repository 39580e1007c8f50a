"""Archives from and to addresses of fsspec: of memory, of this machine's disk by `local://`, and of a web server."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

import codec
from codec import archive
from codec.archive import claims, remote, state
from codec.archive.records import Entry
from codec.archive.remote import RemoteFolder
from codec.archive.remote_source import RemoteSource
from tests.conftest import PATIENCE_S, Run, only_line

fsspec = pytest.importorskip("fsspec")
pytest.importorskip("zstandard")
pytest.importorskip("lepton_jpeg_python")

FILES = {"notes.txt": b"words " * 50, "deep/er/a.txt": b"a", "deep/b.txt": b"", "x.lcc/y": b"y", "odd/ ~ %20": b"odd"}
POLL_S = 0.01


@pytest.fixture
def memory() -> Iterator[Any]:
    found = fsspec.filesystem("memory")
    found.store.clear()
    found.pseudo_dirs[:] = [""]
    for name, data in FILES.items():
        found.pipe(f"/source/{name}", data)
    yield found
    found.store.clear()


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def build(tmp_path: Path, source: str = "memory://source", dest: str = "memory://archive", **more: Any) -> Any:
    return archive.build(source, dest, **{"state_folder": tmp_path / "state"} | more)


def opened(tmp_path: Path, dest: str = "memory://archive") -> archive.Archive:
    return archive.opened(dest, tmp_path / "state")


def restored(tmp_path: Path, name: str = "out") -> dict[str, bytes]:
    assert not [done.error for done in archive.restore(opened(tmp_path), tmp_path / name) if done.error]
    return contents(tmp_path / name)


@pytest.mark.parametrize("kind", ["mirror", "shards"])
def test_a_folder_at_an_address_is_archived_at_an_address(kind: Any, memory: Any, tmp_path: Path) -> None:
    summary = build(tmp_path, kind=kind)
    assert (summary.stored, summary.failed, summary.new) == (5, 0, 9)
    assert {judged.verdict for judged in archive.verify(opened(tmp_path), deep=True)} == {"intact"}
    assert list(archive.differences("memory://source", opened(tmp_path))) == []
    assert restored(tmp_path) == FILES
    assert [path for path in contents(tmp_path / "state") if path.startswith(("files", "shards"))] == []
    assert build(tmp_path).new == 0
    memory.pipe("/source/notes.txt", b"other " * 50)  # as many bytes, at another time
    assert list(archive.differences("memory://source", opened(tmp_path))) == [("changed", "notes.txt")]
    assert build(tmp_path).new == 1
    assert restored(tmp_path, "again")["notes.txt"] == b"other " * 50


def test_what_a_store_says_of_contents_tells_what_is_new(
    memory: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tags = {"ETag": '"1"'}

    def listed(self: RemoteFolder, folder: str) -> list[tuple[str, dict[str, Any]]]:
        return [] if folder else [("x", {"name": "x", "type": "file", "size": 9, **tags})]

    monkeypatch.setattr(RemoteFolder, "listed", listed)
    monkeypatch.setattr(RemoteFolder, "download", lambda self, path, target: target.write_bytes(b"nine byte"))
    root = tmp_path / "archive"
    assert archive.build("memory://source", root).stored == 1
    assert archive.build("memory://source", root).new == 0
    tags["ETag"] = '"2"'
    assert archive.build("memory://source", root).new == 1
    tags.clear()  # a store that says nothing: contents are compared each time
    assert [archive.build("memory://source", root).new for _ in range(2)] == [1, 1]


def test_a_state_that_is_lost_or_behind_or_of_a_removed_archive_is_made_anew(memory: Any, tmp_path: Path) -> None:
    build(tmp_path)
    shutil.rmtree(tmp_path / "state")
    assert restored(tmp_path) == FILES
    memory.pipe("/source/new", b"new")
    archive.build("memory://source", "memory://archive", state_folder=tmp_path / "another machine")
    assert list(archive.differences("memory://source", opened(tmp_path))) == []
    assert build(tmp_path).new == 0
    memory.rm("/archive", recursive=True)
    with pytest.raises(codec.MissingFile, match="no archive"):
        opened(tmp_path)
    assert build(tmp_path).stored == 6


def test_commits_are_uploaded_behind_what_they_tell_of(
    memory: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = RemoteFolder.upload

    def failing(self: RemoteFolder, source: Path, path: str) -> None:
        if path.startswith("commits/"):
            raise remote.Unreachable("the line is dead")
        real(self, source, path)

    with monkeypatch.context() as patched:
        patched.setattr(RemoteFolder, "upload", failing)
        with pytest.raises(codec.MediaError, match="dead"):
            build(tmp_path)
    assert memory.exists("/archive/files/notes.txt.lcc")
    assert not memory.exists("/archive/commits")
    summary = build(tmp_path)
    assert (summary.resumed, summary.new, summary.stored) == (True, 0, 5)
    assert restored(tmp_path) == FILES


def test_damage_is_told_from_a_line_that_is_dead(memory: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build(tmp_path)
    memory.rm("/archive/files/notes.txt.lcc")
    memory.pipe("/archive/files/deep/er/a.txt.lcc", b"cut")
    found = opened(tmp_path)
    damaged = {judged.record.path for judged in archive.verify(found) if judged.verdict == "damaged"}
    assert damaged == {"notes.txt", "deep/er/a.txt"}

    def dead(*arguments: object, **options: object) -> None:
        raise RuntimeError("the line is dead")

    monkeypatch.setattr(type(memory), "cat_file", dead)
    assert "not judged" in {judged.verdict for judged in archive.verify(found)}
    failed = [done.error for done in archive.restore(found, tmp_path / "out") if done.error]
    assert any("the line is dead" in error for error in failed)


def test_names_that_no_folder_can_hold_are_failures_and_the_rest_is_stored(memory: Any, tmp_path: Path) -> None:
    memory.store["/source/nu\0ll"] = memory.store["/source/notes.txt"]
    summary = build(tmp_path)
    assert (summary.stored, summary.failed) == (5, 1)
    assert "no folder can hold" in summary.errors[0]


def test_files_that_came_short_fail_and_are_tried_again(
    memory: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(RemoteFolder, "download", lambda self, path, target: target.write_bytes(b"something else"))
        assert build(tmp_path).failed == 4  # of the empty one nothing is known
    assert build(tmp_path).stored == 5
    assert restored(tmp_path)["notes.txt"] == FILES["notes.txt"]


def test_two_that_store_at_one_address_do_not_meet(memory: Any, tmp_path: Path) -> None:
    for number in range(200):  # several jobs
        memory.pipe(f"/source/many/{number}", b"data")
    mark, refused = f"/archive/{claims.MARK}", []

    def another(*shown: object) -> None:
        assert memory.exists(mark)
        with pytest.raises(codec.MediaError, match="stores there, since 2") as error:
            build(tmp_path, state_folder=tmp_path / "another machine")
        refused.append(str(error.value))

    build(tmp_path, show=another)
    assert len(refused) == 4
    assert not memory.exists(mark)
    assert build(tmp_path, state_folder=tmp_path / "another machine").new == 0


def test_who_is_written_over_stops_before_the_next_upload_and_goes_on_when_the_mark_is_gone(
    memory: Any, tmp_path: Path
) -> None:
    for number in range(200):
        memory.pipe(f"/source/many/{number}", b"data")
    mark = f"/archive/{claims.MARK}"

    def write_over(*shown: object) -> None:
        memory.pipe(mark, b'{"id": "of another"}')

    with pytest.raises(codec.MediaError, match=f"remove its {claims.MARK}"):
        build(tmp_path, show=write_over)
    assert len(memory.find("/archive/commits")) == 1
    assert memory.exists(mark)  # which is not ours
    with pytest.raises(codec.MediaError, match="stores there"):
        build(tmp_path)
    memory.rm_file(mark)
    summary = build(tmp_path)
    assert summary.resumed
    assert restored(tmp_path).keys() == FILES.keys() | {f"many/{number}" for number in range(200)}


def test_a_mark_that_a_kill_left_is_no_obstacle_to_its_own_state(memory: Any, tmp_path: Path) -> None:
    build(tmp_path)
    memory.pipe(f"/archive/{claims.MARK}", (tmp_path / "state" / claims.MARK).read_bytes())
    memory.pipe("/source/new", b"new")
    assert build(tmp_path).new == 1
    assert not memory.exists(f"/archive/{claims.MARK}")


def test_states_and_archives_of_others_are_refused(memory: Any, tmp_path: Path) -> None:
    with pytest.raises(codec.MediaError, match="itself"):
        build(tmp_path, dest="memory://source/archive")
    build(tmp_path)
    with pytest.raises(codec.MediaError, match="is the state of memory://archive"):
        build(tmp_path, dest="memory://other")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("mine")
    with pytest.raises(codec.MediaError, match="neither"):
        archive.build("memory://source", "memory://archive", state_folder=tmp_path / "full")
    with pytest.raises(codec.MediaError, match="neither"):
        archive.build("memory://archive", "memory://source", state_folder=tmp_path / "new")
    with pytest.raises(codec.MediaError, match="nowhere"):
        archive.build("nowhere://source", tmp_path / "archive")
    with pytest.raises(codec.MissingFile, match="nothing that local://"):
        build(tmp_path, dest=f"local://{tmp_path}/no/folder/archive", state_folder=tmp_path / "third")


def test_addresses_keep_their_passwords_to_themselves() -> None:
    assert remote.without_secrets("ftp://me:secret@host/x@y") == "ftp://host/x@y"
    assert remote.without_secrets("memory://a") == "memory://a"
    assert state.folder_of("ftp://me:secret@host/x") == state.folder_of("ftp://host/x")
    assert remote.place_of("file:///photos") == Path("/photos")


def made_tree(root: Path, count: int) -> None:
    for number in range(count):
        path = root / f"folder {number // 50}" / f"{number}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"file {number}")


def commits_of(root: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in (root / "commits").glob("*.jsonl")}


@pytest.mark.slow
def test_a_killed_upload_goes_on_where_it_was(run: Run, tmp_path: Path) -> None:
    made_tree(tmp_path / "source", 500)
    root, dest = tmp_path / "archive", f"local://{tmp_path}/archive"
    options = ["--state", tmp_path / "state", "--workers", 2]
    arguments = ["archive", f"local://{tmp_path}/source", dest, *options]
    running = subprocess.Popen([sys.executable, "-m", "codec.cli", *map(str, arguments)])
    while running.poll() is None and len(commits_of(root)) < 3:
        time.sleep(POLL_S)
    running.send_signal(signal.SIGKILL)
    running.wait(PATIENCE_S)
    before = commits_of(root)
    done = run(*arguments)
    assert done.returncode == 0, done.stderr
    after = commits_of(root)
    assert len(after) == 8
    again = [name for name in before if before[name] != after[name]]
    assert len(again) <= 2  # at which the workers were
    assert b"500 intact" in run("verify", "--deep", dest, "--state", tmp_path / "state").stdout
    assert run("diff", tmp_path / "source", dest, "--state", tmp_path / "state").returncode == 0
    assert run("restore", dest, tmp_path / "out", "--state", tmp_path / "new state").returncode == 0
    assert contents(tmp_path / "out") == contents(tmp_path / "source")
    assert b"500 intact" in run("verify", root).stdout  # what lies there is an archive of itself
    missing = run("restore", f"local://{tmp_path}/nothing", tmp_path / "x", "--state", tmp_path / "third")
    assert "no archive" in only_line(missing)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Callable[[Path], str]]:
    """Serves a folder by HTTP, and gives its address."""
    servers = []

    def serve(root: Path) -> str:
        handler = partial(SimpleHTTPRequestHandler, directory=os.fspath(root))
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        servers.append(server)
        Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def test_a_folder_of_a_web_server_is_archived(served: Callable[[Path], str], tmp_path: Path) -> None:
    pytest.importorskip("aiohttp")
    made_tree(tmp_path / "pages", 5)
    address = served(tmp_path)
    assert archive.build(f"{address}/pages", tmp_path / "archive").stored == 5
    assert archive.build(f"{address}/pages", tmp_path / "archive").new == 0
    assert list(archive.differences(f"{address}/pages", archive.opened(tmp_path / "archive"))) == []
    first = RemoteSource(f"{address}/pages").entry("folder%200/0.txt")
    assert isinstance(first, Entry)
    assert first.mtime_ns // 10**9 == (tmp_path / "pages" / "folder 0" / "0.txt").stat().st_mtime_ns // 10**9


def test_a_bucket_of_s3_is_archived_in_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("s3fs")
    moto = pytest.importorskip("moto.server")
    server = moto.ThreadedMotoServer(port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        for name, value in {
            "AWS_ENDPOINT_URL_S3": f"http://{host}:{port}",
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": "us-east-1",
        }.items():
            monkeypatch.setenv(name, value)
        store = fsspec.filesystem("s3", use_listings_cache=False)
        for bucket in ("source", "archives"):
            store.mkdir(bucket)
        for name, data in FILES.items():
            store.pipe(f"source/photos/{name}", data)
        store.touch("source/photos/deep/")  # the mark of a folder
        store.pipe("source/photos/notes.txt/x", b"a folder of a file's name")
        store.pipe("source/photos/deep//x", b"in a folder without a name")
        summary = build(tmp_path, "s3://source/photos", "s3://archives/photos", kind="shards")
        assert (summary.stored, summary.failed, summary.new) == (5, 2, 9)
        again = build(tmp_path, "s3://source/photos", "s3://archives/photos")
        assert (again.failed, again.new) == (2, 0)
        found = archive.opened("s3://archives/photos", tmp_path / "another machine")
        assert {judged.verdict for judged in archive.verify(found, deep=True)} == {"intact"}
        assert not [done.error for done in archive.restore(found, tmp_path / "out") if done.error]
        assert contents(tmp_path / "out") == FILES
        with pytest.raises(
            codec.MissingFile, match="nothing that s3://nowhere/photos could"
        ):  # no bucket is made for a name that was mistyped
            build(tmp_path, "s3://source/photos", "s3://nowhere/photos", state_folder=tmp_path / "new state")
    finally:
        server.stop()
