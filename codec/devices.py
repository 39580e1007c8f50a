"""Where networks run, and by which engine; torch is looked for only where it could be of use."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from codec.arguments import whole_number
from codec.bitstream.errors import MissingPackage

EngineName = Literal["onnx", "torch"]
CUDA = "cuda"


@dataclass(frozen=True)
class Device:
    """A device, an engine, and where weights are looked for before the rest of the shelf.

    threads: of ONNX Runtime, all cores where None; torch has a setting of its own. weights: a file or a folder.
    """

    name: str = "cpu"
    threads: int | None = None
    engine: EngineName = "onnx"
    weights: Path | None = None


CPU = Device()


def device_named(name: str, threads: int | None = None, weights: str | os.PathLike[str] | None = None) -> Device:
    """The device for "auto", "cpu", "cuda" or, of several, "cuda:0", "cuda:1" and so on.

    Raises ValueError where it is none of these or not there, or threads are not at least one; MissingPackage.
    """
    check_name(name)
    threads = None if threads is None else whole_number("threads", threads)
    if threads is not None and threads < 1:
        raise ValueError(f"{threads} threads: expected at least one, or None for all cores")
    given = None if weights is None else Path(weights)
    if name.startswith(CUDA):
        check_torch(f"device '{name}'")
        _check_cuda(name)
        return Device(name, threads, "torch", given)
    if name == "auto" and _cuda_is_available():
        return Device(CUDA, threads, "torch", given)
    return Device("cpu", threads, weights=given)


def check_name(name: str) -> None:
    """Raises ValueError where no device is called so."""
    if not isinstance(name, str) or not re.fullmatch("auto|cpu|cuda(:[0-9]{1,4})?", name):
        raise ValueError(f"device '{name}': expected auto, cpu, cuda or, of several, cuda:0, cuda:1 and so on")


def _check_cuda(name: str) -> None:
    """Raises ValueError where the CUDA device of this name is not there."""
    import torch

    if not torch.cuda.is_available():
        raise ValueError(f"device '{name}': no CUDA device is available")
    number = int(name.partition(":")[2] or 0)
    if number >= torch.cuda.device_count():
        raise ValueError(f"device '{name}': there are {torch.cuda.device_count()}, from cuda:0 on")


def differentiating(device: Device) -> Device:
    """The same device with an engine that has gradients. Raises MissingPackage."""
    check_torch("refinement (effort 2 and more)")
    return replace(device, engine="torch")


def check_torch(what: str) -> None:
    """Raises MissingPackage where torch, which `what` needs, is not installed."""
    if "torch" not in sys.modules and find_spec("torch") is None:
        raise MissingPackage(f"{what} needs torch: pip install 'codec[torch]'")


def _cuda_is_available() -> bool:
    """Asks torch only where it is loaded already or there is a driver: its import takes seconds."""
    if "torch" not in sys.modules and not (_has_driver() and find_spec("torch")):
        return False
    import torch

    return torch.cuda.is_available()


def _has_driver() -> bool:
    if sys.platform == "win32":
        return os.path.exists(os.path.join(os.environ.get("SYSTEMROOT", r"C:\Windows"), "System32", "nvcuda.dll"))
    return os.path.exists("/dev/nvidiactl") or os.path.exists("/dev/dxg")  # the latter in Windows' Linux
