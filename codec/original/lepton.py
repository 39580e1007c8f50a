"""A JPEG, by Lepton: its coefficients are coded anew under better models, and everything else is kept beside them.

Baseline and progressive, restart markers, bytes behind the image and files that are cut come back; four colours do not.
Source: Horn et al., "The Design, Implementation, and Deployment of a System to Transparently Compress Hundreds of
Petabytes of Image Files for a File-Storage Service" (NSDI 2017).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from codec.bitstream import constants
from codec.bitstream.errors import CorruptFile
from codec.original import packages

START = b"\xff\xd8\xff"


def suits(head: bytes, size: int) -> bool:
    """Whether a file that begins so may be coded so."""
    return head.startswith(START) and size <= constants.MAX_LEPTON_BYTES


def encode(source: BinaryIO, out: BinaryIO) -> bool:
    """Writes the coded JPEG; False where it is one that Lepton refuses. Raises MissingPackage."""
    library = packages.lepton()
    try:
        out.write(library.compress_bytes(source.read()))
    except RuntimeError:  # the only one that it raises
        return False
    return True


def blocks(coded: BinaryIO) -> Iterator[bytes]:
    """The JPEG. Raises CorruptFile, MissingPackage."""
    library = packages.lepton()
    try:
        yield library.decompress_bytes(coded.read())
    except RuntimeError as error:
        raise CorruptFile(f"the JPEG coded by Lepton is damaged: {str(error).splitlines()[0]}") from error
