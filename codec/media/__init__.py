"""Pictures and sounds at the edges of the codec: whatever a caller has to `Picture` or `Sound`, and back to files.

Pillow does the picture files; what it cannot hold (16 bits of colour, exact metadata) is mended around it. libsndfile
does the sound files and soxr the sample rates; both are loaded when they are used.
"""

from codec.bitstream.audio import resampled_length
from codec.media.audio.read import SoundReader, SoundSource, read_sound
from codec.media.audio.resample import Resampler, resample
from codec.media.audio.sound import Samples, Sound
from codec.media.audio.wav import WaveReader, WaveWriter, is_wave
from codec.media.audio.write import SOUND_SAVED_AS, SOUNDS, SoundWriter, check_sound_suffix, sound_file
from codec.media.image.alpha import alpha_bytes, alpha_from
from codec.media.image.picture import Picture, Pixels, at_depth, to_8_bits, to_16_bits, to_pillow
from codec.media.image.pillow import OPENED
from codec.media.image.read import ImageSource, read_picture
from codec.media.image.write import PICTURES, SAVED_AS, check_suffix, picture_file
from codec.media.notices import MediaNotice
from codec.media.paths import PathLike, read_bytes
from codec.media.sniffing import HEAD_BYTES, is_sound

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
