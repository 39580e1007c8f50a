"""Metadata written into audio files: chunks into WAVE, and by mutagen into FLAC, Ogg and MP3."""

from __future__ import annotations

import base64
import io
import struct
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

from codec.media.audio import riff, vorbis
from codec.media.audio.id3 import COMMENT_FRAMES, comment_name
from codec.media.audio.metadata import AudioMetadata, ended, words_of
from codec.media.audio.riff import Chunk
from codec.media.notices import notice

if TYPE_CHECKING:
    from mutagen.id3 import ID3

WITHOUT_CHUNKS = frozenset({"OGG", "MP3"})
LONGEST_BLOCK = (1 << 24) - 1  # bytes of a block of FLAC
UTF_8 = 3  # of ID3
LAST_KIND = 20  # of pictures


def held_by(kind: str, metadata: AudioMetadata) -> tuple[AudioMetadata, tuple[str, ...]]:
    """What a format, as libsndfile calls it, can hold of it, and the names of the rest."""
    if kind not in WITHOUT_CHUNKS:
        return metadata, ()
    lost = tuple(dict.fromkeys(words_of(name, payload) for name, payload in metadata.chunks))
    return AudioMetadata((), metadata.pictures, metadata.chapters, metadata.comments), lost


def chunks_for(metadata: AudioMetadata, duration_ms: int) -> bytes:
    """The chunks of a WAVE file that hold it: its own, and an ID3 tag for the rest."""
    out = b"".join(riff.chunk_bytes(Chunk(name, payload)) for name, payload in metadata.chunks)
    if metadata.pictures or metadata.chapters or metadata.comments:
        from mutagen.id3 import ID3

        tag = ID3()
        _fill(tag, metadata, duration_ms)
        file = io.BytesIO()
        tag.save(file, v2_version=4, padding=lambda info: 0)
        out += riff.chunk_bytes(Chunk(b"id3 ", file.getvalue()))
    return out


def add_to_wave(file: BinaryIO, metadata: AudioMetadata, duration_ms: int, form: bytes) -> None:
    """Appends chunks to a whole WAVE file, and mends its length."""
    end = file.seek(0, io.SEEK_END)
    file.write(bytes(end % 2) + chunks_for(metadata, duration_ms))
    size = file.tell() - 8
    file.seek(4)
    file.write(struct.pack("<I", min(size, riff.UNKNOWN)))
    file.seek(0, io.SEEK_END)


def add_to_flac(file: BinaryIO, metadata: AudioMetadata, duration_ms: int, form: bytes) -> None:
    """Adds blocks to a whole FLAC file; chunks of WAVE files as `flac --keep-foreign-metadata` does.

    form: payload of the "fmt " chunk that the samples would have in a WAVE file, and their length in bytes behind it.
    """
    from mutagen.flac import FLAC

    tagged = FLAC(file)
    _add_comments(tagged, metadata)
    for picture in _pictures(metadata):
        tagged.add_picture(picture)
    for block in _foreign_blocks(metadata, form):
        tagged.metadata_blocks.append(_application(block))
    file.seek(0)
    tagged.save(file, padding=lambda info: 0)


def _foreign_blocks(metadata: AudioMetadata, form: bytes) -> list[bytes]:
    if not metadata.chunks:
        return []
    description, data = form[:-4], form[-4:]
    chunks = [riff.chunk_bytes(Chunk(name, payload)) for name, payload in metadata.chunks]
    length = int.from_bytes(data, "little")
    size = 4 + 8 + len(description) + 8 + length + length % 2 + sum(map(len, chunks))
    head = b"RIFF" + struct.pack("<I", min(size, riff.UNKNOWN)) + b"WAVE"
    return [head, riff.chunk_bytes(Chunk(b"fmt ", description)), b"data" + data, *chunks]


def _application(data: bytes) -> Any:
    from mutagen.flac import MetadataBlock

    block: Any = MetadataBlock(b"riff" + data)
    block.code = vorbis.APPLICATION
    return block


