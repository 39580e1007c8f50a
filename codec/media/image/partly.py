"""Cut and damaged image files, made into whole ones of what there is."""

from __future__ import annotations

from collections.abc import Iterator

from codec.bitstream.errors import MediaError
from codec.media.image import gif, jpeg, png

ZEROS_MAX = 1 << 27  # bytes that are added at most


def repairs(data: bytes, max_pixels: int) -> Iterator[bytes]:
    """Files to try instead of one that cannot be read, the likeliest first."""
    if data.startswith(b"\xff\xd8"):
        yield jpeg.completed(data)
        return
    if data.startswith(png.SIGNATURE):
        try:
            yield png.completed(data, max_pixels)
        except MediaError:
            return
        return
    if data.startswith(b"GIF8"):
        yield gif.completed(data, max_pixels)
        return
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        missing = 8 + int.from_bytes(data[4:8], "little") - len(data)
        if 0 < missing <= ZEROS_MAX:
            yield data + bytes(missing)
        return
    missing = min(max(len(data), 1 << 16), ZEROS_MAX)
    while missing <= min(4 * max_pixels + (1 << 16), ZEROS_MAX):
        yield data + bytes(missing)
        missing *= 8
