"""A file parsed once, whatever it holds."""

from __future__ import annotations

from codec.bitstream import audio, constants, image, original
from codec.bitstream.audio import AudioFile
from codec.bitstream.file import read_beginning
from codec.bitstream.image import Container
from codec.bitstream.original import OriginalFile
from codec.bitstream.wire import Reader

Parsed = Container | AudioFile | OriginalFile  # a file of an image, of audio, or of an original


def parse(
    data: bytes,
    max_pixels: int = constants.MAX_PIXELS,
    max_seconds: float = constants.MAX_SECONDS,
    partial: bool = False,
) -> Parsed:
    """A parsed file of an image, of audio or of an original, with its checksums and limits checked.

    partial: what is cut off or damaged behind the header is left out and named in `damage`; not of originals, which
        are whole or nothing.
    Raises: CorruptFile, LimitExceeded, UnsupportedFile.
    """
    reader = Reader(data)
    begun = read_beginning(reader)
    if begun.media == constants.MEDIA_AUDIO:
        return audio.read_behind(begun, data, max_seconds, partial)
    if begun.media == constants.MEDIA_ORIGINAL:
        return original.read_behind(begun, reader)
    return image.read_behind(begun, reader, max_pixels, partial)
