"""A plugin of Pillow: once `codec.pillow` is imported, `Image.open` reads .lcc images and `save` writes them.

    import codec.pillow
    with Image.open("photo.lcc") as image:  # size, mode, metadata; pixels are decoded when they are asked for
        image.thumbnail((256, 256))
    image.save("thumbnail.lcc", quality=70)

Pillow has no entry points, so the import is what registers it. Of a cut or damaged file `Image.open` shows what its
header says, and loading its pixels is an OSError unless `ImageFile.LOAD_TRUNCATED_IMAGES` is set: then there is what
could be decoded of it. The files that say no image of ours, audio among them, are "not identified".
"""

from __future__ import annotations

from typing import IO, Any

import numpy as np
from PIL import Image, ImageFile

from codec import image_api, media
from codec.bitstream import constants
from codec.bitstream import image as image_file
from codec.bitstream.errors import CodecError
from codec.image.sections import image_of
from codec.media.image.data import info

FORMAT = "LCC"
MIME = "image/x-lcc"
# options of `save` that are those of `compress_image`
OPTIONS = (
    "quality",
    "effort",
    "metric",
    "lossless",
    "target_size",
    "target_bpp",
    "target_psnr",
    "target_ssim",
    "target_ssimulacra2",
    "roi",
    "threads",
    "device",
    "weights",
)
METADATA = ("icc_profile", "exif", "xmp")  # options of `save` that stand for what the image itself has of them


class LccImageFile(ImageFile.ImageFile):
    """An .lcc file of an image. Its mode is L, LA, RGB or RGBA, or I;16 of grey with 16 bits."""

    format = FORMAT
    format_description = "Learned compression of images"

    def _open(self) -> None:
        assert self.fp is not None
        self._data = self.fp.read()
        try:
            parsed = image_file.read(self._data, constants.MAX_SIDE**2, partial=True)
            header = parsed.header
            bare = np.zeros((1, 1, header.channels), np.uint8)
            with media.collected_notices():
                described = image_of(bare, None, parsed.extras, cropped=False, damage=[])
                self.info.update(info(described))
        except CodecError as error:
            raise SyntaxError(str(error)) from error
        self._size = header.width, header.height
        self._is_deep = header.bit_depth == 16 and header.channels == 1 and not header.alpha
        colours = "L" if header.channels == 1 else "RGB"
        self._mode = "I;16" if self._is_deep else colours + "A" * header.alpha

    def verify(self) -> None:
        """Returns where all checksums of the file are right. Raises OSError."""
        try:
            image_file.read(self._data, constants.MAX_SIDE**2)
        except CodecError as error:
            raise OSError(str(error)) from error
        super().verify()

    def load(self) -> Any:
        """Decodes the pixels, once. Raises OSError where they are cut off or damaged, or their weights are not here."""
        if self._im is None:
            self.im = self._decoded().im
            if self._exclusive_fp:
                self._close_fp()
            self.fp = None
        return super().load()

    def _decoded(self) -> Image.Image:
        partial = ImageFile.LOAD_TRUNCATED_IMAGES
        try:
            found = image_api.decode_image(
                self._data, bit_depth=16 if self._is_deep else 8, partial=partial, max_pixels=constants.MAX_SIDE**2
            )
        except CodecError as error:
            raise OSError(str(error)) from error
        return media.to_pillow(found.image)


def _accept(prefix: bytes) -> bool:
    return prefix.startswith(constants.MAGIC)


def _save(image: Image.Image, file: IO[bytes], filename: str | bytes) -> None:
    """Writes an image with what `save` was asked for. Raises OSError, ValueError."""
    given = image.encoderinfo
    options: dict[str, Any] = {name: given[name] for name in OPTIONS if name in given}
    replaced = {name: given[name] for name in METADATA if name in given}
    if replaced:
        image = image.copy()
        for name, value in replaced.items():
            image.info.pop(name, None)
            if name == "exif":
                image.getexif().clear()
            if value:
                image.info[name] = value.tobytes() if isinstance(value, Image.Exif) else value
    try:
        file.write(image_api.compress_image(image, **options))
    except CodecError as error:
        raise OSError(str(error)) from error


Image.register_open(FORMAT, LccImageFile, _accept)
Image.register_save(FORMAT, _save)
Image.register_extension(FORMAT, ".lcc")
Image.register_mime(FORMAT, MIME)
