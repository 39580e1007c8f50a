"""Files opened by Pillow, under our limits and with our errors."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from PIL import Image, UnidentifiedImageError

from codec.bitstream.errors import CodecError, MediaError
from codec.media.notices import MediaNotice

# what is opened: formats that Pillow decodes by itself, without calling other programs
OPENED = frozenset({"PNG", "JPEG", "MPO", "WEBP", "TIFF", "BMP", "PPM", "GIF", "JPEG2000", "AVIF", "TGA"})


class _PillowsLimit:
    """Lifts Pillow's limit of pixels, a global of the process, while any thread is inside. Callers have their own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._limit: int | None = None

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                Image.MAX_IMAGE_PIXELS = self._limit


_pillows_limit = _PillowsLimit()


@contextmanager
def guarded() -> Iterator[None]:
    """For work with Pillow: whatever it raises for a bad image is a MediaError, and its limit is lifted."""
    try:
        with _pillows_limit:
            yield
    except (CodecError, MediaNotice):
        raise
    except UnidentifiedImageError as error:
        raise MediaError("not an image, or a clip, of a known format or kind") from error
    except MemoryError as error:
        raise MediaError("there is not enough memory for the image") from error
    except Exception as error:  # on damaged files the plugins raise nearly every error that there is
        raise MediaError(f"the image is damaged: {' '.join(str(error).split()) or type(error).__name__}") from error


@contextmanager
def opened(data: bytes, formats: Iterable[str] = OPENED) -> Iterator[Image.Image]:
    """The image in the bytes of a file, header read, pixels not. Inside `guarded` only."""
    Image.init()
    with Image.open(io.BytesIO(data), formats=sorted(set(formats) & set(Image.OPEN))) as image:
        yield image
