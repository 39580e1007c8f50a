"""`python -m codec.eval.compressai_speed PICTURE`: how long CompressAI's models and ours take to decode one image.

Random weights unless a checkpoint is given: what a decoder computes does not depend on them, but random weights code
nearly incompressible latents, so the serial range decoder of mbt2018 reads more bits than it would. Its context model
walks over latents one by one, so a crop may stand for the whole; the table says what was timed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F

import codec
from codec.bitstream.errors import CodecError
from codec.eval import compressai_models
from codec.eval.cost import median_s
from codec.media import Pixels, read_image

STRIDE = 64  # CompressAI's models take multiples of it
QUALITY = 4  # of CompressAI's 1..8: near half a bit per pixel, like our 50
OUR_QUALITY = 50


def decoding(model: Any, pixels: Pixels) -> Callable[[], object]:
    """A call that decodes what the model made of the image."""
    x = torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].float() / 255
    x = F.pad(x, (0, -x.shape[3] % STRIDE, 0, -x.shape[2] % STRIDE), mode="replicate")
    with torch.inference_mode():
        coded = model.compress(x)

    def decode() -> object:
        with torch.inference_mode():
            return model.decompress(coded["strings"], coded["shape"])

    return decode


def main() -> None:
    """Prints a table of seconds, and ratios to our decoder."""
    parser = argparse.ArgumentParser(prog="codec.eval.compressai_speed", description=__doc__)
    parser.add_argument("image", type=Path)
    parser.add_argument("--crop", type=int, metavar="SIDE", help="only the SIDE x SIDE pixels at the top left")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads of every codec; default 1")
    parser.add_argument("--repeat", type=int, default=3, help="timed runs; default 3")
    parser.add_argument(
        "--checkpoint", nargs=2, action="append", default=[], metavar=("MODEL", "FILE"), help="weights of a model"
    )
    options = parser.parse_args()
    try:
        _compare(options)
    except CodecError as error:
        sys.exit(f"codec: {error}")


def _compare(options: argparse.Namespace) -> None:
    torch.set_num_threads(options.threads)
    pixels = read_image(options.image).pixels[: options.crop, : options.crop]
    checkpoints = dict(options.checkpoint)
    data = codec.compress_image(pixels, OUR_QUALITY, device="cpu")
    ours = median_s(partial(codec.decompress_image, data, output="array", device="cpu"), options.repeat)
    size = f"{pixels.shape[1]} x {pixels.shape[0]} pixels"
    print(f"decoding {options.image.name}, {size}, {options.threads} threads, CPU, warm, median of {options.repeat}")
    print(f"{'codec':16}{ours:9.3f} s")
    for name in compressai_models.MODELS:
        checkpoint = checkpoints.get(name)
        model = compressai_models.model(name, QUALITY, Path(checkpoint) if checkpoint else None)
        seconds = median_s(decoding(model, pixels), options.repeat)
        print(f"{name:16}{seconds:9.3f} s{seconds / ours:9.2f} x ours{'' if checkpoint else ', random weights'}")


if __name__ == "__main__":
    main()
