"""A file to an image: tiles, seams, regions, damage.

Every tile is coded alone. The transforms look a little beyond it, at the image when encoding and at the latents of
its neighbours when decoding, so that tiles leave no seams; a few tiles are in memory at a time.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator

import numpy as np

from codec import media
from codec.bitstream import constants
from codec.bitstream import image as image_file
from codec.bitstream.checksum import crc32c
from codec.bitstream.errors import CodecError, CorruptFile, MediaError, MissingPackage, UnsupportedFile
from codec.bitstream.image import Container, ImageHeader
from codec.decoded import DecodedImage
from codec.devices import Device
from codec.image import jpeg_xl, lossless
from codec.image.sections import image_of
from codec.image.tiles import Rect, whole
from codec.latents import decode as latents_decode
from codec.latents.decode import Latents, Record
from codec.latents.drawing import Draw
from codec.latents.header import identity, log2_steps_of, weights_of
from codec.latents.pieces import AT_ONCE, ordered_map
from codec.media import Pixels
from codec.media.image.data import STEP_OF_8_BITS
from codec.model.fixed_point import Floats
from codec.model.registry import IMAGE
from codec.progress import Progress, Report
from codec.workers import Once


def decode(
    data: bytes,
    device: Device,
    max_pixels: int = constants.MAX_PIXELS,
    *,
    bit_depth: int = 8,
    region: tuple[int, int, int, int] | None = None,
    partial: bool = False,
) -> DecodedImage:
    """The image of a file's bytes; see `restored`. Raises LimitExceeded too."""
    return restored(
        image_file.read(data, max_pixels, partial), device, bit_depth=bit_depth, region=region, partial=partial
    )


def restored(
    parsed: Container,
    device: Device,
    *,
    bit_depth: int = 8,
    region: tuple[int, int, int, int] | None = None,
    partial: bool = False,
    progress: Report | None = None,
    seed: int | None = None,
) -> DecodedImage:
    """The image of a parsed file.

    bit_depth: of the samples, 8 or 16. region: x, y, width, height of the only pixels wanted. partial: show what there
    is of a file that is cut or damaged behind its header, and was parsed so. progress: called with the share that is
    done, tile by tile; what it raises ends the work. seed: by which latents that are missing of partial files are drawn
    from the prior; where None, they have their expected values.
    Raises: CorruptFile, UnsupportedFile, ModelMismatch; MediaError for a region outside the image.
    """
    header = parsed.header
    wanted = _wanted(region, header)
    mosaic = _Mosaic(parsed, device, partial, seed)
    full_scale, dtype = (255 * STEP_OF_8_BITS, np.uint16) if bit_depth == 16 else (255, np.uint8)
    pixels: Pixels = np.empty((wanted.y1 - wanted.y0, wanted.x1 - wanted.x0, header.channels), dtype)

    def shown(number: int) -> Pixels:
        tile = Rect.of(header.tiling[number])
        piece = tile.common(wanted)
        exact = mosaic.exact_pixels(number)
        if exact is not None:
            return media.at_depth(exact[piece.within(tile)], bit_depth)
        x_hat = mosaic.synthesised(piece) * np.float32(full_scale / 255)
        found: Pixels = np.clip(np.rint(x_hat, out=x_hat), 0, full_scale, out=x_hat).astype(dtype)
        return found

    numbers = mosaic.order(wanted)
    done = Progress(progress, len(numbers))
    for number, found in zip(numbers, ordered_map(shown, numbers, device.threads), strict=True):
        pixels[Rect.of(header.tiling[number]).common(wanted).within(wanted)] = found
        done.step()
    alpha, damage = None, [*parsed.damage, *(mosaic.damage[number] for number in sorted(mosaic.damage))]
    if constants.SECTION_ALPHA in parsed.extras:
        try:
            alpha = media.at_depth(_alpha(parsed), bit_depth)[wanted.within(whole(header))]
        except CorruptFile as error:
            if not partial:
                raise
            damage.append(str(error))
    image = image_of(pixels, alpha, parsed.extras, cropped=wanted != whole(header), damage=damage if partial else None)
    return DecodedImage(image, tuple(damage))


