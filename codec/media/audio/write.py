"""Audio files written, whole or block by block: what a format can hold of a clip, and a word on what it cannot."""

from __future__ import annotations

import io
import math
import shutil
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from types import TracebackType
from typing import BinaryIO

import numpy as np

from codec.bitstream.errors import MediaError
from codec.media.audio import libsndfile, riff, write_metadata
from codec.media.audio.data import FLOATS, TAGS, AudioData, Samples, notice_of_cuts, to_integers
from codec.media.audio.layout import MASK_COMMENT, VORBIS_ORDER, usual_mask, words_of_layout
from codec.media.audio.metadata import AudioMetadata
from codec.media.audio.read import BLOCK_SAMPLES
from codec.media.notices import notice

# what a restored audio can be saved as: libsndfile's format, and its encoding by bits a sample
AUDIO_SAVED_AS: dict[str, tuple[str, dict[int, str]]] = {
    ".wav": ("WAV", {16: "PCM_16", 24: "PCM_24", 32: "FLOAT"}),
    ".flac": ("FLAC", {16: "PCM_16", 24: "PCM_24"}),
    ".ogg": ("OGG", {32: "VORBIS"}),
    ".mp3": ("MP3", {32: "MPEG_LAYER_III"}),
}
AUDIO_SUFFIXES = frozenset(
    {*AUDIO_SAVED_AS, ".oga", ".opus", ".aif", ".aiff"}
)  # suffixes that folders are searched for

# the tags that formats hold
HELD: dict[str, frozenset[str]] = {
    "WAV": frozenset(TAGS) - {"license"},
    "FLAC": frozenset(TAGS),
    "OGG": frozenset(TAGS),
    "MP3": frozenset(TAGS) - {"copyright", "license", "software"},
}
TAG_BYTES = {"WAV": 2000}  # of all tags: libsndfile drops what is longer without a word
FASTEST = {"OGG": 200_000}  # samples a second; libvorbis crashes beyond
ASCII_ONLY = "MP3"  # libsndfile says UTF-8 and LAME understands Latin-1
LONGEST_CHUNK = 0xFFFFFFFF  # bytes
MOST_CHANNELS = {"MP3": 2}
FIRST_DESCRIPTION = 20  # where libsndfile puts the payload of "fmt "
NEVER_EMPTY = frozenset({"FLAC", "MP3"})  # libsndfile writes their headers with the first samples


def check_audio_suffix(suffix: str) -> None:
    """Raises MediaError for a suffix that names no audio format that can be written."""
    if suffix not in AUDIO_SAVED_AS:
        raise MediaError(f"cannot write audio as '{suffix}'; known: {' '.join(AUDIO_SAVED_AS)}")


def audio_bytes(audio: AudioData, suffix: str, bit_depth: int | None = None) -> bytes:
    """The bytes of an audio file of the format that a suffix names, with tags; see AudioFileWriter.

    bit_depth: 16, 24, or 32 for floats; None: that of the audio.
    """
    out = io.BytesIO()
    with AudioFileWriter(
        out,
        suffix,
        audio.sample_rate,
        audio.channels,
        bit_depth or audio.bit_depth,
        audio.tags,
        audio.metadata,
        audio.channel_mask,
    ) as file:
        file.write(audio.samples)
    return out.getvalue()


