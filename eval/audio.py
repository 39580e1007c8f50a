"""Clips as an evaluation has them: 48 kHz, 16 bits, without tags; their class from the names of their files."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from codec.bitstream.errors import CodecError, MediaError
from codec.eval import audio_measures, audio_metrics, auditions
from codec.eval.audio_anchors import RATE, libopus_version
from codec.eval.audio_measures import STEREO
from codec.eval.cache import Cache
from codec.eval.comparison import Comparison
from codec.eval.material import Material, Source, check_array, content_hash, printable_name
from codec.eval.medium import AUDIO
from codec.eval.results import Item, Results
from codec.media import AUDIO_SUFFIXES, AudioData, Samples, audio_bytes, read_audio, resample

CLASS = re.compile(r"[a-z]+-\d+-([a-z]+)-")  # eval-07-music-organ.flac is music
NO_CLASS = "all"
PADDING_SAMPLES = 2048  # decoders end up to this much later than the audio did


@dataclass(frozen=True)
class Clip(Item):
    """samples: in each channel, at 48 kHz."""

    samples: int
    channels: int

    @property
    def groups(self) -> tuple[str, ...]:
        return (self.group, STEREO) if self.channels == audio_metrics.STEREO else (self.group,)

    @property
    def extent(self) -> float:
        """In milliseconds: bits a millisecond are kbit/s."""
        return self.samples * 1000 / RATE


class AudioMaterial(Material):
    """Sources are FLACs; samples are (n, channels) float32 at 48 kHz. mono: channels are mixed to one."""

    name = AUDIO.name
    model = "audio"

    def __init__(self, mono: bool = False, scores: Sequence[str] = ()) -> None:
        super().__init__(scores)
        self.mono = mono

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for name in super().names if not (self.mono and name == audio_measures.Narrowing.name))

    def sources(self, folder: Path, work: Path) -> tuple[list[Source], dict[str, str]]:
        sources: list[Source] = []
        failures: dict[str, str] = {}
        for path in sorted(p for p in folder.iterdir() if p.suffix.lower() in AUDIO_SUFFIXES):
            try:
                samples = self._prepared(read_audio(path))
            except CodecError as error:
                failures[printable_name(path)] = str(error)
                continue
            target = work / f"{len(sources):05}.flac"
            target.write_bytes(audio_bytes(AudioData(samples, RATE), target.suffix))
            said = CLASS.match(path.name)
            item = Clip(printable_name(path), content_hash(samples), said[1] if said else NO_CLASS, *samples.shape)
            sources.append(Source(item, target))
        return sources, failures

    def _prepared(self, audio: AudioData) -> Samples:
        if audio.duration_s < audio_metrics.LEAST_SECONDS:
            raise MediaError(f"{audio.duration_s:.2f} seconds are too short to be measured")
        samples = audio.samples.mean(axis=1, keepdims=True) if self.mono else audio.samples
        return resample(samples, audio.sample_rate, RATE).clip(-1, 1)

    def samples(self, path: Path) -> Samples:
        return read_audio(path).samples

    def fitted(self, x: Samples, x_hat: Samples) -> Samples:
        check_array(x_hat, ("float32", "float64"), 2, "(n, 1 or 2)")
        if len(x) < len(x_hat) < len(x) + PADDING_SAMPLES:
            x_hat = x_hat[: len(x)]
        if x.shape != x_hat.shape:
            raise MediaError(f"{x.shape} became {x_hat.shape}: the decoder changed the size")
        return x_hat

    def versions(self) -> dict[str, str]:
        return audio_measures.versions()

    def in_process(self, setting: float) -> tuple[Callable[[Samples], bytes], Callable[[bytes], object]]:
        import codec

        return (
            lambda samples: codec.compress_audio(samples, setting, sample_rate=RATE, device="cpu", threads=1),
            lambda data: codec.decompress_audio(data, device="cpu", threads=1),
        )

    def exhibits(
        self,
        results: Results,
        comparison: Comparison,
        sources: Sequence[Source],
        cache: Cache,
        progress: Callable[[int, int], object],
        sheet: bool = False,
        processes: int | None = None,
    ) -> dict[str, Any]:
        return {"auditions": [asdict(a) for a in auditions.auditions(results, comparison, sources, cache, progress)]}

    def notes(self, results: Results) -> list[str]:
        return [
            "All codecs get 48 kHz and 16 bits without tags. Rates of ours count whole files, written and decoded by "
            "separate processes of the command line; rates of anchors count their packets alone, without container and "
            "headers (results.csv has both).",
            "Every rate is that of the clip's own bytes, not the nominal one; what decoders put before and after the "
            "audio is cut off, to the sample.",
            "vnsim is ViSQOL's mean similarity of spectrograms before it is mapped to a MOS; the MOS mostly follows "
            "the bandwidth, so no deltas are taken of it. The mel distance is the mean difference of log10 mel spectra "
            "of power (windows of 2048, 1024 and 512 samples, floor 1e-5); it enters deltas and plots as -10 log10. "
            "PESQ-WB and ESTOI are measured on speech only.",
            "repetition is how much more a copy is like itself 20 or 40 ms later than the original: a buzz in noise. "
            "Narrowing is how far the correlation of left and right is from the original's in a band, of clips with "
            "two channels. Of both 0 is best. Zimtohrli is that of the worse channel.",
            f"Opus is {libopus_version() or 'that of PyAV'}, as PyAV comes with it: built without the networks that "
            "can follow its decoder. With NoLACE the same packets are decoded by a libopus that has them.",
            "libopus codes less than the full band below some 14 kbit/s. For music opusenc does better than that at 12 "
            "kbit/s: it can tell the library what it is given, and PyAV cannot. Opus with CELT only comes closest.",
            f"The excerpts of the report are {auditions.EXCERPT_S:g} seconds long, without loss, at the place where "
            f"{results.subject} is furthest from the original; the other codec has the setting that comes nearest to "
            "its rate.",
        ]
