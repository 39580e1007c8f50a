"""Clips for training: decoded once into memory, cuts of them at random levels, and the price of their errors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from codec import media
from codec.bitstream.constants import SAMPLE_RATE
from codec.bitstream.errors import MediaError
from codec.media import Samples
from codec.model.audio import AudioModel, audio_statistics
from codec.model.config import AudioConfig
from codec.model.fixed_point import Floats
from codec.model.front_end import FrontEnd
from codec.model.registry import AUDIO, ModelRow
from codec.search.lagrangian import ROUNDING_AUDIO
from codec.search.perceptual import Spectra, price
from codec.training.data import Pool, files, held_out, on_all_cores
from codec.training.relaxation import Pass
from codec.training.task import Judged, TableSignals

GAIN_DB = (-24.0, 6.0)  # random, as far as full scale allows; the difference of stereo is quiet
FULL_SCALE = 32767
SYNTHETIC_SHARE = 1 / 4
SYNTHETIC_CLIPS = 2000
SYNTHETIC_LEVEL = (-1.0, 1.0)  # log10 of the peak, as far as full scale allows: half of them reach it
TONES_ERB = (1.0, 40.0)  # on the scale of equivalent rectangular bandwidths: 26 Hz to 16.7 kHz
STATISTICS_CLIPS = 200
TABLE_CLIPS = 60
TABLE_STEPS = (9.0, 8.0, 7.0, 6.0, 4.75, 3.25)  # log2
LIKENESS_SHARE = 3.0  # of `excess_likeness` in the distance
WAVEFORM_PRICE = 4.0  # bits that a squared error of one step^2 of a companded coefficient is worth


def clips(sources: Iterable[Path]) -> Iterator[Tensor]:
    """(n,) int16 at 48 kHz of tar shards and folders, mixed to mono; those that cannot be read are left out.

    Raises MediaError.
    """
    for source in sources:
        yield from on_all_cores(_audio, files(source, media.AUDIO_SUFFIXES))


def _audio(data: bytes) -> Tensor | None:
    try:
        audio = media.read_audio(data)
    except MediaError:
        return None
    mono = audio.samples.mean(1, keepdims=True)
    return as_int16(media.resample(mono, audio.sample_rate, SAMPLE_RATE)[:, 0])


def as_int16(samples: Samples) -> Tensor:
    """Samples in -1..1, clipped."""
    return torch.from_numpy(np.rint(np.clip(samples, -1, 1) * FULL_SCALE).astype(np.int16))


def as_signal(audio: Tensor) -> Tensor:
    """(1, 1, n) float32 in -1..1 from int16 (n,)."""
    return audio[None, None].float() / FULL_SCALE


def synthetic(rng: np.random.Generator, length: int) -> Samples:
    """(length,) float32 of what recordings lack and users have, at any level, amid silence."""
    x = KINDS[rng.integers(len(KINDS))](rng, length)
    x = x / max(np.abs(x).max(), 1e-9) * min(10 ** rng.uniform(*SYNTHETIC_LEVEL), 1.0)
    start, stop = sorted(rng.uniform(-0.5, 1.5, 2) * length)
    x[(np.arange(length) < start) | (np.arange(length) >= stop)] = 0
    out: Samples = x.astype(np.float32)
    return out


def _tones(rng: np.random.Generator, length: int) -> npt.NDArray[np.float64]:
    """Up to three sines that stand still or glide, each with up to seven overtones."""
    x = np.zeros(length)
    for _ in range(rng.choice([1, 1, 2, 3])):
        octaves = rng.uniform(-1, 1) if rng.random() < 0.3 else 0.0
        hertz = _hertz(rng.uniform(*TONES_ERB)) * 2 ** np.linspace(0, octaves, length)
        phase = 2 * np.pi * np.cumsum(hertz) / SAMPLE_RATE + rng.uniform(0, 2 * np.pi)
        for overtone in range(1, 1 + rng.choice([1, 1, 2, 8])):
            audible = hertz * overtone < SAMPLE_RATE / 2
            x += np.sin(overtone * phase) * audible / overtone
    return x


def _hertz(erb: float) -> float:
    """Frequency of a place on the ERB scale of Glasberg 1990: evenly there is evenly to the ear."""
    return float((10 ** (erb / 21.4) - 1) / 0.00437)


def _white_noise(rng: np.random.Generator, length: int) -> npt.NDArray[np.float64]:
    return rng.uniform(-1, 1, length)


def _clicks(rng: np.random.Generator, length: int) -> npt.NDArray[np.float64]:
    period = int(10 ** rng.uniform(2.5, 4.5))
    return np.where(np.arange(length) % period == 0, rng.choice([-1.0, 1.0]), 0.0)


def _colored_noise(rng: np.random.Generator, length: int) -> npt.NDArray[np.float64]:
    """Gaussian noise under a random smooth spectrum."""
    spectrum = np.fft.rfft(rng.standard_normal(length))
    places = np.linspace(0, 1, len(spectrum))
    knots = np.sort(rng.uniform(0, 1, rng.integers(2, 8)))
    decibels = np.interp(places, knots, rng.uniform(-40, 0, len(knots)))
    return np.fft.irfft(spectrum * 10 ** (decibels / 20), length)


def _narrow_noise(rng: np.random.Generator, length: int) -> npt.NDArray[np.float64]:
    """Gaussian noise between two frequencies, as rooms and machines make it."""
    spectrum = np.fft.rfft(rng.standard_normal(length))
    low, high = sorted(_hertz(erb) for erb in rng.uniform(*TONES_ERB, 2))
    hertz = np.linspace(0, SAMPLE_RATE / 2, len(spectrum))
    return np.fft.irfft(spectrum * ((hertz >= low) & (hertz <= high)), length)


# tones thrice, as they vary most
KINDS = (_tones, _tones, _tones, _white_noise, _colored_noise, _narrow_noise, _clicks)


def table_signals(sources: Iterable[Path]) -> TableSignals:
    """The first clips, without the ends that fill no latent. Raises MediaError."""
    hop, latent = AUDIO.config.hop, AUDIO.config.hop * AUDIO.config.merged

    def whole(audio: Tensor) -> Floats:
        signal: Floats = as_signal(audio[: (len(audio) - hop) // latent * latent + hop]).numpy()
        return signal

    some = islice((audio for audio in clips(sources) if len(audio) > latent + hop), TABLE_CLIPS)
    return TableSignals(map(whole, some), TABLE_STEPS, Cuts.rounding)


class AudioPool(Pool):
    """int16 samples of clips."""

    def cuts(self, rng: np.random.Generator, count: int, length: int) -> Tensor:
        """(count, length) float32 in -1..1 from random places."""
        which = rng.integers(len(self), size=count)
        first = torch.from_numpy(self.starts[which] + rng.integers(self.lengths[which] - length + 1))
        device = self.row.device
        return (
            self.row[first.to(device)[:, None] + torch.arange(length, dtype=torch.int64, device=device)].float()
            / FULL_SCALE
        )


LIKENESS_LAGS = (4, 8, 12)  # frames: one, two and three latents
LIKENESS_BINS, LIKENESS_FRAMES = 20, 32
LEAST_POWER = 1e-9


def excess_likeness(a: Tensor, b: Tensor) -> Tensor:
    """(B,) how much more copies b repeat themselves and each other than originals a do: MDCT coefficients (B, T, hop).

    Correlation with themselves some latents later, and with the next signal of the batch, which has nothing to do with
    them, in blocks of LIKENESS_FRAMES x LIKENESS_BINS. Noise that a network fills in is the same wherever features are.
    """

    def blocks(x: Tensor) -> Tensor:
        return F.avg_pool2d(x[:, None], (LIKENESS_FRAMES, LIKENESS_BINS), (LIKENESS_FRAMES // 2, LIKENESS_BINS))[:, 0]

    def correlations(x: Tensor) -> list[Tensor]:
        pairs = [(x[:, :-lag], x[:, lag:]) for lag in LIKENESS_LAGS] + [(x, x.roll(1, 0))]
        return [
            blocks(p * q) / ((blocks(p * p) + LEAST_POWER) * (blocks(q * q) + LEAST_POWER)).sqrt() for p, q in pairs
        ]

    excess = [
        F.relu(of_b.abs() - of_a.abs()).mean((1, 2))
        for of_a, of_b in zip(correlations(a), correlations(b), strict=True)
    ]
    return torch.stack(excess).mean(0)


class Cuts:
    """The task of audio: random cuts, so many latents long, of clips that live on the device as int16."""

    row: ModelRow[AudioConfig] = AUDIO
    validation_steps: tuple[float, ...] = (8.0, 7.0, 6.0, 5.0, 4.0)
    softening = 0.3  # kbit/s
    figure_names: tuple[str, ...] = ("kbps", "mel", "nsim", "texture", "disturbance", "likeness")
    rounding = ROUNDING_AUDIO

    def __init__(self, sources: list[Path], latents: int, device: torch.device, seed: int = 0) -> None:
        self.hop, self.merged, self.seed = self.row.config.hop, self.row.config.merged, seed
        self.length = (latents * self.merged + 1) * self.hop
        kept_out, found = (
            [audio for audio in part if len(audio) >= self.length] for part in held_out(list(clips(sources)))
        )
        if not found:
            raise MediaError(f"no clips of at least {self.length / SAMPLE_RATE:.2f} seconds to train on")
        self.validation = [as_signal(audio[: self.length]).to(device) for audio in kept_out]
        self.statistics = audio_statistics(
            [audio.float() / FULL_SCALE for audio in found[:STATISTICS_CLIPS]], self.hop, self.merged
        )
        rng = np.random.default_rng(seed)
        self.recorded = AudioPool(found, device)
        self.synthetic = AudioPool([as_int16(synthetic(rng, self.length)) for _ in range(SYNTHETIC_CLIPS)], device)
        self.spectra = Spectra().to(device)
        self.front_end = FrontEnd(self.hop).to(device)

    def fresh(self) -> AudioModel:
        """The companded MDCT, merged by a DCT over time."""
        return AudioModel(self.row.config, self.statistics)

    def batch(self, step: int, size: int) -> Tensor:
        """(size, 1, samples) float32 in -1..1: the same for the same step."""
        rng = np.random.default_rng((self.seed, step))
        made_up = int(rng.binomial(size, SYNTHETIC_SHARE))
        cuts = self.recorded.cuts(rng, size - made_up, self.length)
        gains = 10 ** (rng.uniform(*GAIN_DB, len(cuts)) / 20)
        loudest = cuts.abs().amax(1).clamp_min(1 / FULL_SCALE)
        cuts = cuts * torch.from_numpy(gains).to(loudest).minimum(1 / loudest)[:, None]
        return torch.cat([cuts, self.synthetic.cuts(rng, made_up, self.length)])[:, None]

    def judged(self, x: Tensor, coded: Pass, log2_step: Tensor) -> Judged:
        """Costs in kbit/s, with spectral distances and companded squared error at their prices.

        Figures: kbit/s, log-mel distance, neurogram similarity, difference in texture, disturbance, excess likeness.
        """
        a, b = self._inner(x), self._inner(coded.x_hat)
        heard = self.spectra.heard(a, b)
        ca, cb = (self.front_end.compand(self.front_end.coefficients(s)) for s in (a, b))
        likeness = excess_likeness(self.front_end.coefficients(a), self.front_end.coefficients(b))
        squared_error: Tensor = ((ca - cb) ** 2).sum((1, 2)) * self._per_second(x) / 1000
        waveform = WAVEFORM_PRICE * torch.exp2(-2 * log2_step) * squared_error
        kbps = (coded.y_bits + coded.z_bits) * self._per_second(x) / 1000
        figures = dict(zip(self.figure_names, (kbps, *heard[1:], likeness), strict=True))
        distance = heard.distance + LIKENESS_SHARE * likeness
        costs = kbps + price(self.row.config.middle - log2_step) * distance + waveform
        return Judged(costs, {name: value.detach() for name, value in figures.items()})

    def _inner(self, x: Tensor) -> Tensor:
        """(B, n) of (B, 1, samples): without the first and last hop, which are not complete."""
        return x[:, 0, self.hop : -self.hop]

    def _per_second(self, x: Tensor) -> float:
        return SAMPLE_RATE / (x.shape[2] - self.hop)
