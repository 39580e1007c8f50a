"""Image resource blocks, which Photoshop adds to files of every format; one of them is IPTC."""

from __future__ import annotations

from collections.abc import Iterator

IPTC = 0x0404
SIGNATURE = b"8BIM"


def of_iptc(iptc: bytes) -> bytes:
    """The block of IPTC records."""
    return SIGNATURE + IPTC.to_bytes(2) + b"\0\0" + len(iptc).to_bytes(4) + iptc + bytes(len(iptc) % 2)


def blocks(resources: bytes) -> Iterator[tuple[int, bytes]]:
    """Number and content of each block, up to where they are damaged."""
    at = 0
    while resources[at : at + 4] == SIGNATURE and at + 12 <= len(resources):
        number, named = int.from_bytes(resources[at + 4 : at + 6]), at + 6
        content = named + (resources[named] + 2 & ~1) + 4  # the name is padded to an even length, its count included
        size = int.from_bytes(resources[content - 4 : content])
        if content + size > len(resources):
            return
        yield number, resources[content : content + size]
        at = content + size + size % 2


def iptc_of(resources: bytes) -> bytes:
    """The IPTC records, b"" where there are none."""
    return next((content for number, content in blocks(resources) if number == IPTC), b"")
