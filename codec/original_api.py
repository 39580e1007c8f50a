"""The front door of originals: files of any kind that come back byte for byte."""

from __future__ import annotations

import io
import os
from contextlib import ExitStack
from typing import TYPE_CHECKING, BinaryIO, cast

from codec import media
from codec.bitstream import constants
from codec.bitstream.errors import LimitExceeded
from codec.decoded import DecodedOriginal
from codec.media import ByteSource, ByteTarget
from codec.media.paths import Writable, check_binary, is_file, open_file

if TYPE_CHECKING:
    from codec.bitstream.original import OriginalFile


def compress_exactly(source: ByteSource, out: ByteTarget | None = None) -> bytes:
    """The bytes of an .lcc file that gives the very bytes of a file back; see `store_original`, which streams."""
    coded = io.BytesIO()
    store_original(source, coded)
    return media.written(coded.getvalue(), out)


def store_original(source: ByteSource, out: Writable) -> None:
    """Writes an .lcc file that gives the very bytes of a file back, decoded and compared before.

    source: a path, bytes or a binary file, JPEGs and WAVE files by methods of their own; memory is bounded but for
        JPEGs. out: a binary file.
    Raises: MissingPackage (the extra `archive`), MediaError, MissingFile, LimitExceeded, all CodecError; TypeError.
    """
    from codec.original import encode

    with ExitStack() as opened:
        if isinstance(source, (str, os.PathLike)):
            file = opened.enter_context(open_file(source))
        elif is_file(source):
            check_binary(source)
            file = encode.seekable(cast(BinaryIO, source))
        else:
            file = io.BytesIO(media.read_bytes(source))
        encode.encode(file, out)


def restore_original(data: ByteSource, out: Writable) -> None:
    """Writes the very bytes that `store_original` was given to a binary file, in bounded memory but for JPEGs.

    What was written is worth nothing where this raises: CorruptFile, LimitExceeded, UnsupportedFile (files of images
    and audio too), MissingPackage, MediaError, all CodecError; TypeError.
    """
    from codec.original import decode

    with ExitStack() as opened:
        if isinstance(data, (str, os.PathLike)):
            file = opened.enter_context(open_file(data))
        else:
            file = cast(BinaryIO, data) if is_file(data) else io.BytesIO(media.read_bytes(data))
        for block in decode.blocks_from(file):
            out.write(block)


def decoded(parsed: OriginalFile, max_bytes: int = constants.MAX_HELD_BYTES) -> DecodedOriginal:
    """The original of a parsed file. Raises CorruptFile, LimitExceeded, MediaError, MissingPackage."""
    from codec.original import decode

    check_size(parsed, max_bytes)
    return DecodedOriginal(b"".join(decode.blocks_of(parsed)))


def check(parsed: OriginalFile) -> None:
    """Decodes a parsed file and keeps nothing of it. Raises as `decoded`, but for the limit."""
    from codec.original import decode

    for _ in decode.blocks_of(parsed):
        pass


def check_size(parsed: OriginalFile, max_bytes: int) -> None:
    """Raises LimitExceeded for an original of more bytes."""
    if parsed.header.size > max_bytes:
        raise LimitExceeded(f"an original of {parsed.header.size} bytes, beyond the limit of {max_bytes}")
