"""Audio: an autoencoder that begins as an MDCT with companding, a short DCT over frames, and band energies.

Linear path: the MDCT (5 ms frames), companded, then four frames become one latent frame of 20 ms by a DCT over time for
each frequency, of which the 640 strongest coefficients are kept; synthesis is the transpose. Before them stand the
energies of 32 bands. Residual blocks at either scale, in both directions, learn the rest; the weaker coefficients, all
treble and worth bits at high quality only, go around those of latents. At the end synthesis adds noise where it wants
it and moves bands towards their energies. Everything is (B, rows, frames, coefficients) with one row; the channels of a
file are a batch, each at a step of its own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from codec.model.band_energies import Envelope
from codec.model.base import Autoencoder, hyper_analysis_net
from codec.model.blocks import Conditioning, Plain, Stack, depth_to_space, space_to_depth, zeroed
from codec.model.config import (
    BANDS,
    NEAR_FRAMES,
    NEAR_FREQUENCIES,
    REPEAT_FREQUENCIES,
    REPEAT_LATENTS,
    AudioConfig,
)
from codec.model.dct import Array, dct_matrix
from codec.model.envelope import (
    CODED_STEEPNESS,
    LEAST_CODED,
    LEAST_DRAWN,
    LEAST_POWER,
    REPEATING,
    UNITS_PER_OCTAVE,
    nearby,
)
from codec.model.front_end import FrontEnd

RMS_FLOOR = 0.3  # added to statistics, in companded units: keeps silent frequencies from unbounded norms
NOISE_START = -1.5  # share of a band's amplitude that noise begins with, before the sigmoid
MATCH_START = (0.5, -1.5)  # share of the way to a band's energy, before the sigmoid: at the middle step, and by quality
# octaves that the steps of energies move by at coarse, middle and fine anchors: they need less range than coefficients
ENERGY_STEPS = (-3.0, -0.5, 1.5)


@dataclass(frozen=True)
class AudioStatistics:
    """Root mean squares of companded coefficients (hop,), of their DCT over merged frames (hop * merged,), and of the
    envelope's features (BANDS,); and the mean logarithms of band energies (BANDS,).
    """

    rms: Array
    rms_merged: Array
    rms_envelope: Array
    mean_envelope: Array


def audio_statistics(clips: Sequence[Tensor], hop: int, merged: int) -> AudioStatistics:
    """Statistics of clips (n,) in -1..1, the frames of all counted alike."""
    front_end, envelope = FrontEnd(hop), Envelope(hop, merged, np.zeros(BANDS))
    fine, coarse, octaves = [], [], []
    for x in clips:
        groups = (len(x) // hop - 1) // merged
        c = front_end.coefficients(x[: (groups * merged + 1) * hop])
        blocks = front_end.compand(c).double().numpy().reshape(groups, merged, hop)
        fine.append((blocks**2).mean(1))
        coarse.append(np.einsum("kt,gtf->gfk", dct_matrix(merged), blocks).reshape(groups, -1) ** 2)
        octaves.append(envelope.log2_energies(envelope(c[None, None]))[0, 0].double().numpy())
    levels = np.concatenate(octaves)
    mean = levels.mean(0)
    features = (levels - mean) @ dct_matrix(BANDS).T * UNITS_PER_OCTAVE
    rms, rms_merged = (np.sqrt(np.concatenate(part).mean(0)) + RMS_FLOOR for part in (fine, coarse))
    return AudioStatistics(rms, rms_merged, np.sqrt((features**2).mean(0)), mean)


class AudioModel(Autoencoder):
    """x: (B, rows, samples) in -1..1 at 48 kHz, samples = (n * merged + 1) * hop; latents (B, rows, n, 672)."""

    log2_norm_fine: Tensor
    nearby: Tensor
    nearby_repeating: Tensor

    def __init__(self, config: AudioConfig, statistics: AudioStatistics | None = None) -> None:
        hop, merged = config.hop, config.merged
        s = statistics or AudioStatistics(np.ones(hop), np.ones(hop * merged), np.ones(BANDS), np.zeros(BANDS))
        channels = sum(config.prior.groups)
        keep = np.argsort(-s.rms_merged, kind="stable")[: channels - BANDS]
        log2_std = torch.tensor(np.log2(np.append(s.rms_envelope, s.rms_merged[keep])), dtype=torch.float32)
        super().__init__(config, log2_std, log2_std / 2)
        self.config, self.body = config, config.body
        self.register_buffer("log2_norm_fine", torch.tensor(np.log2(s.rms) / 2, dtype=torch.float32))
        self.front_end, self.envelope = FrontEnd(hop), Envelope(hop, merged, s.mean_envelope)
        with torch.no_grad():
            self.gain.log2_offset[:, :BANDS] = torch.tensor(ENERGY_STEPS)[:, None]
        self.down, self.up = zeroed(Plain(merged * hop, self.body - BANDS)), zeroed(Plain(self.body, merged * hop))
        self.down_treble = zeroed(Plain(merged * hop, config.treble))
        self.up_treble = zeroed(Plain(config.treble, merged * hop))
        self._start_from(keep)
        fine, coarse = (1, config.kernel_fine), (1, config.kernel_coarse)
        self.a_fine, self.a_coarse = (
            Stack(hop, config.analysis_fine, fine),
            Stack(self.body, config.analysis_coarse, coarse),
        )
        self.s_coarse, self.s_fine = (
            Stack(self.body, config.synthesis_coarse, coarse),
            Stack(hop, config.synthesis_fine, fine),
        )
        self.noise_share, self.noise_by_quality = zeroed(nn.Linear(hop, hop)), zeroed(nn.Linear(1, hop))
        for name, width in (("nearby", NEAR_FREQUENCIES), ("nearby_repeating", REPEAT_FREQUENCIES)):
            self.register_buffer(name, torch.tensor(nearby(hop, width), dtype=torch.float32), persistent=False)
        self.match_by_quality = zeroed(nn.Linear(1, BANDS))
        nn.init.constant_(self.noise_share.bias, NOISE_START)
        for parameter, start in zip(
            (self.match_by_quality.bias, self.match_by_quality.weight), MATCH_START, strict=True
        ):
            nn.init.constant_(parameter, start)
        self.h_a = hyper_analysis_net(self.body, config.hyper_width, config.prior.hyper_channels, (1, 4), (1, 2))

    def _start_from(self, keep: np.ndarray) -> None:
        """Sets the linear path to a DCT over the merged frames of each frequency."""
        hop, merged = self.config.hop, self.config.merged
        norm_fine = np.exp2(self.log2_norm_fine.double().numpy())
        norm = np.exp2(self.prior.log2_norm.double().numpy())[BANDS:]
        # rows are coefficients (frequency, DCT index); columns (frame, frequency), as `merge` lays them out
        over_time = np.einsum("kt,fg->fktg", dct_matrix(merged), np.eye(hop)).reshape(hop * merged, merged * hop)[keep]
        fine = np.tile(norm_fine, merged)
        with torch.no_grad():
            down = torch.from_numpy(over_time * fine / norm[:, None])
            up = torch.from_numpy((over_time / fine * norm[:, None]).T.copy())
            body = self.body - BANDS
            self.down.weight.copy_(down[:body])
            self.down_treble.weight.copy_(down[body:])
            self.up.weight[:, BANDS:] = up[:, :body]
            self.up_treble.weight.copy_(up[:, body:])

    def hyper_analysis(self, h: Tensor) -> Tensor:
        """Hyper-latents of features; treble adds nothing to what energies tell of it."""
        return super().hyper_analysis(h[..., : self.body])

    def linear_parameters(self) -> list[nn.Parameter]:
        """The linear path: trained with a smaller learning rate."""
        layers = (self.down, self.down_treble, self.up, self.up_treble)
        return [p for layer in layers for p in layer.parameters()]

    def analysis(self, x: Tensor, log2_step: Tensor) -> Tensor:
        """(B, rows, latents, 672) float32 features of audio x."""
        at_fine, at_coarse = self._conditions(log2_step)
        with torch.autocast(x.device.type, enabled=False):
            c = self.front_end.coefficients(x.float())
            h = self.front_end.compand(c) * torch.exp2(-self.log2_norm_fine)
            energies = self.envelope(c) * torch.exp2(-self.prior.log2_norm[:BANDS])
        h = space_to_depth(self.a_fine(h, at_fine), (1, self.config.merged))
        body = self.a_coarse(torch.cat([energies, self.down(h)], -1), at_coarse)
        return torch.cat([self._near_known(body, energies), body[..., BANDS:], self.down_treble(h)], -1)

    def synthesis(self, h: Tensor, log2_step: Tensor, noise: Tensor | None = None) -> Tensor:
        """(B, rows, samples) float32 audio, not clamped, of features h; its first and last hop are not complete.

        h: (B, rows, n, M), or 2 M with the features of symbols alone behind, where `draws_signs`.
        noise: (B, rows, n * merged, hop) uniform with unit variance; drawn at random where None.
        """
        at_fine, at_coarse = self._conditions(log2_step)
        quality = at_fine.quality[:, None]
        body = self.s_coarse(h[..., : self.body], at_coarse)
        energies = self._near_known(body, h[..., :BANDS])
        treble = self.up_treble(h[..., self.body : self.prior.config.channels])
        symbols = h[..., self.prior.config.channels :]
        h = self.up(body) + treble
        h = self.s_fine(depth_to_space(h, (1, self.config.merged)), at_fine)
        noise_share = torch.sigmoid(self.noise_share(h) + self.noise_by_quality(quality)[:, None, None]).float()
        match_share = torch.sigmoid(self.match_by_quality(quality))[:, None, None].float()
        if noise is None:
            noise = (torch.rand_like(noise_share) - 0.5) * math.sqrt(12)
        with torch.autocast(h.device.type, enabled=False):
            wanted = self.envelope.decoded(energies * torch.exp2(self.prior.log2_norm[:BANDS]))
            c_hat = self.front_end.expand(h.float() * torch.exp2(self.log2_norm_fine))
            if self.config.draws_signs:
                kept = self._kept_share(h.float(), symbols.float())
                c_hat = kept * c_hat + (1 - kept**2 + LEAST_DRAWN).sqrt() * c_hat.abs() * noise
            c_hat = c_hat + noise_share * self.envelope.amplitudes(wanted) * noise
            c_hat = c_hat + self.envelope.amplitudes(self.envelope.missing(c_hat, wanted)) * noise
            return self.front_end.samples(self.envelope.matched(c_hat, wanted, match_share))

    def _kept_share(self, h: Tensor, symbols: Tensor) -> Tensor:
        """(B, rows, frames, hop) share in 0..1 of coefficients h that keep their signs; the others are drawn.

        What prediction and networks fill in depends on features alone: with steady features it would be the same frame
        again and again, a buzz. So signs are kept where enough of the power near them was coded. symbols: (B, rows,
        latents, M) features of symbols, untouched by predictions and networks. No gradients: no network shall be
        rewarded for being believed.
        """
        with torch.no_grad():
            body, treble = symbols[..., BANDS : self.body], symbols[..., self.body :]
            coded = F.linear(body, self.up.weight[:, BANDS:]) + F.linear(treble, self.up_treble.weight)
            coded = depth_to_space(coded, (1, self.config.merged))
            share = _near(coded**2, self.nearby) / (_near(h**2, self.nearby) + LEAST_POWER)
            doubt = (self._least_coded(h) / share.clamp(1e-4, 1e4)) ** CODED_STEEPNESS
            return 1 / (1 + doubt)

    def _least_coded(self, h: Tensor) -> Tensor:
        """The share of the power near coefficients h that keeps half of their signs, by how much they repeat."""
        power = _near(h**2, self.nearby_repeating)
        repeating = torch.stack([self._likeness(h, power, k * self.config.merged) for k in REPEAT_LATENTS]).amin(0)
        low, high = REPEATING
        return LEAST_CODED[0] * (LEAST_CODED[1] / LEAST_CODED[0]) ** ((repeating - low) / (high - low)).clamp(0, 1)

    def _likeness(self, h: Tensor, power: Tensor, frames: int) -> Tensor:
        """Correlation of what is near coefficients h with what was there so many frames earlier; 0 before them.

        power: mean squares of what is near.
        """
        earlier = F.pad(h, (0, 0, frames, 0))[:, :, : h.shape[2]]
        alike, then = (_near(x, self.nearby_repeating) for x in (h * earlier, earlier**2))
        return alike / (power * then + LEAST_POWER**2).sqrt()

    def _near_known(self, h: Tensor, energies: Tensor) -> Tensor:
        """(..., BANDS) float32 energies of features h, kept near known ones."""
        norm = torch.exp2(self.prior.log2_norm[:BANDS])
        with torch.autocast(h.device.type, enabled=False):
            return self.envelope.near(h[..., :BANDS].float() * norm, energies.float() * norm) / norm

    def _conditions(self, log2_step: Tensor) -> tuple[Conditioning, Conditioning]:
        norms = self.log2_norm_fine, self.prior.log2_norm[: self.body]
        quality = self.gain.quality(log2_step)
        at_fine, at_coarse = (Conditioning.at(log2_step, quality, norm) for norm in norms)
        return at_fine, at_coarse


def _near(x: Tensor, over_frequency: Tensor) -> Tensor:
    """Means of what is near each place of x (B, rows, frames, hop): so many frequencies, and NEAR_FRAMES frames."""
    means = F.linear(x, over_frequency).flatten(0, 1).transpose(1, 2)
    means = F.avg_pool1d(means, NEAR_FRAMES, 1, NEAR_FRAMES // 2, count_include_pad=False)
    return means.transpose(1, 2).reshape(x.shape)
