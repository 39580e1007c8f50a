"""ICC profiles: whether one fits its pixels, and those that are made of what PNG says of colour in chunks.

Profiles are built after ICC.1:2022: a matrix and curves, adapted to D50 by Bradford's method.
"""

from __future__ import annotations

import struct

import numpy as np
import numpy.typing as npt

from codec.bitstream.extras import Extras

Matrix = npt.NDArray[np.float64]

SPACES = {b"GRAY": 1, b"RGB ": 3}  # channels of what can be coded
HEADER_BYTES, SIGNATURE_AT, SPACE_AT = 128, 36, 16
SIGNATURE = b"acsp"

D50 = np.array([0.9642, 1.0, 0.8249])
D65 = (0.3127, 0.3290)
BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
BT_709 = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06)

# ITU-T H.273: x and y of white, then of red, green and blue, by the number of the primaries
PRIMARIES: dict[int, tuple[float, ...]] = {
    1: (*D65, *BT_709),
    4: (0.310, 0.316, 0.67, 0.33, 0.21, 0.71, 0.14, 0.08),
    5: (*D65, 0.64, 0.33, 0.29, 0.60, 0.15, 0.06),
    6: (*D65, 0.63, 0.34, 0.31, 0.595, 0.155, 0.07),
    7: (*D65, 0.63, 0.34, 0.31, 0.595, 0.155, 0.07),
    9: (*D65, 0.708, 0.292, 0.17, 0.797, 0.131, 0.046),
    11: (0.314, 0.351, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06),
    12: (*D65, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06),
    22: (*D65, 0.63, 0.34, 0.295, 0.605, 0.155, 0.077),
}
# parameters g a b c d of (a x + b)^g from d on, c x below it, by the number of the transfer characteristics
SRGB = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
BT_709_CURVE = (1 / 0.45, 1 / 1.099, 0.099 / 1.099, 1 / 4.5, 0.081)
CURVES: dict[int, tuple[float, ...]] = {
    **dict.fromkeys((1, 6, 14, 15), BT_709_CURVE),
    4: (2.2,),
    5: (2.8,),
    8: (1.0,),
    13: SRGB,
}
PQ, HLG = 16, 18
TABLE = 4096  # entries of a curve that has no parameters
EXPONENTS = (0.1, 10.0)  # least and largest that is taken for a gamma


def misfit(icc: bytes, channels: int) -> str:
    """Why a profile cannot be that of pixels of 1 or 3 channels, "" where it can."""
    if len(icc) < HEADER_BYTES or icc[SIGNATURE_AT : SIGNATURE_AT + 4] != SIGNATURE:
        return "is damaged"
    space = icc[SPACE_AT : SPACE_AT + 4]
    if SPACES.get(space) == channels:
        return ""
    kind = space.decode("latin-1").strip() if space.strip().isalnum() else "an unknown space"
    return f"is for {kind}, the pixels are {'grey' if channels == 1 else 'RGB'}"


def is_standard(extras: Extras) -> bool:
    """Whether no chunk says that the pixels are other than sRGB."""
    return not any(extras.chunk(name) for name in (b"cICP", b"gAMA", b"cHRM"))


def effective(icc: bytes, extras: Extras, channels: int) -> bytes:
    """The profile that says what pixels mean where only a profile can: cICP goes before ICC, ICC before the others."""
    made = of_chunks(extras, channels)
    return (made or icc) if extras.chunk(b"cICP") else (icc or made)


def of_chunks(extras: Extras, channels: int) -> bytes:
    """The profile that says what cICP, or else gAMA and cHRM, say; b"" where there are none, or they make no sense."""
    coded = extras.chunk(b"cICP")
    if coded:
        primaries, transfer, matrix, full_range = coded
        if primaries not in PRIMARIES or matrix or full_range != 1:
            return b""
        curve = _table(transfer) if transfer in (PQ, HLG) else _parameters(CURVES.get(transfer, ()))
        return _profile(PRIMARIES[primaries], curve, channels, coded)
    gamma, chromaticities = extras.chunk(b"gAMA"), extras.chunk(b"cHRM")
    if not gamma and not chromaticities:
        return b""
    exponent = 1e5 / max(int.from_bytes(gamma), 1)
    if gamma and not EXPONENTS[0] <= exponent <= EXPONENTS[1]:
        return b""
    points = tuple(value / 1e5 for value in struct.unpack(">8I", chromaticities)) if chromaticities else PRIMARIES[1]
    return _profile(points, _parameters((exponent,) if gamma else SRGB), channels)


