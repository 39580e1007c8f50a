"""The arrays of a model's weights file: names, types and shapes, and the formats of fixed-point layers."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from codec.model.config import BANDS, FINE, AudioConfig, Config, ImageConfig, PriorConfig
from codec.model.fixed_point import (
    HIDDEN,
    OUTPUT,
    QUALITY,
    ROWS,
    STEERED,
    STREAM,
    SYMBOLS,
    Arrays,
    Format,
    Integers,
)

if TYPE_CHECKING:
    from codec.model.registry import ModelRow

Form = tuple[np.dtype[Any], tuple[int, ...]]  # type and shape; a length of -1 is any length


class Fixed(NamedTuple):
    """Shape of the weights of a fixed-point layer, and the formats of its inputs and outputs."""

    shape: tuple[int, ...]
    source: Format
    target: Format


def check(arrays: Arrays, row: ModelRow[Any]) -> None:
    """Raises ValueError where arrays are not those of a model, as `check_forms`, or break the exact bound."""
    check_forms(arrays, row)
    for name, layer in fixed_layers(row.config.prior).items():
        Integers.of(arrays, f"prior.{name}").check(layer.source, layer.target)


def check_forms(arrays: Arrays, row: ModelRow[Any]) -> None:
    """Raises ValueError where arrays are not those of a model, by names, types and shapes.

    Those of its encoder may all be missing.
    """
    forms = forms_of(row.config)
    if not any(map(row.is_of_encoder, arrays)):  # weights that only decode
        forms = {name: form for name, form in forms.items() if not row.is_of_encoder(name)}
    for names, fault in ((forms.keys() - arrays.keys(), "missing"), (arrays.keys() - forms.keys(), "of no such model")):
        if names:
            more = f", and {len(names) - 1} more" if len(names) > 1 else ""
            raise ValueError(f"array {min(names)!r}{more}: {fault}")
    for name, (dtype, shape) in forms.items():
        found = arrays[name]
        fits = len(found.shape) == len(shape) and all(n in (-1, m) for n, m in zip(shape, found.shape, strict=True))
        if found.dtype != dtype or not fits:
            expected = str(shape).replace("-1", "n")
            raise ValueError(f"array {name!r} is {found.dtype} {found.shape}, expected {dtype} {expected}")


def forms_of(config: Config) -> dict[str, Form]:
    """The form of every array, by name."""
    forms: dict[str, Form] = {
        "tables.counts": (np.dtype(np.uint16), (-1,)),
        "tables.reach": (np.dtype(np.uint16), (ROWS,)),
        "gain.log2_offset": (np.dtype(np.int16), (3, config.prior.channels)),
        "prior.log2_std": (np.dtype(np.int16), (config.prior.channels,)),
        "prior.log2_norm": (np.dtype(np.int16), (config.prior.channels,)),
    }
    for name, layer in fixed_layers(config.prior).items():
        rows = layer.shape[:1]
        for part, dtype, shape in (
            ("weight", np.int8, layer.shape),
            ("exponent", np.int8, rows),
            ("bias", np.int32, rows),
        ):
            forms[f"prior.{name}.{part}"] = np.dtype(dtype), shape
    if isinstance(config, ImageConfig):
        floats = _of_images(config)
    else:
        assert isinstance(config, AudioConfig)
        floats = _of_audio(config)
    return forms | {name: (np.dtype(np.float16), shape) for name, shape in floats}


def fixed_layers(config: PriorConfig) -> dict[str, Fixed]:
    """The fixed-point layers of the entropy nets, by name."""
    hyper, width, growth = config.hyper_width, config.width, math.prod(config.up)
    layers = {
        "grow1": Fixed((growth * hyper, config.hyper_channels), SYMBOLS, HIDDEN),
        "grow2": Fixed((growth * hyper, hyper), HIDDEN, STREAM),
        "by_quality": Fixed((hyper, 1), QUALITY, STREAM),
        "z_scale": Fixed((config.hyper_channels, 1), QUALITY, OUTPUT),
    }
    if config.steered:
        layers["steer"] = Fixed((config.channels, hyper), STREAM, STEERED)
    for block in range(2):
        layers[f"blocks.{block}.depthwise"] = Fixed((hyper, *config.hyper_kernel), STREAM, STREAM)
        layers |= _pointwise(f"blocks.{block}.pointwise", hyper, STREAM)
    looks = passes = 0
    for group, (start, size) in enumerate(zip(config.starts, config.groups, strict=True)):
        layers[f"from_hyper.{group}"] = Fixed((width, hyper), STREAM, STREAM)
        if start:
            layers |= _look_around(f"from_groups.{group}", start, config)
        for turn in range(config.passes(group)):
            if turn:
                layers |= _look_around(f"from_passes.{looks}", size, config)
                looks += 1
            layers |= _pointwise(f"predict.{passes}.body", width, HIDDEN)
            layers[f"predict.{passes}.head"] = Fixed((2 * size, width), STREAM, OUTPUT)
            passes += 1
    return layers


def _pointwise(name: str, width: int, source: Format) -> dict[str, Fixed]:
    return {
        f"{name}.widen": Fixed((2 * width, width), source, HIDDEN),
        f"{name}.narrow": Fixed((width, 2 * width), HIDDEN, STREAM),
    }


def _look_around(name: str, channels: int, config: PriorConfig) -> dict[str, Fixed]:
    return {
        f"{name}.mix": Fixed((config.width, channels), STREAM, STREAM),
        f"{name}.gather": Fixed((config.width, *config.kernel), STREAM, STREAM),
    }


Shapes = Iterator[tuple[str, tuple[int, ...]]]


def _of_images(config: ImageConfig) -> Shapes:
    channels = config.prior.channels
    yield "log2_norm8", (FINE,)
    yield "dct.weight", (FINE, FINE)
    yield "idct.weight", (FINE, FINE)
    yield from _linear("down", channels, 4 * FINE)
    yield from _linear("up", 4 * FINE, channels)
    for name, count, width in (
        ("a8", config.analysis8, FINE),
        ("a16", config.analysis16, channels),
        ("s16", config.synthesis16, channels),
        ("s8", config.synthesis8, FINE),
    ):
        yield from _stack(name, count, width, (3, 3))
    yield from _hyper_analysis(channels, config.hyper_width, config.prior.hyper_channels, (4, 4))


def _of_audio(config: AudioConfig) -> Shapes:
    hop, merged = config.hop, config.hop * config.merged
    yield "log2_norm_fine", (hop,)
    yield "envelope.mean", (BANDS,)
    yield from _linear("down", config.body - BANDS, merged)
    yield from _linear("up", merged, config.body)
    yield from _linear("down_treble", config.treble, merged)
    yield from _linear("up_treble", merged, config.treble)
    fine, coarse = (1, config.kernel_fine), (1, config.kernel_coarse)
    for name, count, width, kernel in (
        ("a_fine", config.analysis_fine, hop, fine),
        ("a_coarse", config.analysis_coarse, config.body, coarse),
        ("s_coarse", config.synthesis_coarse, config.body, coarse),
        ("s_fine", config.synthesis_fine, hop, fine),
    ):
        yield from _stack(name, count, width, kernel)
    yield from _linear("noise_share", hop, hop)
    yield from _linear("noise_by_quality", hop, 1)
    yield from _linear("match_by_quality", BANDS, 1)
    yield from _hyper_analysis(config.body, config.hyper_width, config.prior.hyper_channels, (1, 4))


def _linear(name: str, rows: int, *columns: int) -> Shapes:
    yield f"{name}.weight", (rows, *columns)
    yield f"{name}.bias", (rows,)


def _stack(name: str, count: int, width: int, kernel: tuple[int, int]) -> Shapes:
    for block in range(count):
        yield from _linear(f"{name}.{block}.look", width, *kernel)
        yield from _linear(f"{name}.{block}.by_quality", width, 1)
        yield from _linear(f"{name}.{block}.widen", 2 * width, width)
        yield from _linear(f"{name}.{block}.narrow", width, 2 * width)


def _hyper_analysis(channels: int, width: int, hyper_channels: int, kernel: tuple[int, int]) -> Shapes:
    yield from _linear("h_a.0", width, channels)
    yield from _linear("h_a.2", width, *kernel)
    yield from _linear("h_a.3", width, width)
    yield from _linear("h_a.5", width, *kernel)
    yield from _linear("h_a.6", hyper_channels, width)
