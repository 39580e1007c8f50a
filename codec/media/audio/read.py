"""Whatever a caller has of a clip, to `AudioData`; or block by block, hours of it in little memory."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, Union, cast

import numpy as np
import numpy.typing as npt

from codec.arguments import whole_number
from codec.bitstream.constants import MAX_CHANNELS, MAX_RATE, MAX_SECONDS
from codec.bitstream.errors import LimitExceeded, MediaError
from codec.media.audio import libsndfile, read_metadata, riff
from codec.media.audio.av_source import AvSource
from codec.media.audio.bytestream import ByteStream
from codec.media.audio.data import TAGS, AudioData, Samples
from codec.media.audio.layout import MASK_COMMENT, mask_in, usual_mask, wave_order
from codec.media.audio.mended import mended
from codec.media.audio.metadata import AudioMetadata
from codec.media.audio.read_metadata import Found
from codec.media.audio.riff import Chunk, Layout
from codec.media.audio.wave_source import WaveSource
from codec.media.notices import notice
from codec.media.paths import PathLike, Readable, open_file
from codec.media.sniffing import ffmpeg_kind

if TYPE_CHECKING:
    from soundfile import SoundFile
    from torch import Tensor

Waveform = Union[npt.NDArray[np.generic], "Tensor"]
AudioFileSource = PathLike | bytes | bytearray | memoryview | Readable
AudioSource = AudioFileSource | tuple[Waveform, int] | AudioData

MAX_FILE_BYTES = 1 << 34
BLOCK_SAMPLES = 1 << 16

BIT_DEPTH = {"PCM_24": 24, "PCM_32": 24, "FLOAT": 32, "DOUBLE": 32, "ALAC_20": 24, "ALAC_24": 24, "ALAC_32": 24}
ROUNDED = {
    "PCM_32": "32 bits a sample rounded to 24",
    "ALAC_32": "32 bits a sample rounded to 24",
    "DOUBLE": "floats of 64 bits rounded to 32",
}
LENGTH_UNKNOWN = 1 << 62  # and more: what libsndfile says of a stream that does not say
SHORTER = re.compile(r"^ *(?:data|SSND) *: (\d+) \(should be (\d+)\)", re.MULTILINE)  # in libsndfile's log
OWN_NAME = re.compile(r" \(libsndfile-[\d.]+\)$")  # what it adds to the software that is named


class AudioFileReader:
    """The samples of an audio file of any format that libsndfile reads, or FFmpeg through the package `av`, as blocks.

    sample_rate: Hz; channels: 1 to 8; bit_depth, tags, metadata, channel_mask: as in AudioData;
    declared_samples: how many samples a channel the file says to hold, None where it does not say; they may be more or
    fewer; later_tags, later_metadata: what a pipe said behind its samples, known when all of them have been read.
    """

    def __init__(self, source: AudioFileSource, max_seconds: float = MAX_SECONDS) -> None:
        """source: a path, the bytes of a file, or a binary file. Of one that cannot seek (a pipe) a WAVE file is read
        as it comes, if its samples are not packed in blocks; anything else first to its end, into a temporary file
        where it is large, since such formats can only be understood by seeking.

        Warns: MediaNotice where samples lose precision, or the header's lengths are not true.
        Raises: MediaError, LimitExceeded; TypeError for other objects.
        """
        with ExitStack() as closed_on_errors:
            self._opened(source, closed_on_errors)
            self._audio: SoundFile | AvSource
            if self._kind is not None:
                self._audio = AvSource(cast(BinaryIO, self._file), self._kind)
            else:
                with libsndfile.guarded():
                    self._audio = libsndfile.stream(self._file)
            closed_on_errors.callback(self._audio.close)
            self._check(max_seconds)
            self._closing = closed_on_errors.pop_all()
        self.sample_rate = int(self._audio.samplerate)
        self.channels = int(self._audio.channels)
        self._order = wave_order(self._audio.subtype, self.channels)
        self.bit_depth = depth_of(self._audio.subtype)
        self.tags = {} if isinstance(self._audio, AvSource) else _tags(self._audio)
        found = self._found()
        self.channel_mask = self._layout(found)
        self.metadata = found.metadata()
        self.declared_samples = self._declared()
        self.later_tags: dict[str, str] = {}
        self.later_metadata = AudioMetadata()

    def _found(self) -> Found:
        """What else the file says; adds to `tags` what libsndfile does not find."""
        if isinstance(self._audio, AvSource):
            found = self._audio.found
        elif self._wave:
            found = read_metadata.of_wave(self._wave.others, self._wave.layout.dialect)
        else:
            position = self._stream.file.tell()
            found = read_metadata.of_file(self._stream, self.tags)
            self._stream.file.seek(position)
        for name, text in found.tags.items():
            self.tags.setdefault(name, text)
        return found

    def _layout(self, found: Found) -> int:
        """The channel mask of three channels and more; takes what says it out of the comments."""
        if self.channels <= 2:
            return 0
        if isinstance(self._audio, AvSource):
            return self._audio.channel_mask
        if self._wave:
            return self._wave.layout.channel_mask
        said = found.take_comment(MASK_COMMENT)
        if said is not None:
            return mask_in(said)
        return usual_mask(self.channels) if self._audio.format in ("FLAC", "OGG") else 0

    def _opened(self, source: AudioFileSource, closing: ExitStack) -> None:
        stream = ByteStream(_file_of(source))
        file = stream.file
        if file is not source:
            closing.callback(file.close)
        self._wave: WaveSource | None = None
        if stream.size is not None:
            _check_size(stream.size)
        head, self._kind = stream.peek(riff.HEAD_BYTES), None
        if riff.dialect_of(head):
            self._wave = WaveSource(stream, MAX_FILE_BYTES)
            closing.callback(self._wave.close)
            self._file: libsndfile.VirtualFile = self._wave
            return
        if stream.size is None:
            file = libsndfile.spooled(stream, MAX_FILE_BYTES)
            closing.callback(file.close)
            stream = ByteStream(file)
        self._kind = ffmpeg_kind(head)
        patched, said = mended(stream)
        if said:
            notice(said)
        self._file = patched or file
        self._stream = ByteStream(patched) if patched else stream

    def _declared(self) -> int | None:
        """Samples of each channel, None where they are not known."""
        if isinstance(self._audio, AvSource):
            return self._audio.frames
        frames = int(self._audio.frames)
        if self._wave is None:
            return frames if frames < LENGTH_UNKNOWN else None
        declared, layout = self._wave.samples.declared, self._wave.layout
        if not layout.is_packed:
            return None if declared is None or declared >= riff.STREAMED_BYTES else declared // layout.block_bytes
        blocks = max((self._wave.samples.length or 0) // layout.block_bytes, 1)
        # the last block may hold fewer samples than there is room for
        return layout.samples if layout.samples and 0 <= frames - layout.samples <= frames // blocks else frames

    def _check(self, max_seconds: float) -> None:
        if not self._audio.channels:
            raise MediaError("the audio is damaged: it has no channels")
        if self._audio.channels > MAX_CHANNELS:
            raise MediaError(f"a clip of {self._audio.channels} channels; at most {MAX_CHANNELS} are supported")
        check_rate(self._audio.samplerate)
        self._max_samples = int(max_seconds * self._audio.samplerate)
        declared = self._declared()
        if declared is not None and declared > self._max_samples:
            raise _too_long(declared / self._audio.samplerate, max_seconds)

    def blocks(self, samples: int = BLOCK_SAMPLES) -> Iterator[Samples]:
        """What was not read yet, as arrays (samples, channels) float32, C-contiguous; the last may be shorter.

        Warns: MediaNotice where the file ends early.
        Raises: MediaError, LimitExceeded.
        """
        done = 0
        packed = self.declared_samples if self._wave and self._wave.layout.is_packed else None
        while True:
            block = self._block(samples if packed is None else min(samples, packed - done))
            done += len(block)
            if done > self._max_samples:
                raise _too_long(done / self.sample_rate, self._max_samples / self.sample_rate)
            if len(block):
                yield block
            if len(block) < samples:
                break
        self._notice_end(done)

    def _block(self, samples: int) -> Samples:
        block = np.empty((samples, self.channels), np.float32)
        with libsndfile.guarded():
            count = self._audio.buffer_read_into(block, "float32") if samples else 0
            if self._wave:
                self._wave.check()
        block = block[:count] if self._order is None else np.ascontiguousarray(block[:count, self._order])
        if not np.isfinite(block).all():
            raise MediaError("the audio has samples that are no numbers, or infinite")
        return block

    def _notice_end(self, done: int) -> None:
        if isinstance(self._audio, AvSource):
            return  # it says its length only about
        if self._wave:
            for text in self._wave.samples.said:
                notice(text)
            self._find_later(self._wave.later, self._wave.layout)
            declared = self._wave.samples.declared
            if declared is not None:
                notice_of_early_end(self._wave.samples.taken, declared)
            return
        shorter = SHORTER.search(self._audio.extra_info)
        if shorter:
            notice_of_early_end(int(shorter[2]), int(shorter[1]))
        elif self.declared_samples is not None and done < self.declared_samples:
            notice(f"the file ends early: {done} of {self.declared_samples} samples are there")

    def _find_later(self, chunks: list[Chunk], layout: Layout) -> None:
        """What chunks say that came behind the samples."""
        if not chunks:
            return
        found = read_metadata.of_wave(chunks, layout.dialect)
        with libsndfile.guarded(), libsndfile.stream(io.BytesIO(riff.header_for(layout, chunks, 0))) as texts:
            tags = found.tags | _tags(texts)
        self.later_tags = {name: text for name, text in tags.items() if name not in self.tags}
        self.later_metadata = found.metadata()

    def close(self) -> None:
        """Closes the file, unless it was the caller's."""
        self._closing.close()

    def __enter__(self) -> AudioFileReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@contextmanager
