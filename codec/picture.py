"""A picture's way through the model: tiles, padding, colour channels, and the container around the coded latents.

Every tile is coded alone. The transforms look a little beyond it, at the picture when encoding and at the latents of
its neighbours when decoding, so that tiles leave no seams; a few tiles are in memory at a time.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from codec import coding, media, weights
from codec.bitstream import container, format
from codec.bitstream.checksum import crc32c
from codec.bitstream.container import Container, ImageHeader, Stream
from codec.bitstream.errors import CorruptFile, MediaError, ModelMismatch
from codec.bitstream.tiling import Tile, tile_units
from codec.coding import Latents
from codec.devices import undisturbed
from codec.media import Picture, Pixels
from codec.media.raster import STEP_OF_8_BITS
from codec.models import IMAGE
from codec.models.image import ImageModel
from codec.parallel import AT_ONCE, in_turn
from codec.prior import QUALITY

LAYER_ENDS = (32, 128)  # after so many channels a stream is cut into its layers


class Rect(NamedTuple):
    """Columns x0..x1 - 1 and rows y0..y1 - 1."""

    x0: int
    y0: int
    x1: int
    y1: int

    @staticmethod
    def of(tile: Tile) -> Rect:
        """The pixels of a tile."""
        return Rect(tile.x, tile.y, tile.x + tile.width, tile.y + tile.height)

    def grown(self, by: int, width: int, height: int) -> Rect:
        """Grown to every side, within a grid of width x height."""
        return Rect(max(self.x0 - by, 0), max(self.y0 - by, 0), min(self.x1 + by, width), min(self.y1 + by, height))

    def scaled(self) -> Rect:
        """The latents above these pixels."""
        down = format.STRIDE
        return Rect(self.x0 // down, self.y0 // down, -(-self.x1 // down), -(-self.y1 // down))

    def common(self, other: Rect) -> Rect:
        """What both cover; empty or inside out where that is nothing."""
        return Rect(max(self.x0, other.x0), max(self.y0, other.y0), min(self.x1, other.x1), min(self.y1, other.y1))

    def within(self, outer: Rect) -> tuple[slice, slice]:
        """Rows and columns of this inside an array that holds `outer`."""
        return slice(self.y0 - outer.y0, self.y1 - outer.y0), slice(self.x0 - outer.x0, self.x1 - outer.x0)


@dataclass(frozen=True)
class Decoded:
    """A restored picture; damage says in words what of the file was missing or wrong."""

    picture: Picture
    damage: tuple[str, ...] = ()


def encode(
    picture: Picture,
    quality: float,
    device: torch.device,
    *,
    effort: int = 1,
    tiles: Callable[[int, int], tuple[int, int]] = tile_units,
) -> bytes:
    """The file of a picture at a quality of 0..100.

    effort: 0 rounds latents to the nearest, 1 weighs bits against error. tiles: gives the `tile_units` of a width and
    height.
    """
    loaded = weights.installed(IMAGE.id, device)
    height, width, channels = picture.pixels.shape
    header = ImageHeader(
        model=IMAGE.id,
        digest=loaded.digest,
        step_index=IMAGE.curve.step_index(quality),
        width=width,
        height=height,
        channels=channels,
        bit_depth=picture.bit_depth,
        alpha=picture.alpha is not None,
        tile_units=tiles(width, height),
    )
    log2_step = _log2_step(header, device)
    rounding = loaded.rounding if effort else None

    def coded(number: int) -> Stream:
        tile = Rect.of(header.tiling[number])
        seen = tile.grown(loaded.model.halo * format.STRIDE, width, height)
        with undisturbed(device):
            x = padded(picture.pixels[seen.within(_whole(header))], device)
            rows, columns = tile.scaled().within(seen.scaled())
            h = loaded.model.analysis(x, log2_step)[:, rows, columns]
            identity = _identity(header, number)
            return Stream(
                coding.encode(loaded.model, loaded.tables, h, log2_step, identity, rounding, LAYER_ENDS).parts
            )

    streams = list(in_turn(coded, range(len(header.tiling))))
    return container.write(Container(header, streams, _extras(picture)))


def decode(
    data: bytes,
    device: torch.device,
    max_pixels: int = format.MAX_PIXELS,
    *,
    bit_depth: int = 8,
    region: tuple[int, int, int, int] | None = None,
    partial: bool = False,
) -> Decoded:
    """The picture of a file's bytes.

    bit_depth: of the samples, 8 or 16. region: x, y, width, height of the only pixels wanted. partial: show what there
    is of a file that is cut or damaged behind its header.
    Raises: CorruptFile, LimitExceeded, UnsupportedFile, ModelMismatch; MediaError for a region outside the picture.
    """
    parsed = container.read(data, max_pixels, partial)
    header = parsed.header
    wanted = _wanted(region, header)
    mosaic = _Mosaic(parsed, device, partial)
    full_scale, dtype = (255 * STEP_OF_8_BITS, np.uint16) if bit_depth == 16 else (255, np.uint8)
    pixels: Pixels = np.empty((wanted.y1 - wanted.y0, wanted.x1 - wanted.x0, header.channels), dtype)

    def shown(piece: Rect) -> Pixels:
        with undisturbed(device):
            x_hat = mosaic.synthesised(piece) * (full_scale / 255)
            found: Pixels = x_hat.round().clamp(0, full_scale).cpu().numpy().astype(dtype)
            return found

    pieces = [Rect.of(header.tiling[number]).common(wanted) for number in mosaic.order(wanted)]
    for piece, found in zip(pieces, in_turn(shown, pieces), strict=True):
        pixels[piece.within(wanted)] = found
    alpha, damage = None, [*parsed.damage, *(mosaic.damage[number] for number in sorted(mosaic.damage))]
    if format.SECTION_ALPHA in parsed.extras:
        try:
            alpha = media.at_depth(_alpha(parsed), bit_depth)[wanted.within(_whole(header))]
        except CorruptFile as error:
            if not partial:
                raise
            damage.append(str(error))
    icc, exif, xmp = (parsed.extras.get(section, b"") for section in container.METADATA)
    return Decoded(Picture(pixels, alpha, icc, exif, xmp), tuple(damage))


def latents(
    data: bytes, device: torch.device, max_pixels: int = format.MAX_PIXELS, partial: bool = False
) -> Iterator[Tensor]:
    """(1, rows, columns, M) float32 latents of each tile, in steps; as far as they are known where `partial`.

    Raises: CorruptFile, LimitExceeded, UnsupportedFile, ModelMismatch.
    """
    mosaic = _Mosaic(container.read(data, max_pixels, partial), device, partial)

    def decoded(number: int) -> Tensor:
        with undisturbed(device):
            return mosaic.decoded(number).y_hat

    return in_turn(decoded, range(len(mosaic.streams)))


def verify(data: bytes, device: torch.device, max_pixels: int = format.MAX_PIXELS) -> None:
    """Decodes all of a file but its pixels, against its checksums.

    Raises: CorruptFile, LimitExceeded, UnsupportedFile, ModelMismatch.
    """
    for _ in latents(data, device, max_pixels):
        pass
    parsed = container.read(data, max_pixels)
    if parsed.header.alpha:
        _alpha(parsed)


class _Mosaic:
    """The tiles of a parsed file, decoded when asked for; three rows or columns of them stay in memory."""

    def __init__(self, parsed: Container, device: torch.device, partial: bool) -> None:
        header = parsed.header
        self.header, self.streams, self.tiling = header, parsed.streams, header.tiling
        self.device, self.partial = device, partial
        self.loaded = weights.installed(header.model, device)
        if self.loaded.digest != header.digest:
            raise ModelMismatch(
                f"the file was written with weights {header.digest.hex()}, here are {self.loaded.digest.hex()}"
            )
        if not isinstance(self.loaded.model, ImageModel):
            raise CorruptFile(f"model {header.model} is not one of pictures")
        self.log2_step = _log2_step(header, device)
        if abs(float(self.loaded.model.gain.told(self.log2_step))) > QUALITY.high * 2.0**-QUALITY.bits:
            raise CorruptFile(f"step index {header.step_index} is beyond what the model was made for")
        self.damage: dict[int, str] = {}  # by tile
        self.by_rows = self.tiling.columns <= self.tiling.rows
        # walking along the shorter side, a tile is asked for again before three rows of others have been
        self.room = 3 * min(self.tiling.columns, self.tiling.rows) + 3 + AT_ONCE
        self.held: OrderedDict[int, Future[Tensor]] = OrderedDict()
        self.lock = threading.Lock()

    def order(self, wanted: Rect) -> list[int]:
        """The tiles that share pixels with `wanted`, along the shorter side of the picture."""
        numbers = self.tiling.touching(*wanted)
        return numbers if self.by_rows else sorted(numbers, key=lambda n: (n % self.tiling.columns, n))

    def synthesised(self, piece: Rect) -> Tensor:
        """(rows, columns, channels) float32 pixels, not clamped, of a piece no larger than a tile."""
        whole = _whole(self.header).scaled()
        inner = piece.scaled()
        seen = inner.grown(self.loaded.model.halo, whole.x1, whole.y1)
        shape = (1, seen.y1 - seen.y0, seen.x1 - seen.x0, len(self.loaded.model.prior.log2_std))
        h_hat = torch.zeros(shape, dtype=torch.float32, device=self.device)
        for number in self.tiling.touching(*(side * format.STRIDE for side in seen)):
            latents = Rect.of(self.tiling[number]).scaled()
            common = latents.common(seen)
            rows, columns = common.within(seen)
            rows_there, columns_there = common.within(latents)
            h_hat[:, rows, columns] = self.features(number)[:, rows_there, columns_there]
        x_hat = self.loaded.model.synthesis(h_hat, self.log2_step)[0]
        rows, columns = piece.within(Rect(*(side * format.STRIDE for side in seen)))
        x_hat = x_hat[rows, columns]
        return x_hat.mean(2, keepdim=True) if self.header.channels == 1 else x_hat

    def features(self, number: int) -> Tensor:
        """(1, h, w, M) decoded features of a tile, kept for a while; threads wait for each other's."""
        with self.lock:
            known = self.held.get(number)
            future = known or Future()
            self.held[number] = future
            self.held.move_to_end(number)
            if len(self.held) > self.room:
                self.held.popitem(last=False)
        if known is None:
            try:
                future.set_result(self.decoded(number).features)
            except BaseException as error:
                future.set_exception(error)
        return future.result()

    def decoded(self, number: int) -> Latents:
        """(1, h, w, M) latents of a tile: what can be had of them where `partial`."""
        latents = Rect.of(self.tiling[number]).scaled()
        shape = (latents.y1 - latents.y0, latents.x1 - latents.x0)
        stream, data = self.streams[number], self.streams[number].data
        model, tables = self.loaded.model, self.loaded.tables
        if stream.whole:
            try:
                return coding.decode(model, tables, data, shape, self.log2_step, _identity(self.header, number))
            except CorruptFile as error:
                named = CorruptFile(f"tile {number}: {error}") if self.header.tiled else error
                if not self.partial:
                    raise named from error
                self.damage[number] = str(named)
                data = b""
        if len(data) <= format.CRC_BYTES:
            return Latents.unknown(shape, len(model.prior.log2_std), self.device)
        return coding.decode_prefix(model, tables, data, shape, self.log2_step)


