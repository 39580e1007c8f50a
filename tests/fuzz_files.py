"""A seeded mutator of image files, as they are compressed: `python -m tests.fuzz_files --count 1000 --seed 0`.

Files of every format that is read, with all kinds of metadata, are cut, flipped and spliced, PNGs with their checksums
mended too. Every mutant must be an image that can be written in every format and read again, or an error of the family,
in bounded time; anything else fails the run.
"""

from __future__ import annotations

import argparse
import collections
import struct
import sys
import time
import warnings
import zlib
from functools import cache, partial

import numpy as np
from PIL import Image

from codec.bitstream.errors import CodecError
from codec.bitstream.extras import Extras
from codec.media import ImageData, image_bytes, read_image
from tests import image_files as files
from tests.fuzz import Mutator, Shown, in_bounded_time, is_defect

MAX_SIDE = 16_383  # of WebP
SUFFIXES = (".png", ".jpg", ".tif", ".webp", ".bmp")


@cache
def corpus() -> list[bytes]:
    """Small files of every format, with what they can hold."""
    samples = files.photo(20, 12)
    _, _, extended = files.extended(b"x" * 900, 400)
    tags = Image.Exif()
    tags[0x0112], tags[0x010E], tags[33723] = 6, "Harbour", files.iptc()
    full: dict[str, object] = {"exif": tags.tobytes(), "icc_profile": files.srgb()}
    chunks = [
        files.chunk(b"cICP", bytes([9, 16, 0, 1])),
        files.chunk(b"gAMA", struct.pack(">I", 45455)),
        files.chunk(b"cHRM", bytes(range(32))),
        files.chunk(b"pHYs", struct.pack(">IIB", 23622, 23622, 1)),
        files.chunk(b"zTXt", b"Title\0\0" + zlib.compress(b"text " * 20)),
        files.chunk(b"iTXt", b"Titel\0\0\0de\0" + "Überschrift\0Grün".encode()),
        files.chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + files.MOTION_XMP),
        files.chunk(b"iCCP", b"icc\0\0" + zlib.compress(files.srgb())),
        files.chunk(b"tIME", bytes(7)),
    ]
    small = Image.fromarray(samples)
    found = [
        files.jpeg(samples, *extended, files.app13(), files.segment(0xFE, b"slide 12")) + files.VIDEO[:60],
        files.saved(samples, "JPEG", **full),
        files.saved(small, "MPO", save_all=True, append_images=[small], xmp=files.GAIN_XMP),
        files.png(samples, *chunks) + b"behind",
        files.png16(samples.astype(np.uint16) * 257, *chunks[:3]),
        files.saved(small, "WEBP", lossless=True, xmp=files.MOTION_XMP, **full) + b"behind",
        files.saved(small, "TIFF", dpi=(72.5, 72.5), **full),
        files.saved(small, "TIFF", save_all=True, append_images=[small.resize((8, 5))]),
        files.saved(small.convert("P"), "GIF", comment=b"slide 12"),
        files.saved(small, "BMP", dpi=(99, 99)),
        files.saved(small, "JPEG2000") + files.box(b"uuid", bytes(16) + b"x"),
        files.saved(small, "AVIF", **full),
        files.saved(small.resize((16, 16)), "ICO", sizes=[(16, 16), (8, 8)]),
        b"P6\n# slide 12\n20 12\n255\n" + samples.tobytes(),
    ]
    return found


def mended(data: bytes) -> bytes:
    """A PNG with right checksums; others as they are."""
    out, at = bytearray(data), 8
    while data.startswith(b"\x89PNG") and at + 12 <= len(out):
        end = at + 12 + int.from_bytes(out[at : at + 4])
        if end > len(out):
            break
        out[end - 4 : end] = struct.pack(">I", zlib.crc32(bytes(out[at + 4 : end - 4])))
        at = end
    return bytes(out)


def taken(data: bytes, number: int) -> Shown:
    """The image of a file, after it was packed into sections, written in one of the formats, and read again."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        image = read_image(data, 1 << 20, partial=bool(number & 1), extras=bool(number & 2))
        assert Extras.of(image.extras.sections()) == image.extras
        if max(image.pixels.shape) <= MAX_SIDE:
            read_image(written(image, SUFFIXES[number % len(SUFFIXES)]), 1 << 20)
    return Shown(image)


def written(image: ImageData, suffix: str) -> bytes:
    """A file of it; an error of the family there is a defect."""
    try:
        return image_bytes(image, suffix)
    except CodecError as error:
        raise AssertionError(f"cannot be written as {suffix}: {error}") from error


def run(count: int, seed: int) -> collections.Counter[str]:
    """Outcomes of `count` mutants."""
    mutator = Mutator(corpus(), seed)
    total: collections.Counter[str] = collections.Counter()
    for number in range(count):
        data = mutator.changed(mutator.pick())
        outcome = in_bounded_time(partial(taken, mended(data) if number % 3 else data, number))
        total["an image" if isinstance(outcome, Shown) else outcome] += 1
    return total


def main() -> None:
    """Runs the mutator and prints what became of its mutants."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    start = time.monotonic()
    outcomes = run(options.count, options.seed)
    for result, number in sorted(outcomes.items()):
        print(f"{number:9,}  {result}")
    print(f"{options.count:,} mutants, {time.monotonic() - start:.0f} s")
    if any(is_defect(result) for result in outcomes):
        sys.exit("defects were found")


if __name__ == "__main__":
    main()
