"""What latents are good for besides files: `python examples/latents.py [IMAGE] [FOLDER]` makes pictures of it, of
parrots and in a new folder if not told otherwise.
"""

# %% An image
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

import codec

told = dict(enumerate(sys.argv))
source = told.get(1) or Path(__file__).with_name("parrots.png")
folder = Path(told.get(2) or tempfile.mkdtemp(prefix="latents-"))
image = Image.open(source).convert("RGB").crop((250, 100, 378, 196))
pixels = np.asarray(image)

# %% Where the bits go: bright is unexpected
bits = codec.bits_map(image, quality=50)[0].sum(-1)
grey = Image.fromarray((255 * bits / bits.max()).astype(np.uint8))
grey.resize((128, 96), Image.Resampling.NEAREST).save(folder / "bits.png")

# %% What the prior draws: nothing known, then more and more of the image
strip = [codec.sample((96, 128), quality=50, seed=1)]
strip += [codec.complete(image, known, seed=1) for known in (0.2, 0.5, 1.0)]
Image.fromarray(np.hstack([np.asarray(x) for x in strip])).save(folder / "drawn.png")

# %% Noise taken off
noisy = np.clip(pixels + np.random.default_rng(0).normal(0, 25, pixels.shape), 0, 255).astype(np.uint8)
clean = codec.denoise(noisy, shifts=2)
Image.fromarray(np.hstack([pixels, noisy, np.asarray(clean)])).save(folder / "denoised.png")

# %% From one image to another, and what each step takes as a file
other = Image.open(source).convert("RGB").crop((20, 260, 148, 356))
files = [codec.interpolate(image, other, share) for share in (0, 0.25, 0.5, 0.75, 1)]
print("bytes from one image to the other:", *map(len, files))
Image.fromarray(np.hstack([np.asarray(codec.decompress(data)) for data in files])).save(folder / "between.png")
print("pictures are in", folder)
