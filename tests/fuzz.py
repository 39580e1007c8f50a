"""A seeded mutator of files: `python -m tests.fuzz --count 1000 --seed 0 --media audio`.

Half of the mutants are cut, flipped and spliced as bytes. The other half are taken apart into sections, changed inside,
and put together with valid checksums, so that what lies behind the checksums is reached. Every mutant must be one of
the images and audio it came from, or an error of the family, within half a minute of a core; anything else is saved
and fails the run. Some are decoded with `partial`, where a damage that is not named is a defect; some clips come in
pieces.
"""

from __future__ import annotations

import argparse
import collections
import resource
import signal
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

import codec
from codec.audio import decode as audio_decode
from codec.bitstream import audio as audio_file
from codec.bitstream import constants
from codec.bitstream.checksum import crc32c
from codec.bitstream.errors import CodecError
from codec.bitstream.file import framed_size, holds
from codec.bitstream.wire import Reader, Writer
from codec.devices import Device
from codec.image import decode as image_decode
from codec.media import AudioData, ImageData
from tests import golden

PREAMBLE = len(constants.MAGIC) + 1
CPU = Device(threads=1)  # tiny images: threads would only wait for each other
HANG_CPU_S = 30  # of all threads: a busy machine is no hang
PARTIAL_EVERY = 4  # so many mutants are one that is decoded with `partial`
PIECES_EVERY = 5  # and so many of audio are one that comes in pieces
MEMORY_MAX = 1 << 30
SETTLED_S = 0.05  # of a clip that is shorter than another: what may differ at its end, by what follows it there
MAX_BYTES = 1 << 24  # of an original
Sections = list[tuple[int, bytes]]
Medium = ImageData | AudioData | bytes


def sections_of(data: bytes) -> Sections:
    """Ids and payloads of a file that is whole."""
    reader = Reader(data[PREAMBLE:])
    found = []
    while reader.left:
        section = reader.uint(1, "id")
        found.append((section, reader.raw(reader.varint("length"), "payload")))
        reader.raw(constants.CRC_BYTES, "checksum")
    return found


def file_of(sections: Sections, lie: Callable[[int], int] = lambda size: size) -> bytes:
    """A file of sections with valid checksums; `lie` changes the lengths that they declare."""
    out = Writer().raw(constants.MAGIC).uint(constants.VERSION, 1)
    for section, payload in sections:
        body = Writer().uint(section, 1).varint(lie(len(payload))).raw(payload).bytes()
        out.raw(body).uint(crc32c(body), constants.CRC_BYTES)
    return out.bytes()


def later_bytes(sections: Sections) -> int:
    """What stands between the last chunk of a clip and its end."""
    behind = 0
    for section, payload in sections[:-1]:
        behind = 0 if section == constants.SECTION_LATENTS else behind + framed_size(len(payload))
    return behind if any(section == constants.SECTION_LATENTS for section, _ in sections) else 0


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
        if sections and sections[-1][0] == constants.SECTION_END and self.rng.integers(2):
            self.tell_end(sections)
        return file_of(sections, lie)

    def tell_end(self, sections: Sections) -> None:
        """Rewrites the end of a clip: true to what stands before it but for one thing, or for none."""
        chunks = [i for i, (section, _) in enumerate(sections) if section == constants.SECTION_LATENTS]
        sizes = [len(sections[i][1]) for i in chunks]
        samples, later = int.from_bytes(sections[-1][1][:8], "little"), later_bytes(sections)
        at = int(self.rng.integers(max(len(chunks), 1)))
        match self.rng.integers(7):
            case 0:
                samples = min(max(samples + int(self.rng.integers(-2000, 2000)), 0), 2**64 - 1)
            case 1:
                samples = int(self.rng.choice([0, 1, 2**31, 2**63]))
            case 2:
                sizes[at : at + 1] = [int(size) for size in self.rng.integers(2**12, size=int(self.rng.integers(3)))]
            case 3 if chunks:
                section, payload = sections[chunks[at]]
                sections[chunks[at]] = (section, bytes([int(self.rng.integers(103))]) + payload[1:])
            case 4:
                later = max(later + int(self.rng.integers(-20, 20)), 0)
            case _:
                pass
        sections[-1] = (constants.SECTION_END, audio_file.end_payload(samples, later, sizes))


class Shown(NamedTuple):
    """What decoding gave."""

    medium: Medium
    damage: tuple[str, ...] = ()


class Hang(BaseException):
    """A decoder took too long; a BaseException, so that no handler of ours takes it for a damaged file."""


def decoded(data: bytes, partial: bool = False) -> Shown:
    """A file's image or audio, or the bytes of its original."""
    if holds(data, constants.MEDIA_ORIGINAL):
        return Shown(codec.decompress(data, output="bytes", max_bytes=MAX_BYTES))
    if holds(data, constants.MEDIA_AUDIO):
        heard = audio_decode.decode(data, CPU, partial=partial)
        return Shown(heard.audio, heard.damage)
    seen = image_decode.decode(data, CPU, partial=partial)
    return Shown(seen.image, seen.damage)


def decoded_in_pieces(data: bytes, rng: np.random.Generator) -> Shown:
    """A file's audio, its bytes pushed a few or many at a time."""
    decoder = audio_decode.AudioDecoder(CPU)
    cuts = np.sort(rng.integers(len(data) + 1, size=int(rng.integers(20))))
    pieces = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    parts = [*map(decoder.push, pieces), decoder.finish()]
    assert decoder.header is not None
    samples = np.concatenate([part for part in parts if len(part) or part.shape[1] == decoder.header.channels])
    return Shown(AudioData(samples, decoder.header.sample_rate))