def _profile(points: tuple[float, ...], curve: bytes, channels: int, coded: bytes = b"") -> bytes:
    """coded: cICP, which a profile can hold too."""
    if not curve or not all(points[1::2]):
        return b""
    white, *colours = (np.array([x / y, 1, (1 - x - y) / y]) for x, y in zip(points[::2], points[1::2], strict=True))
    mixed = np.stack(colours, 1)
    cone = BRADFORD @ white
    if abs(np.linalg.det(mixed)) < 1e-6 or (cone <= 0).any():
        return b""
    adapted = np.linalg.inv(BRADFORD) @ np.diag(BRADFORD @ D50 / cone) @ BRADFORD
    columns = adapted @ mixed @ np.diag(np.linalg.solve(mixed, white))
    if not (np.abs(columns) < 100).all() or not (np.abs(adapted) < 100).all():
        return b""
    name = b"cICP %d/%d" % tuple(coded[:2]) if coded else b"of gAMA and cHRM"
    tags = {b"desc": _text(name), b"cprt": _text(b"no rights reserved"), b"wtpt": _xyz(D50)}
    tags[b"chad"] = b"sf32" + bytes(4) + _fixed(adapted.ravel())
    if channels == 1:
        tags[b"kTRC"] = curve
    else:
        for letter, column in zip((b"r", b"g", b"b"), columns.T, strict=True):
            tags |= {letter + b"XYZ": _xyz(column), letter + b"TRC": curve}
    if coded and channels == 3:
        tags[b"cicp"] = b"cicp" + bytes(4) + coded
    return _file(b"GRAY" if channels == 1 else b"RGB ", tags)


def _file(space: bytes, tags: dict[bytes, bytes]) -> bytes:
    places: dict[bytes, int] = {}
    body, start = b"", HEADER_BYTES + 4 + 12 * len(tags)
    for content in tags.values():
        if content not in places:  # the three curves are one
            places[content] = start + len(body)
            body += content + bytes(-len(content) % 4)
    directory = struct.pack(">I", len(tags))
    directory += b"".join(tag + struct.pack(">II", places[content], len(content)) for tag, content in tags.items())
    head = struct.pack(">I4sI4s4s4s", start + len(body), bytes(4), 0x04400000, b"mntr", space, b"XYZ ")
    head += bytes(12) + SIGNATURE + bytes(28) + _fixed(D50)
    return head.ljust(HEADER_BYTES, b"\0") + directory + body


def _fixed(values: Matrix) -> bytes:
    """s15Fixed16"""
    return struct.pack(f">{len(values)}i", *(round(float(value) * 65536) for value in values))


def _xyz(values: Matrix) -> bytes:
    return b"XYZ " + bytes(4) + _fixed(values)


def _text(text: bytes) -> bytes:
    content = text.decode().encode("utf-16-be")
    return b"mluc" + bytes(4) + struct.pack(">II2s2sII", 1, 12, b"en", b"US", len(content), 28) + content


def _parameters(values: tuple[float, ...]) -> bytes:
    if not values:
        return b""
    return b"para" + bytes(4) + struct.pack(">HH", 0 if len(values) == 1 else 3, 0) + _fixed(np.array(values))


def _table(transfer: int) -> bytes:
    """A curve of HDR, 1 being the brightest that it can say: ST 2084, or the inverse OETF of BT.2100."""
    x = np.linspace(0, 1, TABLE)
    if transfer == PQ:
        m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
        power = x ** (1 / m2)
        y = (np.maximum(power - c1, 0) / (c2 - c3 * power)) ** (1 / m1)
    else:
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        y = np.where(x <= 0.5, x * x / 3, (np.exp((x - c) / a) + b) / 12)
    return b"curv" + bytes(4) + struct.pack(">I", TABLE) + (y * 65535).round().astype(">u2").tobytes()
