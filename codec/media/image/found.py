"""What the parsers of image files find beside pixels, and what of it is left out: a notice for each kind."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field

from codec.bitstream import constants
from codec.bitstream.extras import Chunk, Extras, Resolution, Text, Trailer
from codec.media.notices import notice

SHOWN_LOSSES = 16  # kinds of things left out that get a line of their own
OTHER_LOSSES = "metadata of further kinds"


@dataclass
class Found:
    """Metadata of a file while it is parsed; fields as those of `ImageData` and `Extras`.

    budget: bytes that texts and chunks may still take, once unpacked. losses: what is left out, and how often.
    alone: whether images or videos beside the image are left out, which XMP must not announce then.
    """

    icc: bytes = b""
    exif: bytes = b""
    xmp: bytes = b""
    resources: bytes = b""
    texts: list[Text] = field(default_factory=list)
    resolution: Resolution | None = None
    chunks: list[Chunk] = field(default_factory=list)
    extended_xmp: bytes = b""
    trailer: Trailer | None = None
    budget: int = constants.MAX_EXTRA_BYTES
    losses: dict[str, int] = field(default_factory=dict)
    alone: bool = False

    def lose(self, what: str) -> None:
        """Remembers that something is left out."""
        kind = what if what in self.losses or len(self.losses) < SHOWN_LOSSES else OTHER_LOSSES
        self.losses[kind] = self.losses.get(kind, 0) + 1

    def lose_companion(self, what: str) -> None:
        """Remembers that an image or a video beside the image is left out."""
        self.lose(what)
        self.alone = True

    def take(self, size: int, what: str) -> bool:
        """Whether a text or chunk of `size` bytes is still within the limits; remembers that it is left out if not."""
        if size > self.budget or len(self.texts) + len(self.chunks) >= constants.MAX_EXTRAS:
            self.lose(f"{what} beyond the limits of metadata")
            return False
        self.budget -= size
        return True

    def add_text(self, text: Text, what: str) -> None:
        """Keeps a text within the limits, once. Zeros, which end texts, become spaces."""
        parts = (text.keyword, text.text, text.language, text.translated)
        text = Text(*(part.replace("\0", " ") for part in parts))
        if text.text and text not in self.texts[-8:] and self.take(len(text.text) * 4, what):
            self.texts.append(text)

    def set_resolution(self, x: int, y: int, unit: int) -> None:
        """Keeps a resolution where it says something."""
        if 0 < x < 1 << 32 and 0 < y < 1 << 32 and not (unit == 0 and x == y):
            self.resolution = Resolution(x, y, unit)

    def bounded(self, content: bytes, what: str) -> bytes:
        """The content, or nothing where it is beyond the limit of a section, which is remembered."""
        if len(content) <= constants.MAX_EXTRA_BYTES:
            return content
        self.lose(f"{what} of {len(content):,} bytes")
        return b""

    def set_trailer(self, trailer: Trailer) -> None:
        """Keeps what stands behind the image, where there is anything."""
        if len(trailer.data) > constants.MAX_TRAILER_BYTES:
            self.lose_companion(f"{len(trailer.data):,} bytes behind the image")
        elif trailer.data:
            self.trailer = trailer

    def extras(self) -> Extras:
        """What `ImageData.extras` holds of it."""
        return Extras(
            resources=self.resources,
            texts=tuple(self.texts),
            resolution=self.resolution,
            chunks=tuple(self.chunks),
            extended_xmp=self.extended_xmp,
            trailer=self.trailer,
        )

    def tell(self) -> None:
        """Gives a notice for each kind of thing that is left out."""
        for what, count in self.losses.items():
            notice(f"{what} left out" + (f", {count} times" if count > 1 else ""))


def latin_or_utf8(content: bytes) -> str:
    """A text whose encoding is not known, without the zeros at its end."""
    content = content.rstrip(b"\0")
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode("latin-1")


def inflated(content: bytes, limit: int) -> bytes | None:
    """The bytes of a zlib stream, None where it is damaged or has more than `limit`; costs no more than that."""
    inflater = zlib.decompressobj()
    try:
        data = inflater.decompress(content, limit + 1)
    except zlib.error:
        return None
    return data if len(data) <= limit and inflater.eof else None