def rereadable(source: AudioFileSource, max_seconds: float = MAX_SECONDS) -> Iterator[Callable[[], AudioFileReader]]:
    """What opens an audio file anew, from its beginning, as often as it is called; see `AudioFileReader`.

    A pipe is first read to its end, into a temporary file where it is large.
    """
    with ExitStack() as closing:
        stream = ByteStream(_file_of(source))
        file = stream.file
        if file is not source:
            closing.callback(file.close)
        if stream.size is None:
            file = libsndfile.spooled(stream, MAX_FILE_BYTES)
            closing.callback(file.close)
        start = file.tell()

        def opened() -> AudioFileReader:
            file.seek(start)
            return AudioFileReader(file, max_seconds)

        yield opened


def read_audio(source: AudioSource, max_seconds: float = MAX_SECONDS) -> AudioData:
    """The audio in a path, file bytes, binary file, pair of samples and rate in Hz, or Audio. It may be empty.

    Samples of pairs are arrays or tensors (n,) or (n, channels): int16, int32 (full scale is that of the type) or
    floats (full scale is 1). Files are whatever libsndfile reads: WAV, FLAC, Ogg Vorbis and Opus, MP3, AIFF and more;
    AAC, MP4, M4A and WebM where the package `av` is there.
    Warns: MediaNotice, one for each thing that was lost.
    Raises: MediaError, LimitExceeded; TypeError for other objects; ValueError for a rate that is no whole number.
    """
    if isinstance(source, AudioData):
        if source.duration_s > max_seconds:
            raise _too_long(source.duration_s, max_seconds)
        return source
    if isinstance(source, tuple):
        if len(source) != 2:
            raise TypeError(f"{len(source)} things in a tuple: expected samples and their rate")
        return _from_pair(*source, max_seconds)
    with AudioFileReader(source, max_seconds) as reader:
        blocks = list(reader.blocks())
        samples = np.concatenate(blocks) if blocks else np.empty((0, reader.channels), np.float32)
        tags, metadata = reader.tags | reader.later_tags, reader.metadata.with_later(reader.later_metadata)
        return AudioData(samples, reader.sample_rate, tags, reader.bit_depth, metadata, reader.channel_mask)


