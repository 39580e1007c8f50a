"""Files given back: the very bytes of what is stored exactly, PNG and WAVE of what is not, with times and modes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import codec
from codec import media
from codec.archive import catalogue, names, places
from codec.archive.catalogue import Catalogue
from codec.archive.layout import Archive
from codec.archive.records import Record
from codec.atomic import write_whole
from codec.bitstream.errors import CodecError, CorruptFile, MediaError

THREADS = 1
KEPT = (".png", ".wav")  # suffixes of files that are lossy in the archive and get their own names back


@dataclass(frozen=True)
class Restored:
    """What became of a record. path: where it is now, from the folder that was restored to; error: or why it is not."""

    record: Record
    path: str = ""
    error: str = ""


def restore(archive: Archive, out: Path, patterns: Iterable[str] = (), force: bool = False) -> Iterator[Restored]:
    """Restores what matches one of the patterns (fnmatch; a folder means all in it), or everything; record by record.

    Times and modes of folders are set last. Raises CodecError where the catalogue cannot be read, OSError.
    """
    chosen, folders = tuple(patterns), list[Record]()
    with catalogue.opened(archive) as found:
        out.mkdir(parents=True, exist_ok=True)
        links = []
        for record in found.records():
            if record.status != "stored" or not _is_chosen(record.path, chosen):
                continue
            if record.kind == "folder":
                folders.append(record)
            if record.kind == "link":
                links.append(record)  # last: no file may be written through one
            else:
                yield _restored(archive, found, record, out, force)
        for record in links:
            yield _restored(archive, found, record, out, force)
    for record in reversed(folders):
        _set_facts(out / record.path, record)


def _is_chosen(path: str, patterns: tuple[str, ...]) -> bool:
    return not patterns or any(fnmatchcase(path, each) or path.startswith(each.rstrip("/") + "/") for each in patterns)


def _restored(archive: Archive, found: Catalogue, record: Record, out: Path, force: bool) -> Restored:
    path = record.path
    try:
        if any(part in places.ELSEWHERE for part in path.split("/")):
            raise CorruptFile("the catalogue gives it a path that leads elsewhere")
        if record.kind == "file":
            path = target_of(record, found)
        target = _ready(out, path, force, record.kind == "folder")
        if record.kind == "folder":
            target.mkdir(parents=True, exist_ok=True)
        elif record.kind == "link":
            os.symlink(record.target, target)
            os.utime(target, ns=(record.mtime_ns, record.mtime_ns), follow_symlinks=False)
        else:
            write_whole(target, lambda file: write(archive, record, file), record.mode & 0o777)
            _set_facts(target, record)
    except CodecError as error:
        return Restored(record, error=str(error))
    except OSError as error:
        return Restored(record, error=f"cannot be written: {error.strerror or error}")
    return Restored(record, path)


def target_of(record: Record, found: Catalogue) -> str:
    """The path that a file is restored to: its own, but for lossy ones of other formats, which get .png or .wav."""
    if record.way == "exact" or PurePosixPath(record.path).suffix.lower() in KEPT:
        return record.path
    path = record.path + (".png" if record.psnr_db is not None or record.way == "lossless" else ".wav")
    while found.record(path):
        path += names.MARK
    return path


def _ready(out: Path, path: str, force: bool, is_folder: bool) -> Path:
    """The place for a thing, whose folder is there and no link; nothing else is there. Raises MediaError, OSError."""
    target = out
    for part in path.split("/")[:-1]:
        target = target / part
        if target.is_symlink():
            raise MediaError(f"{target} is a link: nothing is written through it")
        target.mkdir(exist_ok=True)
    target = out / path
    if os.path.lexists(target) and not (is_folder and target.is_dir() and not target.is_symlink()):
        if not force:
            raise MediaError(f"{target} exists already; --force overwrites it")
        if is_folder or (target.is_dir() and not target.is_symlink()):
            raise MediaError(f"{target} is a folder, or stands where one should")
        target.unlink()
    return target


def write(archive: Archive, record: Record, out: BinaryIO) -> None:
    """Writes a file as it is restored. Raises CodecError, OSError."""
    with places.opened(archive, record) as coded:
        if record.way == "exact":
            codec.restore_original(coded, out)
            return
        data = coded.read()
    found = codec.decode(data, bit_depth=None, threads=THREADS, weights=archive.weights)
    if isinstance(found, codec.DecodedImage):
        depth = codec.info(data)
        if isinstance(depth, codec.ImageInfo) and depth.bit_depth == 16:
            deep = codec.decode(data, bit_depth=16, threads=THREADS, weights=archive.weights)
            assert isinstance(deep, codec.DecodedImage)
            found = deep
        out.write(media.image_bytes(found.image, ".png"))
    elif isinstance(found, codec.DecodedAudio):
        out.write(media.audio_bytes(found.audio, ".wav"))
    else:
        out.write(found.data)


def _set_facts(target: Path, record: Record) -> None:
    """Gives a file or a folder its mode and its time of change."""
    if not target.is_symlink() and target.exists():
        os.chmod(target, record.mode)
        if record.mtime_ns or record.ctime_ns:  # some stores know neither
            os.utime(target, ns=(record.mtime_ns, record.mtime_ns))
