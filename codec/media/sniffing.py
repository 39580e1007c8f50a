"""Whether a file is a clip, from its first bytes."""

from __future__ import annotations

from codec.media.audio.wav import is_wave

HEAD_BYTES = 16
MAGICS = (b"fLaC", b"OggS", b"ID3", b"RF64", b"caff", b".snd")
MP3_SYNC = 0xFFE0  # eleven bits


def is_audio(head: bytes) -> bool:
    """Whether a file that begins with these HEAD_BYTES looks like one that libsndfile reads."""
    aiff = head[:4] == b"FORM" and head[8:11] == b"AIF"
    mp3 = len(head) > 2 and int.from_bytes(head[:2]) & MP3_SYNC == MP3_SYNC and head[:3] != b"\xff\xd8\xff"
    return is_wave(head) or aiff or mp3 or head.startswith(MAGICS)