def padded(pixels: Pixels, device: torch.device) -> Tensor:
    """(1, H', W', 3) float32 in 0..255 from pixels (H, W, 1 or 3): edges repeated up to whole latents."""
    x = torch.from_numpy(pixels.astype(np.float32)).to(device).expand(-1, -1, 3)
    if pixels.dtype == np.uint16:
        x = x / STEP_OF_8_BITS
    down, right = (-side % format.STRIDE for side in x.shape[:2])
    planes = F.pad(x.permute(2, 0, 1)[None], (0, right, 0, down), mode="replicate")
    return planes.permute(0, 2, 3, 1).contiguous()


def _wanted(region: tuple[int, int, int, int] | None, header: ImageHeader) -> Rect:
    if region is None:
        return _whole(header)
    x, y, width, height = region
    if min(x, y) < 0 or min(width, height) < 1 or x + width > header.width or y + height > header.height:
        raise MediaError(
            f"region {x},{y},{width},{height} is not inside the picture of {header.width} x {header.height} pixels"
        )
    return Rect(x, y, x + width, y + height)


def _whole(header: ImageHeader) -> Rect:
    return Rect(0, 0, header.width, header.height)


def _identity(header: ImageHeader, tile: int) -> bytes:
    """What the checksum of a tile's latents also covers: a header or a place that is not theirs is noticed."""
    return header.bytes() + tile.to_bytes(4, "little")


