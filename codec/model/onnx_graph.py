"""ONNX graphs as bytes: the few messages of the format that our networks need, written by hand.

A graph is built node by node and becomes a ModelProto in the wire format of Protocol Buffers, see
https://onnx.ai/onnx/repo-docs/IR.html. Large constants stay outside of it: sessions take them from memory as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

IR_VERSION, OPSET = 8, 17
EMBEDDED_BYTES = 1024  # constants up to here stand in the graph: ONNX Runtime wants to see shapes
TENSOR_TYPES = {"float32": 1, "int64": 7}  # TensorProto.DataType
VARINT, LENGTH = 0, 2  # wire types


class Graph:
    """A graph under construction; values are named by strings."""

    def __init__(self) -> None:
        self._nodes: list[bytes] = []
        self._inputs: list[bytes] = []
        self._outputs: list[bytes] = []
        self._initializers: list[bytes] = []
        self._count = 0
        self.weights: dict[str, npt.NDArray[np.float32]] = {}  # what sessions must be given

    def input(self, name: str, shape: Sequence[int | None], dtype: str = "float32") -> str:
        """An input; None stands for any length."""
        self._inputs.append(_value_info(name, shape, dtype))
        return name

    def output(self, name: str, value: str, rank: int) -> None:
        """Gives a value out as a float32 output with so many axes."""
        self._nodes.append(_node("Identity", [value], [name], {}))
        self._outputs.append(_value_info(name, (None,) * rank, "float32"))

    def constant(self, values: npt.ArrayLike) -> str:
        """A constant: float32, or int64 of integers."""
        array = np.asarray(values)
        array = np.ascontiguousarray(array, np.int64 if array.dtype.kind == "i" else np.float32)
        name = self._fresh()
        tensor = _packed(1, array.shape) + _number(2, TENSOR_TYPES[array.dtype.name]) + _text(8, name)
        if array.nbytes <= EMBEDDED_BYTES:
            tensor += _bytes(9, array.tobytes())
        else:
            self.weights[name] = array
            tensor += _bytes(13, _text(1, "location") + _text(2, "memory")) + _number(14, 1)  # EXTERNAL
        self._initializers.append(tensor)
        return name

    def node(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """The output of an operator of the ONNX standard."""
        name = self._fresh()
        self._nodes.append(_node(operator, inputs, [name], attributes))
        return name

    def model(self) -> bytes:
        """The ModelProto."""
        graph = b"".join(_bytes(1, node) for node in self._nodes) + _text(2, "codec")
        for field, messages in ((5, self._initializers), (11, self._inputs), (12, self._outputs)):
            graph += b"".join(_bytes(field, message) for message in messages)
        return _number(1, IR_VERSION) + _bytes(7, graph) + _bytes(8, _text(1, "") + _number(2, OPSET))

    def _fresh(self) -> str:
        self._count += 1
        return f"v{self._count}"


def _node(operator: str, inputs: Sequence[str], outputs: Sequence[str], attributes: dict[str, Any]) -> bytes:
    names = b"".join(_text(1, name) for name in inputs) + b"".join(_text(2, name) for name in outputs)
    return names + _text(4, operator) + b"".join(_bytes(5, _attribute(*pair)) for pair in attributes.items())


def _attribute(name: str, value: int | str | Sequence[int]) -> bytes:
    """AttributeProto of an integer, a text or integers."""
    if isinstance(value, int):
        return _text(1, name) + _number(3, value) + _number(20, 2)
    if isinstance(value, str):
        return _text(1, name) + _text(4, value) + _number(20, 3)
    return _text(1, name) + b"".join(_number(8, each) for each in value) + _number(20, 7)


def _value_info(name: str, shape: Sequence[int | None], dtype: str) -> bytes:
    dims = (_text(2, f"{name}{axis}") if n is None else _number(1, n) for axis, n in enumerate(shape))
    tensor = _number(1, TENSOR_TYPES[dtype]) + _bytes(2, b"".join(_bytes(1, dim) for dim in dims))
    return _text(1, name) + _bytes(2, _bytes(1, tensor))


def _varint(value: int) -> bytes:
    value &= 2**64 - 1  # negative numbers as two's complement
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3 | VARINT) + _varint(value)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | LENGTH) + _varint(len(value)) + value


def _text(field: int, value: str) -> bytes:
    return _bytes(field, value.encode())


def _packed(field: int, values: Iterable[int]) -> bytes:
    return _bytes(field, b"".join(map(_varint, values)))
