"""The entropy nets as ONNX graphs: hyper-synthesis, and each pass of `walk`.

Inside, values are counted in units of their format: integers in float32. A layer's weights take the scale of its input
to that of its output, all powers of two, and its bias half a unit, so that rounding is a floor. No operator here may be
computed with less than float32, nor by a transform (Winograd, Fourier): see `Integers.check` and `onnx_engine`.
"""

from __future__ import annotations

import numpy as np

from codec.model.config import PriorConfig
from codec.model.fixed_point import (
    EXACT_LIMIT,
    HIDDEN,
    OUTPUT,
    QUALITY,
    STEERED,
    STREAM,
    SYMBOLS,
    Arrays,
    Format,
    Integers,
)
from codec.model.onnx_graph import Graph


class FixedLayers:
    """Adds the fixed-point layers of a weights file to a graph.

    scaled: whether inputs are values, as the walk has them, and not units.
    """

    def __init__(self, graph: Graph, arrays: Arrays) -> None:
        self.graph, self.arrays = graph, arrays

    def matrix(self, name: str, x: str, source: Format, target: Format, *, scaled: bool = False) -> str:
        """(n, rows) of (n, columns)."""
        weight, bias, rest = self._layer(name, source, target, scaled)
        y = self.graph.node("Gemm", x, self.graph.constant(weight.T), self.graph.constant(bias))
        return self._rounded(y, rest, target)

    def pointwise(self, name: str, x: str, source: Format, target: Format) -> str:
        """(B, rows, H, W) of (B, columns, H, W)."""
        weight, bias, rest = self._layer(name, source, target)
        constants = self.graph.constant(weight[:, :, None, None]), self.graph.constant(bias)
        return self._rounded(self.graph.node("Conv", x, *constants, kernel_shape=(1, 1)), rest, target)

    def depthwise(self, name: str, x: str) -> str:
        """(B, C, H, W) of the same, each channel filtered alone, from STREAM to STREAM."""
        weight, bias, rest = self._layer(name, STREAM, STREAM)
        rows, columns = weight.shape[1:]
        y = self.graph.node(
            "Conv",
            x,
            self.graph.constant(weight[:, None]),
            self.graph.constant(bias),
            group=len(weight),
            kernel_shape=(rows, columns),
            pads=(rows // 2, columns // 2) * 2,
        )
        return self._rounded(y, rest, STREAM)

    def clamp(self, x: str, target: Format) -> str:
        """Units inside a format's range."""
        return self.graph.node("Clip", x, *(self.graph.constant(np.float32(n)) for n in (target.low, target.high)))

    def _layer(
        self, name: str, source: Format, target: Format, scaled: bool = False
    ) -> tuple[np.ndarray, np.ndarray, float]:
        """Weights and biases in units of the target, and what is still to be added before flooring."""
        stored = Integers.of(self.arrays, f"prior.{name}")
        unit = np.exp2(target.bits - source.bits - stored.exponent.astype(np.float64))  # of a sum
        bias = stored.bias * unit
        # with half a unit in them, sums of coarser units would need a bit more than float32 has
        sums = stored.largest_sums(source) * unit / np.minimum(unit, 0.5)
        half = 0.5 if (sums < EXACT_LIMIT - 1).all() else 0.0
        factor = (unit * (2.0**source.bits if scaled else 1.0)).astype(np.float32)  # a power of two: nothing is rounded
        weight = stored.weight * factor.reshape(-1, *[1] * (stored.weight.ndim - 1))
        return weight, bias + half, 0.5 - half

    def _rounded(self, y: str, rest: float, target: Format) -> str:
        if rest:
            y = self.graph.node("Add", y, self.graph.constant(np.float32(rest)))
        return self.clamp(self.graph.node("Floor", y), target)


def hyper_synthesis(arrays: Arrays, config: PriorConfig) -> Graph:
    """z (B, hyper_channels, H, W) and quality (B, 1) to features (B, H * up^2, W * up^2, hyper_width).

    steering: (B, the same, channels) octaves, where the model is steered.
    """
    graph = Graph()
    layers = FixedLayers(graph, arrays)
    z = graph.input("z", (None, config.hyper_channels, None, None))
    quality = graph.input("quality", (None, 1))
    h = grown(graph, layers.pointwise("grow1", z, SYMBOLS, HIDDEN), config)
    h = grown(graph, layers.pointwise("grow2", h, HIDDEN, STREAM), config)
    shift = layers.matrix("by_quality", quality, QUALITY, STREAM, scaled=True)
    shift = graph.node("Reshape", shift, graph.constant([0, config.hyper_width, 1, 1]))
    h = layers.clamp(graph.node("Add", h, shift), STREAM)
    for block in ("blocks.0", "blocks.1"):
        x = layers.depthwise(f"{block}.depthwise", h)
        x = layers.pointwise(f"{block}.pointwise.widen", x, STREAM, HIDDEN)
        x = layers.pointwise(f"{block}.pointwise.narrow", x, HIDDEN, STREAM)
        h = layers.clamp(graph.node("Add", x, h), STREAM)
    graph.output("features", graph.node("Transpose", h, perm=(0, 2, 3, 1)), 4)
    if config.steered:
        steering = layers.pointwise("steer", h, STREAM, STEERED)
        steering = graph.node("Mul", steering, graph.constant(np.float32(2.0**-STEERED.bits)))
        graph.output("steering", graph.node("Transpose", steering, perm=(0, 2, 3, 1)), 4)
    return graph


def grown(graph: Graph, x: str, config: PriorConfig) -> str:
    """Depth to space: (B, up rows * up columns * hyper_width, H, W) to (B, hyper_width, H * rows, W * columns)."""
    rows, columns = config.up
    if rows == columns:
        return graph.node("DepthToSpace", x, blocksize=rows, mode="DCR")
    assert rows == 1, "the operator knows squares only: what is not one is a single row"
    x = graph.node("Reshape", x, graph.constant([0, columns, config.hyper_width, -1]))
    x = graph.node("Transpose", x, perm=(0, 2, 3, 1))
    return graph.node("Reshape", x, graph.constant([0, config.hyper_width, 1, -1]))


def passes(arrays: Arrays, config: PriorConfig) -> list[Graph]:
    """The graph of each pass.

    Inputs: features (B, H, W, hyper_width) and, behind the first group, context (B, H, W, channels before it), of the
    first pass of a group; stream (B * H * W, width) and seen (B, H, W, channels of the group) of the later ones.
    rows: (B * n) positions in the flat grids of all signals. shape: (B, H, W, width).
    Outputs: stream, but of the last pass of a group; prediction (B * n, 2 * channels of the group): means, and
    corrections of log2 scales.
    """
    graphs: list[Graph] = []
    looks = 0
    for group, (start, size) in enumerate(zip(config.starts, config.groups, strict=True)):
        for turn in range(config.passes(group)):
            graph = Graph()
            layers = FixedLayers(graph, arrays)
            shape = graph.input("shape", (4,), "int64")
            if turn == 0:
                features = graph.input("features", (None, None, None, config.hyper_width))
                features = graph.node("Reshape", features, graph.constant([-1, config.hyper_width]))
                stream = layers.matrix(f"from_hyper.{group}", features, STREAM, STREAM)
                if start:
                    context = graph.input("context", (None, None, None, start))
                    look = _look_around(graph, layers, f"from_groups.{group}", context, (start, config.width), shape)
                    stream = graph.node("Add", stream, look)
            else:
                stream = graph.input("stream", (None, config.width))
                seen = graph.input("seen", (None, None, None, size))
                look = _look_around(graph, layers, f"from_passes.{looks}", seen, (size, config.width), shape)
                stream = graph.node("Add", stream, look)
                looks += 1
            rows = graph.input("rows", (None,), "int64")
            x = layers.clamp(graph.node("Gather", stream, rows, axis=0), HIDDEN)
            name = f"predict.{len(graphs)}"
            h = layers.matrix(f"{name}.body.widen", x, HIDDEN, HIDDEN)
            h = layers.matrix(f"{name}.body.narrow", h, HIDDEN, STREAM)
            h = layers.clamp(graph.node("Add", h, x), STREAM)
            h = layers.matrix(f"{name}.head", h, STREAM, OUTPUT)
            graph.output("prediction", graph.node("Mul", h, graph.constant(np.float32(2.0**-OUTPUT.bits))), 2)
            if turn < config.passes(group) - 1:
                graph.output("stream_out", stream, 2)
            graphs.append(graph)
    return graphs


def _look_around(graph: Graph, layers: FixedLayers, name: str, x: str, widths: tuple[int, int], shape: str) -> str:
    """(B * H * W, width) of context (B, H, W, channels): mixed across channels, then gathered from around."""
    x = layers.matrix(
        f"{name}.mix", graph.node("Reshape", x, graph.constant([-1, widths[0]])), STREAM, STREAM, scaled=True
    )
    x = graph.node("Transpose", graph.node("Reshape", x, shape), perm=(0, 3, 1, 2))
    x = graph.node("Transpose", layers.depthwise(f"{name}.gather", x), perm=(0, 2, 3, 1))
    return graph.node("Reshape", x, graph.constant([-1, widths[1]]))