def _from_pair(waveform: Waveform, sample_rate: int, max_seconds: float) -> AudioData:
    if type(waveform).__module__ == "torch" and hasattr(waveform, "detach"):
        waveform = waveform.detach().cpu().numpy()
    if not isinstance(waveform, np.ndarray):
        raise TypeError(f"samples at a sample rate are an array, not a {type(waveform).__name__}: files say their own")
    array = waveform[:, None] if waveform.ndim == 1 else waveform
    dtype = array.dtype.newbyteorder("=")
    if not (dtype in (np.int16, np.int32) or dtype.kind == "f") or array.ndim != 2 or not array.shape[1]:
        raise MediaError(f"samples of {array.dtype} {waveform.shape}; expected int16, int32 or floats (n, channels)")
    if array.shape[1] > MAX_CHANNELS:
        raise MediaError(f"samples (n, channels) of {array.shape[1]} channels; at most {MAX_CHANNELS} are supported")
    sample_rate = whole_number("sample rate", sample_rate)
    check_rate(sample_rate)
    if len(array) > max_seconds * sample_rate:
        raise _too_long(len(array) / sample_rate, max_seconds)
    if dtype.kind == "f":
        samples, bit_depth = array.astype(np.float32), 32
    else:
        samples = array.astype(np.float32) / np.float32(1 << (8 * dtype.itemsize - 1))
        bit_depth = 16 if dtype == np.int16 else 24
    if not np.isfinite(samples).all():
        raise MediaError("the audio has samples that are no numbers, or infinite")
    return AudioData(np.ascontiguousarray(samples), sample_rate, {}, bit_depth)


