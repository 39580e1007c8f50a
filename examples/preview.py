"""Shows an image coarse to fine from the beginning of its file, and a part of it:
`python examples/preview.py examples/parrots.png OUT_FOLDER`.
"""

import sys
import warnings
from pathlib import Path

import codec

if len(sys.argv) != 3:
    sys.exit(__doc__)
source, folder = map(Path, sys.argv[1:])
data = codec.compress(source, quality=60)
for percent in (20, 50, 100):
    with warnings.catch_warnings(record=True) as missing:  # one codec.IncompleteImage
        warnings.simplefilter("always")
        image = codec.decompress(data[: len(data) * percent // 100], partial=True)
    image.save(folder / f"{percent}.png")
    print(f"{percent} % of {len(data)} bytes: {'; '.join(str(w.message) for w in missing) or 'complete'}")

corner = codec.decompress(data, region=(0, 0, image.width // 2, image.height // 2))  # only the tiles that it needs
corner.save(folder / "corner.png")
