"""Where things stand in WAVE files of every kind: RIFF, RIFX (big-endian), RF64 and BW64, and Sony's Wave64.

A recorder that was stopped, a pipe, and more than 4 GiB of samples leave lengths in the header that are not true, so
the declared length of the samples is only believed where what follows it is chunks, or nothing.
Sources: RIFF and WAVE_FORMAT_EXTENSIBLE as Microsoft's "Multiple channel audio data and WAVE files" has them; EBU Tech
3306 (RF64); "Sony Wave64 file format"; EBU Tech 3285 (bext).
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field

from codec.bitstream.errors import LimitExceeded, MediaError
from codec.media.audio.bytestream import ByteStream
from codec.media.audio.data import FLOATS

HEAD_BYTES = 40  # of any kind: up to its first chunk
W64_RIFF = b"riff" + bytes.fromhex("2e91cf11a5d628db04c10000")
W64_SUFFIX = bytes.fromhex("f3acd3118cd100c04f8edb8a")  # of the GUIDs of most chunks
UNKNOWN = 0xFFFFFFFF  # a length: not known when it was written, or said in RF64's "ds64"
STREAMED_BYTES = 0x7FFF0000  # and more: what writers to pipes declare, who know no better
LONGEST_RIFF = 0xFFFF0000  # bytes of samples; RF64 holds more, but not every kind of them
PCM, IEEE_FLOAT = 1, 3
EXTENSIBLE = 0xFFFE
EXTENDED_BYTES = 22  # of an extensible description, behind a plain one
MASK_AT = 20  # in an extensible description
KIND_SUFFIX = bytes.fromhex("000000001000800000aa00389b71")  # of GUIDs that begin with a kind of samples
PLAIN = frozenset({1, 3, 6, 7})  # kinds whose samples stand alone: PCM, floats, A-law, mu-law
MAX_CHUNKS = 4096
MAX_HELD_BYTES = 1 << 24  # of all chunks but the samples, together
TAIL_BYTES = 1 << 20  # of a pipe: looked at, at most, to tell chunks behind the samples from samples
PADDING_BYTES = 1 << 16  # zeros behind the end of a file that may be padding to a sector
NAMES = frozenset(  # of chunks that are known to stand in WAVE files, and in others
    b"fmt |fact|LIST|list|bext|iXML|cue |plst|smpl|inst|acid|strc|cart|aXML|axml|chna|dbmd|ubxt|link|_PMX|levl|umid|"
    b"minf|elm1|regn|afsp|PEAK|DISP|JUNK|junk|PAD |FLLR|id3 |ID3 |SyLp|Cr8r|CDif|MD5 |SNDM|slnt|wavl|note|labl|sgnl|"
    b"COMM|MARK|INST|NAME|AUTH|(c) |ANNO|COMT|APPL|MIDI|FVER|CHAN|SAXL|AESD|"  # of AIFF
    b"desc|pakt|chan|info|mark|strg|uuid|free|kuki|ovvw|peak|midi|"  # of CAF
    b"XMP |IDIT|R64m|r64m|mext|tlst|ovwf|LGWV|ResU|meta|JUNQ|filr|clm |Fake|muma|bwav|GUAN|trkn|mrkr".split(b"|")
)
FOREIGN_TAILS = (b"TAG", b"ID3", b"APETAGEX", b"LYRICSBEGIN")  # tags that are not chunks


@dataclass(frozen=True)
class Dialect:
    """How a kind of WAVE file writes its chunks."""

    endian: str
    id_bytes: int
    size_bytes: int
    sized_whole: bool  # whether the length of a chunk counts its own head
    alignment: int

    @property
    def head_bytes(self) -> int:
        """Before the payload of a chunk."""
        return self.id_bytes + self.size_bytes

    def head(self, data: bytes) -> tuple[bytes, int]:
        """The name, four bytes, and payload length of a chunk that begins so."""
        size = int.from_bytes(data[self.id_bytes : self.head_bytes], "big" if self.endian == ">" else "little")
        name = data[:4] if self.id_bytes == 4 or data[4:16] in (W64_SUFFIX, W64_RIFF[4:]) else b"????"
        return {b"list": b"LIST"}.get(name, name), size - self.head_bytes if self.sized_whole else size

    def padding(self, size: int) -> int:
        """Bytes behind a payload of such a length."""
        return -size % self.alignment


LITTLE = Dialect("<", 4, 4, False, 2)
BIG = Dialect(">", 4, 4, False, 2)
WIDE = Dialect("<", 16, 8, True, 8)


@dataclass(frozen=True)
class Chunk:
    """A chunk but the samples: its name and payload."""

    name: bytes
    payload: bytes


@dataclass
class Layout:
    """What stands before the samples, where the stream is now. description: payload of "fmt "; declared: bytes of
    samples, None where the header does not say; others: the chunks in front of the samples.
    """

    dialect: Dialect
    description: bytes = b""
    samples: int | None = None  # of each channel, as "fact" has them
    declared: int | None = None
    others: list[Chunk] = field(default_factory=list)

    @property
    def kind(self) -> int:
        """Of samples: WAVE's number."""
        kind = self._uint16(0)
        return self._uint16(24) if kind == EXTENSIBLE and len(self.description) >= 26 else kind

    @property
    def channel_mask(self) -> int:
        """Which loudspeakers the channels belong to; 0 where the file does not say."""
        if self._uint16(0) != EXTENSIBLE or len(self.description) < 24:
            return 0
        return self._uint16(20) | self._uint16(22) << 16

    @property
    def is_packed(self) -> bool:
        """Whether samples come in blocks: libsndfile must know where these end."""
        return self.kind not in PLAIN

    @property
    def fits_rf64(self) -> bool:
        """Whether RF64 holds such samples: those that are not packed, the least significant byte first."""
        return not self.is_packed and self.dialect is not BIG

    @property
    def block_bytes(self) -> int:
        """Of a sample of all channels, or a block of them."""
        return max(self._uint16(12), 1)

    def _uint16(self, at: int) -> int:
        return int.from_bytes(self.description[at : at + 2], "big" if self.dialect is BIG else "little")