def in_bounded_time(decode: Callable[[], Shown]) -> Shown | str:
    """What decoding gives: an image or audio, the name of an error, or, in capitals, what must not be."""

    def hang(number: int, frame: object) -> None:
        raise Hang

    signal.signal(signal.SIGPROF, hang)
    signal.setitimer(signal.ITIMER_PROF, HANG_CPU_S)
    try:
        return decode()
    except CodecError as error:
        return type(error).__name__
    except Hang:
        return "HANG"
    except Exception as error:
        return f"CRASH {type(error).__name__}: {error}"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def outcome(shown: Shown | str, known: Sequence[Medium]) -> str:
    """What became of a mutant: "same", "damage is named", the name of an error, or, in capitals, a defect."""
    if isinstance(shown, str):
        return shown
    if shown.damage:
        return "damage is named"
    return "same" if any(same(shown.medium, one) for one in known) else "DIFFERENT"


def same(a: Medium, b: Medium) -> bool:
    """Whether two images or audio have the same samples, or two originals the same bytes."""
    if isinstance(a, bytes) or isinstance(b, bytes):
        return a is b or (isinstance(a, bytes) and a == b)
    if isinstance(a, ImageData) and isinstance(b, ImageData):
        return same_pixels(a, b)
    return isinstance(a, AudioData) and isinstance(b, AudioData) and same_samples(a, b)


def same_pixels(a: ImageData, b: ImageData) -> bool:
    """Whether two images have the same pixels and alpha."""
    if (a.alpha is None) != (b.alpha is None) or a.pixels.shape != b.pixels.shape or a.pixels.dtype != b.pixels.dtype:
        return False
    return bool((a.pixels == b.pixels).all() and (a.alpha is None or (a.alpha == b.alpha).all()))


def same_samples(a: AudioData, b: AudioData) -> bool:
    """Whether two clips are the same, but for a length that the same latents have too.

    Nothing but the end's own checksum covers the length, nor the header of a clip without any latents.
    """
    if not len(a.samples) and not len(b.samples):
        return True
    if (a.sample_rate, a.channels) != (b.sample_rate, b.channels):
        return False
    shorter, longer = sorted((len(a.samples), len(b.samples)))
    if audio_file.latents_of(shorter, a.sample_rate) != audio_file.latents_of(longer, a.sample_rate):
        return False
    settled = shorter if shorter == longer else max(shorter - round(SETTLED_S * a.sample_rate), 0)
    return np.array_equal(a.samples[:settled], b.samples[:settled])


def is_defect(result: str) -> bool:
    """Whether an outcome is one that must not be."""
    return result.split()[0].isupper()


def corpus_of(media: str) -> list[bytes]:
    """Golden files: of "image", "audio" or "both", or of "original"."""
    if media == "original":
        return list(map(golden.original_file, golden.original_names()))
    files = map(golden.file, golden.names())
    return [data for data in files if media in ("both", "audio" if holds(data, constants.MEDIA_AUDIO) else "image")]


def outcomes_of(data: bytes, number: int, known: Sequence[Medium], rng: np.random.Generator) -> list[str]:
    """What became of a mutant in the ways of decoding that are its number's turn."""
    if number % PARTIAL_EVERY == 0:
        return [outcome(in_bounded_time(partial(decoded, data, partial=True)), known) + " in part"]
    whole = outcome(in_bounded_time(partial(decoded, data)), known)
    if number % PIECES_EVERY or not holds(data, constants.MEDIA_AUDIO):
        return [whole]
    pieces = outcome(in_bounded_time(partial(decoded_in_pieces, data, rng)), known)
    return [whole, f"{pieces} in pieces" if (pieces == "same") == (whole == "same") else "OTHERWISE in pieces"]


def run(count: int, seed: int, save: Path | None = None, media: str = "both") -> collections.Counter[str]:
    """Outcomes of `count` mutants; defects are saved as files into `save`."""
    corpus = corpus_of(media)
    known = [decoded(data).medium for data in corpus]
    mutator = Mutator(corpus, seed)
    total: collections.Counter[str] = collections.Counter()
    for number in range(count):
        data, repaired = mutator()
        outcomes = outcomes_of(data, number, known, mutator.rng)
        total.update(outcomes)
        total["with valid checksums"] += repaired
        if save and any(map(is_defect, outcomes)):
            save.mkdir(parents=True, exist_ok=True)
            (save / f"{seed}-{number}.lcc").write_bytes(data)
    return total


def main() -> None:
    """Runs the mutator and prints what became of its mutants."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--media", choices=["image", "audio", "both", "original"], default="both")
    parser.add_argument("--save", type=Path, default=Path("build/fuzz"), help="folder for files that show a defect")
    options = parser.parse_args()

    start = time.monotonic()
    outcomes = run(options.count, options.seed, options.save, options.media)
    for result, number in sorted(outcomes.items()):
        print(f"{number:9,}  {result}")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(f"{options.count:,} mutants, {time.monotonic() - start:.0f} s, at most {memory / (1 << 20):.0f} MiB")
    if memory > MEMORY_MAX or any(is_defect(result) for result in outcomes):
        sys.exit("defects were found")


if __name__ == "__main__":
    main()
