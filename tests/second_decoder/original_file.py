"""Originals, undone by the libraries that the page names."""

from __future__ import annotations

import hashlib
import io
import struct
from collections.abc import Iterator

import numpy as np

from tests.second_decoder.container import FIRST_SKIPPABLE, HEADER, MAGIC_AND_VERSION, read_section, read_varint

PART = 6
ORIGINAL, ZSTANDARD, LEPTON, FLAC = 2, 1, 2, 3
MAX_ORIGINAL, MAX_LEPTON, MAX_PART, MAX_RUN = 2**40, 2**28, 2**22, 2**24


def original(data: bytes) -> bytes:
    """The bytes that an original came from, by the libraries that the page names."""
    section = read_section(data, 5)
    if data[:5] != MAGIC_AND_VERSION or section.id != HEADER or not section.is_whole or len(section.payload) != 50:
        raise ValueError("the file does not begin with a whole header of an original")
    media, method, size, coded_size, sha256 = struct.unpack("<BBQQ32s", section.payload)
    if media != ORIGINAL or size > (MAX_LEPTON if method == LEPTON else MAX_ORIGINAL):
        raise ValueError(f"media {media}, or an original of {size} bytes")
    if coded_size > size + size // 16 + 2**16:
        raise ValueError(f"{size} bytes are coded in {coded_size}")
    coded, at = b"", section.end
    while at < len(data):
        section = read_section(data, at)
        if not section.is_whole or (section.id < FIRST_SKIPPABLE and section.id != PART):
            raise ValueError(f"section {section.id} at byte {at} is damaged or no part")
        if len(section.payload) > MAX_PART:
            raise ValueError(f"a section of {len(section.payload)} bytes")
        if section.id == PART:
            coded += section.payload
        at = section.end
    if len(coded) != coded_size:
        raise ValueError(f"parts of {len(coded)} bytes, not {coded_size}")
    found = b"".join(uncoded(method, coded))
    if len(found) != size or hashlib.sha256(found).digest() != sha256:
        raise ValueError("the original is not what the header says")
    return found


def uncoded(method: int, coded: bytes) -> Iterator[bytes]:
    """The runs of bytes of an original."""
    if method == ZSTANDARD:
        import zstandard

        yield zstandard.ZstdDecompressor(max_window_size=2**27).stream_reader(coded).read()
    elif method == LEPTON:
        import lepton_jpeg_python

        yield lepton_jpeg_python.decompress_bytes(coded)
    elif method == FLAC:
        import soundfile

        runs, at = [], 0
        for _ in range(2):
            length, at = read_varint(coded, at)
            if length > MAX_RUN or at + length > len(coded):
                raise ValueError(f"a run of {length} bytes around the samples")
            runs.append(coded[at : at + length])
            at += length
        yield runs[0]
        with soundfile.SoundFile(io.BytesIO(coded[at:])) as flac:
            bits = {"PCM_S8": 8, "PCM_16": 16, "PCM_24": 24}[flac.subtype]
            samples = flac.read(dtype="int32").astype("<i4") >> (32 - bits)
        if bits == 8:
            yield (samples + 128).astype(np.uint8).tobytes()
        else:
            yield samples.reshape(-1, 1).view(np.uint8)[:, : bits // 8].tobytes()
        yield runs[1]
    else:
        raise ValueError(f"method {method}")