def dialect_of(head: bytes) -> Dialect | None:
    """How the chunks of a file that begins so are written; None where it is no WAVE file."""
    if head[:16] == W64_RIFF:
        return WIDE
    if head[8:12] != b"WAVE":
        return None
    return {b"RIFF": LITTLE, b"RF64": LITTLE, b"BW64": LITTLE, b"RIFX": BIG}.get(head[:4])


def read_layout(stream: ByteStream) -> Layout:
    """The head of a WAVE file, up to its samples. Raises MediaError, LimitExceeded."""
    dialect = dialect_of(stream.peek(HEAD_BYTES))
    if dialect is None:
        raise MediaError("not a WAVE file")
    layout, long_sizes = Layout(dialect), None
    _exactly(stream, HEAD_BYTES if dialect is WIDE else 12)
    held = 0
    for _ in range(MAX_CHUNKS):
        name, size = dialect.head(_exactly(stream, dialect.head_bytes))
        if name == b"data":
            if not layout.description:
                raise MediaError("a WAVE file whose format is not described before its samples")
            if size == UNKNOWN and dialect is not WIDE and long_sizes is not None:
                size = long_sizes  # 0 where the recorder was stopped
            elif size == UNKNOWN:
                size = -1
            layout.declared = size if 0 <= size < 1 << 62 else None
            return layout
        if size < 0:
            raise MediaError("the WAVE file is damaged: a chunk is shorter than its own head")
        if is_filler(name):
            stream.skip(size + dialect.padding(size))
            continue
        held += size
        if held > MAX_HELD_BYTES:
            raise LimitExceeded(f"chunks of more than {MAX_HELD_BYTES} bytes stand before the samples of a WAVE file")
        payload = _exactly(stream, size)
        stream.skip(dialect.padding(size))
        if name == b"fmt " and not layout.description and len(payload) >= 14:
            layout.description = payload
        elif name == b"fact":
            layout.samples = int.from_bytes(payload[:4], "big" if dialect is BIG else "little")
        elif name == b"ds64":
            long_sizes = int.from_bytes(payload[8:16], "little") if len(payload) >= 16 else None
        else:
            layout.others.append(Chunk(name, payload))
    raise LimitExceeded(f"a WAVE file with more than {MAX_CHUNKS} chunks before its samples")


def is_filler(name: bytes) -> bool:
    """Whether a chunk holds nothing but room."""
    return name in (b"JUNK", b"junk", b"PAD ", b"FLLR", b"JUNQ", b"filr", b"Fake")


@dataclass(frozen=True)
class Tail:
    """What follows the samples: chunks (name, offset, length), and the rest that is none; in bytes, from where the
    samples are said to end.
    """

    chunks: list[tuple[bytes, int, int]]
    rest_at: int = 0
    rest_bytes: int = 0


