"""Fits images into a number of bytes each: `python examples/fit.py 20000 examples/parrots.png`."""

import sys
from pathlib import Path

import codec

if len(sys.argv) < 3:
    sys.exit(__doc__)
limit_bytes = int(sys.argv[1])
for source in map(Path, sys.argv[2:]):
    try:
        data = codec.compress(source, target_size=limit_bytes)
    except codec.CodecError as error:  # no image, too large, or even quality 0 takes more
        print(f"{source}: {error}")
        continue
    info = codec.info(data)
    print(f"{source}: {len(data)} bytes, {info.rate_bpp:.2f} bits per pixel, quality {info.quality:.0f}")
