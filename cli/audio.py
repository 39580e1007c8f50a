"""Clips through commands: in constant memory, and from pipe to pipe as they come."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol

from codec.cli.files import STREAM, Input

if TYPE_CHECKING:
    from codec import AudioDecoder, AudioReader, Device, Partial
    from codec.media import AudioFileReader, Samples


READ_BYTES = 1 << 14  # of a coded file at once: well below a second of audio
BLOCK_SAMPLES = 1 << 14
FLOATS = 32  # bits a sample
INTEGERS = frozenset({".flac"})  # suffixes of formats that hold no floats


class _Writer(Protocol):
    """What samples are written to."""

    def write(self, samples: Samples) -> None:
        """Appends (n, channels) float32."""


def compress(
    source: Input, out: BinaryIO, quality: float, device: Device, threads: int | None, max_seconds: float
) -> None:
    """Codes the audio of an input. Raises CodecError."""
    import codec

    with _reader(source, max_seconds) as reader:
        encoder = codec.audio_encoder(
            reader.sample_rate,
            reader.channels,
            quality,
            bit_depth=reader.bit_depth,
            tags=reader.tags,
            metadata=reader.metadata,
            channel_mask=reader.channel_mask,
            device=device,
            threads=threads,
        )
        for block in reader.blocks(BLOCK_SAMPLES):
            out.write(encoder.push(block))
            out.flush()
        out.write(encoder.finish(reader.later_tags, reader.later_metadata))


def compress_to(
    source: Input,
    out: BinaryIO,
    target_size: int | None,
    bitrate: float | None,
    device: Device,
    threads: int | None,
    max_seconds: float,
) -> None:
    """Codes the audio of an input to so many bytes or kbit/s. Raises CodecError."""
    import codec

    data = codec.compress_audio(
        source.from_start() or source,
        target_size=target_size,
        target_bitrate=bitrate,
        device=device,
        threads=threads,
        max_seconds=max_seconds,
    )
    out.write(data)


def _reader(source: Input, max_seconds: float) -> AudioFileReader:
    from codec import media

    return media.AudioFileReader(source.from_start() or source, max_seconds)


def decompress(
    source: Input,
    target: str,
    out: BinaryIO,
    *,
    bit_depth: int | None,
    start_s: float,
    duration_s: float | None,
    partial: Partial,
    device: Device,
    threads: int | None,
    max_seconds: float,
) -> Sequence[str]:
    """The damage of an input, whose audio is restored as the format that the target's suffix names; WAVE to a stream.

    bit_depth: of the output, that of the source where None. Raises CodecError.
    """
    import codec
    from codec import media

    suffix = ".wav" if target == STREAM else Path(target).suffix.lower()
    media.check_audio_suffix(suffix)
    bounded = suffix in INTEGERS or (bit_depth is not None and bit_depth < FLOATS)

    def play(player: AudioReader | AudioDecoder, pieces: Iterable[Samples]) -> None:
        header = player.header
        assert header is not None
        depth = bit_depth or header.bit_depth
        form = (header.sample_rate, header.channels, depth, player.tags, player.metadata, header.channel_mask)
        if target == STREAM:
            stream = media.WaveWriter(out, *form)
            _write_all(stream, pieces)
            stream.close()
            return
        with media.AudioFileWriter(out, suffix, *form) as writer:
            _write_all(writer, pieces)

    if partial or start_s or duration_s is not None:
        with codec.audio_reader(
            source.read(),
            start_s=start_s,
            duration_s=duration_s,
            partial=partial,
            device=device,
            threads=threads,
            max_seconds=max_seconds,
            bounded=bounded,
        ) as played:
            play(played, played.pieces())
        return played.damage
    decoder = codec.audio_decoder(device=device, threads=threads, max_seconds=max_seconds, bounded=bounded)
    if (file := source.sought()) is not None:
        decoder.look_behind(file)
    first: list[Samples] = []
    while not decoder.is_described and (data := source.read(READ_BYTES)):
        samples = decoder.push(data)
        first += [samples] * bool(len(samples))
    if decoder.header is None:
        decoder.finish()  # says what is wrong
        return ()

    def rest() -> Iterator[Samples]:
        yield from first
        while data := source.read(READ_BYTES):
            yield decoder.push(data)
        yield decoder.finish()

    known = {*decoder.tags, *decoder.metadata.kinds}
    play(decoder, rest())
    late = [name for name in (*decoder.tags, *decoder.metadata.kinds) if name not in known]
    if late:
        media.notice(f"left out, as a pipe tells of it behind the samples: {', '.join(late)}")
    return ()


def read_through(name: str) -> None:
    """Returns where a file of audio can be read to its end. Raises CodecError."""
    from codec import media

    with closing(Input(name)) as source, media.AudioFileReader(source.from_start() or source) as reader:
        for _ in reader.blocks(BLOCK_SAMPLES):
            pass


def _write_all(writer: _Writer, pieces: Iterable[Samples]) -> None:
    for piece in pieces:
        writer.write(piece)