def latents(
    data: bytes, device: Device, max_pixels: int = constants.MAX_PIXELS, partial: bool = False
) -> Iterator[Floats]:
    """(1, rows, columns, M) float32 latents of each tile, in steps; as far as they are known where `partial`.

    Raises: CorruptFile, LimitExceeded, UnsupportedFile, ModelMismatch.
    """
    return _latents(image_file.read(data, max_pixels, partial), device, partial)


def _latents(parsed: Container, device: Device, partial: bool = False) -> Iterator[Floats]:
    mosaic = _Mosaic(parsed, device, partial)

    def decoded(number: int) -> Floats:
        mosaic.exact_pixels(number)
        return mosaic.decoded(number).y_hat

    return ordered_map(decoded, range(len(mosaic.streams)), device.threads)


def recorded(parsed: Container, device: Device) -> Iterator[tuple[Latents, Record]]:
    """The latents of each tile of a parsed file, and how they were coded; zeros, and no record, of lossless tiles.

    Raises: CorruptFile, UnsupportedFile, ModelMismatch.
    """
    mosaic = _Mosaic(parsed, device, partial=False)

    def decoded(number: int) -> tuple[Latents, Record]:
        record: Record = []
        return mosaic.decoded(number, record), record

    return ordered_map(decoded, range(len(mosaic.streams)), device.threads)


def verify(parsed: Container, device: Device) -> None:
    """Decodes all of a parsed file but its pixels, against its checksums.

    Raises: CorruptFile, UnsupportedFile, ModelMismatch.
    """
    for _ in _latents(parsed, device):
        pass
    if parsed.header.alpha:
        _alpha(parsed)


