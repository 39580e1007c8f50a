"""The blocks of the transforms (`blocks`) as parts of ONNX graphs; everything is (B, C, H, W)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from codec.model.fixed_point import Arrays, Floats
from codec.model.onnx_graph import Graph


def float32(stored: npt.NDArray[np.float16]) -> Floats:
    """Stored weights as networks compute with them."""
    return stored.astype(np.float32)


def convolution(
    graph: Graph,
    x: str,
    kernel: np.ndarray,
    bias: np.ndarray | None = None,
    *,
    strides: tuple[int, int] = (1, 1),
    pads: tuple[int, int] = (0, 0),
    group: int = 1,
) -> str:
    """x under a kernel (rows, columns of a group, height, width)."""
    constants = [graph.constant(kernel)] if bias is None else [graph.constant(kernel), graph.constant(bias)]
    shape = (kernel.shape[2], kernel.shape[3])
    return graph.node("Conv", x, *constants, kernel_shape=shape, strides=strides, pads=pads * 2, group=group)


class Conditions:
    """What all blocks of a stack are conditioned on (`blocks.Conditioning`).

    quality, step: inputs (B, 1, 1, 1), of `Gains.quality` and a quarter of the nominal step; log2_norm: (C,).
    """

    def __init__(self, graph: Graph, quality: str, step: str, log2_norm: np.ndarray) -> None:
        norm = np.exp2(log2_norm.astype(np.float32))[:, None, None]
        self.quality, self.unit = quality, np.exp2(-log2_norm.astype(np.float32))
        over = graph.node("Mul", step, graph.constant(norm))
        self.limit = graph.node("Div", over, graph.node("Add", step, graph.constant(norm**2)))


def stack(graph: Graph, arrays: Arrays, name: str, count: int, x: str, conditions: Conditions) -> str:
    """Residual blocks one after the other."""
    for number in range(count):
        x = _residual_block(graph, arrays, f"{name}.{number}", x, conditions)
    return x


def _residual_block(graph: Graph, arrays: Arrays, name: str, x: str, conditions: Conditions) -> str:
    def stored(part: str) -> Floats:
        return float32(arrays[f"{name}.{part}"])

    look = stored("look.weight") * conditions.unit[:, None, None]
    rows, columns = look.shape[1:]
    pads = (rows // 2, columns // 2)
    h = convolution(graph, x, look[:, None], stored("look.bias"), pads=pads, group=len(look))
    by_quality = graph.node("Mul", conditions.quality, graph.constant(stored("by_quality.weight")[:, :, None]))
    factor = graph.node("Add", by_quality, graph.constant(1 + stored("by_quality.bias")[:, None, None]))
    h = graph.node("Mul", h, factor)
    h = convolution(graph, h, stored("widen.weight")[:, :, None, None], stored("widen.bias"))
    h = graph.node("Relu", h)
    h = convolution(graph, h, stored("narrow.weight")[:, :, None, None], stored("narrow.bias"))
    return graph.node("Add", x, graph.node("Mul", h, conditions.limit))


def hyper_analysis_net(arrays: Arrays, channels: int, kernel: tuple[int, int], stride: tuple[int, int]) -> Graph:
    """features (B, H, W, M), whole multiples of stride^2, to z (B, hyper_channels, ...), not rounded."""
    graph = Graph()
    features = graph.input("features", (None, None, None, channels))
    seen = arrays["h_a.0.weight"].shape[1]  # the first of the channels
    features = graph.node("Slice", features, *(graph.constant([n]) for n in (0, seen, 3)))
    h = graph.node("Transpose", features, perm=(0, 3, 1, 2))
    for number in range(7):
        name = f"h_a.{number}"
        if number in (1, 4):
            h = graph.node("Relu", h)
            continue
        weight, bias = float32(arrays[f"{name}.weight"]), float32(arrays[f"{name}.bias"])
        if weight.ndim == 2:
            h = convolution(graph, h, weight[:, :, None, None], bias)
        else:
            pads = ((kernel[0] - stride[0] + 1) // 2, (kernel[1] - stride[1] + 1) // 2)
            h = convolution(graph, h, weight[:, None], bias, strides=stride, pads=pads, group=len(weight))
    graph.output("z", h, 4)
    return graph
