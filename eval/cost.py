"""Time and memory of every codec on one thread, one after another, at the setting nearest to a common rate.

Warm: inside this process, after a first call that is not counted. Whole: a process from its start to its end, Python
and libraries included; its peak memory is what the system says of it.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from codec.bitstream.errors import CodecError
from codec.eval import anchor, machine, measure_process, own
from codec.eval.cache import Cache, key
from codec.eval.made import Made
from codec.eval.material import Material, Source
from codec.eval.results import OWN, Coder, Cost, Results

WARM_ITEMS = 8
WHOLE_ITEMS = 3
REPEAT = 3

T = TypeVar("T")


def costs(
    material: Material,
    results: Results,
    sources: Sequence[Source],
    cache: Cache,
    work: Path,
    progress: Callable[[int, int], object],
) -> list[Cost]:
    """The cost of every codec that took part, from the cache where it was measured on this machine before."""
    warm, whole = _evenly(sources, WARM_ITEMS), _evenly(sources, WHOLE_ITEMS)
    timed = [coder for coder in results.coders if not _made_elsewhere(material, coder)]
    found = []
    progress(0, len(timed))
    for done, coder in enumerate(timed, 1):
        setting = _setting(results, coder)
        name = key(
            cost=coder.name,
            library=coder.library,
            fixed=coder.settings,
            setting=setting,
            images=[source.item.content for source in warm],
            machine=machine.described(),
            repeat=REPEAT,
        )
        cost = cache.record(name, Cost)
        if cost is None:
            cost = _measured(material, coder, setting, warm, whole, work)
            cache.keep(name, asdict(cost))
        found.append(cost)
        progress(done, len(timed))
    return found


def whole_process(arguments: Sequence[str]) -> tuple[float, int]:
    """Seconds and peak bytes (0 where the system does not tell) of a process on one thread, from its start to its end.

    Raises CodecError.
    """
    launcher = [sys.executable, "-I", "-S", measure_process.__file__]
    done = subprocess.run([*launcher, *arguments], env=own.environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise CodecError(f"'{' '.join(arguments[1:4])}' failed: {said[-1]}")
    seconds, peak = done.stdout.split()[-2:]
    return float(seconds), int(peak) * machine.MEMORY_UNIT


def median_s(call: Callable[[], object], repeat: int, settle: Callable[[], object] = lambda: None) -> float:
    """Median seconds of a call, after one that is not counted; `settle` waits for what the call left running."""
    return statistics.median(times_s(call, repeat, settle))


def times_s(call: Callable[[], object], repeat: int, settle: Callable[[], object] = lambda: None) -> list[float]:
    """Seconds of each of `repeat` calls, after one that is not counted."""
    return [_timed(call, settle)[0] for _ in range(repeat + 1)][1:]


def _timed(call: Callable[[], T], settle: Callable[[], object] = lambda: None) -> tuple[float, T]:
    """The seconds of a call, and what it gave."""
    settle()
    start = time.perf_counter()
    given = call()
    settle()
    return time.perf_counter() - start, given


def _spread(times: Sequence[float]) -> float:
    """How far the slowest is above the fastest, as a share of the median."""
    return (max(times) - min(times)) / statistics.median(times)


def _made_elsewhere(material: Material, coder: Coder) -> bool:
    return coder.name != OWN and isinstance(anchor.named(material.name, coder.spec), Made)


def _measured(
    material: Material, coder: Coder, setting: float, warm: Sequence[Source], whole: Sequence[Source], work: Path
) -> Cost:
    encode, decode = _in_process(material, coder, setting)
    encoding_s, decoding_s = [], []
    encode(material.samples(warm[0].path))
    for source in warm:
        samples = material.samples(source.path)
        timed = [_timed(lambda x=samples: encode(x)) for _ in range(REPEAT)]  # type: ignore[misc]
        encoding_s.append([seconds for seconds, _ in timed])
        data = timed[0][1]
        decoding_s.append(times_s(lambda d=data: decode(d), REPEAT))  # type: ignore[misc]
    encoding, decoding = [], []
    coded = work / "cost.coded"
    for source in whole:
        shown = work / f"cost{source.path.suffix}"
        encoding.append(whole_process(_process(material, coder, "encode", setting, source.path, coded)))
        decoding.append(whole_process(_process(material, coder, "decode", setting, coded, shown)))
    return Cost(
        coder=coder.name,
        setting=setting,
        items=len(warm),
        encode_s=statistics.median(map(statistics.median, encoding_s)),
        decode_s=statistics.median(map(statistics.median, decoding_s)),
        whole_encode_s=statistics.median(seconds for seconds, _ in encoding),
        whole_decode_s=statistics.median(seconds for seconds, _ in decoding),
        peak_encode_bytes=round(statistics.median(peak for _, peak in encoding)),
        peak_decode_bytes=round(statistics.median(peak for _, peak in decoding)),
        encode_spread=statistics.median(map(_spread, encoding_s)),
        decode_spread=statistics.median(map(_spread, decoding_s)),
    )


def _in_process(
    material: Material, coder: Coder, setting: float
) -> tuple[Callable[[Any], bytes], Callable[[bytes], object]]:
    if coder.name != OWN:
        codec = anchor.named(material.name, coder.spec)
        return lambda samples: codec.encode(samples, setting), codec.decode
    import torch

    torch.set_num_threads(1)
    return material.in_process(setting)


def _process(material: Material, coder: Coder, action: str, setting: float, source: Path, target: Path) -> list[str]:
    if coder.name != OWN:
        codec = anchor.named(material.name, coder.spec)
        return codec.process(action, coder.spec, setting, source, target)
    if action == "encode":
        return own.command(
            "compress", str(source), "-o", str(target), "-q", f"{setting:g}", *material.arguments, "--force"
        )
    return own.command("decompress", str(source), "-o", str(target), "--force")


def _setting(results: Results, coder: Coder) -> float:
    """The setting whose mean rate is nearest to the common one."""
    return min(results.mean_points(coder.name), key=lambda row: abs(row[1] - results.medium.timed_rate))[0]


def _evenly(sources: Sequence[Source], count: int) -> list[Source]:
    """At most `count` of them, evenly."""
    if len(sources) <= count:
        return list(sources)
    return [sources[i * len(sources) // count] for i in range(count)]
