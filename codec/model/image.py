"""Images: a stride-16 autoencoder that begins as the 16x16 DCT with a colour rotation.

Linear path: 8x8 DCT x colour (stride 8), then a 2x2 stage that turns four 8x8 blocks into the 320 strongest 16x16
coefficients; synthesis is the transpose. Residual blocks at either scale, in both directions, learn the rest.
Features are coefficients / norm with norm = sqrt(rms), a compromise between DC (hundreds) and detail (ones).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from codec.model.base import Autoencoder, hyper_analysis_net
from codec.model.blocks import Conditioning, Plain, Stack, depth_to_space, space_to_depth, zeroed
from codec.model.config import BLOCK, FINE, ImageConfig
from codec.model.dct import ImageStatistics, block_transform


class ImageModel(Autoencoder):
    """x: (B, H, W, 3) in 0..255, sides multiples of 16; latents (B, H / 16, W / 16, 320)."""

    log2_norm8: Tensor

    def __init__(self, config: ImageConfig, statistics: ImageStatistics | None = None) -> None:
        s = statistics or ImageStatistics(np.eye(3), np.ones(192), np.ones(768))
        channels = sum(config.prior.groups)
        keep = np.argsort(-s.rms16, kind="stable")[:channels]
        log2_std = torch.tensor(np.log2(s.rms16[keep]), dtype=torch.float32)
        super().__init__(config, log2_std, log2_std / 2)
        self.register_buffer("log2_norm8", torch.tensor(np.log2(s.rms8) / 2, dtype=torch.float32))
        self.dct = Plain(FINE, FINE, bias=False)
        self.down, self.up = zeroed(Plain(4 * FINE, channels)), zeroed(Plain(channels, 4 * FINE))
        self.idct = Plain(FINE, FINE, bias=False)
        self._start_from(s, keep)
        self.a8, self.a16 = Stack(FINE, config.analysis8), Stack(channels, config.analysis16)
        self.s16, self.s8 = Stack(channels, config.synthesis16), Stack(FINE, config.synthesis8)
        self.h_a = hyper_analysis_net(
            sum(config.prior.groups), config.hyper_width, config.prior.hyper_channels, (4, 4), (2, 2)
        )

    def _start_from(self, s: ImageStatistics, keep: np.ndarray) -> None:
        """Sets the linear path to the transform coder of the statistics."""
        norm8 = np.exp2(self.log2_norm8.double().numpy())
        norm16 = np.exp2(self.prior.log2_norm.double().numpy())
        t8, t16 = block_transform(8, s.color), block_transform(16, s.color)[keep]
        # columns of t16, gathered block by block as the four 8x8 blocks hold them: 8x8 to 16x16 coefficients
        blocks = np.arange(3 * 256).reshape(3, 2, 8, 2, 8).transpose(1, 3, 0, 2, 4).reshape(4, FINE)
        coarser = np.concatenate([t16[:, pixels] @ t8.T for pixels in blocks], 1)
        fine = np.tile(norm8, 4)
        # images hold (y, x, colour), the transforms (colour, y, x)
        t8 = t8.reshape(FINE, 3, BLOCK**2).transpose(0, 2, 1).reshape(FINE, FINE)
        with torch.no_grad():
            for layer, matrix in (
                (self.dct, t8 / norm8[:, None]),
                (self.down, coarser * fine / norm16[:, None]),
                (self.up, (coarser / fine * norm16[:, None]).T),
                (self.idct, (t8 * norm8[:, None]).T),
            ):
                layer.weight.copy_(torch.from_numpy(matrix.copy()))

    def linear_parameters(self) -> list[nn.Parameter]:
        """The linear path: trained with a smaller learning rate."""
        layers = (self.dct, self.down, self.up, self.idct, self.gain)
        return [p for layer in layers for p in layer.parameters()]

    def analysis(self, x: Tensor, log2_step: Tensor) -> Tensor:
        """(B, H / 16, W / 16, M) float32 features of images x."""
        at8, at16 = self._conditions(log2_step)
        h = self.a8(self.dct(space_to_depth(x - 128, (BLOCK, BLOCK))), at8)
        features: Tensor = self.a16(self.down(space_to_depth(h, (2, 2))), at16)
        return features

    def synthesis(self, h: Tensor, log2_step: Tensor) -> Tensor:
        """(B, H, W, 3) float32 images, not clamped, of features h."""
        at8, at16 = self._conditions(log2_step)
        h = depth_to_space(self.up(self.s16(h, at16)), (2, 2))
        return depth_to_space(self.idct(self.s8(h, at8)), (BLOCK, BLOCK)) + 128

    def _conditions(self, log2_step: Tensor) -> tuple[Conditioning, Conditioning]:
        quality = self.gain.quality(log2_step)
        at8, at16 = (Conditioning.at(log2_step, quality, norm) for norm in (self.log2_norm8, self.prior.log2_norm))
        return at8, at16
