"""CRC-32C (Castagnoli, RFC 3720): the one checksum of the format, and the only file that imports google_crc32c."""

from __future__ import annotations

import google_crc32c


def crc32c(data: bytes, start: int = 0) -> int:
    """CRC-32C of data; `start` is that of the bytes before it."""
    value: int = google_crc32c.extend(start, data)
    return value
