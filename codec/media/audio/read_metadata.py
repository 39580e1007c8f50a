"""What audio files say beside their samples, from every format that is read; what cannot be kept is named."""

from __future__ import annotations

from dataclasses import dataclass, field

from codec.bitstream import constants
from codec.media.audio import id3, markers, riff, vorbis
from codec.media.audio.bytestream import ByteStream
from codec.media.audio.data import TAGS
from codec.media.audio.metadata import AudioMetadata, Chapter, words_of
from codec.media.audio.riff import BIG, Chunk, Dialect
from codec.media.notices import notice

MAX_TAG_BYTES = 1 << 25  # of an ID3 tag
MAX_KEPT_BYTES = constants.MAX_AUDIO_METADATA_BYTES  # of all that is kept of a file
ITEM_BYTES = 32  # around each thing that is kept, at most
DERIVED = (b"fact", b"PEAK", b"levl", b"ds64")  # chunks that samples say again
INFO_TAGS = (b"INAM", b"IART", b"IPRD", b"ITRK", b"ICRD", b"IGNR", b"ICMT", b"ICOP", b"ISFT")  # tags of libsndfile
OF_AIFF = (
    "COMM",
    "SSND",
    "FVER",
    "NAME",
    "AUTH",
    "(c) ",
    "ANNO",
    "PEAK",
    "FLLR",
)  # chunks that are read, or say nothing
OF_CAF = ("desc", "data", "pakt", "kuki", "free", "chan", "info", "peak", "ovvw")
CAF = Dialect(">", 4, 8, False, 1)
MARKERS = (b"MARK", b"COMT", b"mark", b"strg")  # chunks of AIFF and of CAF
MAX_MARKER_BYTES = 1 << 22  # of each of them


@dataclass
class Found:
    """What was read. lost: names of what cannot be kept; broken: of what could not be read."""

    tags: dict[str, str] = field(default_factory=dict)
    chunks: list[tuple[bytes, bytes]] = field(default_factory=list)
    pictures: list[bytes] = field(default_factory=list)
    chapters: list[Chapter] = field(default_factory=list)
    comments: list[tuple[str, str]] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)

    def metadata(self) -> AudioMetadata:
        """All that can be kept; warns of the rest."""
        self._shrink()
        for name in dict.fromkeys(self.lost):
            notice(f"not kept: {name}")
        chapters = tuple(sorted(self.chapters, key=lambda chapter: chapter.start_ms))
        return AudioMetadata(tuple(self.chunks), tuple(self.pictures), chapters, tuple(self.comments))

    def _shrink(self) -> None:
        """Drops what is more than there is room for."""
        room = MAX_KEPT_BYTES

        def fits(what: str, size: int) -> bool:
            nonlocal room
            if size + ITEM_BYTES > room:
                self.lost.append(f"{what} of {size} bytes, too large")
                return False
            room -= size + ITEM_BYTES
            return True

        self.chunks = [(name, data) for name, data in self.chunks if fits(words_of(name, data), len(data))]
        self.comments = [
            (name, text) for name, text in self.comments if fits(f"comment {name}", len((name + text).encode()))
        ]
        self.chapters = [chapter for chapter in self.chapters if fits("chapter", len(chapter.title.encode()))]
        self.pictures = [data for data in dict.fromkeys(self.pictures) if fits("cover art", len(data))]

    def take_comment(self, name: str) -> str | None:
        """The value of the first comment of a name, which is taken out; None where there is none."""
        for item in self.comments:
            if item[0] == name:
                self.comments.remove(item)
                return item[1]
        return None

    def add_id3(self, data: bytes) -> None:
        """What an ID3 tag holds."""
        tag = id3.read_id3(data)
        for name, text in tag.tags.items():
            self.tags.setdefault(name, text)
        self.comments += tag.comments
        self.pictures += tag.pictures
        self.chapters += tag.chapters
        self.lost += [f"ID3 frame {name}" for name in tag.lost]

    def add_comments(self, data: bytes, tags: dict[str, str]) -> None:
        """What Vorbis comments hold beside the tags that are known already. Raises ValueError."""
        chapters, rest = vorbis.chapters_of(vorbis.comments_of(data))
        for name, text in tags.items():  # libsndfile found one of each
            same = [item for item in rest if item[0].lower() == name]
            if same:
                rest.remove((name.upper(), text) if (name.upper(), text) in same else same[0])
        self.chapters += chapters
        for name, value in rest:
            if name == "METADATA_BLOCK_PICTURE":
                picture = vorbis.picture_of_comment(value)
                if picture is None:
                    self.lost.append("cover art that is damaged")
                else:
                    self.pictures.append(picture)
            elif name == "COVERART":
                self.lost.append("cover art of an old kind (COVERART)")
            elif name.lower() in TAGS and name.lower() not in tags:
                self.tags.setdefault(name.lower(), value)
            elif name not in ("ENCODER", "COVERARTMIME"):
                self.comments.append((name, value))


