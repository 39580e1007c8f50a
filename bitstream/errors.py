"""Everything that can be wrong with a file or a medium, as one family.

CodecError
    CorruptFile        the bytes are wrong: truncated, checksum, impossible value
    LimitExceeded      a declared size is beyond a limit; raised before anything is allocated
    UnsupportedFile    right bytes, but a newer version, an unknown critical section or an unknown model
    ModelMismatch      weights are missing, or are not what they say
    MediaError         the image or audio cannot be read or written
        MissingFile    there is no file of that name; a FileNotFoundError too
    MissingPackage     what was asked for needs an optional package that is not installed

Mistakes of the calling program are ValueError and TypeError.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager


class CodecError(Exception):
    """Base of all errors that a file or a medium can cause. Its text is one line, fit for a user."""


class CorruptFile(CodecError):
    """The bytes are wrong: truncated, a failed checksum, an impossible value."""


class LimitExceeded(CodecError):
    """A declared size is beyond a limit; raised before anything is allocated."""


class UnsupportedFile(CodecError):
    """A well-formed file that this version cannot decode."""


class ModelMismatch(CodecError):
    """Weights are missing, or are not what they say."""


class MediaError(CodecError):
    """The image or audio cannot be read or written."""


class MissingFile(MediaError, FileNotFoundError):
    """There is no file of that name."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.errno, self.strerror = errno.ENOENT, os.strerror(errno.ENOENT)

    def __str__(self) -> str:
        return str(self.args[0])


class MissingPackage(CodecError):
    """What was asked for needs an optional package that is not installed."""


@contextmanager
def memory_errors() -> Iterator[None]:
    """Lacks of memory inside are a MediaError."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        # libraries of networks say so in words only
        if isinstance(error, MemoryError) or "allocate" in str(error) or "bad_alloc" in str(error):
            raise MediaError("there is not enough memory") from error
        raise
