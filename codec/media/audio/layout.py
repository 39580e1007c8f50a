"""Layouts of three channels and more: which loudspeakers they belong to, and in which order formats have them.

Sources: dwChannelMask of WAVE_FORMAT_EXTENSIBLE in Microsoft's "Multiple channel audio data and WAVE files"; RFC 9639
(FLAC), 8.6.2 and 9.1.3; xiph.org's "Vorbis I specification", 4.3.9.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

SPEAKERS = (  # by the bits of a mask; files hold channels in this order
    "FL",
    "FR",
    "FC",
    "LFE",
    "BL",
    "BR",
    "FLC",
    "FRC",
    "BC",
    "SL",
    "SR",
    "TC",
    "TFL",
    "TFC",
    "TFR",
    "TBL",
    "TBC",
    "TBR",
)
USUAL = {3: 0x7, 4: 0x33, 5: 0x37, 6: 0x3F, 7: 0x70F, 8: 0x63F}  # of so many channels, as FLAC and Vorbis have them
NAMED = {0x7: "3.0", 0xB: "2.1", 0x33: "quad", 0x603: "quad", 0x107: "4.0", 0x37: "5.0", 0x607: "5.0"} | {
    0x3F: "5.1",
    0x60F: "5.1",
    0x70F: "6.1",
    0x63F: "7.1",
    0xFF: "7.1 wide",
}
# where Vorbis, and Opus with it, has each channel of its own layouts
VORBIS_ORDER = {
    3: (0, 2, 1),
    5: (0, 2, 1, 3, 4),
    6: (0, 2, 1, 4, 5, 3),
    7: (0, 2, 1, 5, 6, 4, 3),
    8: (0, 2, 1, 6, 7, 4, 5, 3),
}
MASK_COMMENT = "WAVEFORMATEXTENSIBLE_CHANNEL_MASK"  # of FLAC
VORBIS_ORDERED = frozenset({"VORBIS", "OPUS"})  # encodings of libsndfile, which gives channels as files have them


def usual_mask(channels: int) -> int:
    """The mask of the usual layout of so many channels, 3 to 8; 0 for fewer."""
    return USUAL.get(channels, 0)


def mask_of(speakers: Sequence[str]) -> int:
    """The mask of channels in this order; 0 where files cannot hold them so."""
    bits = [SPEAKERS.index(speaker) for speaker in speakers if speaker in SPEAKERS]
    is_ordered = len(bits) == len(speakers) and all(a < b for a, b in pairwise(bits))
    return sum(1 << bit for bit in bits) if is_ordered else 0


def mask_in(comment: str) -> int:
    """The mask that a comment of FLAC says; 0 where it says none."""
    try:
        mask = int(comment.strip(), 0)
    except ValueError:
        return 0
    return mask if 0 <= mask < 1 << 32 else 0


def wave_order(encoding: str, channels: int) -> list[int] | None:
    """Where in a file's channels those of WAVE stand, by libsndfile's name of its encoding; None where just there."""
    order = VORBIS_ORDER.get(channels) if encoding in VORBIS_ORDERED else None
    return None if order is None else [order.index(channel) for channel in range(channels)]


def words_of_layout(channels: int, mask: int) -> str:
    """A layout, for people."""
    if channels <= 2:
        return "mono" if channels == 1 else "stereo"
    speakers = [SPEAKERS[bit] if bit < len(SPEAKERS) else f"bit {bit}" for bit in range(32) if mask >> bit & 1]
    layout = ", ".join(filter(None, (NAMED.get(mask, ""), " ".join(speakers)))) or "layout unknown"
    return f"{channels} channels ({layout})"
