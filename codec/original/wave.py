"""A WAVE file of plain PCM: its samples as FLAC (RFC 9639), and the bytes before and behind them as they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from codec.bitstream import constants
from codec.bitstream.errors import CodecError, CorruptFile, LimitExceeded
from codec.bitstream.wire import VARINT_BYTES, Reader, Writer
from codec.media.audio import libsndfile, riff
from codec.media.audio.bytestream import ByteStream

if TYPE_CHECKING:
    from soundfile import SoundFile

PCM = 1
SUBTYPES = {1: "PCM_S8", 2: "PCM_16", 3: "PCM_24"}  # of FLAC, by bytes a sample
MAX_CHANNELS = 8  # of FLAC
MAX_RATE = 655_350  # Hz, of FLAC; the rate that counts stands in the WAVE file's own head
SOME_RATE = 48_000
BLOCK_FRAMES = 1 << 16
MIDDLE = 128  # of bytes that are samples


def suits(head: bytes) -> bool:
    """Whether a file that begins so may be coded so."""
    return riff.dialect_of(head) is riff.LITTLE


def encode(source: BinaryIO, size: int, out: BinaryIO) -> bool:
    """Writes the coded WAVE file; False where it is none of plain PCM. Raises what libsndfile does."""
    stream = ByteStream(source)
    try:
        layout = riff.read_layout(stream)
    except CodecError:
        return False
    start, channels = stream.position, int.from_bytes(layout.description[2:4], "little")
    width, left = divmod(layout.block_bytes, channels) if channels else (0, 0)
    bits = int.from_bytes(layout.description[14:16], "little")
    if layout.kind != PCM or left or width not in SUBTYPES or bits != 8 * width or channels > MAX_CHANNELS:
        return False
    there = size - start
    declared = there if layout.declared is None else min(layout.declared, there)
    frames = declared // layout.block_bytes
    end = start + frames * layout.block_bytes
    if start + size - end > constants.MAX_WAVE_SURROUNDINGS_BYTES:
        return False
    source.seek(0)
    before = source.read(start)
    source.seek(end)
    behind = source.read()
    out.write(Writer().varint(len(before)).raw(before).varint(len(behind)).raw(behind).bytes())
    source.seek(start)
    rate = int.from_bytes(layout.description[4:8], "little")
    form = {"samplerate": rate if 0 < rate <= MAX_RATE else SOME_RATE, "channels": channels}
    with libsndfile.stream(_Behind(out), "w", format="FLAC", subtype=SUBTYPES[width], **form) as flac:
        while frames:
            count = min(frames, BLOCK_FRAMES)
            flac.write(_samples(source.read(count * layout.block_bytes), width, channels))
            frames -= count
    return True


def blocks(coded: BinaryIO) -> Iterator[bytes]:
    """The WAVE file, a block at a time. Raises CorruptFile, LimitExceeded, MediaError."""
    before, behind = _surroundings(coded), _surroundings(coded)
    yield before
    with libsndfile.guarded(), libsndfile.stream(_Behind(coded)) as flac:
        widths = [width for width, subtype in SUBTYPES.items() if subtype == flac.subtype]
        if flac.format != "FLAC" or not widths:
            raise CorruptFile(f"samples are stored as {flac.format} of {flac.subtype}, not as FLAC of whole numbers")
        yield from _pcm(flac, widths[0])
    yield behind


def _surroundings(coded: BinaryIO) -> bytes:
    """What stands before or behind the samples."""
    at = coded.tell()
    reader = Reader(coded.read(VARINT_BYTES), at)
    size = reader.varint("number of bytes around the samples")
    if size > constants.MAX_WAVE_SURROUNDINGS_BYTES:
        raise LimitExceeded(f"{size} bytes around the samples of a WAVE file")
    coded.seek(reader.offset)
    data = coded.read(size)
    if len(data) < size:
        raise CorruptFile("the bytes around the samples of a WAVE file are cut")
    return data


def _pcm(flac: SoundFile, width: int) -> Iterator[bytes]:
    while len(samples := flac.read(BLOCK_FRAMES, dtype="int32" if width == 3 else "int16", always_2d=True)):
        yield _bytes_of(samples, width)


def _samples(data: bytes, width: int, channels: int) -> np.ndarray[Any, Any]:
    """Samples (n, channels), int16 or int32, their bits at the top, of the bytes of a WAVE file."""
    if width == 1:
        found = (np.frombuffer(data, np.uint8).astype(np.int16) - MIDDLE) << 8
    elif width == 2:
        found = np.frombuffer(data, "<i2").astype(np.int16)
    else:
        wide = np.zeros((len(data) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
        found = wide.view("<i4").astype(np.int32)
    return found.reshape(-1, channels)


def _bytes_of(samples: np.ndarray[Any, Any], width: int) -> bytes:
    """The bytes that `_samples` was given."""
    if width == 1:
        return ((samples >> 8) + MIDDLE).astype(np.uint8).tobytes()
    if width == 2:
        return samples.astype("<i2").tobytes()
    return np.ascontiguousarray(samples.astype("<i4")).view(np.uint8).reshape(-1, 4)[:, 1:].tobytes()


class _Behind:
    """What lies in a file from where it stands on, as a file of its own."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._start = file, file.tell()
        self.read, self.write = file.read, file.write

    def seek(self, offset: int, whence: int = 0) -> int:
        """The new position."""
        return self._file.seek(offset + (0 if whence else self._start), whence) - self._start

    def tell(self) -> int:
        """The position."""
        return self._file.tell() - self._start
