"""What the encoder's efforts buy: `python -m codec.eval.efforts PICTURE... -e EFFORT...` prints a table as it goes.

Whole files, decoded; BD-rate over PSNR of RGB against effort 0. Seconds are those of the processor, all threads
together, for encoding one picture: they mean something on a machine that does other work too.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

import torch

from codec import picture
from codec.eval.bdrate import bd_rate
from codec.eval.metrics import psnr_db
from codec.media import read_picture

QUALITIES = (12.0, 37.0, 62.0, 87.0)
CPU = torch.device("cpu")


def curve(source: Path, effort: int, qualities: Sequence[float]) -> tuple[list[tuple[float, float]], float]:
    """(bytes, dB) of the files of a picture, and the mean processor seconds of writing one."""
    shown = read_picture(source.read_bytes())
    points, spent_s = [], 0.0
    for quality in qualities:
        begin_s = time.process_time()
        data = picture.encode(shown, quality, CPU, effort=effort)
        spent_s += time.process_time() - begin_s
        points.append((float(len(data)), psnr_db(shown.pixels, picture.decode(data, CPU).picture.pixels)))
    return points, spent_s / len(qualities)


def main() -> None:
    """Prints a row for each picture and effort, then the means."""
    parser = argparse.ArgumentParser(prog="python -m codec.eval.efforts", description=__doc__)
    parser.add_argument("pictures", nargs="+", type=Path, metavar="PICTURE")
    parser.add_argument("-e", "--efforts", nargs="+", type=int, required=True, metavar="EFFORT", help="1 to 9")
    parser.add_argument("-q", "--qualities", nargs="+", type=float, default=QUALITIES, metavar="Q", help="at least 3")
    given = parser.parse_args()
    print("| picture | effort | BD-rate | CPU seconds |\n|---|---|---|---|")
    rates: dict[int, list[float]] = {effort: [] for effort in given.efforts}
    seconds: dict[int, list[float]] = {effort: [] for effort in given.efforts}
    for source in given.pictures:
        plain, _ = curve(source, 0, given.qualities)
        for effort in given.efforts:
            points, spent_s = curve(source, effort, given.qualities)
            rates[effort].append(bd_rate(plain, points).value)
            seconds[effort].append(spent_s)
            print(f"| {source.stem} | {effort} | {rates[effort][-1]:+.2f} % | {spent_s:.1f} |", flush=True)
    for effort in given.efforts:
        of = f"mean of {len(given.pictures)}"
        print(f"| {of} | {effort} | {fmean(rates[effort]):+.2f} % | {fmean(seconds[effort]):.1f} |")


if __name__ == "__main__":
    main()
