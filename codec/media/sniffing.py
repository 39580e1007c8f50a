"""Whether a file is a clip, from its first bytes."""

from __future__ import annotations

from codec.media.audio.av_source import kind_of
from codec.media.audio.riff import dialect_of

HEAD_BYTES = 16
MAGICS = (b"fLaC", b"OggS", b"ID3", b"caff", b".snd", b"dns.", b"NIST_1A", b"Creative Voice")
MP3_SYNC = 0xFFE0  # eleven bits


def is_audio(head: bytes) -> bool:
    """Whether a file that begins with these HEAD_BYTES looks like one that libsndfile reads."""
    iff = head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC", b"8SVX", b"16SV")
    mp3 = len(head) > 2 and int.from_bytes(head[:2]) & MP3_SYNC == MP3_SYNC and head[:3] != b"\xff\xd8\xff"
    if kind_of(head):
        return True
    return dialect_of(head) is not None or iff or mp3 or head.startswith(MAGICS)