def tail_of(look: Callable[[int, int], bytes], size: int, whole: bool, dialect: Dialect, odd: int) -> Tail | None:
    """What follows where the samples are said to end; None where it is more samples.

    look: bytes of what follows, from an offset, so many; size: of it, where `whole`, else as much as is known.
    odd: bytes of padding that belong behind the samples.
    """
    for padding in dict.fromkeys((odd, 0)):
        found = _walk(look, size, whole, dialect, min(padding, size))
        if found is not None:
            return found
    first = look(0, size if size <= PADDING_BYTES else 16)
    foreign = any(first.lstrip(b"\0").startswith(mark) for mark in FOREIGN_TAILS)
    padded = whole and size <= PADDING_BYTES and not first.strip(b"\0")
    return Tail([], 0, size) if foreign or padded or (whole and size < dialect.head_bytes) else None


def _walk(look: Callable[[int, int], bytes], size: int, whole: bool, dialect: Dialect, at: int) -> Tail | None:
    """The chunks from an offset on; None where there are none."""
    chunks: list[tuple[bytes, int, int]] = []
    if whole and at == size:
        return Tail([])
    while at + dialect.head_bytes <= size and len(chunks) < MAX_CHUNKS:
        name, length = dialect.head(look(at, dialect.head_bytes))
        if length < 0 or not _is_name(name):
            break
        begins = at + dialect.head_bytes
        if begins + length > size and not chunks and name not in NAMES:
            return None
        chunks.append((name, begins, length))
        at = begins + length + dialect.padding(length)
    rest = max(size - at, 0)
    # a name of printable letters may be samples; a known one, or chunks up to the very end, may not
    known = bool(chunks) and chunks[0][0] in NAMES
    return Tail(chunks, at, rest) if known or (chunks and whole and rest < dialect.head_bytes) else None


def _is_name(name: bytes) -> bool:
    return len(name) == 4 and all(0x20 <= letter < 0x7F for letter in name)


def _exactly(stream: ByteStream, count: int) -> bytes:
    data = stream.read(count)
    if len(data) < count:
        raise MediaError("the WAVE file ends in its header")
    return data


def header_for(layout: Layout, others: list[Chunk], length: int) -> bytes:
    """A plain header for samples of so many bytes: description and texts of the file, without its other chunks."""
    big = layout.dialect is BIG
    kept = [Chunk(b"fmt ", layout.description), *(c for c in others if is_info(c))]
    body = b"".join(chunk_bytes(chunk, big) for chunk in kept)
    form = ">I" if big else "<I"
    if length < LONGEST_RIFF:
        total = 4 + len(body) + 8 + length
        return (
            (b"RIFX" if big else b"RIFF")
            + struct.pack(form, total)
            + b"WAVE"
            + body
            + b"data"
            + struct.pack(form, length)
        )
    sizes = struct.pack("<QQQI", length, length, 0, 0)
    front = b"RF64" + struct.pack("<I", UNKNOWN) + b"WAVE" + chunk_bytes(Chunk(b"ds64", sizes))
    return front + body + b"data" + struct.pack("<I", UNKNOWN)


def description_of(channels: int, sample_rate: int, bit_depth: int, channel_mask: int = 0) -> bytes:
    """The payload of "fmt " for integers, or floats of 32 bits; of three channels and more the extensible one."""
    kind, frame = IEEE_FLOAT if bit_depth == FLOATS else PCM, channels * bit_depth // 8
    plain = struct.pack("<HIIHH", channels, sample_rate, sample_rate * frame, frame, bit_depth)
    if channels <= 2:
        return struct.pack("<H", kind) + plain
    extension = struct.pack("<HHIH", EXTENDED_BYTES, bit_depth, channel_mask, kind) + KIND_SUFFIX
    return struct.pack("<H", EXTENSIBLE) + plain + extension


def is_info(chunk: Chunk) -> bool:
    """Whether a chunk holds texts: title, artist and so on."""
    return chunk.name == b"LIST" and chunk.payload[:4] == b"INFO"


def chunk_bytes(chunk: Chunk, big: bool = False) -> bytes:
    """A chunk as RIFF has it, padded."""
    size = struct.pack(">I" if big else "<I", len(chunk.payload))
    return chunk.name + size + chunk.payload + bytes(len(chunk.payload) % 2)


def too_small(declared: int, there: int | None) -> str:
    """A notice of a length of samples in a header, in bytes, and of how many there are, where that is known."""
    found = "more follow" if there is None else f"{there} follow"
    return f"the header gives a length of {declared} bytes of samples where {found}: read to the end of the file"
