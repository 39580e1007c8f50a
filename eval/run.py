"""Rate and distortion of our codec on a folder of pictures: real files, written and read by separate processes."""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from codec.bitstream.errors import CodecError, MediaError
from codec.eval.anchors import Anchor
from codec.eval.bdrate import Curve, UndefinedBdRate, bd_rate_percent
from codec.eval.metrics import psnr_db
from codec.media import PICTURES, read_picture

Point = tuple[float, float]  # bits per pixel of the whole file, PSNR in dB


@dataclass(frozen=True)
class Result:
    """points: for each of our qualities, one point a picture; bd_rate: for each anchor, percent for each picture.

    A BD-rate is None where the two curves share no range of quality.
    """

    pictures: list[str]
    points: dict[float, list[Point]]
    bd_rate: dict[str, list[float | None]]

    def table(self) -> str:
        """For people: means over pictures."""
        lines = [f"{len(self.pictures)} pictures", f"{'quality':>8}{'bpp':>9}{'PSNR dB':>9}"]
        for quality, points in self.points.items():
            rate, psnr = (statistics.fmean(column) for column in zip(*points, strict=True))
            lines.append(f"{quality:8g}{rate:9.4f}{psnr:9.2f}")
        for name, percents in self.bd_rate.items():
            known = [p for p in percents if p is not None]
            mean = f"{statistics.fmean(known):.2f} %" if known else "not defined"
            without = [n for n, p in zip(self.pictures, percents, strict=True) if p is None]
            lines.append(f"BD-rate against {name}: {mean}" + (f", without {', '.join(without)}" if without else ""))
        return "\n".join(lines)


def evaluate(
    folder: Path, qualities: Sequence[float], anchors: Sequence[Anchor], work: Path, tick: Callable[[], object]
) -> Result:
    """Codes every picture of a folder at every quality into `work`, and runs the anchors beside it.

    Calls `tick` once a picture and quality of ours, and once a picture for each anchor.
    """
    pictures = sorted(p for p in folder.iterdir() if p.suffix.lower() in PICTURES)
    if not pictures:
        raise MediaError(f"no pictures in {folder}")
    if len({p.stem for p in pictures}) < len(pictures):
        raise MediaError(f"pictures in {folder} differ in their suffixes only")
    pixels = [read_picture(p).pixels for p in pictures]
    points: dict[float, list[Point]] = {}
    for quality in qualities:
        files, shown = work / f"{quality:g}", work / f"{quality:g}-decoded"
        for place in (files, shown):
            place.mkdir()
        _codec("compress", *map(str, pictures), "-o", str(files), "-q", str(quality))
        coded = [files / f"{p.stem}.lcc" for p in pictures]
        _codec("decompress", *map(str, coded), "-o", str(shown))
        points[quality] = []
        for x, file in zip(pixels, coded, strict=True):
            x_hat = read_picture(shown / f"{file.stem}.png").pixels
            points[quality].append((file.stat().st_size * 8 / (x.shape[0] * x.shape[1]), psnr_db(x, x_hat)))
            tick()
    bd_rate: dict[str, list[float | None]] = {}
    for anchor in anchors:
        bd_rate[anchor.name] = []
        for i, x in enumerate(pixels):
            curve = []
            for q in anchor.qualities:
                data, x_hat = anchor.run(x, q)
                curve.append((len(data) * 8 / (x.shape[0] * x.shape[1]), psnr_db(x, x_hat)))
            ours = [points[quality][i] for quality in qualities]
            bd_rate[anchor.name].append(_bd_rate(curve, ours))
            tick()
    return Result([p.name for p in pictures], points, bd_rate)


def _bd_rate(anchor: Curve, ours: Curve) -> float | None:
    try:
        return bd_rate_percent(anchor, ours)
    except UndefinedBdRate:
        return None


def _codec(*arguments: str) -> None:
    """Runs our command line in a process of its own."""
    done = subprocess.run([sys.executable, "-m", "codec.cli", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise CodecError(f"codec {arguments[0]} failed: {done.stderr.strip().splitlines()[-1:]}")