def add_to_ogg(file: BinaryIO, metadata: AudioMetadata, duration_ms: int, form: bytes) -> None:
    """Adds comments to a whole Ogg Vorbis file."""
    from mutagen.oggvorbis import OggVorbis

    tagged: Any = OggVorbis(file)
    _add_comments(tagged, metadata)
    for picture in metadata.pictures:
        tagged.tags.append(("METADATA_BLOCK_PICTURE", base64.b64encode(picture).decode()))
    file.seek(0)
    tagged.save(file, padding=lambda info: 0)


def _add_comments(tagged: Any, metadata: AudioMetadata) -> None:
    if tagged.tags is None:
        tagged.add_tags()
    for name, value in (*metadata.comments, *vorbis.chapter_comments(metadata.chapters)):
        tagged.tags.append((comment_name(name), value))


def add_to_mp3(file: BinaryIO, metadata: AudioMetadata, duration_ms: int, form: bytes) -> None:
    """Adds frames to the ID3 tag of a whole MP3 file."""
    from mutagen.id3 import ID3, ID3NoHeaderError

    try:
        tag = ID3(file)
    except ID3NoHeaderError:
        tag = ID3()
    _fill(tag, metadata, duration_ms)
    file.seek(0)
    tag.save(file, v2_version=4, padding=lambda info: 0)


ADDERS: dict[str, Callable[[BinaryIO, AudioMetadata, int, bytes], None]] = {
    "WAV": add_to_wave,
    "FLAC": add_to_flac,
    "OGG": add_to_ogg,
    "MP3": add_to_mp3,
}


def _fill(tag: ID3, metadata: AudioMetadata, duration_ms: int) -> None:
    """Adds frames for comments, pictures and chapters."""
    from mutagen import id3

    frames = {name: frame for frame, name in COMMENT_FRAMES.items()}
    for name, value in metadata.comments:
        frame = getattr(id3, frames.get(name, name), None) if len(frames.get(name, name)) == 4 else None
        if name.startswith(("LYRICS", "COMMENT")) and name.partition(":")[0] in ("LYRICS", "COMMENT"):
            kind = id3.USLT if name.startswith("LYRICS") else id3.COMM
            tag.add(kind(encoding=UTF_8, lang="und", desc=name.partition(":")[2], text=value))
        elif frame is not None and issubclass(frame, id3.TextFrame) and frame.__name__ not in tag:
            tag.add(frame(encoding=UTF_8, text=[value]))
        elif frame is not None and issubclass(frame, id3.UrlFrame):
            tag.add(frame(url=value))
        else:
            known = tag.get(f"TXXX:{name}")
            tag.add(id3.TXXX(encoding=UTF_8, desc=name, text=[*(known.text if known else ()), value]))
    for number, picture in enumerate(_pictures(metadata)):
        tag.add(_apic(picture, number))
    chapters = list(ended(metadata.chapters, duration_ms))
    for number, (start, end, title) in enumerate(chapters):
        named = [id3.TIT2(encoding=UTF_8, text=[title])] if title else []
        times = {"start_time": min(start, riff.UNKNOWN - 1), "end_time": min(end, riff.UNKNOWN - 1)}
        tag.add(
            id3.CHAP(
                element_id=f"chp{number}", start_offset=riff.UNKNOWN, end_offset=riff.UNKNOWN, sub_frames=named, **times
            )
        )
    if chapters:
        names = [f"chp{number}" for number in range(min(len(chapters), 255))]
        flags = id3.CTOCFlags.TOP_LEVEL | id3.CTOCFlags.ORDERED
        tag.add(id3.CTOC(element_id="toc", flags=flags, child_element_ids=names, sub_frames=[]))


def _pictures(metadata: AudioMetadata) -> Iterator[Any]:
    """Pictures of mutagen. Warns: MediaNotice of those that are damaged."""
    from mutagen.flac import Picture

    for picture in metadata.pictures:
        try:
            yield Picture(picture)
        except Exception as error:  # whatever mutagen raises for what is none
            notice(f"cover art is damaged, and left out: {' '.join(str(error).split())}")


def _apic(picture: Any, number: int) -> Any:
    from mutagen.id3 import APIC, PictureType

    # a tag holds one picture of a description, so those without one are numbered
    description = picture.desc or (str(number) if number else "")
    kind = picture.type if picture.type <= LAST_KIND else PictureType.OTHER
    return APIC(encoding=UTF_8, mime=picture.mime, type=kind, desc=description, data=picture.data)
