"""Speed on CUDA: residual blocks compiled, and a step's kernels recorded once and replayed without Python between them.

Most kernels of a step are so small that launching them one by one takes twice their time.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from types import MethodType
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

from codec.model.blocks import ResidualBlock

WARM_UPS = 3  # calls before the recording: libraries choose their kernels, allocators their blocks

Out = TypeVar("Out")


class Graphed(Generic[Out]):
    """A function of tensors of fixed shapes; what it returns, and gradients that it leaves, are overwritten each time.

    It runs WARM_UPS times and once more for the recording, and never again: what is replayed are its kernels. It must
    not wait for the device, as in reading a value. Random numbers follow torch.manual_seed.
    """

    def __init__(self, function: Callable[..., Out], *examples: Tensor) -> None:
        self.inputs = [example.clone() for example in examples]
        side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(WARM_UPS):
                function(*self.inputs)
        torch.cuda.current_stream().wait_stream(side)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.outputs = function(*self.inputs)

    def __call__(self, *inputs: Tensor) -> Out:
        torch._foreach_copy_(self.inputs, list(inputs))
        self.graph.replay()
        return self.outputs


def uncompiled(device: torch.device) -> AbstractContextManager[object]:
    """Compiled blocks run as they are written: for shapes that are not worth a compilation."""
    return torch.compiler.set_stance("force_eager") if device.type == "cuda" else nullcontext()


def compile_blocks(model: nn.Module) -> None:
    """Residual blocks as fused kernels; one compilation serves all blocks of a shape."""
    forward = torch.compile(ResidualBlock.forward)
    for block in model.modules():
        if isinstance(block, ResidualBlock):
            block.forward = MethodType(forward, block)  # type: ignore[method-assign]