def _extras(picture: Picture) -> dict[int, bytes]:
    """The sections of a picture beside its latents."""
    found = dict(zip(container.METADATA, (picture.icc, picture.exif, picture.xmp), strict=True))
    extras = {section: payload for section, payload in found.items() if payload}
    if picture.alpha is not None:
        checksum = crc32c(picture.alpha.astype(picture.alpha.dtype.newbyteorder("<")).tobytes())
        extras[format.SECTION_ALPHA] = checksum.to_bytes(format.CRC_BYTES, "little") + media.alpha_bytes(picture.alpha)
    return extras


def _alpha(parsed: Container) -> Pixels:
    """(H, W) alpha of a file, at the depth of its source. Raises CorruptFile."""
    header, payload = parsed.header, parsed.extras[format.SECTION_ALPHA]
    dtype = np.dtype(np.uint8 if header.bit_depth == 8 else np.uint16)
    alpha = media.alpha_from(payload[format.CRC_BYTES :], header.width, header.height, dtype)
    found = crc32c(alpha.astype(dtype.newbyteorder("<")).tobytes())
    if found.to_bytes(format.CRC_BYTES, "little") != payload[: format.CRC_BYTES]:
        raise CorruptFile("the alpha samples do not have the checksum that stands before them")
    return alpha


def _log2_step(header: ImageHeader, device: torch.device) -> Tensor:
    """(1,) float32, as the model takes it."""
    return torch.tensor([header.step_index / format.STEP_UNITS], dtype=torch.float32, device=device)
