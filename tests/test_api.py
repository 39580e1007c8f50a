"""The front door: both media alike, files of every kind in, errors and warnings where the caller stands."""

from __future__ import annotations

import gc

import numpy as np
import pytest

import codec
from codec.bitstream import constants
from codec.bitstream.audio import Chunk
from codec.bitstream.file import Section
from codec.media import Pixels
from tests.clips import melody


@pytest.fixture(scope="module")
def image_file(patch: Pixels) -> bytes:
    return codec.compress(patch, 50)


@pytest.fixture(scope="module")
def audio_file() -> bytes:
    return codec.compress_audio(melody(4.5), quality=30)


@pytest.mark.parametrize("media", ["image", "audio"])
@pytest.mark.parametrize(
    "call",
    [codec.decompress, codec.info, codec.verify, lambda data: codec.verify(data, deep=True)],
    ids=["decompress", "info", "verify", "verify deep"],
)
def test_a_call_parses_the_header_once(
    call: object, media: str, image_file: bytes, audio_file: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = image_file if media == "image" else audio_file
    read, headers = Section.read, []

    def counted(reader: object) -> Section:
        section = read(reader)  # type: ignore[arg-type]
        headers.extend([section] if section.id == constants.SECTION_HEADER else [])
        return section

    monkeypatch.setattr(Section, "read", staticmethod(counted))
    call(data)  # type: ignore[operator]
    assert len(headers) == 1


def test_a_streaming_decoder_keeps_nothing_of_what_it_has_played() -> None:
    data = codec.compress_audio(melody(13), quality=0)
    decoder, given, kept = codec.audio_decoder(), 0, []
    for start in range(0, len(data), 200):
        given += len(decoder.push(data[start : start + 200]))
        kept.append(sum(type(one) is Chunk for one in gc.get_objects()))
    assert given > 8 * 48_000
    assert max(kept) <= 1
    given += len(decoder.finish())
    assert given == 13 * 48_000


def test_encoder_decoder_and_reader_end_with_their_block(audio_file: bytes) -> None:
    with codec.audio_encoder(48_000, 1) as encoder:
        encoder.push(np.zeros((5, 1), np.float32))
    with pytest.raises(ValueError, match="finished"):
        encoder.push(np.zeros((5, 1), np.float32))
    with codec.audio_decoder() as decoder:
        decoder.push(audio_file)
    assert decoder.header is not None
    with pytest.raises(ValueError, match="finished or closed"):
        decoder.push(b"")
