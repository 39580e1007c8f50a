"""Codecs of audio to compare with, through PyAV (the libraries of FFmpeg) and libsndfile: a row each.

All get (n, 1 to 7) float32 at 48 kHz, and give back what begins at the same sample and is a part of a frame longer at
most. Rates count packets alone: what a container adds depends on the container, and streams have none.
"""

from __future__ import annotations

import ctypes
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from codec.bitstream.errors import MediaError
from codec.eval import opus_ml
from codec.eval.anchor import Anchor
from codec.media import Samples, read_audio
from codec.media.audio.layout import VORBIS_ORDER

RATE = 48_000  # Hz; all that Opus knows
LAYOUTS = {1: "mono", 2: "stereo", 3: "3.0", 4: "quad", 5: "5.0", 6: "5.1", 7: "6.1"}  # FFmpeg's names
OPUS_OPTIONS = {"vbr": "on", "compression_level": 10, "frame_duration": 20}
VORBIS_STEPS = 10  # of its own scale of quality


def _versions(*packages: str) -> str | None:
    """Of packages, None where one is missing."""
    try:
        return ", ".join(f"{package} {version(package)}" for package in packages)
    except PackageNotFoundError:
        return None


def libopus_version() -> str | None:
    """The libopus inside PyAV by its own words, None where it is not found as a file of its own."""
    try:
        import av
    except ImportError:
        return None
    for path in Path(av.__file__).parent.parent.glob("av.libs/libopus-*"):
        said = ctypes.CDLL(str(path)).opus_get_version_string
        said.restype = ctypes.c_char_p
        version: bytes = said()
        return version.decode()
    return None


@contextmanager
def _guarded() -> Iterator[None]:
    """Errors of FFmpeg, which are of no standard kind, as MediaError."""
    import av

    try:
        yield
    except av.FFmpegError as error:
        raise MediaError(f"FFmpeg says: {error}") from error


def packet_bytes(data: bytes) -> int:
    """What the packets of audio in a file add up to, without container and headers. Raises MediaError."""
    import av

    with _guarded(), av.open(io.BytesIO(data), "r") as file:
        return sum(packet.size for packet in file.demux(audio=0))


@dataclass(frozen=True)
class Lavc(Anchor):
    """A codec of FFmpeg. encoder, decoder, container: FFmpeg's names; ladder: in kbit/s.

    frame_samples: of a packet; delay_samples: from the input of its encoder to the output of its decoder, of which the
    decoder drops `dropped_samples` by itself.
    """

    media = "audio"
    name: str
    title: str
    encoder: str
    decoder: str
    container: str
    ladder: tuple[float, ...]
    frame_samples: int
    delay_samples: int
    dropped_samples: int = 0
    options: dict[str, Any] = field(default_factory=dict)
    knob: str = "kbit/s"

    def library(self) -> str | None:
        """PyAV and its libavcodec, None where one of them, or the codec in it, is missing."""
        try:
            import av

            av.Codec(self.encoder, "w")
            av.Codec(self.decoder, "r")
        except (ImportError, OSError, ValueError):
            return None
        return f"av {av.__version__}, libavcodec {'.'.join(map(str, av.library_versions['libavcodec']))}"

    def save_options(self, setting: float) -> dict[str, Any]:
        """What is said to FFmpeg."""
        return {**self.options, "bit_rate": round(setting * 1000)}

    def encode(self, samples: Samples, setting: float) -> bytes:
        """The bytes of a file with as many packets as it takes to get all samples back, and not the rest that FFmpeg
        flushes out. Raises MediaError.
        """
        import av

        count, channels = samples.shape
        packets = -(-(count + self.delay_samples) // self.frame_samples)
        padded = np.pad(samples, ((0, packets * self.frame_samples - count), (0, 0)))
        if channels not in LAYOUTS:
            raise MediaError(f"{self.title} is not tried on {channels} channels")
        layout = LAYOUTS[channels]
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(padded.T), "fltp", layout)
        frame.sample_rate = RATE
        out = io.BytesIO()
        with _guarded(), av.open(out, "w", format=self.container) as file:
            options = {name: str(value) for name, value in self.options.items()}
            stream: Any = file.add_stream(self.encoder, rate=RATE, layout=layout, options=options)
            stream.bit_rate = self.save_options(setting)["bit_rate"]
            file.mux([*stream.encode(frame), *stream.encode(None)][:packets])
        return out.getvalue()

    def decode(self, data: bytes) -> Samples:
        """The samples of such a file. Raises MediaError."""
        import av

        blocks = []
        with _guarded(), av.open(io.BytesIO(data), "r") as file:
            stream = file.streams.audio[0]
            context: Any = av.CodecContext.create(self.decoder, "r")
            context.extradata = stream.codec_context.extradata
            context.sample_rate = RATE
            context.layout = layout = stream.codec_context.layout.name
            floats = av.AudioResampler("fltp", layout, RATE)
            for packet in file.demux(stream):
                bare = av.Packet(bytes(packet)) if packet.size else None  # without what its container says of trimming
                for frame in context.decode(bare):
                    blocks += [block.to_ndarray() for block in floats.resample(frame)]
        samples = np.concatenate(blocks, axis=1).T  # (n, channels)
        return np.ascontiguousarray(samples[self.delay_samples - self.dropped_samples :])

    def payload_bytes(self, data: bytes) -> int:
        """Its packets."""
        return packet_bytes(data)