class _Mosaic:
    """The tiles of a parsed file, decoded when asked for; three rows or columns of them stay in memory."""

    def __init__(self, parsed: Container, device: Device, partial: bool, seed: int | None = None) -> None:
        header = parsed.header
        self.header, self.streams, self.tiling = header, parsed.streams, header.tiling
        self.partial, self.seed = partial, seed
        self.loaded = weights_of(header, IMAGE, device)
        self.log2_step = log2_steps_of(header)
        self.damage: dict[int, str] = {}  # by tile
        self.by_rows = self.tiling.columns <= self.tiling.rows
        # walking along the shorter side, a tile is asked for again before three rows of others have been
        self.room = 3 * min(self.tiling.columns, self.tiling.rows) + 3 + AT_ONCE
        self.held: OrderedDict[int, Once[Floats]] = OrderedDict()
        self.lock = threading.Lock()

    def order(self, wanted: Rect) -> list[int]:
        """The tiles that share pixels with `wanted`, along the shorter side of the image."""
        numbers = self.tiling.touching(*wanted)
        return numbers if self.by_rows else sorted(numbers, key=lambda n: (n % self.tiling.columns, n))

    def synthesised(self, piece: Rect) -> Floats:
        """(rows, columns, channels) float32 pixels, not clamped, of a piece no larger than a tile."""
        grid = whole(self.header).scaled()
        inner = piece.scaled()
        model = self.loaded.model
        seen = inner.grown(model.config.synthesis_halo, grid.x1, grid.y1)
        h_hat = model.unknown((1, seen.y1 - seen.y0, seen.x1 - seen.x0))
        for number in self.tiling.touching(*(side * constants.STRIDE for side in seen)):
            latents = Rect.of(self.tiling[number]).scaled()
            common = latents.common(seen)
            rows, columns = common.within(seen)
            rows_there, columns_there = common.within(latents)
            h_hat[:, rows, columns] = self.features(number)[:, rows_there, columns_there]
        x_hat = model.synthesis(h_hat, self.log2_step)[0]
        rows, columns = piece.within(Rect(*(side * constants.STRIDE for side in seen)))
        x_hat = x_hat[rows, columns]
        out: Floats = x_hat.mean(2, keepdims=True) if self.header.channels == 1 else x_hat
        return out

    def features(self, number: int) -> Floats:
        """(1, h, w, M) decoded features of a tile, kept for a while; threads wait for each other's."""
        with self.lock:
            found = self.held.setdefault(number, Once(lambda: self.decoded(number).features))
            self.held.move_to_end(number)
            if len(self.held) > self.room:
                self.held.popitem(last=False)
        return found.get()

    def decoded(self, number: int, record: Record | None = None) -> Latents:
        """(1, h, w, M) latents of a tile: what can be had of them where `partial`; zeros where it has none.

        record: where the passes of a whole stream are noted.
        """
        latents = Rect.of(self.tiling[number]).scaled()
        shape = (latents.y1 - latents.y0, latents.x1 - latents.x0)
        kind, data = self.kind(number), self.streams[number].data[1:]
        model, tables = self.loaded.model, self.loaded.tables
        certain = kind in (constants.TILE_LATENTS, None)
        if kind is None or kind in constants.TILES_OF_PIXELS:
            data = b""
        elif self.streams[number].whole:
            try:
                name = identity(self.header, number)
                return latents_decode.decode(model, tables, data, shape, self.log2_step, name, certain, record)
            except CorruptFile as error:
                self.fail(number, error)
                data = b""
        if len(data) <= constants.CRC_BYTES and self.seed is None:
            return Latents.unknown(model, (1, *shape))
        draw = None if self.seed is None else Draw(tables.tables, self.seed, number)
        return latents_decode.decode_prefix(model, tables, data, shape, self.log2_step, certain, draw)

    def kind(self, number: int) -> int | None:
        """How a tile is coded; None where that is not known, of a beginning or where `partial`: nothing is had of it.

        Raises UnsupportedFile.
        """
        stream = self.streams[number]
        kind = stream.kind
        if kind in constants.TILE_KINDS:
            return kind
        if stream.whole or kind is not None:
            self.fail(number, UnsupportedFile(f"a tile of kind {kind}; known: {constants.TILE_KINDS}"))
        return None

    def exact_pixels(self, number: int) -> Pixels | None:
        """(H, W, channels) pixels of a tile that holds them without loss, at the depth of the source; None of others,
        and where they are damaged and `partial`.
        """
        kind = self.kind(number)
        if kind not in constants.TILES_OF_PIXELS or not self.streams[number].whole:
            return None
        tile, data = self.tiling[number], self.streams[number].data[1:]
        try:
            payload, stored = data[: -constants.CRC_BYTES], data[-constants.CRC_BYTES :]
            shape = (tile.height, tile.width, self.header.channels)
            unpacked = jpeg_xl.decode if kind == constants.TILE_JPEG_XL else lossless.decode
            pixels = unpacked(payload, shape, self.header.bit_depth)
            if lossless.checksum(pixels, identity(self.header, number)) != stored:
                raise CorruptFile("the pixels do not have the checksum that stands behind them")
        except (CorruptFile, MissingPackage, UnsupportedFile) as error:
            self.fail(number, error)
            return None
        return pixels

    def fail(self, number: int, error: CodecError) -> None:
        """Raises what is wrong with a tile, or notes it where `partial`."""
        named = type(error)(f"tile {number}: {error}") if self.header.tiled else error
        if not self.partial:
            raise named from error
        self.damage[number] = str(named)


def _wanted(region: tuple[int, int, int, int] | None, header: ImageHeader) -> Rect:
    if region is None:
        return whole(header)
    x, y, width, height = region
    if min(x, y) < 0 or min(width, height) < 1 or x + width > header.width or y + height > header.height:
        raise MediaError(
            f"region {x},{y},{width},{height} is not inside the image of {header.width} x {header.height} pixels"
        )
    return Rect(x, y, x + width, y + height)


def _alpha(parsed: Container) -> Pixels:
    """(H, W) alpha of a file, at the depth of its source. Raises CorruptFile."""
    header, payload = parsed.header, parsed.extras[constants.SECTION_ALPHA]
    dtype = np.dtype(np.uint8 if header.bit_depth == 8 else np.uint16)
    alpha = media.alpha_from(payload[constants.CRC_BYTES :], header.width, header.height, dtype)
    found = crc32c(alpha.astype(dtype.newbyteorder("<")).tobytes())
    if found.to_bytes(constants.CRC_BYTES, "little") != payload[: constants.CRC_BYTES]:
        raise CorruptFile("the alpha samples do not have the checksum that stands before them")
    return alpha
