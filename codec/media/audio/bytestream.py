"""A binary file read from front to back: exact counts, a look ahead, and jumps where it can seek."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import BinaryIO, cast

from codec.media.paths import Readable

AT_ONCE = 1 << 16


class ByteStream:
    """Bytes of a file or a pipe, from where it stands on.

    position: bytes taken since then; size: how many there are, None of a pipe.
    """

    def __init__(self, file: Readable) -> None:
        self.file = cast(BinaryIO, file)
        self.position = 0
        self._ahead = b""  # of a pipe, looked at and not taken
        self.size: int | None = None
        self._start = 0
        if file.seekable():
            self._start = self.file.tell()
            self.size = self.file.seek(0, io.SEEK_END) - self._start
            self.file.seek(self._start)

    def peek(self, count: int) -> bytes:
        """The next bytes, fewer only at the end; they will be read again."""
        if self.size is not None:
            data = _up_to(self.file.read, count)
            self.file.seek(self._start + self.position)
            return data
        self._ahead += _up_to(self.file.read, count - len(self._ahead))
        return self._ahead[:count]

    def read(self, count: int) -> bytes:
        """The next bytes, fewer only at the end."""
        data, self._ahead = self._ahead[:count], self._ahead[count:]
        data += _up_to(self.file.read, count - len(data))
        self.position += len(data)
        return data

    def skip(self, count: int) -> None:
        """Steps over bytes, as far as there are any."""
        if self.size is not None:
            self.seek(min(self.position + count, max(self.size, self.position)))
            return
        while count > 0 and (data := self.read(min(count, AT_ONCE))):
            count -= len(data)

    def seek(self, position: int) -> None:
        """Goes to a position, in a file that can seek; to its end where it is shorter."""
        self.position = min(position, self.size or 0)
        self.file.seek(self._start + self.position)


def _up_to(read: Callable[[int], bytes], count: int) -> bytes:
    """The next bytes, fewer only at the end; pipes may give them in parts."""
    parts = []
    while count > 0 and (data := read(min(count, AT_ONCE))):
        parts.append(data)
        count -= len(data)
    return parts[0] if len(parts) == 1 else b"".join(parts)