class AudioFileWriter:
    """A clip file that is written block by block, in little memory.

    Integer formats round to the nearest, without dither, and cut what lies beyond full scale. What the format cannot
    hold is left out with a MediaNotice: floats, tags. Ogg is Vorbis, and its and MP3's bit rates are libsndfile's own.
    """

    def __init__(
        self,
        file: BinaryIO,
        suffix: str,
        sample_rate: int,
        channels: int,
        bit_depth: int = 16,
        tags: Mapping[str, str] | None = None,
        metadata: AudioMetadata | None = None,
        channel_mask: int = 0,
    ) -> None:
        """file: a binary file, which stays open. One that cannot seek (a pipe) gets everything when the writer is
        closed, because headers are only known then; a temporary file holds it until then where it is large.

        Raises: MediaError where the format cannot hold such a clip, or the file cannot be written.
        """
        check_audio_suffix(suffix)
        self._kind, encodings = AUDIO_SAVED_AS[suffix]
        if sample_rate > FASTEST.get(self._kind, sample_rate):
            raise MediaError(f"{self._kind} holds at most {FASTEST[self._kind]} samples a second, not {sample_rate}")
        if channels > MOST_CHANNELS.get(self._kind, channels):
            raise MediaError(f"{self._kind} holds at most {MOST_CHANNELS[self._kind]} channels, not {channels}")
        self._bit_depth = bit_depth if bit_depth in encodings else max(encodings)
        self._samples = self._beyond = 0
        self._description = riff.description_of(channels, sample_rate, self._bit_depth, channel_mask)
        self._rate, self._channels, self._mask = sample_rate, channels, channel_mask
        self._order = VORBIS_ORDER.get(channels) if self._kind == "OGG" else None
        metadata = self._with_layout(metadata or AudioMetadata())
        self._metadata, lost = write_metadata.held_by(self._kind, metadata)
        if lost:
            notice(f"{self._kind} cannot hold everything: {', '.join(lost)} left out")
        # what is written at the end of a file that can seek, and may be read again
        is_mended = bool(self._metadata) and self._kind != "WAV"
        self._pipe = file if is_mended or not file.seekable() else None
        self._file = libsndfile.spool() if self._pipe else file
        with _writing(self._kind):
            self._audio = libsndfile.stream(
                self._file,
                "w",
                samplerate=sample_rate,
                channels=channels,
                subtype=encodings[self._bit_depth],
                format="WAVEX" if self._kind == "WAV" and channels > 2 else self._kind,
            )
            for name, text in self._held(tags or {}).items():
                setattr(self._audio, name, text)
        if bit_depth == FLOATS != self._bit_depth:
            notice(f"{self._kind} holds no floats: rounded to {self._bit_depth} bits")

    def _with_layout(self, metadata: AudioMetadata) -> AudioMetadata:
        """Metadata with what says it in FLAC, whose readers disagree on the usual one. Warns: MediaNotice."""
        if self._channels <= 2:
            return metadata
        if self._kind == "FLAC":
            return replace(metadata, comments=(*metadata.comments, (MASK_COMMENT, f"0x{self._mask:04X}")))
        if self._kind == "OGG" and self._mask not in (0, usual_mask(self._channels)):
            said = words_of_layout(self._channels, self._mask)
            notice(f"OGG holds the usual layout of {self._channels} channels only, not {said}")
        return metadata

    def _held(self, tags: Mapping[str, str]) -> dict[str, str]:
        held: dict[str, str] = {}
        room = TAG_BYTES.get(self._kind, math.inf)
        for name, text in tags.items():
            size = len(text.encode())
            if name in HELD[self._kind] and (text.isascii() or self._kind != ASCII_ONLY) and size <= room:
                held[name], room = text, room - size
        rest = [name for name in tags if name not in held]
        if rest:
            notice(f"{self._kind} cannot hold everything: {', '.join(rest)} left out")
        return held

    def write(self, samples: Samples) -> None:
        """Appends (n, channels) float32, any n. Raises MediaError."""
        for start in range(0, len(samples), BLOCK_SAMPLES):  # libvorbis takes no large pieces
            self._write(samples[start : start + BLOCK_SAMPLES])

    def _write(self, block: Samples) -> None:
        block = block if self._order is None else np.ascontiguousarray(block[:, self._order])
        with _writing(self._kind):
            if self._bit_depth == FLOATS:
                self._audio.write(block)
            else:
                integers, beyond = to_integers(block, self._bit_depth)
                self._beyond += beyond
                self._audio.write(integers)
        self._samples += len(block)

    def close(self) -> None:
        """Finishes the file. Warns: MediaNotice where samples were cut to full scale. Raises: MediaError."""
        try:
            with _writing(self._kind):
                self._audio.close()
                if not self._samples and self._kind in NEVER_EMPTY:
                    raise MediaError(f"{self._kind} cannot hold a clip without samples")
                self._add_layout()
                self._add_metadata()
                if self._pipe:
                    self._file.seek(0)
                    shutil.copyfileobj(self._file, self._pipe)
                    self._pipe.flush()
        finally:
            self._drop_spool()
        notice_of_cuts(self._beyond)

    def _add_layout(self) -> None:
        """Says in a whole WAVE file which loudspeakers its channels belong to; libsndfile knows four layouts only."""
        if self._kind == "WAV" and self._channels > 2:
            self._file.seek(FIRST_DESCRIPTION + riff.MASK_AT)
            self._file.write(struct.pack("<I", self._mask))

    def _add_metadata(self) -> None:
        if self._metadata:
            size = self._samples * self._channels * self._bit_depth // 8
            form = self._description + struct.pack("<I", min(size, LONGEST_CHUNK))
            self._file.seek(0)
            write_metadata.ADDERS[self._kind](self._file, self._metadata, self._samples * 1000 // self._rate, form)

    def _drop_spool(self) -> None:
        if self._pipe:
            self._file.close()

    def __enter__(self) -> AudioFileWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        else:  # the file is of no use
            self._audio.close()
            self._drop_spool()


@contextmanager
def _writing(kind: str) -> Iterator[None]:
    import soundfile

    try:
        yield
    except BrokenPipeError:
        raise
    except (OSError, ValueError, soundfile.SoundFileError) as error:
        said = error.error_string if isinstance(error, soundfile.LibsndfileError) else error
        raise MediaError(f"cannot write the audio as {kind}: {' '.join(str(said).split())}") from error
