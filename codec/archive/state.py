"""Archives at addresses of fsspec: made in a folder of this machine, their state, and uploaded job by job.

What is at the address is the truth. A state that does not fit it, because another machine stored there since or the
archive was removed, is made anew of it; what was not uploaded is then done again.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from codec.archive import catalogue, claims, journal, layout
from codec.archive.layout import Archive
from codec.archive.remote import Facts, RemoteFolder, without_secrets
from codec.bitstream.errors import MediaError, MissingFile

MARK = "state-of"  # a file with the address: only folders that have it are ever made anew
ABOUT = ("README.txt", layout.ABOUT)  # in this order: with the last it is an archive
OURS = ("commits", "files", "parts", "shards", "weights", "catalogue.sqlite", "catalogue.parquet", *ABOUT)


def folder_of(address: str) -> Path:
    """Where the state of an archive lies, where nothing else is said."""
    from platformdirs import user_state_path

    address = without_secrets(address)
    name = re.sub(r"[^A-Za-z0-9.]+", "-", address).strip("-")[-60:]
    digest = hashlib.sha256(address.encode("utf-8", "surrogateescape")).hexdigest()
    return user_state_path("codec", appauthor=False) / "archives" / f"{name}-{digest[:16]}"


def opened(address: str, folder: Path | None) -> Archive:
    """The archive at an address, whose state was brought up to date. Raises MissingFile, MediaError, CorruptFile."""
    folder = folder or folder_of(address)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with layout.locked(folder / "lock", wait=False):
            is_there = fetch(address, folder)
    except layout.AtWork:  # it keeps the state up to date
        is_there = layout.is_archive(folder)
    if not is_there:
        raise MissingFile(f"{without_secrets(address)} is no archive: there is no {layout.ABOUT} in it")
    return layout.opened(folder, address)


def fetch(address: str, folder: Path) -> bool:
    """Brings a state up to what is at the address, and says whether an archive is there. The folder is locked.

    Raises MediaError where the folder is no state of this address, or other things are at the address; CorruptFile.
    """
    remote, mark = RemoteFolder(address), folder / MARK
    if not mark.exists():
        if any(each.name not in ("lock", claims.MARK) for each in folder.iterdir()):
            raise MediaError(f"{folder} is neither the state of an archive nor empty")
        mark.write_text(without_secrets(address))
    elif mark.read_text() != without_secrets(address):
        raise MediaError(f"{folder} is the state of {mark.read_text()}, not of {without_secrets(address)}")
    try:
        about = remote.read(layout.ABOUT)
    except MissingFile:
        _remove(folder)
        return False
    sizes = {name: int(facts["size"]) for name, facts in _files(remote, "commits") if name.endswith(".jsonl")}
    if not _fits(remote, folder, address, about, sizes):
        _remove(folder)
    for name in ("commits", "parts", "weights"):
        (folder / name).mkdir(exist_ok=True)
    wanted = [f"commits/{name}" for name in sizes] + [f"weights/{name}" for name, _ in _files(remote, "weights")]
    for path in wanted:
        if not (folder / path).exists():
            part = folder / "parts" / "fetched"
            remote.download(path, part)
            os.replace(part, folder / path)
    (folder / layout.ABOUT).write_bytes(about)
    return True


def _files(remote: RemoteFolder, folder: str) -> list[tuple[str, Facts]]:
    try:
        return [(name, facts) for name, facts in remote.listed(folder) if facts["type"] == "file" and "/" not in name]
    except MissingFile:
        return []


def _fits(remote: RemoteFolder, folder: Path, address: str, about: bytes, sizes: dict[str, int]) -> bool:
    """Whether a state is one of what is at the address: it has all commits of there, and no finished ones besides."""
    if not layout.is_archive(folder) or (folder / layout.ABOUT).read_bytes() != about:
        return False
    with catalogue.opened(layout.opened(folder, address)) as found:
        unfinished = {f"{number:06}.jsonl" for number in found.unfinished()}
    here = {path.name: path for path in (folder / "commits").glob("*.jsonl")}
    if sizes.keys() - here.keys() or (here.keys() - sizes.keys()) - unfinished:
        return False
    # an upload that was cut off has a part of what is here
    differing = [name for name, size in sizes.items() if size != here[name].stat().st_size]
    return all(
        name in unfinished and here[name].read_bytes().startswith(remote.read(f"commits/{name}")) for name in differing
    )


def _remove(folder: Path) -> None:
    """Empties a state, all but its mark and its lock; what makes it an archive first."""
    for name in reversed(OURS):
        with suppress(FileNotFoundError):
            if (folder / name).is_dir():
                shutil.rmtree(folder / name)
            else:
                (folder / name).unlink()


@contextmanager
def held(address: str, folder: Path) -> Iterator[None]:
    """For work on the archive at an address, old or new, by a state that is locked; see `claims.held`.

    Raises MediaError where other things, or others, are at the address; MissingFile where nothing can be put there.
    """
    with suppress(MissingFile):
        there = {name for name, _ in RemoteFolder(address).listed("")}
        if layout.ABOUT not in there and there - {*ABOUT, claims.MARK}:
            raise MediaError(f"{without_secrets(address)} is neither an archive nor empty")
    with claims.held(address, folder):
        yield


def begin(archive: Archive) -> None:
    """Uploads what makes a folder an archive."""
    remote = RemoteFolder(archive.address)
    for name in ABOUT:
        remote.upload(archive.root / name, name)


def upload(archive: Archive, job: int) -> None:
    """Uploads what a job stored and then its commits, and removes the files from the state. Its journal is locked."""
    remote, commits = RemoteFolder(archive.address), archive.journal(job)
    # those that are not here lie at the address already
    places = {record.place for record in journal.read(commits) if record.place}
    stored = sorted(place for place in places if (archive.root / place).exists())
    if not stored and _has(remote, f"commits/{commits.name}", commits.stat().st_size):
        return
    claims.check(archive.address, archive.root)
    for place in stored:
        remote.upload(archive.root / place, place)
    remote.upload(commits, f"commits/{commits.name}")
    for place in stored:
        (archive.root / place).unlink()


def _has(remote: RemoteFolder, path: str, size: int) -> bool:
    try:
        return bool(remote.facts(path)["size"] == size)
    except MissingFile:
        return False


def end(archive: Archive) -> None:
    """Uploads what a run adds for all files, when nobody is at work any more."""
    remote = RemoteFolder(archive.address)
    there = {name for name, _ in _files(remote, "weights")}
    for path in sorted(archive.weights.iterdir()):
        if path.name not in there:
            remote.upload(path, f"weights/{path.name}")
    if (archive.root / "catalogue.parquet").exists():
        remote.upload(archive.root / "catalogue.parquet", "catalogue.parquet")
    for name in ("files", "shards"):
        shutil.rmtree(archive.root / name, ignore_errors=True)  # empty folders
