"""The entropy nets once more, in numpy's int64, from a weights file's arrays alone: no torch, no floats.

Written against the description of the format, not against `codec.prior`, so that a mistake would have to be made twice.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from codec.bitstream.entropy import Decoder, Models
from codec.bitstream.tables import Tables

Ints = npt.NDArray[np.int64]
GROUPS = (16, 16, 32, 64, 192)
STREAM, HIDDEN, OUTPUT = (-2047, 2047), (0, 1023), (-8191, 8191)
EXP2 = [round(2 ** (k / 256 + 14)) for k in range(256)]
SCALES = [round(64 * np.log2(0.45 * 2 ** (k / 64) + 0.1)) for k in range(-1024, 1024)]


def shifted(value: Ints, shift: npt.ArrayLike) -> Ints:
    """value / 2^shift, rounded half up."""
    s = np.broadcast_to(np.asarray(shift, np.int64), value.shape)
    down = (value + (np.int64(1) << np.maximum(s - 1, 0)) * (s > 0)) >> np.maximum(s, 0)
    return np.where(s > 0, down, value << np.maximum(-s, 0))


class Reference:
    """Decodes latents of one picture."""

    def __init__(self, arrays: dict[str, npt.NDArray[np.generic]]) -> None:
        self.a = {k: v.astype(np.int64) for k, v in arrays.items() if v.dtype.kind in "iu"}
        self.models = Models(Tables(arrays["tables.counts"], arrays["tables.reach"]))  # type: ignore[arg-type]

    def linear(self, x: Ints, name: str, limits: tuple[int, int], bits_in: int = 6) -> Ints:
        weight, exponent, bias = (self.a[f"prior.{name}.{part}"] for part in ("weight", "exponent", "bias"))
        total = np.einsum("...i,oi->...o", x, weight, optimize=True) + bias
        return np.clip(shifted(total, exponent + bits_in - 6), *limits)

    def depthwise(self, x: Ints, name: str) -> Ints:
        weight, exponent, bias = (self.a[f"prior.{name}.{part}"] for part in ("weight", "exponent", "bias"))
        rows, cols = weight.shape[1:]
        padded = np.pad(x, ((rows // 2, rows // 2), (cols // 2, cols // 2), (0, 0)))
        total = np.zeros_like(x) + bias
        for i in range(rows):
            for j in range(cols):
                total += padded[i : i + x.shape[0], j : j + x.shape[1]] * weight[:, i, j]
        return np.clip(shifted(total, exponent), *STREAM)

    def pointwise(self, x: Ints, stream: Ints, name: str) -> Ints:
        h = self.linear(self.linear(x, f"{name}.widen", HIDDEN), f"{name}.narrow", STREAM)
        return np.clip(h + stream, *STREAM)

    def latents(self, stream: bytes, height: int, width: int, step_index: int) -> Ints:
        """(height, width, 320) latents in 1/64 of a step; height and width count latents."""
        decoder = Decoder(self.models, stream)

        def take(log2_scale: Ints) -> Ints:
            rows = np.clip((log2_scale * 6 + 26 * 64) >> 6, 0, 63).astype(np.uint8)
            return decoder.take(rows.ravel()).reshape(rows.shape).astype(np.int64)

        told = np.array([1440 - step_index])  # (5.625 - step) / 2, in 1/512
        z_scale = self.linear(told, "z_scale", OUTPUT, bits_in=9)
        z = take(np.broadcast_to(z_scale, (height // 4, width // 4, len(z_scale))))
        h = self.spread(self.linear(z, "grow1", HIDDEN, bits_in=0))
        h = self.spread(self.linear(h, "grow2", STREAM))
        h = np.clip(h + self.linear(told, "by_quality", STREAM, bits_in=9), *STREAM)
        for block in ("blocks.0", "blocks.1"):
            h = self.pointwise(self.depthwise(h, f"{block}.depthwise"), h, f"{block}.pointwise")

        position = told[0] + 1024  # in 1/1024 of an anchor's distance
        first = int(np.clip(position >> 10, 0, 1))
        w = position - (first << 10)
        offset = self.a["gain.log2_offset"]
        log2_steps = step_index + ((offset[first] * (1024 - w) + offset[first + 1] * w) >> 10)
        std, norm = self.a["prior.log2_std"], self.a["prior.log2_norm"]
        expected = np.array(SCALES)[np.clip(((std - log2_steps) >> 2) + 1024, 0, 2047)]

        def times_exp2(value: Ints, log2_q8: Ints, limits: tuple[int, int]) -> Ints:
            mantissa = np.array(EXP2)[log2_q8 & 255]
            return np.clip(shifted(value * mantissa, 14 - (log2_q8 >> 8)), *limits)

        checker = np.add.outer(np.arange(height), np.arange(width)) % 2
        context = np.zeros((height, width, 320), np.int64)
        decoded = np.zeros_like(context)
        start = 0
        for k, size in enumerate(GROUPS):
            part = slice(start, start + size)
            f = self.linear(h, f"from_hyper.{k}", STREAM)
            if k:
                f = f + self.look_around(context[:, :, :start], f"from_groups.{k}")
            for half in (0, 1):
                if half:
                    f = f + self.look_around(context[:, :, part], f"from_half.{k}")
                at = np.clip(f[checker == half], *HIDDEN)
                name = f"predict.{2 * k + half}"
                head = self.linear(self.pointwise(at, at, f"{name}.body"), f"{name}.head", OUTPUT)
                mean = times_exp2(head[:, :size], (norm - log2_steps)[part], (-(2**20), 2**20))
                y = 64 * take(head[:, size:] + expected[part]) + mean
                decoded[checker == half, part] = y
                context[checker == half, part] = times_exp2(y, (log2_steps - norm - 512)[part], STREAM)
            start += size
        decoder.finish()
        return decoded

    def look_around(self, x: Ints, name: str) -> Ints:
        return self.depthwise(self.linear(x, f"{name}.mix", STREAM), f"{name}.gather")

    @staticmethod
    def spread(x: Ints) -> Ints:
        h, w, c = x.shape
        return x.reshape(h, w, 2, 2, c // 4).transpose(0, 2, 1, 3, 4).reshape(2 * h, 2 * w, c // 4)
