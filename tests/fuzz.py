"""A seeded mutator of files: `python -m tests.fuzz --count 1000 --seed 0`.

Half of the mutants are cut, flipped and spliced as bytes. The other half are taken apart into sections, changed inside,
and put together with valid checksums, so that what lies behind the checksums is reached. Every mutant must be one of
the pictures it came from, or an error of the family, within five seconds; anything else is saved and fails the run.
"""

from __future__ import annotations

import argparse
import collections
import resource
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from codec import picture
from codec.bitstream import format
from codec.bitstream.checksum import crc32c
from codec.bitstream.errors import CodecError
from codec.bitstream.wire import Reader, Writer
from codec.media import Picture
from tests import golden

CPU = torch.device("cpu")
PREAMBLE = len(format.MAGIC) + 1
HANG_SECONDS = 5
PARTIAL_EVERY = 4  # so many mutants are one that is decoded with `partial`
MEMORY_MAX = 1 << 30
Sections = list[tuple[int, bytes]]


def sections_of(data: bytes) -> Sections:
    """Ids and payloads of a sound file."""
    reader = Reader(data[PREAMBLE:])
    found = []
    while reader.left:
        section = reader.uint(1, "id")
        found.append((section, reader.raw(reader.varint("length"), "payload")))
        reader.raw(format.CRC_BYTES, "checksum")
    return found


def file_of(sections: Sections, lie: Callable[[int], int] = lambda size: size) -> bytes:
    """A file of sections with valid checksums; `lie` changes the lengths that they declare."""
    out = Writer().raw(format.MAGIC).uint(format.VERSION, 1)
    for section, payload in sections:
        body = Writer().uint(section, 1).varint(lie(len(payload))).raw(payload).bytes()
        out.raw(body).uint(crc32c(body), format.CRC_BYTES)
    return out.bytes()


class Mutator:
    """Mutants of a corpus, the same for the same seed."""

    def __init__(self, corpus: list[bytes], seed: int) -> None:
        self.corpus, self.rng = corpus, np.random.default_rng(seed)

    def __call__(self) -> tuple[bytes, bool]:
        """A mutant, and whether its checksums are valid."""
        data = self.pick()
        if self.rng.integers(2):
            return self.changed(data), False
        return self.repaired(sections_of(data)), True

    def pick(self) -> bytes:
        return self.corpus[self.rng.integers(len(self.corpus))]

    def changed(self, data: bytes) -> bytes:
        """Bytes flipped, cut, put in, taken out or spliced."""
        at = int(self.rng.integers(len(data) + 1))
        match self.rng.integers(6):
            case 0 | 1:
                return self.flipped(data)
            case 2:
                return data[:at]
            case 3:
                return data[:at] + self.rng.bytes(int(self.rng.integers(1, 9))) + data[at:]
            case 4:
                return data[:at] + data[at + int(self.rng.integers(1, 9)) :]
            case _:
                other = self.pick()
                return data[:at] + other[int(self.rng.integers(len(other) + 1)) :]

    def flipped(self, data: bytes) -> bytes:
        """One to eight bits flipped, or bytes replaced."""
        out = bytearray(data)
        for at in self.rng.integers(max(len(out), 1), size=int(self.rng.integers(1, 9))) if out else ():
            out[at] = int(self.rng.integers(256)) if self.rng.integers(2) else out[at] ^ 1 << int(self.rng.integers(8))
        return bytes(out)

    def repaired(self, sections: Sections) -> bytes:
        """One section changed, moved, doubled, lost, renamed, swapped for another file's, or lying about its length."""
        i, j = (int(n) for n in self.rng.integers(len(sections), size=2))
        section, payload = sections[i]
        lie: Callable[[int], int] = lambda size: size  # noqa: E731
        match self.rng.integers(10):
            case 0 | 1 | 2 | 3:
                sections[i] = (section, self.changed(payload))
            case 4:
                sections[i], sections[j] = sections[j], sections[i]
            case 5:
                sections.insert(j, sections[i])
            case 6:
                del sections[i]
            case 7:
                sections[i] = (int(self.rng.integers(256)), payload)
            case 8:
                others = sections_of(self.pick())
                sections[i] = others[int(self.rng.integers(len(others)))]
            case _:
                away = int(self.rng.integers(-3, 4)) * int(self.rng.choice([1, 1, 100, 2**28]))
                chosen = len(payload)
                lie = lambda size: min(max(size + away, 0), 2**32 - 1) if size == chosen else size  # noqa: E731
        return file_of(sections, lie)


