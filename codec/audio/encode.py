"""Audio to a file, chunk by chunk, in constant memory: rates, channels, chunks, and the file around the latents.

Everything inside is at 48 kHz. Analysis looks a little beyond each chunk, at the samples around it, so that chunks
leave no seams.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from codec import media
from codec.audio.beginning import before
from codec.audio.decode import CHUNK, HOP, LATENT, samples_of
from codec.audio.pairing import as_coded, lefts_of, mid_side_of, narrowing
from codec.bitstream import audio as audio_file
from codec.bitstream import constants
from codec.bitstream.audio import CHUNK_SECONDS, Description
from codec.bitstream.audio_header import AudioHeader
from codec.bitstream.checksum import crc32c
from codec.bitstream.errors import MediaError
from codec.devices import Device
from codec.latents import encode as latents_encode
from codec.latents.encode import Coded
from codec.latents.header import identity, log2_steps_of
from codec.media import AudioData, AudioFileReader, AudioMetadata, Samples
from codec.media.audio.data import TAGS
from codec.media.notices import notice
from codec.model import weights
from codec.model.registry import AUDIO
from codec.progress import Progress, Report
from codec.search.heard import distance, price
from codec.search.lagrangian import ROUNDING_AUDIO
from codec.search.rdoq import Rdoq

LOUDEST = 1000.0  # of full scale; floats may lie beyond it, but not without end
QUIET = 1e-3  # peak of what tells nothing of the audio to come ...
WIDTH_SHARE = 1.0  # of what is heard: a correlation of left and right that is off by one, in either band
PATIENCE = 5  # ... for which a file of several channels waits so many chunks before it decides how it is coded


@dataclass(frozen=True)
class _Span:
    """The latents first .. first + count - 1 of a chunk, whose analysis looks at those before `seen`."""

    first: int
    count: int
    seen: int


@dataclass(frozen=True)
class _Trial:
    """A chunk of two channels, from `first` on, coded as a header has it; cost: the less the better."""

    first: int
    header: AudioHeader
    span: _Span
    coded: Coded
    cost: float


class AudioEncoder:
    """A clip into a file, piece by piece: `push` returns bytes of the file as they are ready, `finish` the rest.

    At the end of a `with` block the encoder is closed; a file that was not finished by then has no end.
    Bytes come two seconds late; of two channels and more, whose way of coding is chosen by the first chunk that is not
    silent, nothing comes before that, but for silence of more than ten seconds.
    """

    def __init__(
        self,
        sample_rate: int,
        channels: int,
        quality: float,
        device: Device,
        bit_depth: int = 16,
        tags: Mapping[str, str] | None = None,
        metadata: AudioMetadata | None = None,
        channel_mask: int = 0,
    ) -> None:
        self._loaded = weights.installed(AUDIO.id, device)
        self._rounding = Rdoq(self._loaded.tables.tables)
        self._said = _description(tags, metadata)
        self._rate, self._bit_depth = sample_rate, bit_depth
        self._channels, self._mask = channels, channel_mask
        self._step_index = AUDIO.curve.step_index(quality)
        self._resampler = media.Resampler(sample_rate, constants.SAMPLE_RATE, channels)
        self._samples = 0  # taken, at the source's rate
        self._held: Samples = np.zeros((0, channels), np.float32)  # at 48 kHz, from `_held_from` on
        self._held_from = 0
        self._header: AudioHeader | None = None
        self._kept: _Trial | None = None  # what need not be coded again
        self._sizes: list[int] = []
        self._finished = False
        if sample_rate > constants.SAMPLE_RATE:
            notice(f"coded at {constants.SAMPLE_RATE} Hz: what is above {constants.SAMPLE_RATE // 2} Hz is not kept")

    def push(self, samples: Samples) -> bytes:
        """Takes the next samples (n, channels) float32, finite. Raises ValueError for anything else."""
        expected = f"expected float32 (n, {self._channels})"
        if not isinstance(samples, np.ndarray):
            raise ValueError(f"samples as {type(samples).__name__}; {expected}")
        if samples.dtype != np.float32 or samples.ndim != 2 or samples.shape[1] != self._channels:
            raise ValueError(f"samples of {samples.dtype} {samples.shape}; {expected}")
        if not np.isfinite(samples).all():
            raise ValueError("samples are not all finite")
        if self._finished:
            raise ValueError("the audio has been finished")
        if np.abs(samples).max(initial=0) > LOUDEST:
            raise MediaError(f"samples beyond {LOUDEST:g} times full scale")
        self._samples += len(samples)
        at_once = CHUNK_SECONDS * self._rate  # however few samples at a low rate become many
        pieces = []
        for start in range(0, len(samples), at_once):
            self._hold(self._resampler.process(samples[start : start + at_once]))
            pieces.append(self._ready(None))
        return b"".join(pieces)

    def finish(self, tags: Mapping[str, str] | None = None, metadata: AudioMetadata | None = None) -> bytes:
        """Ends the audio. tags, metadata: further ones, which the source had behind its samples.

        Raises: ValueError where that was done, and for tags of other names; LimitExceeded for too much of them.
        """
        if self._finished:
            raise ValueError("the audio has been finished")
        self._finished = True
        self._hold(self._resampler.process(np.zeros((0, self._channels), np.float32), last=True))
        later = _description(tags, metadata)
        if self._header is None:  # nothing has been written
            self._said, later = self._said.with_later(later), Description()
        last = self._ready(audio_file.latents_of(self._samples, self._rate))
        return last + audio_file.end(self._samples, self._sizes, later)

    def close(self) -> None:
        """Lets go of what is in memory; nothing can be pushed any more."""
        self._finished = True
        self._held = self._held[:0].copy()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _hold(self, samples: Samples) -> None:
        self._held = np.concatenate([self._held, samples]) if len(samples) else self._held

    def _ready(self, total: int | None) -> bytes:
        """The chunks that can be coded by now: all of them where the `total` of latents is known."""
        out = []
        while (span := self._span(len(self._sizes), total)) is not None:
            if self._header is None:
                telling = self._telling(total)
                if telling is None:
                    break
                self._header = self._decided(telling)
                out.append(audio_file.begin(self._header, self._said))
            if span.count <= 0:
                break
            stream = b"".join(self._taken(self._header, span).parts)
            self._sizes.append(len(stream) + 1)
            out.append(audio_file.chunk(span.count, stream))
            self._forget((span.first + span.count - self._loaded.model.config.analysis_halo) * LATENT - HOP)
        return b"".join(out)

    def _taken(self, header: AudioHeader, span: _Span) -> Coded:
        """A chunk: the trial that was kept, where it is that one."""
        kept, is_tried = self._kept, self._kept is not None and self._kept.span == span
        self._kept = None if is_tried else kept
        return kept.coded if kept and is_tried else self._coded(header, span)

    def _span(self, number: int, total: int | None) -> _Span | None:
        """The latents of a chunk; None where not all that it sees is there."""
        first = number * CHUNK
        count = CHUNK if total is None else min(CHUNK, total - first)
        seen = first + count + self._loaded.model.config.analysis_halo
        if total is None and self._held_from + len(self._held) < seen * LATENT:
            return None
        return _Span(first, count, seen if total is None else min(seen, total))

    def _telling(self, total: int | None) -> _Span | None:
        """The chunk that says which channels are coded in pairs: the first that is heard; None where it is to come."""
        for number in range(PATIENCE if self._channels > 1 else 0):
            span = self._span(number, total)
            if span is None:
                return None
            if span.count <= 0:
                break
            if np.abs(self._between(span.first * LATENT, (span.first + span.count) * LATENT)).max() > QUIET:
                return span
        return self._span(0, total)

    def _decided(self, span: _Span) -> AudioHeader:
        """The header, with what is chosen from a chunk: which channels are coded in pairs, by what they cost there."""
        head = self._held[: audio_file.CHUNK_SAMPLES]
        plain = AudioHeader(
            model=AUDIO.id,
            digest=self._loaded.digest,
            step_index=self._step_index,
            sample_rate=self._rate,
            channels=self._channels,
            bit_depth=self._bit_depth,
            seed=crc32c(head.astype("<f4").tobytes()) & 0xFFFF,
            channel_mask=self._mask,
        )
        if span.count <= 0:
            return plain
        chosen = [self._chosen(plain, left, span) for left in lefts_of(self._channels, self._mask)]
        if self._channels == 2:
            self._kept = chosen[0]
            return chosen[0].header
        pairs = tuple(replace(pair, first=trial.first) for trial in chosen for pair in trial.header.pairs)
        return replace(plain, pairs=pairs)

    def _chosen(self, plain: AudioHeader, left: int, span: _Span) -> _Trial:
        """The cheaper way of coding two channels, tried as if they were stereo."""
        stereo = replace(plain, channels=2, channel_mask=0)
        samples = self._between(span.first * LATENT, (span.first + span.count) * LATENT)
        pair = mid_side_of(samples[:, left : left + 2], 0, self._step_index)
        ways = [stereo, replace(stereo, pairs=(pair,), step_index=pair.mid_step_index)]
        return min((self._trial(header, left, span) for header in ways), key=lambda trial: trial.cost)

    def _trial(self, header: AudioHeader, left: int, span: _Span) -> _Trial:
        """A chunk of two channels; its cost is kbit/s, and what is heard of its errors at the price of training."""
        coded = self._coded(header, span, left)
        x_hat = samples_of(self._loaded, header, coded.latents.features, span.first)[HOP:-HOP]
        x = self._between(span.first * LATENT, span.first * LATENT + len(x_hat))[:, left : left + 2]
        octaves = AUDIO.config.middle - self._step_index / constants.STEP_UNITS
        heard = WIDTH_SHARE * sum(narrowing(x, x_hat))
        heard += sum(distance(*sides) for sides in zip(x.T, x_hat.T, strict=True))
        seconds = span.count * LATENT / constants.SAMPLE_RATE
        return _Trial(left, header, span, coded, price(octaves) * heard + coded.size * 8 / 1000 / seconds)

    def _coded(self, header: AudioHeader, span: _Span, first: int = 0) -> Coded:
        """A chunk of as many channels as the header has, from one of them on."""
        start = max(span.first - self._loaded.model.config.analysis_halo, 0)
        samples = self._between(start * LATENT - HOP, span.seen * LATENT)[:, first : first + header.channels]
        if not start:
            samples[:HOP] = before(samples[HOP:], HOP)
        log2_steps = log2_steps_of(header)
        model, tables = self._loaded.model, self._loaded.tables
        h = model.analysis(np.ascontiguousarray(as_coded(samples, header).T)[:, None], log2_steps)
        inside = np.ascontiguousarray(h[:, :, span.first - start : span.first - start + span.count])
        name = identity(header, span.first // CHUNK)
        return latents_encode.encode(model, tables, inside, log2_steps, name, self._rounding, price=ROUNDING_AUDIO)

    def _between(self, start: int, stop: int) -> Samples:
        """Samples at 48 kHz from start to stop, silence where there are none."""
        out = np.zeros((stop - start, self._channels), np.float32)
        a, b = max(start, self._held_from), min(stop, self._held_from + len(self._held))
        out[a - start : b - start] = self._held[a - self._held_from : b - self._held_from]
        return out

    def _forget(self, before: int) -> None:
        drop = max(before - self._held_from, 0)
        self._held = self._held[drop:]
        self._held_from += drop


def _description(tags: Mapping[str, str] | None, metadata: AudioMetadata | None) -> Description:
    for name, text in (tags or {}).items():
        if name not in TAGS or not isinstance(text, str):
            raise ValueError(f"tag {name!r}: expected text, under one of {', '.join(TAGS)}")
    return Description(dict(tags or {}), tuple((metadata or AudioMetadata()).items()))


def encode_file(reader: AudioFileReader, quality: float, device: Device, progress: Progress) -> bytes:
    """The file of a clip that is read block by block, in little memory.

    progress: of as many steps as the clip has samples, and one for its end.
    """
    about = (reader.bit_depth, reader.tags, reader.metadata, reader.channel_mask)
    with AudioEncoder(reader.sample_rate, reader.channels, quality, device, *about) as encoder:
        coded = _encoded(encoder, reader.blocks(), progress)
        coded += encoder.finish(reader.later_tags, reader.later_metadata)
    progress.step()
    return coded


def encode(audio: AudioData, quality: float, device: Device, progress: Report | None = None) -> bytes:
    """The file of a clip at a quality of 0..100. progress: called with the share that is done."""
    about = (audio.bit_depth, audio.tags, audio.metadata, audio.channel_mask)
    at_once = CHUNK_SECONDS * audio.sample_rate
    blocks = (audio.samples[start : start + at_once] for start in range(0, len(audio.samples), at_once))
    with AudioEncoder(audio.sample_rate, audio.channels, quality, device, *about) as encoder:
        steps = Progress(progress, len(audio.samples) + 1)
        coded = _encoded(encoder, blocks, steps) + encoder.finish()
    steps.step()
    return coded


def _encoded(encoder: AudioEncoder, blocks: Iterable[Samples], progress: Progress) -> bytes:
    pieces = []
    for block in blocks:
        pieces.append(encoder.push(block))
        progress.step(len(block))
    return b"".join(pieces)
