"""Writes the decoder of the image model for the browser: `python web/export_model.py [FOLDER] [--weights FILE]`.

`model.json` holds what the walk needs as numbers: sizes, steps, tables. The networks are ONNX graphs of
`codec.model.onnx_*` with their weights inside; constants that float16 holds exactly are stored in it and made float32
when a session is created, so that the download is half as long and arithmetic the same.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from codec.model import onnx_image, onnx_prior, weights_file
from codec.model.onnx_graph import Graph
from codec.model.registry import IMAGE

FOLDER = Path(__file__).parent / "public" / "model"
STEP_UNITS = 256  # of a step index, an octave


def with_weights(graph: Graph) -> onnx.ModelProto:
    """The model of a graph, its weights inside."""
    model = onnx.load_from_string(graph.model())
    casts = []
    for tensor in model.graph.initializer:
        if tensor.name not in graph.weights:
            continue
        exact = graph.weights[tensor.name]
        with np.errstate(over="ignore"):
            half = exact.astype(np.float16)
        if not (half.astype(np.float32) == exact).all():
            tensor.CopyFrom(numpy_helper.from_array(exact, tensor.name))
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(half, f"{name}_half"))
        casts.append(helper.make_node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.checker.check_model(model)
    return model


def numbers(arrays: dict[str, np.ndarray], digest: bytes) -> dict[str, Any]:
    """What the walk needs beside the networks."""
    prior = IMAGE.config.prior
    stored = {
        "log2Offset": "gain.log2_offset",
        "log2Std": "prior.log2_std",
        "log2Norm": "prior.log2_norm",
        "zWeight": "prior.z_scale.weight",
        "zExponent": "prior.z_scale.exponent",
        "zBias": "prior.z_scale.bias",
        "reach": "tables.reach",
        "counts": "tables.counts",
    }
    return {
        "model": IMAGE.id,
        "digest": digest.hex(),
        "middle": round(IMAGE.config.middle * STEP_UNITS),
        "groups": list(prior.groups),
        "quartered": prior.quartered,
        "up": list(prior.up),
        "hyperChannels": prior.hyper_channels,
        "hyperWidth": prior.hyper_width,
        "width": prior.width,
        "synthesisHalo": IMAGE.config.synthesis_halo,
        **{name: arrays[array].reshape(-1).tolist() for name, array in stored.items()},
    }


def main() -> None:
    """Writes model.json and the graphs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER)
    parser.add_argument("--weights", type=Path, default=IMAGE.path)
    arguments = parser.parse_args()
    folder = arguments.folder
    arrays = weights_file.checked_arrays(arguments.weights, weights_file.describe(arguments.weights))
    digest = weights_file.digests_of(IMAGE, arrays).decoder
    graphs = {
        "hyper_synthesis": onnx_prior.hyper_synthesis(arrays, IMAGE.config.prior),
        "synthesis": onnx_image.synthesis(arrays, IMAGE.config),
    }
    graphs |= {f"pass_{n}": graph for n, graph in enumerate(onnx_prior.passes(arrays, IMAGE.config.prior))}
    folder.mkdir(parents=True, exist_ok=True)
    for name, graph in graphs.items():
        (folder / f"{name}.onnx").write_bytes(with_weights(graph).SerializeToString())
    (folder / "model.json").write_text(json.dumps(numbers(arrays, digest)))
    total = sum(path.stat().st_size for path in folder.iterdir())
    print(f"{folder}: {len(graphs)} graphs, {total / 1e6:.1f} MB, weights {digest.hex()}")


if __name__ == "__main__":
    main()
