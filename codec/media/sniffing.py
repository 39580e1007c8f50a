"""Whether a file is a clip, from its first bytes; whether it may be either, from its name.

Readers are not loaded for that: most files are images.
"""

from __future__ import annotations

HEAD_BYTES = 16
MAGICS = (b"fLaC", b"OggS", b"ID3", b"caff", b".snd", b"dns.", b"NIST_1A", b"Creative Voice")
HEIF_SUFFIXES = frozenset({".heic", ".heif"})  # of the extra `heif`
AV_SUFFIXES = frozenset({".aac", ".m4a", ".mp4", ".mka", ".webm"})  # of the extra `av`
MP3_SYNC = 0xFFE0  # eleven bits
IMAGE_BRANDS = frozenset(b"avif|avis|heic|heix|heim|heis|hevc|hevx|mif1|msf1|jxl |crx ".split(b"|"))


def is_audio(head: bytes) -> bool:
    """Whether a file that begins with these HEAD_BYTES looks like one that libsndfile reads."""
    from codec.media.audio.riff import dialect_of

    iff = head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC", b"8SVX", b"16SV")
    mp3 = len(head) > 2 and int.from_bytes(head[:2]) & MP3_SYNC == MP3_SYNC and head[:3] != b"\xff\xd8\xff"
    if ffmpeg_kind(head):
        return True
    return dialect_of(head) is not None or iff or mp3 or head.startswith(MAGICS)


def ffmpeg_kind(head: bytes) -> str | None:
    """FFmpeg's name for a file that begins so; None where it is none of those that are read here."""
    if head[4:8] == b"ftyp" and head[8:12] not in IMAGE_BRANDS:
        return "mov"
    if head[:4] == b"\x1aE\xdf\xa3":
        return "matroska"
    if head[:4] == b"OggS" and head[28:33] == b"\x7fFLAC":  # which libsndfile does not get right
        return "ogg"
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0:  # ADTS: an MPEG sync with layer 0
        return "aac"
    return None


def readable_suffixes() -> frozenset[str]:
    """Suffixes of the files of images and audio that folders are searched for, in small letters."""
    from PIL import Image

    from codec.media.audio.write import AUDIO_SUFFIXES
    from codec.media.image.pillow import OPENED

    Image.init()
    images = {suffix for suffix, name in Image.registered_extensions().items() if name in OPENED}
    return HEIF_SUFFIXES | AUDIO_SUFFIXES | AV_SUFFIXES | images
