"""A clip in memory: samples of up to eight channels, and what its file said about it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from codec.bitstream.constants import MAX_CHANNELS
from codec.media.audio.metadata import AudioMetadata
from codec.media.notices import notice

Samples = npt.NDArray[np.float32]

TAGS = (  # what libsndfile knows of a clip in words
    "title",
    "artist",
    "album",
    "tracknumber",
    "date",
    "genre",
    "comment",
    "copyright",
    "license",
    "software",
)
FLOATS = 32  # the bit depth of samples that are no integers
BIT_DEPTHS = (16, 24, FLOATS)


@dataclass(frozen=True, eq=False)
class AudioData:
    """A clip and what belongs to it.

    samples: (n, channels) float32, C-contiguous, finite, channels = 1 (mono), 2 (left, right) or up to 8, n >= 0; full
    scale is -1 to 1, and floats may lie beyond.
    sample_rate: samples a second in each channel, Hz.
    tags: those of TAGS that are set; bit_depth: of the source, 16 or 24 for integers, 32 for floats; metadata: what
    else its file said of it; channel_mask: of three channels and more, which loudspeakers they belong to, as
    dwChannelMask of WAVE files, 0 where that is not known.
    Raises: ValueError for anything else.
    """

    samples: Samples
    sample_rate: int
    tags: dict[str, str] = field(default_factory=dict)
    bit_depth: int = 16
    metadata: AudioMetadata = field(default_factory=AudioMetadata)
    channel_mask: int = 0

    def __post_init__(self) -> None:
        samples = self.samples
        if samples.dtype != np.float32 or samples.ndim != 2 or not 1 <= samples.shape[1] <= MAX_CHANNELS:
            raise ValueError(f"samples of {samples.dtype} {samples.shape}; expected float32 (n, 1 to {MAX_CHANNELS})")
        if not samples.flags.c_contiguous or not np.isfinite(samples).all():
            raise ValueError("samples are not C-contiguous, or not all finite")
        if self.sample_rate < 1 or self.bit_depth not in BIT_DEPTHS:
            raise ValueError(f"a clip of {self.sample_rate} Hz and {self.bit_depth} bits")
        if not set(self.tags) <= set(TAGS):
            raise ValueError(f"unknown tags: {', '.join(sorted(set(self.tags) - set(TAGS)))}")
        check_mask(self.channel_mask, self.channels)

    @property
    def channels(self) -> int:
        """1 to 8."""
        return int(self.samples.shape[1])

    @property
    def duration_s(self) -> float:
        """Seconds."""
        return len(self.samples) / self.sample_rate


def check_mask(channel_mask: int, channels: int) -> None:
    """Raises ValueError for what is no mask of so many channels; one or two have none."""
    if not 0 <= channel_mask < 1 << 32 or (channel_mask and channels <= 2):
        raise ValueError(f"a channel mask of {channel_mask:#x} for {channels} channels")


def to_integers(samples: Samples, bit_depth: int) -> tuple[npt.NDArray[np.int16 | np.int32], int]:
    """Samples of 16 or 24 bits, rounded to the nearest, and how many lay beyond full scale and were cut to it.

    24 bits are the upper ones of int32, as libsndfile takes them.
    """
    scale = 1 << (bit_depth - 1)
    rounded = np.rint(samples * np.float32(scale))  # a power of two: nothing but `rint` rounds
    cut = np.clip(rounded, -scale, scale - 1)
    beyond = int(np.count_nonzero(np.abs(samples) > 1))
    if bit_depth == 16:
        return cut.astype(np.int16), beyond
    return cut.astype(np.int32) << 8, beyond


def notice_of_cuts(samples: int) -> None:
    """Warns where so many samples were cut to full scale."""
    if samples:
        notice(f"{samples} samples beyond full scale were cut to it")
