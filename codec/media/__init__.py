"""Images and audio at the edges of the codec: whatever a caller has to `ImageData` or `AudioData`, and back to files.

Pillow does the image files; what it cannot hold (16 bits of colour, exact metadata) is mended around it. libsndfile
does the audio files and soxr the sample rates; both are loaded when they are used.
"""

from codec.bitstream.audio import resampled_length
from codec.media.audio.data import AudioData, Samples
from codec.media.audio.metadata import AudioMetadata, Chapter, metadata_of
from codec.media.audio.read import AudioFileReader, AudioSource, Waveform, read_audio, rereadable
from codec.media.audio.resample import Resampler, resample
from codec.media.audio.wav import WaveWriter
from codec.media.audio.write import AUDIO_SAVED_AS, AUDIO_SUFFIXES, AudioFileWriter, audio_bytes, check_audio_suffix
from codec.media.image.alpha import alpha_bytes, alpha_from
from codec.media.image.data import ImageData, Pixels, at_depth, to_8_bits, to_16_bits, to_pillow
from codec.media.image.pillow import OPENED
from codec.media.image.read import ImageSource, read_image
from codec.media.image.write import IMAGE_SUFFIXES, SAVED_AS, check_suffix, image_bytes
from codec.media.notices import IncompleteAudio, IncompleteImage, MediaNotice, collected_notices, warn_of
from codec.media.paths import ByteSource, ByteTarget, PathLike, read_bytes, written
from codec.media.sniffing import HEAD_BYTES, is_audio

__all__ = [
    "AUDIO_SAVED_AS",
    "AUDIO_SUFFIXES",
    "HEAD_BYTES",
    "IMAGE_SUFFIXES",
    "OPENED",
    "SAVED_AS",
    "AudioData",
    "AudioFileReader",
    "AudioFileWriter",
    "AudioMetadata",
    "AudioSource",
    "ByteSource",
    "ByteTarget",
    "Chapter",
    "ImageData",
    "ImageSource",
    "IncompleteAudio",
    "IncompleteImage",
    "MediaNotice",
    "PathLike",
    "Pixels",
    "Resampler",
    "Samples",
    "WaveWriter",
    "Waveform",
    "alpha_bytes",
    "alpha_from",
    "at_depth",
    "audio_bytes",
    "check_audio_suffix",
    "check_suffix",
    "collected_notices",
    "image_bytes",
    "is_audio",
    "metadata_of",
    "read_audio",
    "read_bytes",
    "read_image",
    "rereadable",
    "resample",
    "resampled_length",
    "to_8_bits",
    "to_16_bits",
    "to_pillow",
    "warn_of",
    "written",
]
