"""Sound: an autoencoder that begins as an MDCT with companding and a short DCT over frames.

Linear path: the MDCT (5 ms frames), companded, then four frames become one latent frame of 20 ms by a DCT over time for
each frequency, of which the 320 strongest coefficients are kept; synthesis is the transpose. Residual blocks at either
scale, in both directions, learn the rest. Where quantisation leaves nothing, synthesis may add noise of a level that it
predicts. Channels of a file are rows: (B, rows, frames, coefficients), 1 row mono, 2 stereo.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from codec.autoencoder import Autoencoder
from codec.classical import dct_matrix
from codec.lapped import FrontEnd, SoundStatistics
from codec.layers import Depthwise, Plain, Stack, merge, spread, step_limit, zeroed
from codec.prior import PriorConfig

NOISE_LEVEL_START = -3.0  # before softplus, in feature units


@dataclass(frozen=True)
class AudioConfig:
    """Sizes of the sound model. hop: samples of an MDCT frame; merged: frames of a latent.

    fine and coarse blocks are at frames and at latents, in either direction.
    """

    hop: int = 240
    merged: int = 4
    analysis_fine: int = 3
    analysis_coarse: int = 3
    synthesis_coarse: int = 4
    synthesis_fine: int = 4
    kernel_fine: int = 7
    kernel_coarse: int = 5
    hyper_width: int = 256
    middle: float = 4.5
    prior: PriorConfig = field(
        default_factory=lambda: PriorConfig(
            groups=(16, 32, 64, 208),
            quartered=0,
            hyper_channels=64,
            kernel=(1, 5),
            hyper_kernel=(1, 5),
            up=(1, 2),
            steered=True,
        )
    )


class AudioModel(Autoencoder):
    """x: (B, rows, samples) in -1..1 at 48 kHz, samples = (n * merged + 1) * hop; latents (B, rows, n, 320).

    halo: how many latents around a place the transforms look at.
    """

    log2_norm_fine: Tensor

    def __init__(self, config: AudioConfig, statistics: SoundStatistics | None = None) -> None:
        hop, merged = config.hop, config.merged
        s = statistics or SoundStatistics(np.ones(hop), np.ones(hop * merged))
        channels = sum(config.prior.groups)
        keep = np.argsort(-s.rms_merged, kind="stable")[:channels]
        log2_std = torch.tensor(np.log2(s.rms_merged[keep]), dtype=torch.float32)
        super().__init__(config.prior, config.middle, log2_std, log2_std / 2)
        self.config = config
        self.register_buffer("log2_norm_fine", torch.tensor(np.log2(s.rms) / 2, dtype=torch.float32))
        self.front_end = FrontEnd(hop)
        self.down, self.up = zeroed(Plain(merged * hop, channels)), zeroed(Plain(channels, merged * hop))
        self._start_from(keep)
        fine, coarse = (1, config.kernel_fine), (1, config.kernel_coarse)
        self.a_fine, self.a_coarse = (
            Stack(hop, config.analysis_fine, fine),
            Stack(channels, config.analysis_coarse, coarse),
        )
        self.s_coarse, self.s_fine = (
            Stack(channels, config.synthesis_coarse, coarse),
            Stack(hop, config.synthesis_fine, fine),
        )
        self.noise_level = zeroed(nn.Linear(hop, hop))
        self.noise_by_quality = zeroed(nn.Linear(1, hop))
        nn.init.constant_(self.noise_level.bias, NOISE_LEVEL_START)

        def reach(fine_blocks: int, coarse_blocks: int) -> int:
            frames = fine_blocks * (config.kernel_fine // 2) + 1  # and the frame that overlaps
            return -(-frames // merged) + coarse_blocks * (config.kernel_coarse // 2)

        self.halo = max(
            reach(config.analysis_fine, config.analysis_coarse), reach(config.synthesis_fine, config.synthesis_coarse)
        )
        width = config.hyper_width
        self.h_a = nn.Sequential(
            nn.Linear(channels, width),
            nn.ReLU(),
            Depthwise(width, (1, 4), (1, 2)),
            nn.Linear(width, width),
            nn.ReLU(),
            Depthwise(width, (1, 4), (1, 2)),
            nn.Linear(width, config.prior.hyper_channels),
        )

    def _start_from(self, keep: np.ndarray) -> None:
        """Sets the linear path to a DCT over the merged frames of each frequency."""
        hop, merged = self.config.hop, self.config.merged
        norm_fine = np.exp2(self.log2_norm_fine.double().numpy())
        norm = np.exp2(self.prior.log2_norm.double().numpy())
        # rows are coefficients (frequency, DCT index); columns (frame, frequency), as `merge` lays them out
        over_time = np.einsum("kt,fg->fktg", dct_matrix(merged), np.eye(hop)).reshape(hop * merged, merged * hop)[keep]
        fine = np.tile(norm_fine, merged)
        with torch.no_grad():
            self.down.weight.copy_(torch.from_numpy(over_time * fine / norm[:, None]))
            self.up.weight.copy_(torch.from_numpy((over_time / fine * norm[:, None]).T.copy()))

    def linear_parameters(self) -> list[nn.Parameter]:
        """The linear path: trained with a smaller learning rate."""
        return [p for layer in (self.down, self.up, self.gain) for p in layer.parameters()]

    def analysis(self, x: Tensor, log2_step: Tensor) -> Tensor:
        """(B, rows, latents, 320) float32 features of sound x."""
        told, limit_fine, limit_coarse = self._conditions(log2_step)
        with torch.autocast(x.device.type, enabled=False):
            h = self.front_end(x.float()) * torch.exp2(-self.log2_norm_fine)
        h = self.a_fine(h, told, limit_fine)
        features: Tensor = self.a_coarse(self.down(merge(h, (1, self.config.merged))), told, limit_coarse)
        return features

    def synthesis(self, h: Tensor, log2_step: Tensor, noise: Tensor | None = None) -> Tensor:
        """(B, rows, samples) float32 sound, not clamped, of features h; its first and last hop are not complete.

        noise: (B, rows, latents * merged, hop) of unit variance; drawn at random where None.
        """
        told, limit_fine, limit_coarse = self._conditions(log2_step)
        h = spread(self.up(self.s_coarse(h, told, limit_coarse)), (1, self.config.merged))
        if noise is None:
            noise = torch.randn_like(h)
        level = F.softplus(self.noise_level(h) + self.noise_by_quality(told[:, None])[:, None, None]).float()
        h = self.s_fine(h + level * noise, told, limit_fine)
        with torch.autocast(h.device.type, enabled=False):
            return self.front_end.inverse(h.float() * torch.exp2(self.log2_norm_fine))

    def _conditions(self, log2_step: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        limit_fine, limit_coarse = (step_limit(log2_step, n) for n in (self.log2_norm_fine, self.prior.log2_norm))
        return self.gain.told(log2_step), limit_fine, limit_coarse
