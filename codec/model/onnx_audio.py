"""The transforms of the audio model as ONNX graphs: what `audio`, `front_end` and `band_energies` are in torch.

Everything is (B, channels, 1, frames or latents).
"""

from __future__ import annotations

import math

import numpy as np

from codec.model.config import (
    BANDS,
    NEAR_FRAMES,
    NEAR_FREQUENCIES,
    REPEAT_FREQUENCIES,
    REPEAT_LATENTS,
    AudioConfig,
)
from codec.model.dct import dct_matrix
from codec.model.envelope import (
    CODED_STEEPNESS,
    CORRECTION,
    ENERGY_FLOOR,
    GAIN_LIMIT,
    LEAST_CODED,
    LEAST_DRAWN,
    LEAST_POWER,
    LEFT_ABOVE,
    LEFT_BELOW,
    LOG2_ENERGIES,
    REPEATING,
    SILENCE,
    UNITS_PER_OCTAVE,
    nearby,
    spread,
)
from codec.model.fixed_point import LOG2_BITS, Arrays
from codec.model.mdct import FLOOR, companding, mdct_basis
from codec.model.onnx_blocks import Conditions, convolution, float32, hyper_analysis_net, stack
from codec.model.onnx_graph import Graph


def analysis(arrays: Arrays, config: AudioConfig) -> Graph:
    """x (B, 1, samples), quality and step (B, 1, 1, 1) to features (B, 1, latents, M)."""
    audio = _Audio(arrays, config)
    graph = audio.graph
    x = graph.node("Unsqueeze", graph.input("x", (None, 1, None)), graph.constant([2]))
    c = convolution(graph, x, mdct_basis(config.hop)[:, None, None], strides=(1, config.hop))
    h = audio.times(audio.companded(c), np.exp2(-audio.log2_norm_fine))
    energies = audio.divided_by_norm(audio.envelope(c))
    h = stack(graph, arrays, "a_fine", config.analysis_fine, h, audio.at_fine)
    body = graph.node("Concat", energies, audio.merged(h, "down"), axis=1)
    body = stack(graph, arrays, "a_coarse", config.analysis_coarse, body, audio.at_coarse)
    near = audio.divided_by_norm(audio.near(body, energies))
    rest = audio.channels(body, BANDS, config.body)
    features = graph.node("Concat", near, rest, audio.merged(h, "down_treble"), axis=1)
    graph.output("features", graph.node("Transpose", features, perm=(0, 2, 3, 1)), 4)
    return graph


def synthesis(arrays: Arrays, config: AudioConfig) -> Graph:
    """features (B, 1, latents, M, or 2 M with those of symbols), noise (B, 1, frames, hop), quality and step
    (B, 1, 1, 1) to x (B, 1, samples).
    """
    audio = _Audio(arrays, config)
    graph, everywhere = audio.graph, audio.everywhere
    width = config.prior.channels * (1 + config.sees_symbols)
    features = graph.node("Transpose", graph.input("features", (None, 1, None, width)), perm=(0, 3, 1, 2))
    noise = graph.node("Transpose", graph.input("noise", (None, 1, None, config.hop)), perm=(0, 3, 1, 2))
    body = audio.channels(features, 0, config.body)
    decoded = stack(graph, arrays, "s_coarse", config.synthesis_coarse, body, audio.at_coarse)
    wanted = audio.energies_wanted(audio.near(decoded, audio.channels(body, 0, BANDS)))
    treble = audio.linear("up_treble", audio.channels(features, config.body, config.prior.channels))
    h = audio.frames(graph.node("Add", audio.linear("up", decoded), treble))
    h = stack(graph, arrays, "s_fine", config.synthesis_fine, h, audio.at_fine)
    noise_share = graph.node("Add", audio.linear("noise_share", h), audio.by_quality("noise_by_quality"))
    noise_share = graph.node("Sigmoid", noise_share)
    c = audio.expanded(audio.times(h, np.exp2(audio.log2_norm_fine)))
    if config.draws_signs:
        symbols = audio.channels(features, config.prior.channels, width)
        c = audio.signs_drawn(c, h, symbols, noise)
    hiss = graph.node("Mul", noise_share, everywhere(audio.root(wanted)))
    c = graph.node("Add", c, graph.node("Mul", hiss, noise))
    limit = graph.node("Mul", audio.energies(c), graph.constant(np.float32(4**GAIN_LIMIT)))
    missing = graph.node("Relu", graph.node("Sub", wanted, limit))
    c = graph.node("Add", c, graph.node("Mul", everywhere(audio.root(missing)), noise))
    c = graph.node("Mul", c, everywhere(audio.match(c, wanted)))
    basis = graph.constant(mdct_basis(config.hop)[:, None, None])
    x = graph.node("ConvTranspose", c, basis, kernel_shape=(1, 2 * config.hop), strides=(1, config.hop))
    graph.output("x", graph.node("Squeeze", x, graph.constant([2])), 3)
    return graph


