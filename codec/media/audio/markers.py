"""Markers of AIFF and CAF files, as the chunks of WAVE files that say the same: "cue " and labels.

Sources: Apple's "Audio Interchange File Format", version 1.3, and "Core Audio Format Specification".
"""

from __future__ import annotations

import math
import struct

from codec.media.audio import riff
from codec.media.audio.riff import Chunk

CAF_MARKER_BYTES = 28
CAF_MARKERS_AT = 8  # in "mark": behind the kind of time codes and the number of markers
CAF_STRING_BYTES = 12  # of an entry in "strg": number and place of a text
LONGEST_NAME = 1024  # bytes that are kept of it
LATEST = 0xFFFFFFFF  # sample that "cue " can name

Marker = tuple[int, int, str]  # number, sample, name


def chunks_of(markers: list[Marker]) -> list[tuple[bytes, bytes]]:
    """The chunks of a WAVE file, names and payloads, for markers; those that it cannot hold are left out."""
    kept = [marker for marker in markers if 0 <= marker[1] <= LATEST]
    if not kept:
        return []
    points = [struct.pack("<II4sIII", number, at, b"data", 0, 0, at) for number, at, _ in kept]
    chunks = [(b"cue ", struct.pack("<I", len(kept)) + b"".join(points))]
    named = [(number, name.encode("utf-8") + b"\0") for number, _, name in kept if name]
    labels = [riff.chunk_bytes(Chunk(b"labl", struct.pack("<I", number) + name)) for number, name in named]
    return [*chunks, (b"LIST", b"adtl" + b"".join(labels))] if labels else chunks


def of_aiff(payload: bytes) -> list[Marker]:
    """Those of a "MARK" chunk. Raises ValueError where it is damaged."""
    found, at = [], 2
    for _ in range(int.from_bytes(payload[:2], "big")):
        if at + 7 > len(payload):
            raise ValueError("markers end early")
        number, sample, length = struct.unpack_from(">HIB", payload, at)
        name = payload[at + 7 : at + 7 + length]
        found.append((number, sample, name.decode("utf-8", "replace").rstrip("\0")))
        at += 7 + length + (length + 1) % 2  # a text and its length fill an even number of bytes
    return found


def comments_of_aiff(payload: bytes) -> list[str]:
    """The texts of a "COMT" chunk. Raises ValueError where it is damaged."""
    found, at = [], 2
    for _ in range(int.from_bytes(payload[:2], "big")):
        if at + 8 > len(payload):
            raise ValueError("comments end early")
        (length,) = struct.unpack_from(">H", payload, at + 6)
        found.append(payload[at + 8 : at + 8 + length].decode("utf-8", "replace"))
        at += 8 + length + length % 2
    return found


def of_caf(payload: bytes, strings: bytes) -> list[Marker]:
    """Those of a "mark" chunk; strings: the payload of "strg", where their names stand, or nothing.

    Raises ValueError where it is damaged.
    """
    names, found = _strings_of_caf(strings), []
    for number in range(int.from_bytes(payload[4:CAF_MARKERS_AT], "big")):
        at = CAF_MARKERS_AT + number * CAF_MARKER_BYTES
        if at + CAF_MARKER_BYTES > len(payload):
            raise ValueError("markers end early")
        _, sample, name = struct.unpack_from(">IdI", payload, at)
        if not math.isfinite(sample):
            raise ValueError("a marker stands nowhere")
        found.append((number + 1, round(sample), names.get(name, "")))
    return found


def _strings_of_caf(payload: bytes) -> dict[int, str]:
    count = int.from_bytes(payload[:4], "big")
    texts_at = 4 + count * CAF_STRING_BYTES
    found = {}
    for number in range(min(count, len(payload) // CAF_STRING_BYTES)):
        entry = payload[4 + number * CAF_STRING_BYTES :][:CAF_STRING_BYTES]
        if len(entry) < CAF_STRING_BYTES:
            break
        name, at = struct.unpack(">Iq", entry)
        if at >= 0:
            text, _, _ = payload[texts_at + at : texts_at + at + LONGEST_NAME].partition(b"\0")
            found[name] = text.decode("utf-8", "replace")
    return found
