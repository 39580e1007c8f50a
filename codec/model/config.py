"""Sizes of the models: what their arrays, their networks in either engine and their decoders go by."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from codec.bitstream import constants

BLOCK = 8  # pixels a side of an image's finer blocks
FINE = 3 * BLOCK**2  # channels of images at 1/8
BANDS = 32  # of the spectral envelope of audio
NEAR_FRAMES, NEAR_FREQUENCIES = 9, 5  # of audio: within two latents and 500 Hz, what was coded is near
REPEAT_FREQUENCIES = 11  # what repeats is judged over so many, and NEAR_FRAMES frames
REPEAT_LATENTS = (1, 2)  # that a pattern is compared with, earlier


@dataclass(frozen=True)
class PriorConfig:
    """Shape of the entropy nets.

    quartered: so many of the first groups take their first half in two quarters, alternate rows of it, or alternate
    columns where `quartered_columns`. up: the (rows, columns) growth of each of the two hyper-synthesis stages.
    repeated_columns: how often the first and last column of hyper-latents stand beyond either end, so that nets cannot
    tell an end by its zeros and treat it worse, which would be heard as seams. steered: whether the hyper-latents move
    the step of each channel and position.
    """

    groups: tuple[int, ...]
    quartered: int = 1
    quartered_columns: bool = False
    hyper_channels: int = 96
    hyper_width: int = 256
    width: int = 224
    kernel: tuple[int, int] = (5, 5)
    hyper_kernel: tuple[int, int] = (3, 3)
    up: tuple[int, int] = (2, 2)
    repeated_columns: int = 0
    steered: bool = False

    @property
    def channels(self) -> int:
        """Of latents."""
        return sum(self.groups)

    @property
    def starts(self) -> tuple[int, ...]:
        """The first channel of each group."""
        return tuple(sum(self.groups[:group]) for group in range(len(self.groups)))

    def passes(self, group: int) -> int:
        """How many passes a group takes."""
        return 3 if group < self.quartered else 2


class Config(Protocol):
    """What the configs of all models have.

    middle: log2 of the nominal step that training centred on. analysis_halo, synthesis_halo: how many latents around a
    place the transforms look at. sees_symbols: whether synthesis is told what was coded apart from what was predicted.
    """

    @property
    def prior(self) -> PriorConfig: ...
    @property
    def middle(self) -> float: ...
    @property
    def analysis_halo(self) -> int: ...
    @property
    def synthesis_halo(self) -> int: ...
    @property
    def sees_symbols(self) -> bool: ...


@dataclass(frozen=True)
class ImageConfig:
    """Sizes of the image model: residual blocks at 1/8 and 1/16 in either direction, and those of its nets."""

    analysis8: int = 6
    analysis16: int = 5
    synthesis16: int = 4
    synthesis8: int = 5
    hyper_width: int = 256
    middle: float = 5.625
    prior: PriorConfig = field(default_factory=lambda: PriorConfig(groups=(16, 16, 32, 64, 192)))

    @property
    def analysis_halo(self) -> int:
        """A block looks at its neighbours; two at 1/8 are one latent."""
        return -(-self.analysis8 // 2) + self.analysis16

    @property
    def synthesis_halo(self) -> int:
        """As `analysis_halo`."""
        return -(-self.synthesis8 // 2) + self.synthesis16

    @property
    def sees_symbols(self) -> bool:
        """Images have no use for it."""
        return False


@dataclass(frozen=True)
class AudioConfig:
    """Sizes of the audio model. hop: samples of an MDCT frame; merged: frames of a latent.

    fine and coarse blocks are at frames and at latents, in either direction. treble: the last channels, which go around
    coarse blocks. draws_signs: whether synthesis draws the signs of coefficients that nothing coded tells.
    """

    hop: int = constants.HOP
    merged: int = constants.FRAMES
    analysis_fine: int = 3
    analysis_coarse: int = 3
    synthesis_coarse: int = 4
    synthesis_fine: int = 4
    kernel_fine: int = 7
    kernel_coarse: int = 5
    hyper_width: int = 256
    treble: int = 352
    middle: float = 5.5
    draws_signs: bool = True
    prior: PriorConfig = field(
        default_factory=lambda: PriorConfig(
            groups=(32, 32, 64, 192, 352),
            quartered_columns=True,
            hyper_channels=64,
            kernel=(1, 5),
            hyper_kernel=(1, 5),
            up=(1, 2),
            repeated_columns=1,
            steered=True,
        )
    )

    @property
    def body(self) -> int:
        """Channels that do not go around coarse blocks."""
        return self.prior.channels - self.treble

    @property
    def analysis_halo(self) -> int:
        """Latents."""
        return self._reach(self.analysis_fine, self.analysis_coarse)

    @property
    def synthesis_halo(self) -> int:
        """Latents."""
        judged = NEAR_FRAMES // 2 + max(REPEAT_LATENTS) * self.merged
        return self._reach(self.synthesis_fine, self.synthesis_coarse, judged if self.draws_signs else 0)

    @property
    def sees_symbols(self) -> bool:
        """To tell what may be drawn."""
        return self.draws_signs

    def _reach(self, fine_blocks: int, coarse_blocks: int, beyond: int = 0) -> int:
        frames = fine_blocks * (self.kernel_fine // 2) + beyond + 1  # and the frame that overlaps
        return -(-frames // self.merged) + coarse_blocks * (self.kernel_coarse // 2)
