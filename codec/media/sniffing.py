"""Whether a file is a clip, from its first bytes; whether it may be either, from its name."""

from __future__ import annotations

HEAD_BYTES = 16
MAGICS = (b"fLaC", b"OggS", b"ID3", b"caff", b".snd", b"dns.", b"NIST_1A", b"Creative Voice")
HEIF_SUFFIXES = frozenset({".heic", ".heif"})  # of the extra `heif`
AV_SUFFIXES = frozenset({".aac", ".m4a", ".mp4", ".mka", ".webm"})  # of the extra `av`
MP3_SYNC = 0xFFE0  # eleven bits


def is_audio(head: bytes) -> bool:
    """Whether a file that begins with these HEAD_BYTES looks like one that libsndfile reads."""
    from codec.media.audio.av_source import kind_of  # no reader of audio is loaded where images are written
    from codec.media.audio.riff import dialect_of

    iff = head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC", b"8SVX", b"16SV")
    mp3 = len(head) > 2 and int.from_bytes(head[:2]) & MP3_SYNC == MP3_SYNC and head[:3] != b"\xff\xd8\xff"
    if kind_of(head):
        return True
    return dialect_of(head) is not None or iff or mp3 or head.startswith(MAGICS)


def readable_suffixes() -> frozenset[str]:
    """Suffixes of the files of images and audio that folders are searched for, in small letters."""
    from PIL import Image

    from codec.media.audio.write import AUDIO_SUFFIXES
    from codec.media.image.pillow import OPENED

    Image.init()
    images = {suffix for suffix, name in Image.registered_extensions().items() if name in OPENED}
    return HEIF_SUFFIXES | AUDIO_SUFFIXES | AV_SUFFIXES | images
