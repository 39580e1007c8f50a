"""An .lcc file of an original back into the very bytes, a block at a time."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import BinaryIO

from codec.bitstream import constants
from codec.bitstream.errors import CorruptFile
from codec.bitstream.original import OriginalFile, OriginalHeader, PartsReader
from codec.media.audio.libsndfile import spool
from codec.original import lepton, wave, zstandard

METHODS: dict[int, Callable[[BinaryIO], Iterator[bytes]]] = {
    constants.ORIGINAL_ZSTANDARD: zstandard.blocks,
    constants.ORIGINAL_LEPTON: lepton.blocks,
    constants.ORIGINAL_FLAC: wave.blocks,
}


def blocks(header: OriginalHeader, coded: BinaryIO) -> Iterator[bytes]:
    """The original, a block at a time, of its coded bytes in an open file that can seek.

    Raises CorruptFile, behind the last block, where that is not what was stored; LimitExceeded, MediaError,
    MissingPackage.
    """
    total, size = hashlib.sha256(), 0
    for block in METHODS[header.method](coded):
        size += len(block)
        if size > header.size:
            raise CorruptFile(f"the original is longer than the {header.size} bytes of the header")
        total.update(block)
        yield block
    if size != header.size:
        raise CorruptFile(f"the original has {size} bytes, the header says {header.size}")
    if total.digest() != header.sha256:
        raise CorruptFile("the original does not have the SHA-256 of the header")


def blocks_of(parsed: OriginalFile) -> Iterator[bytes]:
    """The original of a parsed file, a block at a time. Raises as `blocks`."""
    return blocks(parsed.header, io.BytesIO(parsed.coded))


def blocks_from(file: BinaryIO) -> Iterator[bytes]:
    """The original of an open .lcc file, a block at a time, in bounded memory but for a JPEG. Raises as `blocks`."""
    reader = PartsReader(file)
    with closing(spool()) as coded:
        for payload in reader.parts():
            coded.write(payload)
        coded.seek(0)
        yield from blocks(reader.header, coded)