def _file_of(source: AudioFileSource) -> Readable:
    """A file to read from; the source itself where it is one."""
    if isinstance(source, (bytes, bytearray, memoryview)):
        return io.BytesIO(source)
    if isinstance(source, (str, os.PathLike)):
        return open_file(source)
    if not hasattr(source, "read"):
        raise TypeError(f"a clip cannot be a {type(source).__name__}")
    return source


def _tags(audio: SoundFile) -> dict[str, str]:
    found = {name: OWN_NAME.sub("", getattr(audio, name)) for name in TAGS}
    return {name: text for name, text in found.items() if text}


def _check_size(size: int) -> None:
    if size > MAX_FILE_BYTES:
        raise LimitExceeded(f"an audio file of more than {MAX_FILE_BYTES} bytes")


def depth_of(encoding: str) -> int:
    """The bits of samples that libsndfile calls so, in memory. Warns: MediaNotice where they are fewer than before."""
    if encoding in ROUNDED:
        notice(ROUNDED[encoding])
    return BIT_DEPTH.get(encoding, 16)


def notice_of_early_end(found: int, declared: int) -> None:
    """Warns where fewer bytes of samples were there than the file's head declares, unless that was a guess."""
    if found < declared < riff.STREAMED_BYTES:
        notice(f"the file ends early: {found} of {declared} bytes of samples are there")


def check_rate(sample_rate: int) -> None:
    """Raises MediaError for a rate that is not supported."""
    if not 1 <= sample_rate <= MAX_RATE:
        raise MediaError(f"a clip of {sample_rate} samples a second; supported are 1 to {MAX_RATE}")


def _too_long(seconds: float, max_seconds: float) -> LimitExceeded:
    return LimitExceeded(f"a clip of {seconds:.1f} seconds or more, the limit is {max_seconds:g}")
