"""Any file, as one frame of zstandard (RFC 8878), in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from codec.bitstream import constants
from codec.bitstream.errors import CorruptFile
from codec.original import packages

LEVEL = 12  # of program text, 19 would save 12 % at a thirteenth of the speed
BLOCK_BYTES = 1 << 18


def encode(source: BinaryIO, size: int, out: BinaryIO) -> None:
    """Writes the frame of an open file of so many bytes. Raises MissingPackage."""
    library = packages.zstandard()
    library.ZstdCompressor(level=LEVEL).copy_stream(source, out, size=size)


def blocks(coded: BinaryIO) -> Iterator[bytes]:
    """The file, a block at a time. Raises CorruptFile, MissingPackage."""
    library = packages.zstandard()
    reader = library.ZstdDecompressor(max_window_size=constants.MAX_WINDOW_BYTES).stream_reader(coded)
    try:
        while block := reader.read(BLOCK_BYTES):
            yield block
    except library.ZstdError as error:
        raise CorruptFile(f"the frame of zstandard is damaged: {error}") from error
