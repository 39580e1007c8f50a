"""A file to audio, chunk by chunk, in constant memory.

Everything inside is at 48 kHz. Synthesis looks a little beyond each chunk, at the latents of its neighbours, so that
chunks leave no seams.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import BinaryIO, Self

import numpy as np

from codec import media
from codec.audio.limiter import Limiter, PeakLimiter
from codec.audio.pairing import as_coded
from codec.bitstream import audio as audio_file
from codec.bitstream import constants
from codec.bitstream.audio import CHUNK_SECONDS, AudioFile, Chunk, Description
from codec.bitstream.audio_header import AudioHeader
from codec.bitstream.errors import CorruptFile, MediaError
from codec.decoded import DecodedAudio
from codec.devices import Device
from codec.latents import decode as latents_decode
from codec.latents.decode import Latents, Record
from codec.latents.drawing import Draw
from codec.latents.header import identity, log2_steps_of, weights_of
from codec.media import AudioData, AudioMetadata, Samples
from codec.media.audio.data import TAGS
from codec.media.notices import notice
from codec.model.envelope import silent
from codec.model.fixed_point import Floats
from codec.model.noise import noise
from codec.model.registry import AUDIO
from codec.model.weights import Loaded
from codec.progress import Progress, Report

HOP, FRAMES, CHUNK = constants.HOP, constants.FRAMES, constants.CHUNK_LATENTS
LATENT = HOP * FRAMES  # samples


class AudioDecoder:
    """A file into its audio, piece by piece: `push` returns the samples that are ready, `finish` the last ones.

    Nothing of what was played stays in memory. At the end of a `with` block the decoder is closed.
    Samples are (n, channels) float32 at the rate of the source; (0, 1) before the header is known.
    Raises: CorruptFile, LimitExceeded, UnsupportedFile, ModelMismatch.
    """

    def __init__(self, device: Device, max_seconds: float = constants.MAX_SECONDS, *, bounded: bool = False) -> None:
        """bounded: keep samples inside full scale even where those of the source were floats."""
        self._parser = audio_file.Parser(max_seconds)
        self._device, self._is_open, self._bounded = device, True, bounded
        self._player: _Player | None = None
        self._later: Description | None = None

    @property
    def header(self) -> AudioHeader | None:
        """Of the file, when its first bytes have come."""
        return self._parser.header

    @property
    def tags(self) -> dict[str, str]:
        """Of the file, as far as they have come: before the first samples or, of what was a pipe, behind the last."""
        return {name: text for name, text in self._description.tags.items() if name in TAGS}

    @property
    def metadata(self) -> AudioMetadata:
        """Of the file beside its tags, as far as it has come."""
        return media.metadata_of(self._description.metadata)

    @property
    def _description(self) -> Description:
        return self._parser.description.with_later(self._parser.later if self._later is None else self._later)

    def look_behind(self, file: BinaryIO) -> None:
        """Takes what the file says behind its chunks from where it stands, while they have not come.

        file: all of it, which can seek; it is left where it was.
        """
        self._later = audio_file.later_of(file)

    @property
    def is_described(self) -> bool:
        """Whether header, tags and metadata have come, but for what stands behind the chunks."""
        return self._parser.is_described

    def push(self, data: bytes) -> Samples:
        """Takes the next bytes of the file. Raises ValueError where it was finished or closed."""
        self._check_open()
        self._parser.push(data)
        if self.header is None:
            return np.zeros((0, 1), np.float32)
        if self._player is None:
            self._player = _Player(self.header, self._device, bounded=self._bounded)
        pieces = [self._player.push(piece) for piece in self._parser.take()]
        return np.concatenate([silence(0, self.header), *pieces])

    def finish(self) -> Samples:
        """Ends the file. Raises ValueError where it was finished or closed."""
        self._check_open()
        whole = self._parser.finish()
        assert self._player is not None
        last = self._player.finish(whole.samples)
        self.close()
        return last

    def close(self) -> None:
        """Lets go of what is in memory; header and tags stay."""
        self._player, self._is_open = None, False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _check_open(self) -> None:
        if not self._is_open:
            raise ValueError("the decoder has been finished or closed")


class _Player:
    """The chunks of a file, from one of them on, to samples at the source's rate."""

    def __init__(
        self,
        header: AudioHeader,
        device: Device,
        first: int = 0,
        partial: bool = False,
        bounded: bool = False,
        seed: int | None = None,
    ) -> None:
        self._seed = seed
        self._loaded = weights_of(header, AUDIO, device)
        self._model, self._header, self._partial = self._loaded.model, header, partial
        self._halo = self._model.config.synthesis_halo
        self._log2_steps = log2_steps_of(header)
        self._resampler = media.Resampler(constants.SAMPLE_RATE, header.sample_rate, header.channels)
        is_bounded = bounded or header.is_bounded
        self._limiter = Limiter(header.channels) if is_bounded else None
        self._peaks = PeakLimiter(header.channels, header.sample_rate) if is_bounded else None
        self.chunks = first  # taken, counted from the file's first
        self._features = self._model.unknown((header.channels, 1, 0))
        self._features_from = first * CHUNK  # latent
        self._block = self._features_from * FRAMES  # the next hop of samples to come out
        self.given = CHUNK_SECONDS * first * header.sample_rate  # samples before the next one, at the source's rate
        self.damage: list[str] = []

    def push(self, piece: Chunk) -> Samples:
        """The samples that a chunk makes ready."""
        latents = self.decoded(piece)
        features = latents.features if latents else silent(self._loaded, self._header.channels, piece.latents)
        self.chunks += 1
        self._features = np.concatenate([self._features, features], 2)
        known = self._features_from + self._features.shape[2]
        stop = (known - self._halo) * FRAMES - 1
        ready = self._synthesised(stop)
        ready = self._resampler.process(self._limiter.push(ready) if self._limiter else ready)
        return self._given(self._peaks.push(ready) if self._peaks else ready)

    def finish(self, samples: int) -> Samples:
        """The rest of a clip of so many samples."""
        coded = audio_file.coded_samples(samples, self._header.sample_rate)
        rest = self._synthesised(-(-coded // HOP))
        if self._limiter:
            rest = np.concatenate([self._limiter.push(rest), self._limiter.finish()])
        beyond_end = max(self._block * HOP - coded, 0)
        rest = rest[: max(len(rest) - beyond_end, 0)]
        # a little silence behind the end pushes the last samples out of the resampler
        beyond = silence(LATENT, self._header)
        out = np.concatenate([self._resampler.process(rest), self._resampler.process(beyond, last=True)])
        if self._peaks:
            out = np.concatenate([self._peaks.push(out), self._peaks.finish()])
        return self._given(out[: max(samples - self.given, 0)])

    def _given(self, samples: Samples) -> Samples:
        self.given += len(samples)
        return samples

    def _synthesised(self, stop: int) -> Samples:
        """The samples at 48 kHz from the next hop up to hop `stop`."""
        if stop <= self._block:
            return silence(0, self._header)
        halo = self._halo
        start = max(self._block // FRAMES - halo, self._features_from)
        h = self._features[:, :, start - self._features_from :]
        x_hat = samples_of(self._loaded, self._header, h, start)
        offset = (self._block + 1) * HOP - start * LATENT  # synthesis begins a hop before its first latent
        samples = x_hat[offset : offset + (stop - self._block) * HOP]
        self._block = stop
        keep = max(stop // FRAMES - halo, self._features_from)
        self._features = self._features[:, :, keep - self._features_from :].copy()
        self._features_from = keep
        return samples

    def unknown(self, piece: Chunk) -> Latents:
        """What stands for the latents of a chunk of which nothing is known."""
        return Latents.unknown(self._model, (self._header.channels, 1, piece.latents))

    def decoded(self, piece: Chunk, record: Record | None = None) -> Latents | None:
        """The latents of the next chunk; None where they cannot be had and `partial`. record: of a whole stream."""
        shape = (1, piece.latents)
        model, tables = self._model, self._loaded.tables
        try:
            if piece.whole:
                name = identity(self._header, self.chunks)
                return latents_decode.decode(model, tables, piece.data, shape, self._log2_steps, name, record=record)
            if len(piece.data) > constants.CRC_BYTES or self._seed is not None:
                draw = None if self._seed is None else Draw(tables.tables, self._seed, self.chunks)
                return latents_decode.decode_prefix(model, tables, piece.data, shape, self._log2_steps, draw=draw)
            return None
        except CorruptFile as error:
            named = CorruptFile(f"chunk {self.chunks}: {error}")
            if not self._partial:
                raise named from error
            self.damage.append(str(named))
            return None


def decode(
    data: bytes,
    device: Device,
    max_seconds: float = constants.MAX_SECONDS,
    *,
    start_s: float = 0.0,
    duration_s: float | None = None,
    partial: bool = False,
) -> DecodedAudio:
    """The audio of a file's bytes; see `restored`. Raises LimitExceeded too."""
    parsed = audio_file.read(data, max_seconds, partial)
    return restored(parsed, device, start_s=start_s, duration_s=duration_s, partial=partial)


def restored(
    parsed: AudioFile,
    device: Device,
    *,
    start_s: float = 0.0,
    duration_s: float | None = None,
    partial: bool = False,
    progress: Report | None = None,
    seed: int | None = None,
) -> DecodedAudio:
    """The audio of a parsed file.

    start_s, duration_s: of the only part that is wanted, in seconds; chunks that it does not need are not decoded.
    partial: give silence for what is cut or damaged behind the header of a file that was parsed so.
    progress: called with the share that is done, chunk by chunk; what it raises ends the work. seed: by which latents
    that are missing of partial files are drawn from the prior; where None, they have their expected values.
    Raises: CorruptFile, UnsupportedFile, ModelMismatch; MediaError for a part outside the audio.
    """
    with AudioReader(parsed, device, start_s=start_s, duration_s=duration_s, partial=partial, seed=seed) as reader:
        return DecodedAudio(reader.audio(progress), reader.damage)


class AudioReader:
    """A part of the audio of a parsed file, piece by piece, so that it needs little memory; see `restored`.

    At the end of a `with` block the reader is closed.
    """

    def __init__(
        self,
        parsed: AudioFile,
        device: Device,
        *,
        start_s: float = 0.0,
        duration_s: float | None = None,
        partial: bool = False,
        bounded: bool = False,
        seed: int | None = None,
    ) -> None:
        """bounded: keep samples inside full scale even where those of the source were floats."""
        self._parsed = parsed
        self.header = parsed.header
        self.tags = {name: text for name, text in self._parsed.tags.items() if name in TAGS}
        self._first, self._last = _wanted(self._parsed, start_s, duration_s)
        self.metadata = self._metadata()
        # a chunk earlier, for what synthesis sees of it
        before = max(self._first // (CHUNK_SECONDS * self.header.sample_rate) - 1, 0)
        self._player: _Player | None = _Player(self.header, device, before, partial, bounded, seed)
        self._found = self._player.damage

    @property
    def damage(self) -> tuple[str, ...]:
        """What of the file was missing or wrong, as far as it has been played."""
        return (*self._parsed.damage, *self._found)

    def _metadata(self) -> AudioMetadata:
        """What is true of the part. Warns: MediaNotice of what counts from the beginning of the whole."""
        whole = media.metadata_of(self._parsed.metadata)
        if (self._first, self._last) == (0, self._parsed.samples):
            return whole
        kept, lost = whole.of_part(self._first)
        if lost:
            notice(f"of a part these are left out, as they count from the whole's beginning: {', '.join(lost)}")
        return kept

    def audio(self, progress: Report | None = None) -> AudioData:
        """All of the part. progress: called with the share that is done."""
        done, pieces = Progress(progress, self._last - self._first + 1), [silence(0, self.header)]
        for piece in self.pieces():
            pieces.append(piece)
            done.step(len(piece))
        done.step()
        samples = np.concatenate(pieces)
        header = self.header
        about = (self.tags, header.bit_depth, self.metadata, header.channel_mask)
        return AudioData(samples, header.sample_rate, *about)

    def pieces(self) -> Iterator[Samples]:
        """The samples (n, channels) float32 of the part, in order; once. Raises ValueError where it was closed."""
        player = self._player
        if player is None:
            raise ValueError("the reader has been closed")
        for piece in self._parsed.chunks[player.chunks :]:
            if player.given >= self._last:
                return
            yield self._inside(player.push(piece), player.given)
        if player.given < self._last:
            yield self._inside(player.finish(self._parsed.samples), player.given)

    def close(self) -> None:
        """Lets go of the file and what is in memory; header, tags and damage stay."""
        self._parsed, self._player = replace(self._parsed, chunks=[]), None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _inside(self, samples: Samples, given: int) -> Samples:
        """What of the latest samples, `given` in all, belongs to the part."""
        begun = given - len(samples)
        return np.ascontiguousarray(samples[max(self._first - begun, 0) : max(self._last - begun, 0)])


def latents(
    data: bytes, device: Device, max_seconds: float = constants.MAX_SECONDS, *, partial: bool = False
) -> Iterator[Floats]:
    """(channels, 1, n, M) float32 latents of each chunk, in steps; zeros where they cannot be had and `partial`.

    Raises: CorruptFile, LimitExceeded, UnsupportedFile, ModelMismatch.
    """
    return _latents(audio_file.read(data, max_seconds, partial), device, partial)


def _latents(parsed: AudioFile, device: Device, partial: bool = False) -> Iterator[Floats]:
    player = _Player(parsed.header, device, partial=partial)
    for piece in parsed.chunks:
        decoded = player.decoded(piece)
        yield decoded.y_hat if decoded else player.unknown(piece).y_hat
        player.chunks += 1


def recorded(parsed: AudioFile, device: Device) -> Iterator[tuple[Latents, Record]]:
    """The latents of each chunk of a parsed file, and how they were coded.

    Raises: CorruptFile, UnsupportedFile, ModelMismatch.
    """
    player = _Player(parsed.header, device)
    for piece in parsed.chunks:
        record: Record = []
        decoded = player.decoded(piece, record)
        assert decoded is not None  # None is for `partial` alone
        yield decoded, record
        player.chunks += 1


def verify(parsed: AudioFile, device: Device) -> None:
    """Decodes all of a parsed file but its samples, against its checksums.

    Raises: CorruptFile, UnsupportedFile, ModelMismatch.
    """
    for _ in _latents(parsed, device):
        pass


def _wanted(parsed: AudioFile, start_s: float, duration_s: float | None) -> tuple[int, int]:
    """The first sample of a part and the one behind its last."""
    rate = parsed.header.sample_rate
    longest = parsed.samples / rate + 1  # no later time is worth a number of samples, which could be any
    first = round(min(start_s, longest) * rate)
    last = parsed.samples if duration_s is None else min(first + round(min(duration_s, longest) * rate), parsed.samples)
    if first < 0 or last < first or first > parsed.samples:
        raise MediaError(f"a part from {start_s:g} s on is not inside the audio of {parsed.samples / rate:.3f} s")
    return first, last


def samples_of(loaded: Loaded, header: AudioHeader, features: Floats, first: int) -> Samples:
    """Samples (n, channels) of features (channels, 1, n, M), the first of which is that of latent `first`."""
    rows, _, latents, _ = features.shape
    added = noise(header.seed, first * FRAMES, (rows, latents * FRAMES, HOP))
    x_hat = loaded.model.synthesis(np.ascontiguousarray(features), log2_steps_of(header), added)[:, 0]
    return as_coded(x_hat.T, header)


def silence(count: int, header: AudioHeader) -> Samples:
    """(count, channels) zeros."""
    return np.zeros((count, header.channels), np.float32)
