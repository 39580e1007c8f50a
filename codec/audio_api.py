"""The front door of audio: compress, decompress, decode, piece by piece too. What computes is loaded when needed."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from codec import media
from codec.arguments import Device, Partial, check_audio_options, check_quality, seconds, seed_of, whole_number
from codec.bitstream import audio as audio_file
from codec.bitstream import constants
from codec.decoded import DecodedAudio
from codec.media import AudioData, AudioMetadata, ByteSource, ByteTarget, IncompleteAudio, PathLike
from codec.media.audio.data import BIT_DEPTHS, check_mask
from codec.media.paths import check_binary, is_file
from codec.progress import Progress, Report
from codec.quality import DEFAULT_QUALITY

if TYPE_CHECKING:
    from codec.audio.decode import AudioDecoder, AudioReader
    from codec.audio.encode import AudioEncoder
    from codec.bitstream.audio import AudioFile
    from codec.devices import Device as Placed
    from codec.media import AudioSource, Waveform


class AudioCompression(TypedDict, total=False):
    """What `compress_audio` can be asked for beside the quality."""

    sample_rate: int | None
    target_size: int | None
    target_bitrate: float | None
    device: Device
    threads: int | None
    weights: PathLike | None
    max_seconds: float
    progress: Report | None
    out: ByteTarget | None


class AudioDecoding(TypedDict, total=False):
    """What `decompress_audio` can be asked for."""

    start_s: float
    duration_s: float | None
    partial: Partial
    device: Device
    threads: int | None
    weights: PathLike | None
    max_seconds: float
    progress: Report | None


def compress_audio(
    audio: AudioSource | Waveform,
    quality: float | None = None,
    *,
    sample_rate: int | None = None,
    target_size: int | None = None,
    target_bitrate: float | None = None,
    device: Device = "auto",
    threads: int | None = None,
    weights: PathLike | None = None,
    max_seconds: float = constants.MAX_SECONDS,
    progress: Report | None = None,
    out: ByteTarget | None = None,
) -> bytes:
    """The bytes of an .lcc file of audio.

    audio: a path, the bytes of an audio file, a binary file, an `AudioData`; or, with its sample_rate in Hz, an array
        or tensor (n,) or (n, 1 to 8) of int16, int32 or floats in -1..1.
    quality: 0 (smallest, about 4 kbit/s mono) to 100 (best, about 76); 50 where neither it nor a target is given.
    target_size: at most so many bytes, and at least 99 % of them; target_bitrate: so many kbit/s, within 2 %, as the
        mean over the whole file. Either takes several passes.
    progress: called with the share of the work that is done, of each file that a target takes, every two seconds of
        audio; what it raises ends the work (docs/control.md).
    out: a path or binary file that the bytes are written to as well; a file of that name appears whole or not at all.
    Warns MediaNotice where the audio is converted before it is coded, or nothing comes near a target that is kept.
    Raises: MediaError (a target that cannot be met too), LimitExceeded (both CodecError); ValueError for a quality,
        target or device that does not exist; TypeError.
    """
    check_audio_options(quality, target_size=target_size, target_bitrate=target_bitrate)
    if sample_rate is None and hasattr(audio, "ndim"):
        raise TypeError("samples need their sample_rate=")
    if is_file(audio):
        check_binary(audio)
    from codec.audio import encode
    from codec.devices import device_named

    source: Any = audio if sample_rate is None else (audio, whole_number("sample rate", sample_rate))
    chosen = device_named(device, threads, weights)
    if target_size is not None or target_bitrate is not None:
        return media.written(_targeted(source, max_seconds, chosen, target_size, target_bitrate, progress), out)
    found = media.read_audio(source, max_seconds)
    chosen_quality = DEFAULT_QUALITY if quality is None else float(quality)
    return media.written(encode.encode(found, chosen_quality, chosen, progress), out)


def _targeted(
    source: Any,
    max_seconds: float,
    device: Placed,
    target_size: int | None,
    target_bitrate: float | None,
    progress: Report | None,
) -> bytes:
    """The file that meets a target. Files are read anew in every pass, so that they need little memory."""
    from codec.audio import encode
    from codec.search import audio_rate_control

    with ExitStack() as closing:
        if isinstance(source, (AudioData, tuple)):
            audio = media.read_audio(source, max_seconds)
            duration_s, channels = audio.duration_s, audio.channels

            def encoded(quality: float) -> bytes:
                return encode.encode(audio, quality, device, progress)
        else:
            opened = closing.enter_context(media.rereadable(source, max_seconds))
            with opened() as reader:
                samples = sum(map(len, reader.blocks()))
                duration_s, channels = samples / reader.sample_rate, reader.channels

            def encoded(quality: float) -> bytes:
                with media.collected_notices(), opened() as reader:  # they were given above
                    return encode.encode_file(reader, quality, device, Progress(progress, samples + 1))

        if target_size is not None:
            target = audio_rate_control.target_size(whole_number("target size", target_size))
        else:
            assert target_bitrate is not None
            target = audio_rate_control.target_bitrate(float(target_bitrate), duration_s)
        return audio_rate_control.search(encoded, target, duration_s, channels).data


def decompress_audio(data: ByteSource, **options: Unpack[AudioDecoding]) -> AudioData:
    """The audio of an .lcc file, given as its bytes, its path or a binary file.

    Samples are (n, channels) float32 at the source's rate; there are tags too. options: as `decode_audio` has them.
    Warns IncompleteAudio where `partial` and something was missing or wrong.
    Raises: CorruptFile, LimitExceeded, UnsupportedFile (a file of an image too), ModelMismatch, MediaError (all
        CodecError); ValueError.
    """
    return presented(decode_audio(data, **options))


def decode_audio(
    data: ByteSource,
    *,
    start_s: float = 0.0,
    duration_s: float | None = None,
    partial: Partial = False,
    device: Device = "auto",
    threads: int | None = None,
    weights: PathLike | None = None,
    max_seconds: float = constants.MAX_SECONDS,
    progress: Report | None = None,
) -> DecodedAudio:
    """The audio of an .lcc file with what there is to say of it: `audio`, `damage` and `notices`. Warns of nothing.

    start_s, duration_s: of the only part that is wanted, in seconds.
    partial: give what there is of a file that is cut or damaged behind its header, and silence for the rest; "draw"
        draws what a chunk lacks from the prior, as `codec.complete` does, where True takes expected values.
    threads: of the networks on CPUs; all cores where None.
    weights: a weights file to code with, or a folder of what files may need, before the rest of the shelf.
    progress: called with the share of the work that is done, every two seconds of audio; what it raises ends the work.
    Raises: as `decompress_audio`.
    """
    parsed = audio_file.read(media.read_bytes(data), max_seconds, bool(partial))
    return decoded(
        parsed,
        start_s=start_s,
        duration_s=duration_s,
        partial=partial,
        device=device,
        threads=threads,
        weights=weights,
        progress=progress,
    )


def decoded(
    parsed: AudioFile,
    *,
    start_s: float,
    duration_s: float | None,
    partial: Partial,
    device: Device,
    threads: int | None,
    weights: PathLike | None,
    progress: Report | None,
) -> DecodedAudio:
    """`decode_audio` of a file that is parsed."""
    from codec.audio import decode
    from codec.devices import device_named

    start_s = seconds("start_s", start_s)
    duration_s = None if duration_s is None else seconds("duration_s", duration_s)
    with media.collected_notices() as notices:
        found = decode.restored(
            parsed,
            device_named(device, threads, weights),
            start_s=start_s,
            duration_s=duration_s,
            partial=bool(partial),
            progress=progress,
            seed=seed_of(partial),
        )
    return replace(found, notices=tuple(notices))


def presented(found: DecodedAudio) -> AudioData:
    """Decoded audio, with warnings for what there is to say of it."""
    media.warn_of(found.damage, found.notices, IncompleteAudio)
    return found.audio


def audio_reader(
    data: ByteSource,
    *,
    start_s: float = 0.0,
    duration_s: float | None = None,
    partial: Partial = False,
    device: Device = "auto",
    threads: int | None = None,
    weights: PathLike | None = None,
    max_seconds: float = constants.MAX_SECONDS,
    bounded: bool = False,
) -> AudioReader:
    """What `decompress_audio` restores, piece by piece: its `header`, `tags` and, once, `pieces()`; then its `damage`.

    bounded: keep samples inside full scale, to be written as integers, even where those of the source were floats.
    Raises: as `decompress_audio`.
    """
    from codec.audio.decode import AudioReader
    from codec.devices import device_named

    start_s = seconds("start_s", start_s)
    duration_s = None if duration_s is None else seconds("duration_s", duration_s)
    return AudioReader(
        audio_file.read(media.read_bytes(data), max_seconds, bool(partial)),
        device_named(device, threads, weights),
        start_s=start_s,
        duration_s=duration_s,
        partial=bool(partial),
        bounded=bounded,
        seed=seed_of(partial),
    )


def audio_encoder(
    sample_rate: int,
    channels: int,
    quality: float = DEFAULT_QUALITY,
    *,
    bit_depth: int = 16,
    tags: Mapping[str, str] | None = None,
    metadata: AudioMetadata | None = None,
    channel_mask: int = 0,
    device: Device = "auto",
    threads: int | None = None,
    weights: PathLike | None = None,
) -> AudioEncoder:
    """An encoder for audio that comes piece by piece: `push(samples)` and `finish()` return bytes of the file.

    bit_depth: of the source, 16, 24 or 32 (floats): what a decoder writes by default; metadata: beside tags;
    channel_mask: of three channels and more, which loudspeakers they belong to, as dwChannelMask of WAVE files.
    Raises: ModelMismatch; ValueError; LimitExceeded for more tags or metadata than a file can hold.
    """
    from codec.audio.encode import AudioEncoder
    from codec.devices import device_named

    check_quality(quality)
    sample_rate, channels = whole_number("sample rate", sample_rate), whole_number("channels", channels)
    if not (1 <= channels <= constants.MAX_CHANNELS and 1 <= sample_rate <= constants.MAX_RATE):
        expected = f"expected 1 to {constants.MAX_CHANNELS}, and up to {constants.MAX_RATE} Hz"
        raise ValueError(f"{channels} channels at {sample_rate} Hz: {expected}")
    check_mask(channel_mask, channels)
    if bit_depth not in BIT_DEPTHS:
        raise ValueError(f"bit depth {bit_depth}: expected one of {BIT_DEPTHS}")
    about = (int(bit_depth), tags, metadata, whole_number("channel mask", channel_mask))
    return AudioEncoder(sample_rate, channels, float(quality), device_named(device, threads, weights), *about)


def audio_decoder(
    *,
    device: Device = "auto",
    threads: int | None = None,
    weights: PathLike | None = None,
    max_seconds: float = constants.MAX_SECONDS,
    bounded: bool = False,
) -> AudioDecoder:
    """A decoder for a file that comes piece by piece: `push(data)` and `finish()` return samples (n, channels).

    bounded: as that of `audio_reader`.
    """
    from codec.audio.decode import AudioDecoder
    from codec.devices import device_named

    return AudioDecoder(device_named(device, threads, weights), max_seconds, bounded=bounded)
