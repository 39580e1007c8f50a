"""The transforms of the image model as ONNX graphs, channels first: the layout of ONNX Runtime's fastest kernels."""

from __future__ import annotations

import numpy as np

from codec.model.config import BLOCK, FINE, ImageConfig
from codec.model.fixed_point import Arrays
from codec.model.onnx_blocks import Conditions, convolution, float32, hyper_analysis_net, stack
from codec.model.onnx_graph import Graph

COLOURS = 3
MIDDLE_GREY = 128


def analysis(arrays: Arrays, config: ImageConfig) -> Graph:
    """x (B, H, W, 3) in 0..255, quality and step (B, 1, 1, 1) to features (B, H / 16, W / 16, M)."""
    graph = Graph()
    x = graph.node("Transpose", graph.input("x", (None, None, None, COLOURS)), perm=(0, 3, 1, 2))
    at8, at16 = _conditions(graph, arrays)
    x = graph.node("Sub", x, graph.constant(np.float32(MIDDLE_GREY)))
    h = _blocks(graph, x, float32(arrays["dct.weight"]), None, BLOCK, COLOURS)
    h = stack(graph, arrays, "a8", config.analysis8, h, at8)
    h = _blocks(graph, h, float32(arrays["down.weight"]), float32(arrays["down.bias"]), 2, FINE)
    h = stack(graph, arrays, "a16", config.analysis16, h, at16)
    graph.output("features", graph.node("Transpose", h, perm=(0, 2, 3, 1)), 4)
    return graph


def synthesis(arrays: Arrays, config: ImageConfig) -> Graph:
    """features (B, h, w, M), quality and step (B, 1, 1, 1) to x (B, 3, 16 h, 16 w) in 0..255, not clamped."""
    graph = Graph()
    features = graph.input("features", (None, None, None, config.prior.channels))
    h = graph.node("Transpose", features, perm=(0, 3, 1, 2))
    at8, at16 = _conditions(graph, arrays)
    h = stack(graph, arrays, "s16", config.synthesis16, h, at16)
    h = convolution(graph, h, float32(arrays["up.weight"])[:, :, None, None], float32(arrays["up.bias"]))
    h = graph.node("DepthToSpace", h, blocksize=2, mode="DCR")
    h = stack(graph, arrays, "s8", config.synthesis8, h, at8)
    h = convolution(graph, h, float32(arrays["idct.weight"])[:, :, None, None], np.full(FINE, MIDDLE_GREY, np.float32))
    graph.output("x", graph.node("DepthToSpace", h, blocksize=BLOCK, mode="DCR"), 4)
    return graph


def hyper_analysis(arrays: Arrays, config: ImageConfig) -> Graph:
    """features (B, H, W, M), sides multiples of 4, to z (B, hyper_channels, H / 4, W / 4), not rounded."""
    return hyper_analysis_net(arrays, config.prior.channels, (4, 4), (2, 2))


def _blocks(graph: Graph, x: str, weight: np.ndarray, bias: np.ndarray | None, side: int, channels: int) -> str:
    """Space to depth and a matrix (rows, side * side * channels) product over its channels, as a convolution."""
    kernel = weight.reshape(len(weight), side, side, channels).transpose(0, 3, 1, 2)
    return convolution(graph, x, kernel, bias, strides=(side, side))


def _conditions(graph: Graph, arrays: Arrays) -> tuple[Conditions, Conditions]:
    quality, step = (graph.input(name, (None, 1, 1, 1)) for name in ("quality", "step"))
    log2_norms = float32(arrays["log2_norm8"]), arrays["prior.log2_norm"] * 2.0**-8
    at8, at16 = (Conditions(graph, quality, step, np.asarray(norm)) for norm in log2_norms)
    return at8, at16
