"""A file parsed once, whatever it holds."""

from __future__ import annotations

from codec.bitstream import audio, constants, image
from codec.bitstream.audio import AudioFile
from codec.bitstream.file import read_beginning
from codec.bitstream.image import Container
from codec.bitstream.wire import Reader

Parsed = Container | AudioFile  # an image's file, or one of audio


def parse(
    data: bytes,
    max_pixels: int = constants.MAX_PIXELS,
    max_seconds: float = constants.MAX_SECONDS,
    partial: bool = False,
) -> Parsed:
    """A parsed file of an image or of audio, with its checksums and limits checked.

    partial: what is cut off or damaged behind the header is left out and named in `damage`.
    Raises: CorruptFile, LimitExceeded, UnsupportedFile.
    """
    reader = Reader(data)
    begun = read_beginning(reader)
    if begun.media == constants.MEDIA_AUDIO:
        return audio.read_behind(begun, data, max_seconds, partial)
    return image.read_behind(begun, reader, max_pixels, partial)
