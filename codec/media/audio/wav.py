"""WAVE files written to pipes as they come, where libsndfile wants to seek.

Source: RIFF and WAVE_FORMAT_EXTENSIBLE as Microsoft's "Multiple channel audio data and WAVE files" has them.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import BinaryIO

import numpy as np

from codec.media.audio import riff
from codec.media.audio.data import FLOATS, Samples, notice_of_cuts, to_integers
from codec.media.audio.metadata import AudioMetadata
from codec.media.audio.write_metadata import chunks_for
from codec.media.notices import notice

UNKNOWN_LENGTH = 0xFFFFFFFF


class WaveWriter:
    """A WAVE file written to a pipe while its length is not known: the header says the longest that it can.

    Metadata stand before the samples; tags are left out with a MediaNotice.
    """

    def __init__(
        self,
        stream: BinaryIO,
        sample_rate: int,
        channels: int,
        bit_depth: int,
        tags: Mapping[str, str] | None = None,
        metadata: AudioMetadata | None = None,
        channel_mask: int = 0,
        duration_ms: int = 0,
    ) -> None:
        """duration_ms: of the audio, where it is known: the end of its last chapter."""
        self._stream, self._bit_depth, self._beyond = stream, bit_depth, 0
        if tags:
            notice(f"WAVE through a pipe holds no tags: {', '.join(tags)} left out")
        description = riff.description_of(channels, sample_rate, bit_depth, channel_mask)
        stream.write(b"RIFF" + struct.pack("<I", UNKNOWN_LENGTH) + b"WAVEfmt " + struct.pack("<I", len(description)))
        stream.write(description + (chunks_for(metadata, duration_ms) if metadata else b""))
        stream.write(b"data" + struct.pack("<I", UNKNOWN_LENGTH))

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
