"""The networks of a model on ONNX Runtime, on CPUs; graphs are made of the weights' arrays when first used."""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import Any, Protocol

import numpy as np

from codec.forking import in_children
from codec.model import onnx_prior
from codec.model.config import Config
from codec.model.fixed_point import SYMBOLS, Arrays, Floats
from codec.model.onnx_graph import Graph
from codec.model.walk import Positions, Predicted, coarse_shape
from codec.workers import available_cores


def _without_telemetry() -> Any:
    """The package, imported so that it reports nothing: releases of late send events to its maker, over a database in
    the user's cache folder and threads of their own, unless this variable stops them before they start.
    """
    before = os.environ.get(NO_TELEMETRY)
    os.environ[NO_TELEMETRY] = "1"
    try:
        return import_module("onnxruntime")
    finally:
        if before is None:
            del os.environ[NO_TELEMETRY]
        else:
            os.environ[NO_TELEMETRY] = before


NO_TELEMETRY = "ORT_DISABLE_TELEMETRY"
onnxruntime = _without_telemetry()

OUT_OF_MEMORY = ("bad_alloc", "Failed to allocate memory")  # what ONNX Runtime says of it

SAME_AS_REQUESTED, ITS_DEFAULT = 1, -1
ARENA = {
    "max_mem": 0,  # no bound
    "arena_extend_strategy": SAME_AS_REQUESTED,
    "initial_chunk_size_bytes": ITS_DEFAULT,
    "max_dead_bytes_per_chunk": ITS_DEFAULT,
}
SHARES_MEMORY = "session.use_env_allocators"
_shared = True


def _share_memory() -> None:
    """Has all sessions take their memory from one arena. Of an arena each they would need more, and of none too: glibc
    finds little room again between blocks that are aligned as ONNX Runtime wants them.
    """
    arena = onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR
    where = onnxruntime.OrtMemoryInfo("Cpu", arena, 0, onnxruntime.OrtMemType.DEFAULT)
    with suppress(RuntimeError):  # this process has such an arena already
        onnxruntime.create_and_register_allocator(where, onnxruntime.OrtArenaCfg(ARENA))


def _share_no_memory() -> None:
    """Another thread of the parent may have held the lock of the arena."""
    global _shared
    _shared = False


_share_memory()
in_children(_share_no_memory)


@contextmanager
def _memory_errors() -> Iterator[None]:
    """What ONNX Runtime raises for a lack of memory, an exception of its own, as a MemoryError."""
    try:
        yield
    except Exception as error:
        if any(words in str(error) for words in OUT_OF_MEMORY):
            raise MemoryError(str(error)) from error
        raise


class Graphs(Protocol):
    """The transforms of a model as graphs."""

    def analysis(self, arrays: Arrays, config: Any) -> Graph: ...
    def synthesis(self, arrays: Arrays, config: Any) -> Graph: ...
    def hyper_analysis(self, arrays: Arrays, config: Any) -> Graph: ...


# whatever of ONNX Runtime may change a result: each is said, whatever its default will be one day
EXACTLY = {
    "mlas.enable_gemm_fastmath_arm64_bfloat16": "0",  # products in bfloat16, on ARM
    "optimization.enable_gelu_approximation": "0",
    "optimization.enable_cast_chain_elimination": "0",
    "session.set_denormal_as_zero": "0",
}
PROVIDERS = ["CPUExecutionProvider"]  # others know TF32 and float16
ELEMENTS = {"tensor(float)", "tensor(int64)"}  # of all that goes in and comes out


def check_exact(session: Any) -> None:
    """Raises RuntimeError where a session may compute with less than float32."""
    options = session.get_session_options()
    wrong = [key for key, value in EXACTLY.items() if options.get_session_config_entry(key) != value]
    wrong += [provider for provider in session.get_providers() if provider not in PROVIDERS]
    wrong += [f"{port.name} of {port.type}" for port in ports(session) if port.type not in ELEMENTS]
    if wrong:
        raise RuntimeError(f"ONNX Runtime may not compute exactly: {', '.join(wrong)}")


def ports(session: Any) -> list[Any]:
    """Inputs and outputs of a session."""
    return [*session.get_inputs(), *session.get_outputs()]


class Session:
    """A graph, ready to run from any thread."""

    def __init__(self, graph: Graph, threads: int) -> None:
        options = onnxruntime.SessionOptions()
        for key, value in {**EXACTLY, SHARES_MEMORY: str(int(_shared))}.items():
            options.add_session_config_entry(key, value)
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.log_severity_level = 4  # what goes wrong is raised, and need not be printed too
        options.enable_cpu_mem_arena = _shared
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # waiting threads leave their core
        values = {name: onnxruntime.OrtValue.ortvalue_from_numpy(array) for name, array in graph.weights.items()}
        options.add_external_initializers(list(values), list(values.values()))
        with _memory_errors():
            self._session = onnxruntime.InferenceSession(graph.model(), options, providers=PROVIDERS)
        check_exact(self._session)

    def run(self, **inputs: np.ndarray) -> list[Floats]:
        """All outputs. Raises MemoryError where there is not enough."""
        with _memory_errors():
            outputs: list[Floats] = self._session.run(None, inputs)
        return outputs


TRANSFORMS = ("analysis", "synthesis")