@dataclass(frozen=True)
class Nolace(Lavc):
    """Opus of FFmpeg, decoded with the networks for speech that libopus has where it is built with them."""

    def library(self) -> str | None:
        """That of FFmpeg, and the package for Node; None where one of them is missing."""
        found, enhancer = super().library(), opus_ml.installed_version()
        return f"{found}, {opus_ml.PACKAGE} {enhancer}" if found and enhancer else None

    def decode(self, data: bytes) -> Samples:
        """The samples of such a file. Raises MediaError."""
        import av

        with _guarded(), av.open(io.BytesIO(data), "r") as file:
            channels = int(file.streams.audio[0].codec_context.channels)
            packets = [bytes(packet) for packet in file.demux(audio=0) if packet.size]
        return np.ascontiguousarray(opus_ml.decoded(packets, channels)[self.delay_samples :])


@dataclass(frozen=True)
class Vorbis(Anchor):
    """libvorbis by libsndfile, at variable bit rate. ladder: its quality, 0 to 10."""

    media = "audio"
    name: str = "vorbis"
    title: str = "Vorbis"
    ladder: tuple[float, ...] = (0, 1, 2, 4, 6)
    knob: str = "quality"
    options: dict[str, Any] = field(default_factory=dict)

    def library(self) -> str | None:
        """The packages, None where one is missing; PyAV counts its packets."""
        return _versions("soundfile", "av")

    def save_options(self, setting: float) -> dict[str, Any]:
        """What is said to libsndfile."""
        return {"compression_level": 1 - setting / VORBIS_STEPS}

    def encode(self, samples: Samples, setting: float) -> bytes:
        """The bytes of an Ogg file."""
        import soundfile

        out = io.BytesIO()
        form = {"format": "OGG", "subtype": "VORBIS", **self.save_options(setting)}
        with soundfile.SoundFile(out, "w", RATE, samples.shape[1], **form) as file:
            order = VORBIS_ORDER.get(samples.shape[1], slice(None))
            for start in range(0, len(samples), RATE):  # libvorbis takes no large pieces
                file.write(samples[start : start + RATE, order])
        return out.getvalue()

    def decode(self, data: bytes) -> Samples:
        """The samples of such a file."""
        return read_audio(data).samples

    def payload_bytes(self, data: bytes) -> int:
        """Its packets."""
        return packet_bytes(data)


AUDIO_ANCHORS: dict[str, Anchor] = {
    anchor.name: anchor
    for anchor in (
        Lavc(
            "opus",
            "Opus",
            "libopus",
            "libopus",  # FFmpeg's own "opus" has another delay
            "ogg",
            (6, 9, 12, 16, 24, 32, 48),
            frame_samples=960,
            delay_samples=312,
            dropped_samples=312,  # the pre-skip of its header
            options={"application": "audio", **OPUS_OPTIONS},
        ),
        Nolace(
            "opus-nolace",
            "Opus, NoLACE",
            "libopus",
            "libopus",
            "ogg",
            (6, 9, 12, 16, 24, 32, 48),
            frame_samples=960,
            delay_samples=312,
            options={"application": "audio", **OPUS_OPTIONS},
        ),
        Lavc(  # full band at any rate, which the other chooses for music at 12 kbit/s only where it is told of music
            "opus-celt",
            "Opus, CELT only",
            "libopus",
            "libopus",
            "ogg",
            (9, 12, 16, 24, 32),
            frame_samples=960,
            delay_samples=120,
            dropped_samples=120,
            options={"application": "lowdelay", **OPUS_OPTIONS},
        ),
        Lavc("aac", "AAC-LC", "aac", "aac", "ipod", (24, 32, 48, 64), frame_samples=1024, delay_samples=1024),
        Lavc("mp3", "MP3", "libmp3lame", "mp3float", "mp3", (32, 48, 64, 96), frame_samples=1152, delay_samples=1105),
        Vorbis(),
    )
}
