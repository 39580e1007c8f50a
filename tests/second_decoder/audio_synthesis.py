"""From features to samples at 48 kHz (SPEC-SYNTHESIS, section 4)."""

from __future__ import annotations

import numpy as np

from tests.second_decoder.layers import Layers, Reals, depth_to_space

HOP, FRAMES = 240, 4
BANDS, BODY = 32, 320
EDGES = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 13, 15, 17, 20, 23, 27, 31, 36, 41, 47, 54, 62, 71, 81, 93, 107, 123]
EDGES += [141, 161, 184, 211, 240]
BAND_OF = np.repeat(np.arange(BANDS), np.diff(EDGES))  # of each frequency
FLOOR = 1e-9  # of energies


def noise(seed: int, row: int, frames: int) -> Reals:
    """(1, frames, HOP) noise of a row, from the first frame on."""

    def mixed(x: np.ndarray) -> np.ndarray:
        for _ in range(2):
            x = ((x >> 16) ^ x) * 0x45D9F3B % 2**32
        return (x >> 16) ^ x

    of_frames = mixed(mixed(np.array([row + 2 * seed])) ^ np.arange(frames))
    x = mixed(of_frames[:, None] ^ np.arange(HOP))
    return ((x - 2**31) * np.sqrt(12) / 2**32)[None]


def dct(n: int) -> Reals:
    """(frequencies, places) orthonormal."""
    k, t = np.arange(n)[:, None], np.arange(n)
    return np.sqrt(np.where(k == 0, 1, 2) / n) * np.cos(np.pi * (2 * t + 1) * k / (2 * n))


def expanded(h: Reals) -> Reals:
    """Coefficients of companded ones."""
    hertz = 100 * (np.arange(HOP) + 0.5)
    p = 0.5 + 0.15 / (1 + (hertz / 3000) ** 2)
    a = 50 * 0.1**-p * np.sqrt(0.15 + 0.85 / (1 + (hertz / 4000) ** 2))
    return np.sign(h) * ((np.abs(h) / a + 1e-4**p) ** (1 / p) - 1e-4)


def inverse_mdct(c: Reals) -> Reals:
    """(samples,) of (1, frames, HOP); the first hop, which is before the first sample, left out."""
    n, k = np.arange(2 * HOP), np.arange(HOP)[:, None]
    basis = np.sqrt(1 / 120) * np.sin(np.pi * (n + 0.5) / 480) * np.cos(np.pi / HOP * (n + 0.5 + 120) * (k + 0.5))
    frames = c[0] @ basis
    x = np.zeros((len(frames) + 1, HOP))
    x[:-1] += frames[:, :HOP]
    x[1:] += frames[:, HOP:]
    return x[1:].ravel()


