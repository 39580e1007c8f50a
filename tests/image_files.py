"""Image files that hold more than pixels, made byte by byte: nothing here is done by the code under test."""

from __future__ import annotations

import hashlib
import io
import struct
import zlib
from functools import cache

import numpy as np
from PIL import Image, ImageCms

XMP_HEAD, XMP_TAIL = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">',
    b"</rdf:RDF></x:xmpmeta>",
)
MOTION_XMP = (
    XMP_HEAD
    + b'<rdf:Description xmlns:GCamera="http://ns.google.com/photos/1.0/camera/" GCamera:MotionPhoto="1" '
    + b'GCamera:MotionPhotoVersion="1" GCamera:Special="7" xmlns:dc="http://purl.org/dc/elements/1.1/" dc:format="x" '
    + b'xmlns:Container="http://ns.google.com/photos/1.0/container/" '
    + b'xmlns:Item="http://ns.google.com/photos/1.0/container/item/"><Container:Directory><rdf:Seq>'
    + b'<rdf:li rdf:parseType="Resource"><Container:Item Item:Semantic="MotionPhoto" Item:Length="4012"/></rdf:li>'
    + b"</rdf:Seq></Container:Directory></rdf:Description>"
    + XMP_TAIL
)
GAIN_XMP = (
    XMP_HEAD + b'<rdf:Description xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" hdrgm:Version="1.0"/>' + XMP_TAIL
)
VIDEO = b"\0\0\0\x18ftypmp42" + bytes(range(256)) * 4


def photo(width: int = 64, height: int = 48, seed: int = 3) -> np.ndarray:
    """(height, width, 3) uint8, smooth with some noise."""
    generator = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width] / max(width, height)
    waves = np.stack([np.sin(9 * x + 3 * y + p) + np.cos(7 * y - 4 * x + 2 * p) for p in range(3)], -1)
    return np.clip(128 + 45 * waves + generator.normal(0, 4, (height, width, 1)), 0, 255).astype(np.uint8)


def saved(samples: np.ndarray | Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image = Image.fromarray(samples) if isinstance(samples, np.ndarray) else samples
    image.save(out, kind, **options)
    return out.getvalue()


def jpeg(samples: np.ndarray | None = None, *segments: bytes) -> bytes:
    """A JPEG with segments behind its first, JFIF."""
    data = saved(photo() if samples is None else samples, "JPEG", quality=92)
    at = 4 + int.from_bytes(data[4:6])
    return data[:at] + b"".join(segments) + data[at:]


def segment(marker: int, payload: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload


def segments(data: bytes) -> list[tuple[int, bytes]]:
    """Marker and payload of each segment of a JPEG before its coded data."""
    at, found = 2, []
    while data[at + 1] != 0xDA:
        size = int.from_bytes(data[at + 2 : at + 4])
        found.append((data[at + 1], data[at + 4 : at + 2 + size]))
        at += 2 + size
    return found


def png(samples: np.ndarray | None = None, *chunks: bytes) -> bytes:
    """A PNG with chunks behind its header."""
    data = saved(photo() if samples is None else samples, "PNG")
    return data[:33] + b"".join(chunks) + data[33:]


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    """Name and content of each chunk of a PNG."""
    at, found = 8, []
    while at < len(data):
        size = int.from_bytes(data[at : at + 4])
        found.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + size]))
        at += 12 + size
        if found[-1][0] == b"IEND":
            break
    return found


def iptc() -> bytes:
    """Two records of IPTC: a caption and a keyword."""
    return b"".join(b"\x1c\x02" + bytes([n]) + struct.pack(">H", len(v)) + v for n, v in ((120, b"Rain"), (25, b"key")))


def resources() -> bytes:
    """Image resource blocks: a resolution with a name of odd length, IPTC."""
    records = iptc()
    named = b"8BIM\x03\xed\x03abc" + struct.pack(">I", 3) + b"xyz\0"
    return named + b"8BIM\x04\x04\0\0" + struct.pack(">I", len(records)) + records + bytes(len(records) % 2)


def app13() -> bytes:
    return segment(0xED, b"Photoshop 3.0\0" + resources())


def xmp_segment(packet: bytes) -> bytes:
    return segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + packet)


def extended(body: bytes, size: int = 30_000) -> tuple[bytes, bytes, list[bytes]]:
    """A packet, its extended XMP, and the segments of both."""
    whole = XMP_HEAD + b'<rdf:Description xmlns:d="d/" d:Data="' + body + b'"/>' + XMP_TAIL
    name = hashlib.md5(whole).hexdigest().upper().encode()
    packet = XMP_HEAD
    packet += b'<rdf:Description xmlns:xmpNote="http://ns.adobe.com/xmp/note/" xmpNote:HasExtendedXMP="' + name + b'"/>'
    packet += XMP_TAIL
    parts = [
        segment(
            0xE1,
            b"http://ns.adobe.com/xmp/extension/\0" + name + struct.pack(">II", len(whole), at) + whole[at : at + size],
        )
        for at in range(0, len(whole), size)
    ]
    return packet, whole, [xmp_segment(packet), *parts]


def mpo(packet: bytes = GAIN_XMP) -> bytes:
    """Two images in one file, the second a small grey one."""
    second = Image.fromarray(photo(32, 24, 5)[:, :, 0])
    return saved(photo(), "MPO", save_all=True, append_images=[second], quality=92, xmp=packet)


@cache  # it holds the second in which it was made
def srgb() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def profile_of(space: bytes) -> bytes:
    """A profile by its header for another colour space."""
    return srgb()[:16] + space + srgb()[20:]


def png16(samples: np.ndarray, *extra: bytes) -> bytes:
    """An RGB PNG of 16 bits."""
    height, width, _ = samples.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0))
    body = b"".join(extra) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + header + body


def box(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", 8 + len(content)) + name + content
