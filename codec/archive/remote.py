"""Folders at addresses, of object stores and servers, as fsspec reaches them: s3://bucket/photos, memory://..."""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from codec.archive.names import shown
from codec.bitstream.errors import CodecError, MediaError, MissingFile, MissingPackage
from codec.media.paths import is_url

LOCAL = "file://"  # addresses that are paths of this machine
FULL = (errno.ENOSPC, errno.EDQUOT)  # of the disk here, which no other file would fare better with
BLOCK_BYTES = 1 << 23  # that one request reads of a file
Facts = dict[str, Any]  # what fsspec says of a thing: name, size, type and what else the store tells


class Unreachable(MediaError):
    """What is at an address could not be reached now; that says nothing about what it is."""


def place_of(given: Path | str) -> Path | str:
    """The path of a folder of this machine, or the address of one elsewhere, without a slash at its end."""
    if not is_url(given):
        return Path(given)
    if given.startswith(LOCAL):
        return Path(given.removeprefix(LOCAL))
    trimmed = given.rstrip("/")
    return given if trimmed.endswith(":") else trimmed


def without_secrets(address: str) -> str:
    """An address without the user and the password that it may name, for files that others read."""
    where = urlsplit(address).netloc
    return address.replace(where, where.rpartition("@")[2], 1)


class RemoteFolder:
    """A folder at an address. Paths in it are divided by "/".

    Its methods raise MissingFile, Unreachable; OSError where the disk of this machine is full.
    """

    def __init__(self, address: str) -> None:
        """Raises MissingPackage; MediaError for an address that fsspec does not know."""
        try:
            fsspec: Any = import_module("fsspec.core")
        except ImportError as error:
            raise MissingPackage(f"{address!r} needs fsspec: pip install 'codec[remote]'") from error
        try:
            # listings are walked through once, and must be those of now
            with _reached(address):
                self._fs, root = fsspec.url_to_fs(address, use_listings_cache=False)
        except Unreachable as error:
            if isinstance(error.__cause__, ImportError):
                raise MissingPackage(str(error)) from error
            raise
        self.address = address
        self._root = str(root).rstrip("/")
        self._made: set[str] = set()

    def _whole(self, path: str) -> str:
        return f"{self._root}/{path}" if path else self._root

    def listed(self, folder: str) -> list[tuple[str, Facts]]:
        """Name and facts of all that is in a folder."""
        whole = self._whole(folder) + "/"
        with _reached(self._shown(folder)):
            found = self._fs.ls(whole, detail=True)
            names = [(facts["name"].removeprefix(whole).rstrip("/"), facts) for facts in found]
            # pages link to elsewhere; a file without a name is the mark of the folder itself, not so a folder
            held = [each for each in names if each[1]["name"].startswith(whole) and (each[0] or _is_folder(each[1]))]
            return [(name, self._sized(facts)) for name, facts in held]

    def _sized(self, facts: Facts) -> Facts:
        """The facts of a thing, asked for where a listing does not have them."""
        if facts.get("size") is not None or _is_folder(facts):
            return facts
        return {**facts, **self._fs.info(facts["name"])}

    def facts(self, path: str) -> Facts:
        """What is known of a thing in the folder."""
        with _reached(self._shown(path)):
            found: Facts = self._fs.info(self._whole(path))
            return found

    def read(self, path: str) -> bytes:
        """All of a file."""
        with _reached(self._shown(path)):
            data: bytes = self._fs.cat_file(self._whole(path))
            return data

    def part(self, path: str, start: int, end: int) -> BinaryIO:
        """Bytes start to end of a file, to be read in order; fewer where it is shorter."""
        return io.BufferedReader(_Part(self, path, start, end), BLOCK_BYTES)

    def bytes_of(self, path: str, start: int, end: int) -> bytes:
        """Bytes start to end of a file."""
        with _reached(self._shown(path)):
            data: bytes = self._fs.cat_file(self._whole(path), start=start, end=end)
            return data

    def download(self, path: str, target: Path) -> None:
        """Copies a file to a path of this machine."""
        with _reached(self._shown(path)):
            self._fs.get_file(self._whole(path), os.fspath(target))

    def upload(self, source: Path, path: str) -> None:
        """Copies a file of this machine into the folder, over what is there; most stores show it when it is whole."""
        with _reached(self._shown(path)):
            try:
                self._fs.put_file(os.fspath(source), self._whole(path))
            except Exception:  # stores say in many ways that a folder is missing; most have no folders
                if not self._made_folder_of(path):
                    raise
                self._fs.put_file(os.fspath(source), self._whole(path))

    def remove(self, path: str) -> None:
        """Removes a file."""
        with _reached(self._shown(path)):
            self._fs.rm_file(self._whole(path))

    def _made_folder_of(self, path: str) -> bool:
        """Makes the folders that a path needs, but not those above the address; whether that was not tried before."""
        parent = path.rpartition("/")[0]
        if parent in self._made:
            return False
        parts = parent.split("/") if parent else []
        for count in range(len(parts) + 1):
            folder = "/".join(parts[:count])
            if folder not in self._made:
                try:
                    self._fs.mkdir(self._whole(folder), create_parents=False)
                except FileExistsError:
                    pass
                except FileNotFoundError as error:
                    raise MissingFile(f"there is nothing that {self._shown(folder)} could be made in") from error
                self._made.add(folder)
        return True

    def _shown(self, path: str) -> str:
        return f"{without_secrets(self.address)}/{shown(path)}".rstrip("/")


def _is_folder(facts: Facts) -> bool:
    return bool(facts["type"] == "directory")


class _Part(io.RawIOBase):
    """A range of a remote file, a request for each block."""

    def __init__(self, folder: RemoteFolder, path: str, start: int, end: int) -> None:
        self._folder, self._path, self._at, self._end = folder, path, start, end

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        end = min(self._at + len(buffer), self._end)
        data = self._folder.bytes_of(self._path, self._at, end) if end > self._at else b""
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


@contextmanager
def _reached(what: str) -> Iterator[None]:
    """Errors of any kind, those of each store's own library among them, are MissingFile and Unreachable."""
    try:
        yield
    except CodecError:
        raise
    except FileNotFoundError as error:
        raise MissingFile(f"there is no {what}") from error
    except Exception as error:
        if isinstance(error, OSError) and error.errno in FULL:
            raise
        text = " ".join(str(error).split()) or type(error).__name__
        raise Unreachable(f"cannot reach {what}: {text}") from error