class Hang(BaseException):
    """A decoder took too long; a BaseException, so that no handler of ours takes it for a damaged file."""


def within_seconds(data: bytes, partial: bool) -> picture.Decoded | str:
    """What decoding gives: a picture, the name of an error of the family, or, in capitals, what must not be."""

    def hang(number: int, frame: object) -> None:
        raise Hang

    signal.signal(signal.SIGALRM, hang)
    signal.setitimer(signal.ITIMER_REAL, HANG_SECONDS)
    try:
        return picture.decode(data, CPU, partial=partial)
    except CodecError as error:
        return type(error).__name__
    except Hang:
        return "HANG"
    except Exception as error:
        return f"CRASH {type(error).__name__}: {error}"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def outcome(data: bytes, known: list[Picture]) -> str:
    """What became of a mutant: "same picture", the name of an error of the family, or, in capitals, a defect."""
    strict = within_seconds(data, partial=False)
    if isinstance(strict, str):
        return strict
    return "same picture" if any(same(strict.picture, p) for p in known) else "DIFFERENT PICTURE"


def same(a: Picture, b: Picture) -> bool:
    """Whether two pictures have the same samples."""
    if (a.alpha is None) != (b.alpha is None) or a.pixels.shape != b.pixels.shape or a.pixels.dtype != b.pixels.dtype:
        return False
    return bool((a.pixels == b.pixels).all() and (a.alpha is None or (a.alpha == b.alpha).all()))


def is_defect(result: str) -> bool:
    """Whether an outcome is one that must not be."""
    return result.split()[0].isupper()


def run(count: int, seed: int, save: Path | None = None) -> collections.Counter[str]:
    """Outcomes of `count` mutants; defects are saved as files into `save`."""
    corpus = [(golden.FOLDER / f"{name}.lcc").read_bytes() for name in golden.names()]
    known = [picture.decode(data, CPU).picture for data in corpus]
    mutator = Mutator(corpus, seed)
    outcomes: collections.Counter[str] = collections.Counter()
    for number in range(count):
        data, repaired = mutator()
        if number % PARTIAL_EVERY == 0:
            shown = within_seconds(data, partial=True)
            result = "shown in part" if not isinstance(shown, str) else f"{shown} in part"
        else:
            result = outcome(data, known)
        outcomes[result] += 1
        outcomes["with valid checksums"] += repaired
        if is_defect(result) and save:
            save.mkdir(parents=True, exist_ok=True)
            (save / f"{seed}-{number}.lcc").write_bytes(data)
    return outcomes


def main() -> None:
    """Runs the mutator and prints what became of its mutants."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--save", type=Path, default=Path("build/fuzz"), help="folder for files that show a defect")
    options = parser.parse_args()
    torch.set_num_threads(1)  # tiny pictures: threads would only wait for each other
    start = time.monotonic()
    outcomes = run(options.count, options.seed, options.save)
    for result, number in sorted(outcomes.items()):
        print(f"{number:9,}  {result}")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(f"{options.count:,} mutants, {time.monotonic() - start:.0f} s, at most {memory / (1 << 20):.0f} MiB")
    if memory > MEMORY_MAX or any(is_defect(result) for result in outcomes):
        sys.exit("defects were found")


if __name__ == "__main__":
    main()
