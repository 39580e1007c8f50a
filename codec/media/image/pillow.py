"""Files opened by Pillow, under our limits and with our errors.

Pillow has a limit of pixels of its own, `Image.MAX_IMAGE_PIXELS`, a global of the process that belongs to whoever runs
it. It is left alone: files are opened by Pillow's plugins, past `Image.open`, which is where that limit is applied.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from PIL import Image, ImageFile, UnidentifiedImageError
from PIL.TiffImagePlugin import TiffImageFile

from codec.bitstream.errors import CodecError, LimitExceeded, MediaError
from codec.media.notices import MediaNotice

# what is opened: formats that Pillow decodes by itself, without calling other programs
OPENED = frozenset({"PNG", "JPEG", "MPO", "WEBP", "TIFF", "BMP", "PPM", "GIF", "JPEG2000", "AVIF", "TGA", "ICO"})
PREFIX_BYTES = 16  # that Pillow's plugins are asked by
NOT_OF_THIS_FORMAT = (SyntaxError, IndexError, TypeError, struct.error)  # what they raise then, as `Image.open` knows


class DamagedImage(MediaError):
    """The file is one of a known format, but cut or damaged."""


@contextmanager
def guarded() -> Iterator[None]:
    """For work with Pillow: whatever it raises for a bad image is a MediaError.

    WebP and odd GIFs are measured by Pillow's own limit too, deep inside their plugins: LimitExceeded says so.
    """
    try:
        yield
    except (CodecError, MediaNotice):
        raise
    except Image.DecompressionBombError as error:
        raise LimitExceeded(f"beyond Image.MAX_IMAGE_PIXELS, the limit of Pillow in this process: {error}") from error
    except UnidentifiedImageError as error:
        raise MediaError("not an image, or a clip, of a known format or kind") from error
    except MemoryError as error:
        raise MediaError("there is not enough memory for the image") from error
    except Exception as error:  # on damaged files the plugins raise nearly every error that there is
        raise DamagedImage(f"the image is damaged: {' '.join(str(error).split()) or type(error).__name__}") from error


@contextmanager
def opened(data: bytes, formats: Iterable[str] = OPENED) -> Iterator[Image.Image]:
    """The image in the bytes of a file, header read, pixels not. Inside `guarded` only."""
    with _identified(data, formats) as image:
        yield image


def _identified(data: bytes, formats: Iterable[str]) -> ImageFile.ImageFile:
    """What `Image.open` gives. Raises UnidentifiedImageError, and what plugins raise for damaged files."""
    prefix = data[:PREFIX_BYTES]
    for name in _plugins(formats):
        factory, accept = Image.OPEN[name]
        accepted = accept is None or accept(prefix)
        if accepted and not isinstance(accepted, str):  # which says why a plugin is not there
            try:
                return (_Tiff if name == "TIFF" else factory)(io.BytesIO(data), "")
            except NOT_OF_THIS_FORMAT:
                continue
    raise UnidentifiedImageError


def _plugins(formats: Iterable[str]) -> Iterator[str]:
    """Names of formats that plugins are there for, the usual ones first: loading the others takes its time."""
    asked: set[str] = set()
    for load in (Image.preinit, Image.init):
        load()
        names = (set(formats) & set(Image.OPEN)) - asked
        yield from sorted(names)
        asked |= names


class _Tiff(TiffImageFile):
    """A TIFF that makes room for its pixels without asking Pillow's limit: ours has been asked before."""

    def load_prepare(self) -> None:
        if self._im is None:
            self.im = Image.new(self.mode, self._tile_size, None).im
        super().load_prepare()


def is_known(head: bytes) -> bool:
    """Whether a file that begins so looks like one of a format that is opened, of those that begin with a mark."""
    Image.init()
    known = (Image.OPEN[name][1] for name in OPENED & set(Image.OPEN))
    return any(accept is not None and bool(accept(head[:PREFIX_BYTES])) for accept in known)
