"""Pictures and sounds at the edges of the codec: whatever a caller has to `Picture` or `Sound`, and back to files.

Pillow does the picture files; what it cannot hold (16 bits of colour, exact metadata) is mended around it. libsndfile
does the sound files and soxr the sample rates; both are loaded when they are used.
"""

from codec.bitstream.sound import resampled_length
from codec.media.alpha import alpha_bytes, alpha_from
from codec.media.notices import MediaNotice
from codec.media.opening import OPENED
from codec.media.paths import PathLike, read_bytes
from codec.media.raster import Picture, Pixels, at_depth, to_8_bits, to_16_bits, to_pillow
from codec.media.reading import ImageSource, read_picture
from codec.media.resampling import Resampler, resample
from codec.media.sniffing import HEAD_BYTES, is_sound
from codec.media.sound import Samples, Sound
from codec.media.sound_reading import SoundReader, SoundSource, read_sound
from codec.media.sound_writing import SOUND_SAVED_AS, SOUNDS, SoundWriter, check_sound_suffix, sound_file
from codec.media.waves import WaveReader, WaveWriter, is_wave
from codec.media.writing import PICTURES, SAVED_AS, check_suffix, picture_file

__all__ = [
    "HEAD_BYTES",
    "OPENED",
    "PICTURES",
    "SAVED_AS",
    "SOUNDS",
    "SOUND_SAVED_AS",
    "ImageSource",
    "MediaNotice",
    "PathLike",
    "Picture",
    "Pixels",
    "Resampler",
    "Samples",
    "Sound",
    "SoundReader",
    "SoundSource",
    "SoundWriter",
    "WaveReader",
    "WaveWriter",
    "alpha_bytes",
    "alpha_from",
    "at_depth",
    "check_sound_suffix",
    "check_suffix",
    "is_sound",
    "is_wave",
    "picture_file",
    "read_bytes",
    "read_picture",
    "read_sound",
    "resample",
    "resampled_length",
    "sound_file",
    "to_8_bits",
    "to_16_bits",
    "to_pillow",
]
