"""The sections of a file beside its latents: transparency and metadata of an image to their payloads, and back."""

from __future__ import annotations

from collections.abc import Mapping

from codec import media
from codec.bitstream import constants
from codec.bitstream import image as image_file
from codec.bitstream.checksum import crc32c
from codec.bitstream.errors import CodecError
from codec.bitstream.extras import Extras
from codec.media import ImageData, Pixels
from codec.media.image.containers import trailer_in_words
from codec.media.image.fitting import without_trailer
from codec.media.notices import notice


def sections_of(image: ImageData) -> dict[int, bytes]:
    """Payloads by section id, as `Container.extras` has them."""
    found = dict(zip(image_file.METADATA, (image.icc, image.exif, image.xmp), strict=True)) | image.extras.sections()
    sections = {section: payload for section, payload in found.items() if payload}
    if image.alpha is not None:
        checksum = crc32c(image.alpha.astype(image.alpha.dtype.newbyteorder("<")).tobytes())
        sections[constants.SECTION_ALPHA] = checksum.to_bytes(constants.CRC_BYTES, "little") + media.alpha_bytes(
            image.alpha
        )
    return sections


def image_of(
    pixels: Pixels, alpha: Pixels | None, sections: Mapping[int, bytes], *, cropped: bool, damage: list[str] | None
) -> ImageData:
    """The image of decoded samples and the metadata in sections.

    cropped: whether the samples are a part of the image, to which a gain map behind it does not fit: that is left out
    with a notice. damage: where what is wrong with metadata is added, instead of being raised; None raises it.
    Raises: CorruptFile, LimitExceeded, UnsupportedFile.
    """
    icc, exif, xmp = (sections.get(section, b"") for section in image_file.METADATA)
    try:
        extras = Extras.of(dict(sections))
    except CodecError as error:
        if damage is None:
            raise
        damage.append(str(error))
        extras = Extras()
    image = ImageData(pixels, alpha, icc, exif, xmp, extras)
    if not cropped or not extras.trailer:
        return image
    notice(f"{trailer_in_words(extras.trailer, xmp)} does not fit a part of it: left out")
    return without_trailer(image)