class RowSynthesis:
    """Synthesis of one row of a clip."""

    def __init__(self, layers: Layers, draws_signs: bool) -> None:
        self.layers, self.draws_signs = layers, draws_signs
        self.norm_fine = np.exp2(layers.array("log2_norm_fine"))

    def stages(self, features: Reals, symbols: Reals, noise: Reals) -> dict[str, Reals]:
        """What each stage gives, by name and in order; the last is samples.

        features, symbols: (1, columns, channels), all that was decoded, and that without what was predicted.
        """
        layers, body = self.layers, features[..., :BODY]
        s_coarse = layers.blocks("s_coarse", 4, body, layers.norms()[:BODY])
        wanted = self._wanted(s_coarse[..., :BANDS], body[..., :BANDS])
        treble = layers.linear("up_treble", features[..., BODY:])
        up = depth_to_space(layers.linear("up", s_coarse) + treble, (1, FRAMES))
        s_fine = layers.blocks("s_fine", 4, up, self.norm_fine)
        c = expanded(s_fine * self.norm_fine)
        found = {"s_coarse": s_coarse, "wanted": wanted, "up": up, "s_fine": s_fine, "expanded": c}
        if self.draws_signs:
            found["coded"] = self.coded(symbols)
            found["signs"] = c = drawn(c, kept(s_fine, found["coded"]), noise)
        share = sigmoid(layers.linear("noise_share", s_fine) + layers.by_quality("noise_by_quality"))
        found["noisy"] = c = c + share * amplitude(wanted) * noise
        found["filled"] = c = c + amplitude(np.maximum(wanted - 256 * energies(c), 0)) * noise
        found["matched"] = c = self._matched(c, wanted)
        found["x"] = inverse_mdct(c)
        return found

    def _wanted(self, decoded: Reals, coded: Reals) -> Reals:
        """(1, columns, BANDS) energies, of features behind and before the blocks at columns."""
        norm, d = self.layers.norms()[:BANDS], dct(BANDS)
        moved = np.clip((decoded - coded) * norm @ d / 32, -0.15, 0.15)
        octaves = coded * norm @ d / 32 + moved + self.layers.array("envelope.mean")
        return np.maximum(np.exp2(np.clip(octaves, -32, 16)) - 4 * FLOOR, 0)

    def coded(self, symbols: Reals) -> Reals:
        """(1, frames, HOP) what symbols alone say of each coefficient."""
        up, treble = (self.layers.array(f"{name}.weight") for name in ("up", "up_treble"))
        return depth_to_space(symbols[..., BANDS:BODY] @ up[:, BANDS:].T + symbols[..., BODY:] @ treble.T, (1, FRAMES))

    def _matched(self, c: Reals, wanted: Reals) -> Reals:
        """Coefficients with their bands moved towards energies."""
        octaves = (np.log2(wanted + FLOOR) - np.log2(energies(c) + FLOOR)) / 2
        moved = octaves * sigmoid(self.layers.by_quality("match_by_quality"))
        moved = np.maximum(np.minimum(moved, octaves + 0.25), octaves - 1)
        return c * everywhere(np.exp2(np.minimum(moved, 4)) * wanted / (wanted + FLOOR))


def near(x: Reals, frequencies: int) -> Reals:
    """(1, frames, HOP) means of what is near each place: so many frequencies and four frames to either side."""
    return mean_within(mean_within(x[0], frequencies, axis=1), 4, axis=0)[None]


def mean_within(x: Reals, reach: int, axis: int) -> Reals:
    """Means of what lies within a reach along an axis, of what there is."""
    places = np.arange(x.shape[axis])
    return np.stack([np.take(x, places[max(i - reach, 0) : i + reach + 1], axis).mean(axis) for i in places], axis)


def likeness(h: Reals, frames: int) -> Reals:
    """(1, frames, HOP) correlation of what is near each coefficient with what was there so many frames earlier."""
    earlier = np.concatenate([np.zeros((1, frames, HOP)), h], 1)[:, : h.shape[1]]
    return near(h * earlier, 5) / np.sqrt(near(h**2, 5) * near(earlier**2, 5) + 1e-12)


def kept(h: Reals, coded: Reals) -> Reals:
    """(1, frames, HOP) share of each coefficient that keeps its sign."""
    share = np.clip(near(coded**2, 2) / (near(h**2, 2) + 1e-6), 1e-4, 1e4)
    repeating = np.minimum(likeness(h, FRAMES), likeness(h, 2 * FRAMES))
    least = 0.0005 * 200 ** np.clip((repeating - 0.5) / 0.3, 0, 1)
    return 1 / (1 + (least / share) ** 8)


def drawn(c: Reals, kept: Reals, noise: Reals) -> Reals:
    """Coefficients of which only a share keeps its signs."""
    return kept * c + np.sqrt(1 - kept**2 + 1e-6) * np.abs(c) * noise


def sigmoid(x: Reals) -> Reals:
    """1 / (1 + e^-x)."""
    return (1 + np.tanh(x / 2)) / 2


def energies(c: Reals) -> Reals:
    """(1, columns, BANDS) mean squares of (1, frames, HOP) coefficients."""
    squares = (c**2).reshape(1, -1, FRAMES, HOP).mean(2)
    return np.add.reduceat(squares, EDGES[:-1], axis=2) / np.diff(EDGES)


def everywhere(x: Reals) -> Reals:
    """(1, frames, HOP) of (1, columns, BANDS)."""
    return np.repeat(x[..., BAND_OF], FRAMES, 1)


def amplitude(energy: Reals) -> Reals:
    """(1, frames, HOP) root mean squares of (1, columns, BANDS) energies."""
    return everywhere(np.sqrt(energy + FLOOR**2))
