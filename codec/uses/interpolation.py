"""Images between two others, as files: their latents are mixed, and coded under the prior."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from codec.arguments import Device, check_quality, check_share
from codec.bitstream import constants
from codec.bitstream.audio import AudioFile
from codec.bitstream.errors import MediaError
from codec.bitstream.image import Stream
from codec.bitstream.image import write as write_image_file
from codec.devices import device_named
from codec.image.tile_encoder import stream_of
from codec.image.tiles import LAYER_ENDS, Rect, whole
from codec.latents import encode as latents_encode
from codec.latents.header import identity, log2_steps_of, weights_of
from codec.media import ImageSource, PathLike
from codec.model.registry import IMAGE
from codec.quality import DEFAULT_QUALITY
from codec.search.lagrangian import ROUNDING
from codec.search.rdoq import Rdoq
from codec.uses.coded import as_latents
from codec.uses.latents import of_file


def interpolate(
    start: ImageSource,
    end: ImageSource,
    share: float = 0.5,
    quality: float = DEFAULT_QUALITY,
    *,
    device: Device = "auto",
    threads: int | None = None,
    weights: PathLike | None = None,
) -> bytes:
    """The bytes of an .lcc file of an image between two of one size, in latents; its length is what that image costs.

    share: in 0..1, how far it is on the way from start to end. quality: 0 to 100, that images are coded at; .lcc files
        keep theirs, and that of start is what is between coded at. threads, weights: as `codec.compress` has them.
    Raises: MediaError for audio, and images that differ in size, channels or weights; as `latents_of`; ValueError for a
        share beyond 0..1.
    """
    check_share("share", share)
    check_quality(quality)
    placed = device_named(device, threads, weights)
    one, other = (as_latents(source, float(quality), placed) for source in (start, end))
    if isinstance(one, AudioFile) or isinstance(other, AudioFile):
        raise MediaError("audio has nothing between: two images are needed")
    alike = [(x.header.width, x.header.height, x.header.channels, x.header.digest) for x in (one, other)]
    if alike[0] != alike[1]:
        raise MediaError("the images differ in size, channels or the weights they are coded with")
    h = (1 - np.float32(share)) * of_file(one, placed).features + np.float32(share) * of_file(other, placed).features
    header, loaded = one.header, weights_of(one.header, IMAGE, placed)

    def coded(number: int) -> Stream:
        rows, columns = Rect.of(header.tiling[number]).scaled().within(whole(header).scaled())
        found = latents_encode.encode(
            loaded.model,
            loaded.tables,
            np.ascontiguousarray(h[:, rows, columns]),
            log2_steps_of(header),
            identity(header, number),
            Rdoq(loaded.tables.tables),
            price=ROUNDING,
            cut_after=LAYER_ENDS,
        )
        return stream_of(header, constants.TILE_LATENTS, found.parts)

    return write_image_file(replace(one, streams=[coded(number) for number in range(len(header.tiling))], extras={}))
