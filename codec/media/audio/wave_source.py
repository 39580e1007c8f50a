"""A WAVE file as libsndfile is to see it: a short header of ours, then the samples, however many there really are.

So lengths that are not true are mended, Wave64, RF64 and BW64 are read as any other, and a pipe is read as it comes:
libsndfile has no reason to seek.
"""

from __future__ import annotations

import io
from typing import BinaryIO, Protocol

from codec.bitstream.errors import LimitExceeded
from codec.media.audio import riff
from codec.media.audio.bytestream import ByteStream
from codec.media.audio.libsndfile import spooled
from codec.media.audio.riff import Chunk, Layout, Tail
from codec.media.notices import notice

ENDLESS = 1 << 60  # bytes: of a pipe whose end nobody knows
LOOKED_AT = 64  # bytes of its samples that are kept


class _Samples(Protocol):
    """The bytes of samples, and what was found about them.

    length: how many there are, None of a pipe; others: chunks behind the samples; later: those of a pipe, as soon as
    they have come; said: notices.
    """

    length: int | None
    declared: int | None
    taken: int
    others: list[Chunk]
    later: list[Chunk]
    said: list[str]

    def read(self, at: int, count: int) -> bytes:
        """Those from an offset on, fewer only at the end."""


class WaveSource:
    """What libsndfile reads of a WAVE file.

    layout: of the file's head; samples: what stands behind it; error: of the file, which could not pass through
    libsndfile.
    """

    def __init__(self, stream: ByteStream, max_bytes: int) -> None:
        """stream: from its first byte on. A pipe is read as it comes, or, where its samples are packed in blocks, first
        to its end into a temporary file.

        Warns: MediaNotice. Raises: MediaError, LimitExceeded.
        """
        self.layout: Layout = riff.read_layout(stream)
        self._spool: BinaryIO | None = None
        if stream.size is None and self.layout.is_packed:
            self._spool = spooled(stream, max_bytes)
            stream = ByteStream(self._spool)
        self.samples: _Samples = (
            _Endless(stream, self.layout) if stream.size is None else _Measured(stream, self.layout, stream.size)
        )
        endless = ENDLESS if self.layout.fits_rf64 else riff.LONGEST_RIFF - self.layout.block_bytes
        shown = self.samples.length
        if shown is None or shown > endless:
            shown = endless - endless % self.layout.block_bytes
        self._front = riff.header_for(self.layout, self.others, shown)
        self._size = len(self._front) + shown
        self._at = 0
        self.error: Exception | None = None

    def read(self, count: int = -1) -> bytes:
        """The next bytes, fewer at the end, or where a file fails."""
        inside = self._front[self._at : self._at + count]
        self._at += len(inside)
        if len(inside) < count:
            try:
                inside += (found := self.samples.read(self._at - len(self._front), count - len(inside)))
            except Exception as error:
                self.error = self.error or error
            else:
                self._at += len(found)
        return inside

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Goes anywhere: of a pipe nothing is found but at the place where it is."""
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def tell(self) -> int:
        """Where it is."""
        return self._at

    @property
    def others(self) -> list[Chunk]:
        """The chunks beside the samples, of a pipe those in front of them."""
        return self.layout.others + self.samples.others

    @property
    def later(self) -> list[Chunk]:
        """The chunks behind the samples of a pipe, as soon as these have been read."""
        return self.samples.later

    def check(self) -> None:
        """Raises what reading the file raised."""
        if self.error:
            raise self.error

    def close(self) -> None:
        """Drops the temporary file, where there is one."""
        if self._spool:
            self._spool.close()


class _Measured:
    """Samples of a file that can seek."""

    def __init__(self, stream: ByteStream, layout: Layout, size: int) -> None:
        self.others: list[Chunk] = []
        self.later: list[Chunk] = []
        self.said: list[str] = []
        self.declared, self.taken = layout.declared, 0
        self._stream, self._begin = stream, stream.position
        self.length: int | None = self._measured(size - self._begin, layout)

    def _measured(self, there: int, layout: Layout) -> int:
        """How many bytes of samples there are, where so many bytes follow the head. Warns: MediaNotice."""
        declared = self.declared
        if declared is None or declared > there:
            return there

        def look(offset: int, count: int) -> bytes:
            return self._look(declared + offset, count)

        tail = riff.tail_of(look, there - declared, True, layout.dialect, layout.dialect.padding(declared))
        if tail is None:
            notice(riff.too_small(declared, there))
            self.declared = None
            return there
        self._keep(tail, declared, layout)
        return declared

    def _keep(self, tail: Tail, begin: int, layout: Layout) -> None:
        held = sum(len(chunk.payload) for chunk in layout.others)
        for name, at, length in tail.chunks:
            held += length
            if held > riff.MAX_HELD_BYTES:
                raise LimitExceeded(f"a WAVE file with chunks of more than {riff.MAX_HELD_BYTES} bytes")
            if not riff.is_filler(name):
                self.others.append(Chunk(name, self._look(begin + at, length)))
        if tail.rest_bytes and self._look(begin + tail.rest_at, tail.rest_bytes).strip(b"\0"):
            notice(f"{tail.rest_bytes} bytes behind the end of the WAVE file are not kept")

    def _look(self, at: int, count: int) -> bytes:
        self._stream.seek(self._begin + at)
        return self._stream.read(count)

    def read(self, at: int, count: int) -> bytes:
        assert self.length is not None
        data = self._look(at, max(min(count, self.length - at), 0))
        self.taken = max(self.taken, at + len(data))
        return data


class _Endless:
    """Samples of a pipe. Where they should end it looks ahead, and goes on where there are more of them."""

    def __init__(self, stream: ByteStream, layout: Layout) -> None:
        self.length: int | None = None
        self.others: list[Chunk] = []
        self.later: list[Chunk] = []
        self.said: list[str] = []
        self.declared = self._until = layout.declared
        self.taken = 0
        self._stream, self._layout = stream, layout
        self._first = b""

    def read(self, at: int, count: int) -> bytes:
        if at < self.taken:  # libsndfile looks at the first samples before it reads them
            again = self._first[at : at + count]
            return again + (self.read(self.taken, count - len(again)) if at + len(again) == self.taken else b"")
        if at > self.taken:
            return b""
        data = self._next(count)
        self._first += data[: LOOKED_AT - len(self._first)]
        return data

    def _next(self, count: int) -> bytes:
        data = self._stream.read(count if self._until is None else min(count, self._until - self.taken))
        self.taken += len(data)
        if len(data) < count and self.taken == self._until and not self._ends():
            data += self._next(count - len(data))
        return data

    def _ends(self) -> bool:
        """Whether the samples end where the header says; what follows is stepped over then."""
        assert self._until is not None
        ahead = self._stream.peek(riff.TAIL_BYTES + 1)
        whole, dialect = len(ahead) <= riff.TAIL_BYTES, self._layout.dialect

        def look(offset: int, count: int) -> bytes:
            return ahead[offset : offset + count]

        odd = dialect.padding(self._until)
        tail = riff.tail_of(look, len(ahead), whole, dialect, odd)
        if tail is None:
            self.said.append(riff.too_small(self._until, None))
            self._until = self.declared = None
            return False
        if not whole:
            ahead = self._stream.read(riff.MAX_HELD_BYTES + 1)
            tail = riff.tail_of(look, len(ahead), len(ahead) <= riff.MAX_HELD_BYTES, dialect, odd) or tail
        for name, at, length in tail.chunks:
            if riff.is_filler(name):
                continue
            if at + length <= len(ahead):
                self.later.append(Chunk(name, look(at, length)))
            else:
                lost = f"{name.decode()}, {length} bytes behind the samples of a piped WAVE file"
                self.said.append(f"not kept: {lost}, and what follows it")
        self._stream.skip(ENDLESS)  # so that who writes to the pipe can go on
        return True