def of_wave(chunks: list[Chunk], dialect: Dialect) -> Found:
    """What the chunks of a WAVE file hold beside its samples."""
    found = Found()
    for chunk in chunks:
        if chunk.name in DERIVED or riff.is_filler(chunk.name):
            continue
        if chunk.name in (b"id3 ", b"ID3 "):
            found.add_id3(chunk.payload)
        elif dialect is BIG and not riff.is_info(chunk):
            found.lost.append(f"{words_of(chunk.name, chunk.payload)} of a big-endian file")
        elif riff.is_info(chunk):
            rest = _further_texts(chunk.payload[4:]) if dialect is not BIG else b""
            if rest:
                found.chunks.append((b"LIST", b"INFO" + rest))
        else:
            found.chunks.append((chunk.name, chunk.payload))
    return found


def _further_texts(data: bytes) -> bytes:
    """Of a list of texts those that are no tags of ours, as they stand."""
    at, out = 0, b""
    while at + 8 <= len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        text = data[at + 8 : at + 8 + size]
        if data[at : at + 4] not in INFO_TAGS and len(text) == size and text.strip(b"\0 "):
            out += riff.chunk_bytes(Chunk(data[at : at + 4], text))
        at += 8 + size + size % 2
    return out


def of_file(stream: ByteStream, tags: dict[str, str]) -> Found:
    """What any other file holds; tags: those that are known. The stream can seek, and stands anywhere behind."""
    found = Found()
    stream.seek(0)
    head = stream.peek(16)
    if head[:3] == b"ID3":
        size = id3.size_of(head)
        if size > MAX_TAG_BYTES:
            found.lost.append(f"ID3 tag of {size} bytes, too large")
            stream.skip(size)
        else:
            found.add_id3(stream.read(size))
        head = stream.peek(16)
    try:
        if head[:4] == b"fLaC":
            _of_flac(found, stream, tags)
        elif head[:4] == b"OggS":
            comments = vorbis.comments_of_ogg(stream)
            if comments is not None:
                found.add_comments(comments, tags)
        elif head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
            _add_markers(found, _of_chunks(found, stream, BIG, 12, OF_AIFF), tags)
        elif head[:4] == b"caff":
            _add_markers(found, _of_chunks(found, stream, CAF, 8, OF_CAF), tags)
        else:
            _look_behind(found, stream)
    except ValueError as error:
        found.lost.append(f"its comments: {error}")
    return found


def _of_flac(found: Found, stream: ByteStream, tags: dict[str, str]) -> None:
    for kind, data in vorbis.flac_blocks(stream):
        if kind == vorbis.COMMENTS:
            found.add_comments(data, tags)
        elif kind == vorbis.PICTURE:
            found.pictures.append(data)
        elif kind == vorbis.APPLICATION and data[:4] == b"riff" and len(data) >= 12:
            size = int.from_bytes(data[8:12], "little")
            name, payload = data[4:8], data[12 : 12 + size]
            if name in (b"RIFF", b"fmt ", b"data"):
                continue
            wave = of_wave([Chunk(name, payload)], riff.LITTLE)
            found.chunks += wave.chunks
        elif kind == vorbis.APPLICATION:
            found.lost.append(f"FLAC application block {words_of(data[:4], b'')}")
        else:
            found.lost.append("cue sheet")


def _of_chunks(
    found: Found, stream: ByteStream, dialect: Dialect, at: int, known: tuple[str, ...]
) -> dict[bytes, bytes]:
    """Those of MARKERS, which are put together when all of them are there; names others that are not known."""
    held: dict[bytes, bytes] = {}
    for _ in range(riff.MAX_CHUNKS):
        stream.seek(at)
        head = stream.read(dialect.head_bytes)
        if len(head) < dialect.head_bytes:
            break
        name, size = dialect.head(head)
        if name == b"ID3 " and size <= MAX_TAG_BYTES:
            found.add_id3(stream.read(size))
        elif name in MARKERS and size <= MAX_MARKER_BYTES:
            held[name] = stream.read(size)
        elif name.decode("latin-1") not in known:
            found.lost.append(f"chunk {words_of(name, b'')}")
        at += dialect.head_bytes + size + dialect.padding(size)
        if not 0 <= at <= (stream.size or 0):
            break
    return held


def _add_markers(found: Found, held: dict[bytes, bytes], tags: dict[str, str]) -> None:
    """What AIFF and CAF say of places in the audio, and comments, by the names of their chunks."""
    try:
        of_aiff = markers.of_aiff(held.get(b"MARK", b""))
        found.chunks += markers.chunks_of(of_aiff or markers.of_caf(held.get(b"mark", b""), held.get(b"strg", b"")))
    except ValueError as error:
        found.lost.append(f"markers: {error}")
    try:
        texts = [text for text in markers.comments_of_aiff(held.get(b"COMT", b"")) if text]
    except ValueError as error:
        found.lost.append(f"chunk COMT: {error}")
        return
    if texts and "comment" not in tags:
        found.tags["comment"] = texts.pop(0)
    found.comments += [("COMMENT", text) for text in texts]


def _look_behind(found: Found, stream: ByteStream) -> None:
    """Names an APE tag at the end of an MP3 file, before its ID3v1 tag or without one."""
    size = stream.size or 0
    for at in (size - 32, size - 160):
        if at >= 0:
            stream.seek(at)
            if stream.read(8) == b"APETAGEX":
                found.lost.append("APE tag")
                return
