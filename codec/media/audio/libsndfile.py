"""Audio files opened by libsndfile, under our errors: a stream from the first sample to the last, never sought in.

The package `soundfile` seeks after every block, which is slow, and which fails in files that end early or do not say
how long they are. A file that says that it cannot seek is left in peace.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from codec.bitstream.errors import CodecError, LimitExceeded, MediaError
from codec.media.audio.bytestream import ByteStream
from codec.media.notices import MediaNotice

if TYPE_CHECKING:
    from soundfile import SoundFile

UNRECOGNISED = 1  # an error code of libsndfile
SPOOLED_BYTES = 1 << 24  # of a pipe, kept in memory before a temporary file takes over
SPOOLED_AT_ONCE = 1 << 16


@contextmanager
def guarded() -> Iterator[None]:
    """For reading through libsndfile: whatever it raises for a bad file is a MediaError."""
    import soundfile

    try:
        yield
    except (CodecError, MediaNotice):
        raise
    except MemoryError as error:
        raise MediaError("there is not enough memory for the audio") from error
    except soundfile.LibsndfileError as error:
        if error.code == UNRECOGNISED:
            raise MediaError("not a clip of a known format") from error
        raise MediaError(f"the audio is damaged: {_line(error.error_string)}") from error
    except Exception as error:  # the package has errors of many kinds for odd headers
        raise MediaError(f"the audio is damaged: {_line(error)}") from error


class VirtualFile(Protocol):
    """What libsndfile reads from."""

    def read(self, count: int = -1, /) -> bytes:
        """So many bytes, fewer only at the end."""

    def seek(self, offset: int, whence: int = ..., /) -> int:
        """The new position."""

    def tell(self) -> int:
        """The position."""


def stream(file: VirtualFile, mode: str = "r", **form: Any) -> SoundFile:
    """A SoundFile over a file that can seek; form: what `SoundFile` wants to know of a file to write.

    Raises whatever soundfile does.
    """
    import soundfile

    audio = soundfile.SoundFile(_Forgiving(file), mode, **form)
    audio.seekable = lambda: False
    return audio


def spool() -> BinaryIO:
    """A file that can seek, to stand between libsndfile and a pipe, which cannot."""
    return tempfile.SpooledTemporaryFile(SPOOLED_BYTES)  # type: ignore[return-value]  # it does all that is asked


def spooled(stream: ByteStream, max_bytes: int) -> BinaryIO:
    """A file that can seek, with all that is left of a stream. Raises LimitExceeded where that is more."""
    with ExitStack() as closed_on_errors:
        file = closed_on_errors.enter_context(spool())
        while piece := stream.read(SPOOLED_AT_ONCE):
            file.write(piece)
            if file.tell() > max_bytes:
                raise LimitExceeded(f"an audio file of more than {max_bytes} bytes")
        file.seek(0)
        closed_on_errors.pop_all()
        return file


class _Forgiving:
    """A file as libsndfile uses it; it stays where it is when it is sent to a place that does not exist.

    An exception could not pass through libsndfile: it would be printed and forgotten. And this file has no name, from
    which soundfile would guess.
    """

    def __init__(self, file: VirtualFile) -> None:
        self._file = file
        self.write = getattr(file, "write", None)
        self.tell = file.tell

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        try:
            return self._file.seek(offset, whence)
        except (OSError, ValueError):
            return self._file.tell()

    def read(self, size: int = -1) -> bytes:
        return self._file.read(size)


def _line(error: object) -> str:
    return " ".join(str(error).split()) or type(error).__name__
