"""XMP packets as bytes: what announces a trailer taken out, extended XMP put in. Nothing is parsed as XML."""

from __future__ import annotations

import re

# namespaces of what announces gain maps, further images and videos, and the names that do, all where None
ANNOUNCING: dict[bytes, bytes | None] = {
    b"http://ns.adobe.com/hdr-gain-map/1.0/": None,
    b"http://ns.apple.com/HDRGainMap/1.0/": None,
    b"http://ns.google.com/photos/1.0/container/item/": None,
    b"http://ns.google.com/photos/1.0/container/": None,
    b"http://ns.google.com/photos/1.0/camera/": rb"(?:MotionPhoto|MicroVideo)[\w.-]*",
    b"http://ns.oplus.com/photos/1.0/camera/": None,
}
NAME = rb"[\w.-]+"
VALUE = rb"""\s*=\s*(?:"[^"]*"|'[^']*')"""
EXTENDED = re.compile(
    rb"""\s[\w.-]+:HasExtendedXMP\s*=\s*["']([0-9A-Fa-f]{32})["']|:HasExtendedXMP>([0-9A-Fa-f]{32})<"""
)
RDF_BEGIN, RDF_END = b"<rdf:RDF", b"</rdf:RDF>"
MAX_PREFIXES = 8  # of a namespace that are looked at


def harmless(packet: bytes) -> bytes:
    """The packet without what says that gain maps, further images or videos stand behind the image."""
    for space, names in ANNOUNCING.items():
        bound = re.findall(rb"xmlns:(" + NAME + rb")\s*=\s*[\"']" + re.escape(space) + rb"[\"']", packet)
        for prefix in sorted(set(bound))[:MAX_PREFIXES]:
            name = re.escape(prefix) + b":" + (names or NAME)
            packet = _without_elements(packet, name)
            packet = re.sub(rb"\s" + name + VALUE, b"", packet)
            if names is None:
                packet = re.sub(rb"\sxmlns:" + re.escape(prefix) + VALUE, b"", packet)
    return packet


def announces(packet: bytes) -> bool:
    """Whether `harmless` would change it."""
    return any(space in packet for space in ANNOUNCING) and harmless(packet) != packet


def _without_elements(packet: bytes, name: bytes) -> bytes:
    opening = re.compile(rb"<(" + name + rb")(?=[\s/>])")
    parts, at = [], 0
    while begin := opening.search(packet, at):
        end = packet.find(b">", begin.end())
        if end >= 0 and packet[end - 1 : end] != b"/":
            end = packet.find(b"</" + begin[1], end)
            end = packet.find(b">", end) if end >= 0 else end
        if end < 0:  # it is not well-formed: left as it is
            break
        parts.append(packet[at : begin.start()])
        at = end + 1
    return b"".join([*parts, packet[at:]])


def extended_name(packet: bytes) -> bytes:
    """The 32 digits by which a packet names its extended XMP; b"" where it has none."""
    found = EXTENDED.search(packet)
    return (found[1] or found[2]) if found else b""


def merged(packet: bytes, extended: bytes) -> bytes | None:
    """One packet of both, for files that have room; None where the two are not as they should be."""
    begin = extended.find(b">", max(extended.find(RDF_BEGIN), 0)) + 1
    end, at = extended.rfind(RDF_END), packet.rfind(RDF_END)
    if RDF_BEGIN not in extended or not begin <= end or at < 0:
        return None
    whole = packet[:at] + extended[begin:end] + packet[at:]
    return re.sub(rb"""\s[\w.-]+:HasExtendedXMP\s*=\s*["'][0-9A-Fa-f]{32}["']""", b"", whole)
