"""Pictures at the edges of the codec: whatever a caller has to `Picture`, and back to files and Pillow.

Pillow does the files; what it cannot hold (16 bits of colour, exact metadata) is mended around it.
"""

from codec.media.alpha import alpha_bytes, alpha_from
from codec.media.opening import OPENED
from codec.media.raster import MediaNotice, Picture, Pixels, at_depth, to_8_bits, to_16_bits, to_pillow
from codec.media.reading import ImageSource, PathLike, read_bytes, read_picture
from codec.media.writing import PICTURES, SAVED_AS, check_suffix, picture_file

__all__ = [
    "OPENED",
    "PICTURES",
    "SAVED_AS",
    "ImageSource",
    "MediaNotice",
    "PathLike",
    "Picture",
    "Pixels",
    "alpha_bytes",
    "alpha_from",
    "at_depth",
    "check_suffix",
    "picture_file",
    "read_bytes",
    "read_picture",
    "to_8_bits",
    "to_16_bits",
    "to_pillow",
]
