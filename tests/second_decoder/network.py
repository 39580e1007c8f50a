"""The entropy nets of a weights file, and the latents of a piece (SPEC, sections 6 and 7)."""

from __future__ import annotations

import hashlib
import struct
from itertools import count
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from tests.second_decoder.container import AUDIO, OF_ENCODERS, Header, Piece, Sizes, crc32c
from tests.second_decoder.fixed_point import (
    EXP2,
    EXPECTED,
    HIDDEN,
    MEANS,
    OUTPUT,
    QUALITY,
    STEERED,
    STREAM,
    SYMBOLS,
    Format,
    divide,
    exp2_times,
    rows_for,
    spread,
)
from tests.second_decoder.image_file import read_pixels
from tests.second_decoder.streams import TOTAL, Ints, Model, Passes


class Latents(NamedTuple):
    """Latents of a piece, (rows, columns, channels), the logarithms of their steps, which broadcast to them, and their
    symbols.
    """

    y: Ints
    log2_step: Ints
    symbols: Ints


class Network:
    """The entropy nets of a weights file."""

    def __init__(self, weights_path: Path) -> None:
        self.weights = load_file(weights_path)
        sha = hashlib.sha256()
        for name, array in sorted(self.weights.items()):
            if name.split(".")[0] in OF_ENCODERS:
                continue
            little = array.astype(array.dtype.newbyteorder("<"))
            sha.update(f"{name} {little.dtype.str} {little.shape}\n".encode() + little.tobytes())
        self.digest = sha.digest()[:8]
        self.tables = self._tables()

    def latents_of_whole(self, number: int, piece: Piece, header: Header) -> Latents:
        """The latents of a piece with all its stream."""
        coded, checksum = piece.stream[:-4], piece.stream[-4:]
        if piece.pixels:
            pixels = read_pixels(piece, piece.pixels, header)
            little = pixels.astype(pixels.dtype.newbyteorder("<"))
            if crc32c(header.payload + struct.pack("<I", number) + little.tobytes()) != checksum:
                raise ValueError(f"the pixels of piece {number} are not those that were coded")
            return unknown(piece, header)
        if len(checksum) < 4 or len(coded) % 4:
            raise ValueError(f"stream {number} has {len(piece.stream)} bytes, not whole words and a checksum")
        passes = Passes(coded, self.tables, True, piece.least_row)
        found = self.walk(passes, piece.shape, header)
        passes.finish()
        if crc32c(header.payload + struct.pack("<I", number) + found.y.astype("<i4").tobytes()) != checksum:
            raise ValueError(f"the latents of piece {number} are not those that were coded")
        return found

    def latents_of_beginning(self, piece: Piece, header: Header) -> Latents:
        """What is known of the latents of a piece with a beginning of its stream."""
        coded = piece.stream[:-4]  # those four may be, or belong to, the checksum
        try:
            return self.walk(Passes(coded, self.tables, False, piece.least_row), piece.shape, header)
        except ValueError:  # impossible hyper-latents: nothing counts as known
            return self.walk(Passes(b"", self.tables, False, piece.least_row), piece.shape, header)

    def features(self, latents: Latents) -> NDArray[np.float64]:
        """What synthesis takes (SPEC, section 8)."""
        return latents.y / 64 / self._steps_of_unit(latents)

    def symbol_features(self, latents: Latents) -> NDArray[np.float64]:
        """Those of symbols alone (SPEC-SYNTHESIS, section 4.5)."""
        return latents.symbols / self._steps_of_unit(latents)

    def _steps_of_unit(self, latents: Latents) -> NDArray[np.float64]:
        """How many steps a unit of features is."""
        e = self.weights["prior.log2_norm"].astype(np.int64) - latents.log2_step
        steps: NDArray[np.float64] = EXP2[e & 255] * 2.0 ** ((e >> 8) - 14)
        return steps

    def _tables(self) -> list[Model]:
        """The cumulative frequencies of each row."""
        tables: list[Model] = [[0, TOTAL]]  # row 0 is never asked
        counts = self.weights["tables.counts"].astype(np.int64)
        for reach in self.weights["tables.reach"].tolist()[1:]:
            n = 2 * reach + 2
            running = np.concatenate([[0], np.cumsum(counts[:n])])
            tables.append((((running * (TOTAL - n)) >> 16) + np.arange(n + 1)).tolist())
            counts = counts[n:]
        return tables

    def _layer(self, name: str) -> tuple[NDArray[np.float64], Ints, Ints]:
        """Weight, bias and exponent of a layer."""
        weight, bias, exponent = (self.weights[f"prior.{name}.{part}"] for part in ("weight", "bias", "exponent"))
        return weight.astype(np.float64), bias.astype(np.int64), exponent.astype(np.int64)

    def _linear(self, name: str, x: Ints, source: Format, target: Format) -> Ints:
        """A linear layer. Sums of 1024 products of 2^7 and 2^13 stay below 2^53, so that float64 is exact."""
        weight, bias, exponent = self._layer(name)
        total = (x.astype(np.float64) @ weight.T).astype(np.int64) + bias
        return target.clamp(divide(total, exponent + source.bits - target.bits))

    def _depthwise(self, name: str, x: Ints) -> Ints:
        """A depthwise layer, from STREAM to STREAM."""
        weight, bias, exponent = self._layer(name)
        rows, columns, _ = x.shape
        height, width = weight.shape[1:]
        margins = (height // 2, height // 2), (width // 2, width // 2), (0, 0)
        padded = np.pad(x.astype(np.float64), margins)
        total = np.zeros(x.shape)
        for a in range(height):
            for b in range(width):
                total += weight[:, a, b] * padded[a : a + rows, b : b + columns]
        return STREAM.clamp(divide(total.astype(np.int64) + bias, exponent))

    def _pointwise(self, name: str, x: Ints, stream: Ints, source: Format = STREAM) -> Ints:
        """A part that looks at one position at a time and adds to the stream."""
        wide = self._linear(f"{name}.widen", x, source, HIDDEN)
        return STREAM.clamp(stream + self._linear(f"{name}.narrow", wide, HIDDEN, STREAM))

    def _look_around(self, name: str, context: Ints) -> Ints:
        """What the context around each position tells of it."""
        return self._depthwise(f"{name}.gather", self._linear(f"{name}.mix", context, STREAM, STREAM))

    def _log2_step(self, step_index: int, middle: int) -> Ints:
        """The logarithm of each channel's quantisation step, 8 fractional bits."""
        offset: Ints = self.weights["gain.log2_offset"].astype(np.int64)
        place = middle - step_index + 1024
        i = min(max(place >> 10, 0), 1)
        weight = place - (i << 10)
        log2_step: Ints = step_index + ((offset[i] * (1024 - weight) + offset[i + 1] * weight) >> 10)
        return log2_step

    def _hyper(self, passes: Passes, shape: tuple[int, int], sizes: Sizes, quality: Ints) -> Ints:
        """What the hyper-latents tell of each latent position."""
        rows, columns = (-(-side // grow**2) for side, grow in zip(shape, sizes.growth, strict=True))
        z_rows = rows_for(self._linear("z_scale", quality, QUALITY, OUTPUT))
        z = passes.decode(np.broadcast_to(z_rows, (rows, columns, sizes.hyper_channels)))
        if np.abs(z).max() > SYMBOLS.high:
            raise ValueError("a hyper-latent is out of range")
        begin = 0
        if sizes.has_repeated_ends:
            z = np.concatenate([z[:, :1], z, z[:, -1:]], 1)
            begin = sizes.growth[1] ** 2
        h = spread(self._linear("grow1", z, SYMBOLS, HIDDEN), sizes.growth)
        h = spread(self._linear("grow2", h, HIDDEN, STREAM), sizes.growth)
        h = STREAM.clamp(h + self._linear("by_quality", quality, QUALITY, STREAM))
        for block in ("blocks.0", "blocks.1"):
            h = self._pointwise(f"{block}.pointwise", self._depthwise(f"{block}.depthwise", h), h)
        return h[: shape[0], begin : begin + shape[1]]

    def walk(self, passes: Passes, shape: tuple[int, int], header: Header) -> Latents:
        """The latents of one piece with these rows and columns."""
        sizes = header.sizes
        quality = sizes.middle - np.array(header.steps)[:, None, None]
        h = self._hyper(passes, shape, sizes, quality)
        of_rows = np.stack([self._log2_step(step, sizes.middle) for step in header.steps])[:, None]
        log2_step = np.broadcast_to(of_rows, (*shape, sum(sizes.groups)))
        if sizes.is_steered:
            log2_step = log2_step + 4 * self._linear("steer", h, STREAM, STEERED)
        log2_std, log2_norm = (self.weights[f"prior.log2_{name}"].astype(np.int64) for name in ("std", "norm"))
        expected = EXPECTED[np.clip((log2_std - log2_step) >> 2, -1024, 1023) + 1024]
        y = np.zeros((*shape, sum(sizes.groups)), np.int64)
        context, symbols = np.zeros_like(y), np.zeros_like(y)
        row, column = np.indices(shape)
        if header.media == AUDIO:
            row[:] = 0  # those of stereo are grids of their own
        is_even = (row + column) % 2 == 0
        is_quarter = (column // 2 if sizes.has_quarters_by_columns else row) % 2 == 0
        predict, from_passes = count(), count()
        for k, channels in enumerate(sizes.groups):
            start = sum(sizes.groups[:k])
            group = slice(start, start + channels)
            f = self._linear(f"from_hyper.{k}", h, STREAM, STREAM)
            if k > 0:
                f = f + self._look_around(f"from_groups.{k}", context[..., :start])
            begin = (is_even & is_quarter, is_even & ~is_quarter) if k == 0 else (is_even,)
            for number, at in enumerate((*begin, ~is_even)):
                if number > 0:
                    f = f + self._look_around(f"from_passes.{next(from_passes)}", context[..., group])
                name = f"predict.{next(predict)}"
                g = HIDDEN.clamp(f[at])
                o = self._linear(f"{name}.head", self._pointwise(f"{name}.body", g, g, HIDDEN), STREAM, OUTPUT)
                step_to_norm = log2_norm[group] - log2_step[at, group]
                mean = MEANS.clamp(exp2_times(o[:, :channels], step_to_norm))
                symbols[at, group] = passes.decode(rows_for(o[:, channels:] + expected[at, group]))
                y[at, group] = 64 * symbols[at, group] + mean
                context[at, group] = STREAM.clamp(exp2_times(y[at, group], -step_to_norm - 512))
        return Latents(y, log2_step, symbols)


def unknown(piece: Piece, header: Header) -> Latents:
    """What stands for the latents of a piece of which nothing is known, or which has none."""
    zeros = np.zeros((*piece.shape, sum(header.sizes.groups)), np.int64)
    return Latents(zeros, np.zeros(1, np.int64), zeros)