def hyper_analysis(arrays: Arrays, config: AudioConfig) -> Graph:
    """features (B, 1, W, M), W a multiple of 4, to z (B, hyper_channels, 1, W / 4), not rounded.

    Treble adds nothing to what energies tell of it.
    """
    return hyper_analysis_net(arrays, config.prior.channels, (1, 4), (1, 2))


class _Audio:
    """A graph and what both transforms need of the model."""

    def __init__(self, arrays: Arrays, config: AudioConfig) -> None:
        self.graph, self.arrays, self.config = Graph(), arrays, config
        quality, step = (self.graph.input(name, (None, 1, 1, 1)) for name in ("quality", "step"))
        self.quality, self.step = quality, step
        self.log2_norm_fine = float32(arrays["log2_norm_fine"])
        log2_norm = arrays["prior.log2_norm"].astype(np.float32) * np.float32(2.0**-LOG2_BITS)
        self.norm = np.exp2(log2_norm[:BANDS])
        self.at_fine = Conditions(self.graph, quality, step, self.log2_norm_fine)
        self.at_coarse = Conditions(self.graph, quality, step, log2_norm[: config.body])
        self.power, self.scale = companding(config.hop)
        self.dct, self.spread = dct_matrix(BANDS), spread(config.hop)
        self.mean = float32(arrays["envelope.mean"])

    def times(self, x: str, factor: np.ndarray) -> str:
        """x (B, C, ...) times a factor (C,)."""
        return self.graph.node("Mul", x, self.graph.constant(factor[:, None, None]))

    def plus(self, x: str, term: np.ndarray | float) -> str:
        """x (B, C, ...) plus a term (C,) or a number."""
        term = np.asarray(term, np.float32)
        return self.graph.node("Add", x, self.graph.constant(term[:, None, None] if term.ndim else term))

    def channels(self, x: str, start: int, stop: int) -> str:
        """Some of the channels."""
        return self.graph.node("Slice", x, *(self.graph.constant([n]) for n in (start, stop, 1)))

    def matrix(self, x: str, weight: np.ndarray) -> str:
        """A matrix product over channels: weight (rows, C)."""
        return convolution(self.graph, x, weight[:, :, None, None])

    def linear(self, name: str, x: str) -> str:
        """A stored linear layer over channels."""
        weight, bias = (float32(self.arrays[f"{name}.{part}"]) for part in ("weight", "bias"))
        return convolution(self.graph, x, weight[:, :, None, None], bias)

    def merged(self, h: str, name: str) -> str:
        """A stored linear layer over the channels of merged frames."""
        weight, bias = (float32(self.arrays[f"{name}.{part}"]) for part in ("weight", "bias"))
        kernel = weight.reshape(len(weight), self.config.merged, -1).transpose(0, 2, 1)[:, :, None]
        return convolution(self.graph, h, kernel, bias, strides=(1, self.config.merged))

    def frames(self, h: str) -> str:
        """(B, hop, 1, frames) of the merged frames of latents."""
        split = self.graph.node("Reshape", h, self.graph.constant([0, self.config.merged, self.config.hop, -1]))
        split = self.graph.node("Transpose", split, perm=(0, 2, 3, 1))
        return self.graph.node("Reshape", split, self.graph.constant([0, self.config.hop, 1, -1]))

    def signs_drawn(self, c: str, h: str, symbols: str, noise: str) -> str:
        """Coefficients c of companded ones h with a share of their signs drawn: see `AudioModel._kept_share`."""
        graph, body = self.graph, self.config.body
        of_body = self.matrix(self.channels(symbols, BANDS, body), float32(self.arrays["up.weight"])[:, BANDS:])
        of_treble = self.channels(symbols, body, self.config.prior.channels)
        of_treble = self.matrix(of_treble, float32(self.arrays["up_treble.weight"]))
        coded = self.frames(graph.node("Add", of_body, of_treble))
        power_coded, power = (self.mean_near(self.squared(x), NEAR_FREQUENCIES) for x in (coded, h))
        share = graph.node("Div", power_coded, self.plus(power, LEAST_POWER))
        doubt = graph.node("Div", self.least_coded(h), self.clip(share, 1e-4, 1e4))
        doubt = graph.node("Pow", doubt, graph.constant(np.float32(CODED_STEEPNESS)))
        kept = graph.node("Reciprocal", self.plus(doubt, 1.0))
        drawn = self.plus(graph.node("Neg", graph.node("Mul", kept, kept)), 1 + LEAST_DRAWN)
        drawn = graph.node("Mul", graph.node("Sqrt", drawn), graph.node("Abs", c))
        return graph.node("Add", graph.node("Mul", kept, c), graph.node("Mul", drawn, noise))

    def least_coded(self, h: str) -> str:
        """See `AudioModel._least_coded`."""
        graph, (low, high) = self.graph, REPEATING
        power = self.mean_near(self.squared(h), REPEAT_FREQUENCIES)
        repeating = graph.node("Min", *(self.likeness(h, power, k * self.config.merged) for k in REPEAT_LATENTS))
        degree = graph.node("Mul", self.plus(repeating, -low), graph.constant(np.float32(1 / (high - low))))
        ratio = graph.constant(np.float32(LEAST_CODED[1] / LEAST_CODED[0]))
        grown = graph.node("Pow", ratio, self.clip(degree, 0, 1))
        return graph.node("Mul", grown, graph.constant(np.float32(LEAST_CODED[0])))

    def likeness(self, h: str, power: str, frames: int) -> str:
        """See `AudioModel._likeness`."""
        graph = self.graph
        longer = graph.node("Pad", h, graph.constant([0, 0, 0, frames, 0, 0, 0, 0]))
        earlier = graph.node("Slice", longer, *(graph.constant([n]) for n in (0, -frames, 3)))
        products = graph.node("Mul", h, earlier), self.squared(earlier)
        alike, then = (self.mean_near(x, REPEAT_FREQUENCIES) for x in products)
        root = graph.node("Sqrt", self.plus(graph.node("Mul", power, then), LEAST_POWER**2))
        return graph.node("Div", alike, root)

    def squared(self, x: str) -> str:
        """x^2."""
        return self.graph.node("Mul", x, x)

    def mean_near(self, x: str, frequencies: int) -> str:
        """Means of what is near each place of x (B, hop, 1, frames)."""
        over_frequency = self.matrix(x, nearby(self.config.hop, frequencies))
        reach = NEAR_FRAMES // 2
        return self.graph.node("AveragePool", over_frequency, kernel_shape=(1, NEAR_FRAMES), pads=(0, reach, 0, reach))

    def by_quality(self, name: str) -> str:
        """(B, rows, 1, 1) of a stored linear layer of the quality."""
        weight, bias = (float32(self.arrays[f"{name}.{part}"]) for part in ("weight", "bias"))
        return self.plus(self.graph.node("Mul", self.quality, self.graph.constant(weight[:, :, None])), bias)

    def log2(self, x: str) -> str:
        """log2 of x and the floor of energies."""
        x = self.graph.node("Log", self.plus(x, ENERGY_FLOOR))
        return self.graph.node("Mul", x, self.graph.constant(np.float32(1 / math.log(2))))

    def exp2(self, x: str) -> str:
        """2^x."""
        return self.graph.node("Exp", self.graph.node("Mul", x, self.graph.constant(np.float32(math.log(2)))))

    def clip(self, x: str, low: float, high: float) -> str:
        """x inside a range."""
        return self.graph.node("Clip", x, *(self.graph.constant(np.float32(n)) for n in (low, high)))

    def companded(self, c: str) -> str:
        """Coefficients, companded."""
        magnitude = self.plus(self.graph.node("Abs", c), FLOOR)
        raised = self.graph.node("Pow", magnitude, self.graph.constant(self.power[:, None, None]))
        level = self.times(self.plus(raised, -(FLOOR**self.power)), self.scale)
        return self.graph.node("Mul", level, self.graph.node("Sign", c))

    def expanded(self, h: str) -> str:
        """The inverse of `companded`."""
        magnitude = self.plus(self.times(self.graph.node("Abs", h), 1 / self.scale), FLOOR**self.power)
        raised = self.graph.node("Pow", magnitude, self.graph.constant(1 / self.power[:, None, None]))
        return self.graph.node("Mul", self.plus(raised, -FLOOR), self.graph.node("Sign", h))

    def energies(self, c: str) -> str:
        """(B, BANDS, 1, latents) mean squares of coefficients."""
        merged = self.config.merged
        share = self.spread / self.spread.sum(1, keepdims=True) / merged
        kernel = np.repeat(share[:, :, None, None], merged, 3)
        return convolution(self.graph, self.graph.node("Mul", c, c), kernel, strides=(1, merged))

    def envelope(self, c: str) -> str:
        """(B, BANDS, 1, latents) features of coefficients."""
        return self.matrix(self.plus(self.log2(self.energies(c)), -self.mean), self.dct * UNITS_PER_OCTAVE)

    def near(self, h: str, energies: str) -> str:
        """(B, BANDS, 1, latents) features, norms taken off, of h, kept near those of energies."""
        known = self.times(energies, self.norm)
        found = self.times(self.channels(h, 0, BANDS), self.norm)
        octaves = self.matrix(self.graph.node("Sub", found, known), self.dct.T / UNITS_PER_OCTAVE)
        octaves = self.clip(octaves, -CORRECTION, CORRECTION)
        return self.graph.node("Add", known, self.matrix(octaves, self.dct * UNITS_PER_OCTAVE))

    def divided_by_norm(self, energies: str) -> str:
        """Features of energies as the model has them."""
        return self.times(energies, 1 / self.norm)

    def energies_wanted(self, features: str) -> str:
        """(B, BANDS, 1, latents) mean squares of features; exactly none near silence."""
        octaves = self.plus(self.matrix(features, self.dct.T / UNITS_PER_OCTAVE), self.mean)
        return self.graph.node("Relu", self.plus(self.exp2(self.clip(octaves, *LOG2_ENERGIES)), -SILENCE))

    def root(self, energies: str) -> str:
        """Root mean squares of energies."""
        return self.graph.node("Sqrt", self.plus(energies, ENERGY_FLOOR**2))

    def everywhere(self, x: str) -> str:
        """(B, hop, 1, frames) of (B, BANDS, 1, latents)."""
        x = self.graph.node("Transpose", self.matrix(x, self.spread.T), perm=(0, 1, 3, 2))
        x = self.graph.node("Tile", x, self.graph.constant([1, 1, 1, self.config.merged]))
        return self.graph.node("Reshape", x, self.graph.constant([0, self.config.hop, 1, -1]))

    def match(self, c: str, wanted: str) -> str:
        """(B, BANDS, 1, latents) factors that move bands of coefficients towards wanted energies."""
        graph = self.graph
        share = graph.node("Sigmoid", self.by_quality("match_by_quality"))
        octaves = graph.node("Sub", self.log2(wanted), self.log2(self.energies(c)))
        octaves = graph.node("Mul", octaves, graph.constant(np.float32(0.5)))
        moved = graph.node("Min", graph.node("Mul", octaves, share), self.plus(octaves, LEFT_ABOVE))
        moved = graph.node("Max", moved, self.plus(octaves, -LEFT_BELOW))
        present = graph.node("Div", wanted, self.plus(wanted, ENERGY_FLOOR))
        raised = self.exp2(graph.node("Min", moved, graph.constant(np.float32(GAIN_LIMIT))))
        return graph.node("Mul", raised, present)
