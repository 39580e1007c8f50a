"""BMP files: the profile and the primaries in their header, and what stands where Pillow does not look."""

from __future__ import annotations

import struct

from codec.media.image.found import Found

FILE_HEADER = 14  # bytes: "BM", size of the file, reserved, where the pixels begin
INFO = struct.Struct("<IiiHHII")  # its own size, width, height, planes, bits a pixel, compression, bytes of pixels
V4, V5 = 108, 124  # bytes of headers with colours, and with a profile too
RUN_LENGTHS = (1, 2)  # compression whose pixels have no size that follows from the others
PLAIN = 0  # compression where 32 bits a pixel are blue, green, red and a byte that is not to be used


def collect(data: bytes, found: Found) -> None:
    """Puts the profile of a BMP into `found`, and names what is left out."""
    header = data[FILE_HEADER:]
    if len(header) < INFO.size:
        return
    declared, start = (int.from_bytes(data[at : at + 4], "little") for at in (2, 10))
    size, width, height, _, bits, compression, coded = INFO.unpack_from(header)
    if size < INFO.size:
        return  # of OS/2, whose header has other fields
    row = (width * bits + 31) // 32 * 4
    end = max(declared, start + (coded if compression in RUN_LENGTHS else row * abs(height)))
    kind = header[56:60]
    if size >= V5 and kind == b"DEBM":  # an embedded profile; integers lie little end first
        place, length = int.from_bytes(header[112:116], "little"), int.from_bytes(header[116:120], "little")
        found.icc = header[place : place + length]
        end = max(end, FILE_HEADER + place + length)
    elif size >= V5 and kind == b"KNIL":
        found.lose("the name of a profile in another file")
    elif size >= V4 and kind == bytes(4) and any(header[60:108]):
        found.lose("the primaries of a BMP")
    if bits == 32 and compression == PLAIN:
        unused = data[start + 3 : start + row * abs(height) : 4]
        if len(unused) not in (unused.count(0), unused.count(255)):
            found.lose("the fourth byte of each pixel, which some programs take for transparency,")
    if declared and end < len(data):
        found.lose(f"{len(data) - end:,} bytes behind the image")
