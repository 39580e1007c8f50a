"""AAC, audio in MP4 and Matroska files, and FLAC in Ogg, decoded by FFmpeg through the package `av`, block by block.

The kind of file is said to FFmpeg, not guessed by it: so nothing that it reads can send it to other files.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from codec.bitstream.errors import MediaError
from codec.media.audio.data import TAGS, Samples
from codec.media.audio.id3 import comment_name, picture_bytes
from codec.media.audio.layout import mask_of
from codec.media.audio.metadata import Chapter
from codec.media.audio.read_metadata import MAX_TAG_BYTES, Found
from codec.media.notices import notice

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame

SAID_OTHERWISE = {"track": "tracknumber", "year": "date", "comments": "comment", "description": "comment"}
SAYS_NOTHING = frozenset(
    [
        "encoder",
        "major_brand",
        "minor_version",
        "compatible_brands",
        "creation_time",
        "duration",
        "language",
        "handler_name",
        "vendor_id",
    ]
)
MIMES = {"mjpeg": "image/jpeg", "png": "image/png", "bmp": "image/bmp", "gif": "image/gif", "webp": "image/webp"}
FRONT_COVER = 3
MICROSECONDS = 1_000_000  # of FFmpeg's durations


class AvSource:
    """The first audio stream of a file, as libsndfile would show it.

    found: tags and what else the file says; samplerate: Hz; channel_mask: as WAVE files have it; frames: samples a
    channel, about, None where the file does not say; subtype: as libsndfile names it.
    """

    extra_info = ""

    def __init__(self, file: BinaryIO, kind: str) -> None:
        """file: one that can seek. Warns: MediaNotice of what is left out. Raises: MediaError."""
        try:
            import av
        except ImportError as error:
            raise MediaError("AAC, MP4, M4A, WebM and FLAC in Ogg are read by PyAV: pip install 'codec[av]'") from error
        self._errors: type[Exception] = av.error.FFmpegError
        with self._guarded(), av.open(file, "r", format=kind, metadata_errors="replace") as described:
            self.found = _found(described)
        file.seek(0)  # opened anew: to seek in the container would cost the first samples
        with self._guarded():
            self._container: Any = av.open(file, "r", format=kind, metadata_errors="replace")
        streams = self._container.streams.audio
        if not streams:
            self._container.close()
            raise MediaError("the file holds no audio")
        self._stream: Any = streams[0]
        context = self._stream.codec_context
        if context is None:
            self._container.close()
            raise MediaError("the file's audio is of a kind that FFmpeg does not know")
        self.samplerate, self.channels = int(context.sample_rate), int(context.channels)
        self.channel_mask = mask_of([channel.name for channel in context.layout.channels])
        self.subtype = _subtype(str(context.name), str(context.format.name if context.format else ""))
        self._name_others(len(streams))
        self._resampler: Any = None
        self._frames = self._decoded()
        self._rest: Samples = np.zeros((0, self.channels), np.float32)

    def _name_others(self, audio_streams: int) -> None:
        videos = [s for s in self._container.streams.video if not _is_cover(s)]
        others = [f"{audio_streams - 1} further audio streams"] * (audio_streams > 1) + ["video"] * bool(videos)
        others += ["subtitles"] * bool(self._container.streams.subtitles)
        if others:
            notice(f"not kept: {', '.join(others)}")

    @property
    def frames(self) -> int | None:
        """Samples of each channel, about: what the file says of its duration."""
        duration = self._container.duration
        return None if duration is None or duration < 0 else int(duration * self.samplerate / MICROSECONDS)

    def buffer_read_into(self, block: Samples, dtype: str) -> int:
        """Fills an array (n, channels) float32, and says how many samples there were. Raises MediaError."""
        filled = 0
        while filled < len(block):
            if not len(self._rest):
                with self._guarded():
                    following = next(self._frames, None)
                if following is None:
                    break
                self._rest = following
            count = min(len(block) - filled, len(self._rest))
            block[filled : filled + count] = self._rest[:count]
            self._rest = self._rest[count:]
            filled += count
        return filled

    def _decoded(self) -> Iterator[Samples]:
        from av.audio.resampler import AudioResampler

        resampler = AudioResampler(format="flt", layout=self._stream.codec_context.layout, rate=self.samplerate)
        for frame in self._container.decode(self._stream):
            frame.pts = None
            yield from map(self._samples, resampler.resample(frame))
        yield from map(self._samples, resampler.resample(None))

    def _samples(self, frame: AudioFrame) -> Samples:
        return np.ascontiguousarray(frame.to_ndarray().reshape(-1, self.channels), np.float32)

    def close(self) -> None:
        """Closes the container, not the file."""
        self._container.close()

    def _guarded(self) -> _Guard:
        return _Guard(self._errors)


class _Guard:
    """What FFmpeg raises inside becomes a MediaError."""

    def __init__(self, errors: type[Exception]) -> None:
        self._errors = errors

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, (self._errors, ValueError, ArithmeticError)):
            raise MediaError(f"the audio is damaged: {' '.join(str(error).split())}") from error


def _found(container: Any) -> Found:
    """Tags and what else a container says, which is of no use for its samples behind that."""
    out = Found()
    streams = container.streams.audio[:1]
    for name, value in ((streams[0].metadata if streams else {}) | container.metadata).items():
        known = SAID_OTHERWISE.get(name.lower(), name.lower())
        if known in TAGS:
            out.tags.setdefault(known, value)
        elif known not in SAYS_NOTHING:
            out.comments.append((comment_name(name.upper()), value))
    for chapter in container.chapters():
        base = chapter["time_base"] * 1000
        start, end = (max(int(chapter[name] * base), 0) for name in ("start", "end"))
        out.chapters.append(Chapter(start, end, chapter["metadata"].get("title", "")))
    for stream in filter(_is_cover, container.streams.video):
        data = bytes(next(container.demux(stream)))
        if data and len(data) <= MAX_TAG_BYTES:
            out.pictures.append(picture_bytes(FRONT_COVER, MIMES.get(stream.codec_context.name, ""), "", data))
    return out


def _is_cover(stream: Any) -> bool:
    import av

    return bool(stream.disposition & av.stream.Disposition.attached_pic)


def _subtype(codec: str, form: str) -> str:
    """libsndfile's name of such samples: what is lossy counts as 16 bits, as it does there."""
    if codec.startswith("pcm_f"):
        return "FLOAT"
    lossless = codec.startswith("pcm_") or codec in ("alac", "flac", "tta", "wavpack")
    return "PCM_24" if lossless and form.startswith("s32") else "PCM_16"