class OnnxEngine:
    """`Engine` of a model. graphs: those of its transforms; threads: of each call, all cores where None."""

    def __init__(self, arrays: Arrays, config: Config, graphs: Graphs, threads: int | None = None) -> None:
        self._arrays, self._config, self._graphs = arrays, config, graphs
        self._threads = threads or available_cores()
        self._lock = threading.Lock()
        self._sessions: dict[str, list[Session]] = {}

    def prepare(self) -> None:
        for stage in ("hyper_synthesis", "passes", "synthesis"):
            self._of(stage)

    def analysis(self, x: Floats, log2_step: Floats) -> Floats:
        return self._of("analysis")[0].run(x=x, **self._conditions(log2_step))[0]

    def synthesis(self, h: Floats, log2_step: Floats, noise: Floats | None = None) -> Floats:
        added = {} if noise is None else {"noise": noise}
        x_hat = self._of("synthesis")[0].run(features=h, **added, **self._conditions(log2_step))[0]
        return np.moveaxis(x_hat, 1, 3) if x_hat.ndim == 4 else x_hat  # images come out channels first

    def hyper_analysis(self, h: Floats) -> Floats:
        config = self._config.prior
        shape, ends = (h.shape[1], h.shape[2]), config.repeated_columns
        down, right = (
            n * u**2 - side for n, u, side in zip(coarse_shape(shape, config.up), config.up, shape, strict=True)
        )
        beyond = ends * config.up[1] ** 2
        h = np.pad(h, ((0, 0), (0, down), (beyond, right + beyond), (0, 0)), "edge")
        z = self._of("hyper_analysis")[0].run(features=h)[0].transpose(0, 2, 3, 1)
        return np.clip(z[:, :, ends : z.shape[2] - ends], SYMBOLS.low, SYMBOLS.high)

    def hyper_synthesis(self, z_hat: Floats, quality: Floats, shape: tuple[int, int]) -> OnnxPasses:
        config = self._config.prior
        ends = config.repeated_columns
        z = np.pad(z_hat, ((0, 0), (0, 0), (ends, ends), (0, 0)), "edge").transpose(0, 3, 1, 2)
        found = self._of("hyper_synthesis")[0].run(z=z, quality=quality[:, None])
        begin = ends * config.up[1] ** 2
        features, *steering = (np.ascontiguousarray(x[:, : shape[0], begin : begin + shape[1]]) for x in found)
        return OnnxPasses(self._of("passes"), features, steering[0] if steering else None, config.width)

    def _conditions(self, log2_step: Floats) -> dict[str, Floats]:
        """The inputs that transforms are conditioned on."""
        step = log2_step.astype(np.float32)[:, None, None, None]
        quality = ((self._config.middle - step) / 2).astype(np.float32)
        return {"quality": quality, "step": np.exp2(step - 2).astype(np.float32)}

    def _of(self, stage: str) -> list[Session]:
        with self._lock:
            if stage not in self._sessions:
                self._sessions[stage] = [Session(graph, self._threads) for graph in self._made(stage)]
                if stage in TRANSFORMS:  # whose runs need most memory; in between, pages would only be fetched anew
                    give_back_memory()
            return self._sessions[stage]

    def _made(self, stage: str) -> list[Graph]:
        arrays, config = self._arrays, self._config
        if stage == "passes":
            return onnx_prior.passes(arrays, config.prior)
        if stage == "hyper_synthesis":
            return [onnx_prior.hyper_synthesis(arrays, config.prior)]
        transforms = {
            "analysis": self._graphs.analysis,
            "synthesis": self._graphs.synthesis,
            "hyper_analysis": self._graphs.hyper_analysis,
        }
        return [transforms[stage](arrays, config)]


class OnnxPasses:
    """`engine.Hyper` of signals: the passes behind features (B, H, W, hyper_width)."""

    def __init__(self, sessions: list[Session], features: Floats, steering: Floats | None, width: int) -> None:
        self._sessions, self._features, self.steering = sessions, features, steering
        self._shape = np.array([*features.shape[:3], width], np.int64)

    def first(self, group: int, number: int, context: Floats | None, where: Positions) -> Predicted:
        earlier = {} if context is None else {"context": context}
        return self._predicted(number, where, features=self._features, **earlier)

    def later(self, number: int, stream: Floats, seen: Floats, where: Positions) -> Predicted:
        return self._predicted(number, where, stream=stream, seen=seen)

    def _predicted(self, number: int, where: Positions, **inputs: Floats) -> Predicted:
        batch, height, width, _ = self._shape
        rows = (np.arange(batch)[:, None] * (height * width) + where).reshape(-1)
        prediction, *stream = self._sessions[number].run(rows=rows, shape=self._shape, **inputs)
        mean, log2_scale = np.split(prediction.reshape(batch, len(where), prediction.shape[1]), 2, -1)
        return Predicted(stream[0] if stream else None, mean, log2_scale)


def _exit_at_once() -> None:
    """Has a forked process end without the destructors of ONNX Runtime: they would wait for threads of its parent.

    Whatever Python does at its end comes before.
    """
    libc = ctypes.CDLL(None)
    if hasattr(libc, "on_exit"):  # of glibc: calls back with the exit status, the last that was registered first
        libc.on_exit(libc._exit, None)


in_children(_exit_at_once)


def give_back_memory() -> None:
    """Has glibc return pages that it keeps: sessions are made with copies of weights, and runs leave holes behind."""
    with suppress(AttributeError, OSError, TypeError):  # other systems have no such function
        ctypes.CDLL(None).malloc_trim(0)
