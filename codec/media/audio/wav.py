"""WAVE files as streams: read and written as they come, through pipes, where libsndfile wants to seek.

Source: RIFF and WAVE_FORMAT_EXTENSIBLE as Microsoft's "Multiple channel audio data and WAVE files" has them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from typing import BinaryIO, Protocol

import numpy as np

from codec.bitstream.errors import LimitExceeded, MediaError
from codec.media.audio.data import FLOATS, MAX_CHANNELS, Samples, notice_of_cuts, to_integers
from codec.media.audio.read import check_rate, depth_of, notice_of_early_end
from codec.media.notices import notice

PCM, IEEE_FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
READABLE = {  # kinds and bits, and what libsndfile calls them
    (PCM, 8): "PCM_U8",
    (PCM, 16): "PCM_16",
    (PCM, 24): "PCM_24",
    (PCM, 32): "PCM_32",
    (IEEE_FLOAT, 32): "FLOAT",
    (IEEE_FLOAT, 64): "DOUBLE",
}
HEAD_BYTES = 12  # "RIFF", a length, "WAVE"
UNKNOWN_LENGTH = 0xFFFFFFFF
MAX_FORMAT_BYTES = 1 << 12
SKIPPED_AT_ONCE = 1 << 16


def is_wave(head: bytes) -> bool:
    """Whether a file that begins so is a WAVE file."""
    return head[:4] == b"RIFF" and head[8:12] == b"WAVE"


class ByteStream(Protocol):
    """What bytes are read from."""

    def read(self, count: int = ..., /) -> bytes:
        """So many bytes, fewer only at the end."""


class WaveReader:
    """The samples of a WAVE file that comes through a pipe.

    sample_rate: Hz; channels: 1 or 2; bit_depth: 16, 24 or 32 for floats.
    Raises: MediaError, LimitExceeded.
    """

    def __init__(self, stream: ByteStream, max_seconds: float) -> None:
        self._stream = stream
        if not is_wave(self._exactly(HEAD_BYTES)):
            raise MediaError("not a WAVE file")
        description, self._declared = self._chunks()
        kind, self.channels, self.sample_rate, _, frame, bits = struct.unpack_from("<HHIIHH", description)
        if kind == EXTENSIBLE and len(description) >= 26:
            (kind,) = struct.unpack_from("<H", description, 24)
        if not 1 <= self.channels <= MAX_CHANNELS:
            raise MediaError(f"a clip of {self.channels} channels; only mono and stereo are supported")
        if (kind, bits) not in READABLE or frame != self.channels * bits // 8:
            raise MediaError(f"a WAVE file of kind {kind} with {bits} bits cannot be read from a pipe")
        check_rate(self.sample_rate)
        self._kind, self._bits = kind, bits
        self._max_samples = max_seconds * self.sample_rate
        self.bit_depth = depth_of(READABLE[kind, bits])
        self.tags: dict[str, str] = {}

    def blocks(self, samples: int) -> Iterator[Samples]:
        """Arrays (samples, channels) float32; the last may be shorter."""
        frame, done = self.channels * self._bits // 8, 0
        while True:
            endless = self._declared == UNKNOWN_LENGTH
            data = self._up_to(samples * frame if endless else min(samples * frame, self._declared - done))
            done += len(data)
            if done // frame > self._max_samples:
                raise LimitExceeded(f"a clip of more than {self._max_samples / self.sample_rate:g} seconds")
            if len(data) >= frame:
                yield self._decoded(data[: len(data) // frame * frame])
            if len(data) < samples * frame:
                notice_of_early_end(done, self._declared)
                return

    def _decoded(self, data: bytes) -> Samples:
        if self._kind == IEEE_FLOAT:
            values = np.frombuffer(data, f"<f{self._bits // 8}").astype(np.float32)
            if not np.isfinite(values).all():
                raise MediaError("the audio has samples that are no numbers, or infinite")
        elif self._bits == 8:  # alone without a sign
            values = np.frombuffer(data, np.uint8).astype(np.float32) / np.float32(128) - 1
        elif self._bits == 24:
            padded = np.zeros((len(data) // 3, 4), np.uint8)
            padded[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
            values = padded.view("<i4")[:, 0].astype(np.float32) / np.float32(1 << 31)
        else:
            values = np.frombuffer(data, f"<i{self._bits // 8}").astype(np.float32) / np.float32(1 << self._bits - 1)
        return values.reshape(-1, self.channels)

    def _chunks(self) -> tuple[bytes, int]:
        """The format's description, and the declared length of the samples that come next."""
        description = b""
        while True:
            name, size = struct.unpack("<4sI", self._exactly(8))
            if name == b"data" and description:
                return description, size
            if name == b"fmt " and 16 <= size <= MAX_FORMAT_BYTES:
                description = self._exactly(size + size % 2)
            elif name in (b"fmt ", b"data"):
                raise MediaError("a WAVE file whose format is not described before its samples")
            else:
                self._skip(size + size % 2)

    def _skip(self, count: int) -> None:
        while count:
            count -= len(self._exactly(min(count, SKIPPED_AT_ONCE)))

    def _exactly(self, count: int) -> bytes:
        data = self._up_to(count)
        if len(data) < count:
            raise MediaError("the WAVE file ends in its header")
        return data

    def _up_to(self, count: int) -> bytes:
        """The next bytes, fewer only at the end."""
        parts = []
        while count > 0 and (data := self._stream.read(min(count, SKIPPED_AT_ONCE))):
            parts.append(data)
            count -= len(data)
        return b"".join(parts)


class WaveWriter:
    """A WAVE file written to a pipe while its length is not known: the header says the longest that it can.

    Tags, which WAVE keeps behind the samples, are left out with a MediaNotice.
    """

    def __init__(
        self, stream: BinaryIO, sample_rate: int, channels: int, bit_depth: int, tags: Mapping[str, str] | None = None
    ) -> None:
        self._stream, self._bit_depth, self._beyond = stream, bit_depth, 0
        if tags:
            notice(f"WAVE through a pipe holds no tags: {', '.join(tags)} left out")
        kind, frame = IEEE_FLOAT if bit_depth == FLOATS else PCM, channels * bit_depth // 8
        description = struct.pack("<HHIIHH", kind, channels, sample_rate, sample_rate * frame, frame, bit_depth)
        stream.write(b"RIFF" + struct.pack("<I", UNKNOWN_LENGTH) + b"WAVEfmt " + struct.pack("<I", len(description)))
        stream.write(description + b"data" + struct.pack("<I", UNKNOWN_LENGTH))

    def write(self, samples: Samples) -> None:
        """Appends (n, channels) float32; what lies beyond full scale is cut where the samples are integers."""
        if self._bit_depth == FLOATS:
            data = samples.astype("<f4").tobytes()
        else:
            integers, beyond = to_integers(samples, self._bit_depth)
            self._beyond += beyond
            data = integers.astype("<i2").tobytes() if self._bit_depth == 16 else _upper_bytes(integers)
        self._stream.write(data)
        self._stream.flush()

    def close(self) -> None:
        """Ends the file. Warns: MediaNotice where samples were cut to full scale."""
        notice_of_cuts(self._beyond)


def _upper_bytes(integers: np.ndarray) -> bytes:
    """24 bits of samples that hold them in their upper ones."""
    return np.ascontiguousarray(integers.astype("<i4")).view(np.uint8).reshape(-1, 4)[:, 1:].tobytes()
