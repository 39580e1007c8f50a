"""Time and memory of compression and decompression, warm, in this process."""

from __future__ import annotations

import resource
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import torch

from codec import picture, weights
from codec.media import Picture
from codec.models import IMAGE

MEBI = 1 << 20


@dataclass(frozen=True)
class Bench:
    """Medians over pictures of each picture's median, in seconds. peak_memory: of the whole process, in bytes."""

    pictures: int
    megapixels: float
    quality: float
    threads: int
    device: str
    encode_s: float
    decode_s: float
    analysis_s: float
    synthesis_s: float
    peak_memory: int

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    def table(self) -> str:
        """For people."""
        size = self.megapixels / self.pictures
        rows = (
            ("encode", self.encode_s),
            ("  transform", self.analysis_s),
            ("  entropy nets and coder", self.encode_s - self.analysis_s),
            ("decode", self.decode_s),
            ("  entropy nets and coder", self.decode_s - self.synthesis_s),
            ("  transform", self.synthesis_s),
        )
        head = f"{self.pictures} pictures, {size:.2f} Mpx each, quality {self.quality:g}, "
        head += f"{self.device}, {self.threads} threads"
        lines = [f"{name:26}{seconds * 1000:9.1f} ms{size / seconds:9.2f} Mpx/s" for name, seconds in rows]
        return "\n".join([head, *lines, f"{'peak memory':26}{self.peak_memory / MEBI:9.0f} MiB"])


def bench(pictures: list[Picture], quality: float, repeat: int, device_name: str) -> Bench:
    """Times pictures; each is coded once before it is timed."""
    device = picture.device_named(device_name)
    loaded = weights.installed(IMAGE.id, device)
    log2_step = torch.tensor([IMAGE.curve.range[0]], dtype=torch.float32, device=device)
    rows = []
    megapixels = 0.0
    for source in pictures:
        megapixels += source.pixels.shape[0] * source.pixels.shape[1] / 1e6
        data = picture.encode(source, quality, device)
        with picture.undisturbed(device):
            x = picture.padded(source.pixels, device)
            h = loaded.model.analysis(x, log2_step)
            stages = (
                partial(picture.encode, source, quality, device),
                partial(picture.decode, data, device),
                partial(loaded.model.analysis, x, log2_step),
                partial(loaded.model.synthesis, h, log2_step),
            )
            rows.append([median_s(stage, repeat, device) for stage in stages])
    encode_s, decode_s, analysis_s, synthesis_s = (statistics.median(column) for column in zip(*rows, strict=True))
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return Bench(
        pictures=len(pictures),
        megapixels=megapixels,
        quality=quality,
        threads=torch.get_num_threads(),
        device=str(device),
        encode_s=encode_s,
        decode_s=decode_s,
        analysis_s=analysis_s,
        synthesis_s=synthesis_s,
        peak_memory=peak,
    )


def median_s(call: Callable[[], object], repeat: int, device: torch.device) -> float:
    """Median seconds of a call, after one that is not counted."""
    times = []
    for _ in range(repeat + 1):
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        start = time.perf_counter()
        call()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])
