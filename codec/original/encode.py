"""An original into an .lcc file: by the method that suits it, decoded and compared before anything is written."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any, BinaryIO

from codec.bitstream import constants, original
from codec.bitstream.errors import CodecError, LimitExceeded, MediaError
from codec.bitstream.original import OriginalHeader
from codec.media.audio.libsndfile import spool
from codec.media.paths import Writable
from codec.original import decode, lepton, wave, zstandard

HEAD_BYTES = 16
Coding = Callable[[BinaryIO], bool]  # from the open original to a file; whether it could be done


def encode(source: BinaryIO, out: Writable) -> OriginalHeader:
    """The header of the .lcc file that is written to `out`. source: an open file that can seek, read from its start.

    Raises: LimitExceeded, MissingPackage; MediaError where no method gives the very bytes back, or the file changes
    while it is read; OSError.
    """
    head, size, sha256 = _facts(source)
    if size > constants.MAX_ORIGINAL_BYTES:
        raise LimitExceeded(f"a file of {size} bytes, at most {constants.MAX_ORIGINAL_BYTES} can be stored")
    source = io.BufferedReader(_AsFirstRead(source, size))
    with closing(spool()) as special, closing(spool()) as plain:
        chosen, method = special, _special(source, head, size, sha256, special)
        if method != constants.ORIGINAL_LEPTON:  # which is smaller than any general method
            source.seek(0)
            zstandard.encode(source, size, plain)
            if method is None or plain.tell() < special.tell():
                chosen, method = plain, constants.ORIGINAL_ZSTANDARD
                if not _is_exact(plain, method, size, sha256):
                    raise MediaError("cannot be stored exactly: what was stored is not what was read")
        assert method is not None
        header = OriginalHeader(method, size, chosen.seek(0, io.SEEK_END), sha256)
        chosen.seek(0)
        out.write(original.begin(header))
        for payload in iter(lambda: chosen.read(constants.MAX_PART_BYTES), b""):
            out.write(original.part(payload))
    return header


class _AsFirstRead(io.RawIOBase):
    """An open file of so many bytes, whatever was added to it since; its reads raise MediaError where it was cut."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file, self._size, self._at = file, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def readinto(self, buffer: Any) -> int:
        self._file.seek(self._at)
        data = self._file.read(min(len(buffer), max(self._size - self._at, 0)))
        if not data and self._at < self._size:
            raise MediaError("the file was cut while it was read")
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


def _special(source: BinaryIO, head: bytes, size: int, sha256: bytes, out: BinaryIO) -> int | None:
    """The method made for files that begin so, where it gives the very bytes back; its coded bytes are in `out`."""
    if lepton.suits(head, size):
        method = constants.ORIGINAL_LEPTON
    elif wave.suits(head):
        method = constants.ORIGINAL_FLAC
    else:
        return None
    source.seek(0)
    done = lepton.encode(source, out) if method == constants.ORIGINAL_LEPTON else wave.encode(source, size, out)
    return method if done and _is_exact(out, method, size, sha256) else None


def _is_exact(coded: BinaryIO, method: int, size: int, sha256: bytes) -> bool:
    """Whether what was coded decodes to the original."""
    coded_size = coded.seek(0, io.SEEK_END)
    if coded_size > original.longest_coded(size):
        return False
    coded.seek(0)
    try:
        for _ in decode.blocks(OriginalHeader(method, size, coded_size, sha256), coded):
            pass
    except CodecError:
        return False
    finally:
        coded.seek(0, io.SEEK_END)
    return True


def _facts(source: BinaryIO) -> tuple[bytes, int, bytes]:
    """First bytes, size and SHA-256 of an open file."""
    source.seek(0)
    total, size, head = hashlib.sha256(), 0, b""
    for block in _read(source):
        head = head or block[:HEAD_BYTES]
        total.update(block)
        size += len(block)
    return head, size, total.digest()


def _read(file: BinaryIO) -> Iterator[bytes]:
    return iter(lambda: file.read(zstandard.BLOCK_BYTES), b"")


def seekable(file: BinaryIO) -> BinaryIO:
    """The same bytes in a file that can seek to its start: itself, or a copy of what is left of it."""
    if file.seekable() and file.tell() == 0:
        return file
    copy = spool()
    for block in _read(file):
        copy.write(block)
    copy.seek(os.SEEK_SET)
    return copy
