"""The networks on ONNX Runtime: valid graphs, exact where it matters, as near to torch as floats are elsewhere."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import onnx
import pytest

from codec.bitstream import constants
from codec.devices import CPU, Device
from codec.image.tile_encoder import padded
from codec.media import Pixels
from codec.model import forms, onnx_prior, weights
from codec.model.fixed_point import Arrays, Floats, Integers
from codec.model.onnx_graph import Graph
from codec.model.registry import AUDIO, IMAGE, ModelRow
from codec.model.walk import Positions
from tests.conftest import torch_model

TORCH = Device(engine="torch")


def graphs(row: ModelRow) -> Iterator[Graph]:  # type: ignore[type-arg]
    arrays = weights.installed(row.id, CPU).arrays
    yield from onnx_prior.passes(arrays, row.config.prior)
    yield onnx_prior.hyper_synthesis(arrays, row.config.prior)
    for stage in (row.graphs.analysis, row.graphs.synthesis, row.graphs.hyper_analysis):
        yield stage(arrays, row.config)


def embedded(graph: Graph) -> onnx.ModelProto:
    """The model with its weights inside."""
    model = onnx.load_from_string(graph.model())
    for tensor in model.graph.initializer:
        if tensor.name in graph.weights:
            tensor.CopyFrom(onnx.numpy_helper.from_array(graph.weights[tensor.name], tensor.name))
    return model


@pytest.mark.parametrize("row", [IMAGE, AUDIO], ids=lambda row: row.name)
def test_graphs_are_valid_onnx(row: ModelRow) -> None:  # type: ignore[type-arg]
    for graph in graphs(row):
        onnx.checker.check_model(embedded(graph), full_check=True)


def test_a_graph_is_read_by_onnx_as_it_was_written() -> None:
    graph = Graph()
    x = graph.input("x", (None, 3))
    small, large = graph.constant([-1, 300]), graph.constant(np.arange(3000, dtype=np.float32).reshape(3, 1000))
    y = graph.node("MatMul", x, large)
    graph.output("y", graph.node("Reshape", y, small, allowzero=1), 2)
    model = onnx.load_from_string(graph.model())
    assert [node.op_type for node in model.graph.node] == ["MatMul", "Reshape", "Identity"]
    assert model.graph.node[1].attribute[0].i == 1
    assert onnx.numpy_helper.to_array(model.graph.initializer[0]).tolist() == [-1, 300]
    assert list(model.graph.initializer[1].dims) == [3, 1000]
    assert model.graph.initializer[1].data_location == onnx.TensorProto.EXTERNAL
    dims = model.graph.input[0].type.tensor_type.shape.dim
    assert (dims[0].dim_param, dims[1].dim_value) == ("x0", 3)
    assert list(graph.weights) == [large]


@pytest.mark.parametrize("row", [IMAGE, AUDIO], ids=lambda row: row.name)
def test_weights_files_have_the_forms_that_the_torch_model_has(row: ModelRow) -> None:  # type: ignore[type-arg]
    model = torch_model(row)
    floats = {name for name, (dtype, _) in forms.forms_of(row.config).items() if dtype == np.float16}
    layers = {f"prior.{name}" for name in forms.fixed_layers(row.config.prior)}
    stored = {name for name in model.state_dict() if name.rsplit(".", 1)[0] not in layers}
    assert floats | {"gain.log2_offset", "prior.log2_std", "prior.log2_norm"} == stored
    for name, fixed in forms.fixed_layers(row.config.prior).items():
        layer = model.get_submodule(f"prior.{name}")
        assert (tuple(layer.weight.shape), layer.source, layer.target) == fixed, name


def scene(row: ModelRow, parrots: Pixels) -> Floats:  # type: ignore[type-arg]
    """A signal, as analysis takes it."""
    if row is IMAGE:
        return padded(parrots[:130, :201])
    t = np.arange((60 * constants.FRAMES + 1) * constants.HOP) / constants.SAMPLE_RATE
    sound = 0.3 * np.sin(2 * np.pi * 440 * t * (1 + t)) + 0.01 * np.random.default_rng(0).standard_normal(len(t))
    return np.stack([sound, sound[::-1] * 1e-3]).astype(np.float32)[:, None]


@pytest.mark.parametrize("row", [IMAGE, AUDIO], ids=lambda row: row.name)
@pytest.mark.parametrize("octaves", [-3.0, 0.0, 2.0])
def test_transforms_differ_from_those_of_torch_by_roundings_only(
    row: ModelRow,
    octaves: float,
    parrots: Pixels,  # type: ignore[type-arg]
) -> None:
    here, there = (weights.installed(row.id, device).model for device in (CPU, TORCH))
    x = scene(row, parrots)
    log2_step = np.full(len(x), row.config.middle + octaves, np.float32)
    h = [model.analysis(x, log2_step) for model in (here, there)]
    assert np.abs(h[0] - h[1]).max() < 1e-3 * max(1.0, float(np.abs(h[1]).max()) / 100)
    z = [model.hyper_analysis(h[1]) for model in (here, there)]
    assert np.abs(z[0] - z[1]).max() < 1e-3
    shown, noise = h[1], None
    if row is AUDIO:
        rng = np.random.default_rng(1)
        shown = np.concatenate([shown, shown * (rng.random(shown.shape, np.float32) < 0.2)], 3)  # those of symbols
        frames = shown.shape[2] * constants.FRAMES
        noise = rng.uniform(-1.7, 1.7, (len(x), 1, frames, constants.HOP)).astype(np.float32)
    x_hat = [model.synthesis(shown, log2_step, noise) for model in (here, there)]
    assert x_hat[0].shape == x_hat[1].shape
    assert np.abs(x_hat[0] - x_hat[1]).max() < (1e-3 if row is IMAGE else 3e-5)


@pytest.mark.parametrize("row", [IMAGE, AUDIO], ids=lambda row: row.name)
@pytest.mark.parametrize("shape", [(1, 1), (9, 14), (16, 33)])
def test_entropy_nets_agree_with_torch_to_the_last_bit(
    row: ModelRow,
    shape: tuple[int, int],  # type: ignore[type-arg]
) -> None:
    """Random and wild hyper-latents and latents, so that clamps are met."""
    rng = np.random.default_rng(shape[1])
    if row is AUDIO:
        shape = (1, shape[1])
    config = row.config.prior
    coarse = (-(-shape[0] // config.up[0] ** 2), -(-shape[1] // config.up[1] ** 2), config.hyper_channels)
    z = (rng.integers(-127, 128, (2, *coarse)) * rng.integers(0, 2, (2, *coarse))).astype(np.float32)
    log2_step = np.array([row.config.middle + 3, row.config.middle - 3.5], np.float32)
    y = (10.0 ** rng.integers(0, 4)) * rng.standard_normal((2, shape[0] * shape[1], config.channels)).astype(np.float32)
    seen: list[list[Floats]] = []
    for device in (Device(threads=1), Device(threads=2), TORCH):
        model = weights.installed(row.id, device).model
        hyper = model.hyper_synthesis(z, log2_step, shape)
        log2_steps = model.log2_steps(hyper, log2_step)
        found = [log2_steps]

        def choose(
            channels: slice, where: Positions, mean: Floats, log2_scale: Floats, found: list[Floats] = found
        ) -> Floats:
            found.extend((mean, log2_scale))
            return np.rint(y[:, where, channels] - mean) + mean

        found.append(model.walk(hyper, log2_steps, shape, choose))
        seen.append(found)
    for other in seen[1:]:
        assert all((a == b).all() for a, b in zip(seen[0], other, strict=True))


def test_a_layer_of_coarse_weights_is_rounded_exactly() -> None:
    """Where half a unit in the bias would need more bits than float32 has, it is added behind the sum."""
    config = IMAGE.config.prior
    layer = Integers(
        np.full((2, config.hyper_channels), 127, np.int8), np.array([-8, 0], np.int8), np.array([2**22, -5], np.int32)
    )
    arrays: Arrays = {f"prior.grow1.{part}": value for part, value in layer._asdict().items()}
    weight, bias, rest = onnx_prior.FixedLayers(Graph(), arrays)._layer("grow1", onnx_prior.SYMBOLS, onnx_prior.STREAM)
    assert rest == 0.5
    assert (bias % 1 == 0).all()
    assert weight.max() == 127 * 2.0**14
