"""What recorders and taggers write beside samples goes through every format that holds it, and is named elsewhere."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import struct
import warnings
import zlib
from pathlib import Path

import mutagen.flac
import mutagen.id3
import mutagen.mp3
import mutagen.oggvorbis
import mutagen.wave
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

import codec
from codec.bitstream.errors import CodecError
from codec.media import (
    AudioData,
    AudioFileWriter,
    AudioMetadata,
    Chapter,
    MediaNotice,
    WaveWriter,
    audio_bytes,
    metadata_of,
    read_audio,
)
from codec.media.audio import id3
from codec.media.audio.id3 import picture_bytes
from tests.conftest import Run
from tests.test_wave import FORMAT, PCM, RATE, chunk, foreign, piped, riff_of, waves

COVER = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 20 + b"\xff\xd9"
PICTURE = id3.picture_bytes(3, "image/jpeg", "front", COVER)
BEXT = b"Take 7".ljust(256, b"\0") + bytes(82) + struct.pack("<Q", 48_000 * 3600) + bytes(256)
XML = b"<BWFXML><SCENE>12</SCENE></BWFXML>"
CUE = struct.pack("<I", 1) + struct.pack("<II4sIII", 1, 2000, b"data", 0, 0, 2000)
LABELS = b"adtllabl" + struct.pack("<I", 8) + struct.pack("<I", 1) + b"one\0"
SMPL = bytes(36)
RECORDER = (
    (b"bext", BEXT),
    (b"iXML", XML),
    (b"cue ", CUE),
    (b"LIST", LABELS),
    (b"smpl", SMPL),
    (b"odd1", b"xyz"),
)
ALL = AudioMetadata(
    RECORDER,
    (PICTURE,),
    (Chapter(0, 40, "Ouvertüre"), Chapter(40, 104, "Aria")),
    (("ALBUMARTIST", "Various"), ("MOOD", "calm"), ("REPLAYGAIN_TRACK_GAIN", "-3.2 dB"), ("LYRICS", "la\nla")),
)


def field_recording() -> bytes:
    front = [chunk(name, payload) for name, payload in RECORDER[:2]]
    behind = [chunk(name, payload) for name, payload in RECORDER[2:]]
    return riff_of(*front, chunk(b"fmt ", FORMAT), chunk(b"data", PCM), *behind)


def as_set(metadata: AudioMetadata) -> tuple[object, ...]:
    return (
        sorted(metadata.chunks),
        metadata.pictures,
        [(c.start_ms, c.title) for c in metadata.chapters],
        sorted(metadata.comments),
    )


def test_chunks_of_a_recorder_are_read_wherever_they_stand_and_written_back() -> None:
    audio = read_audio(field_recording())
    assert sorted(audio.metadata.chunks) == sorted(RECORDER)
    written = audio_bytes(audio, ".wav")
    assert read_audio(written).metadata == audio.metadata
    assert struct.unpack_from("<I", written, 4)[0] == len(written) - 8
    assert mutagen.wave.WAVE(io.BytesIO(written)).info.length == pytest.approx(5000 / RATE)
    assert np.array_equal(read_audio(written).samples, audio.samples)


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_wave_and_flac_hold_everything(suffix: str) -> None:
    back = read_audio(audio_bytes(AudioData(waves(), RATE, {"title": "ours"}, 16, ALL), suffix))
    assert as_set(back.metadata) == as_set(ALL)
    assert back.tags == {"title": "ours"}
    assert np.abs(back.samples - waves()).max() < 1e-4


@pytest.mark.parametrize("suffix", [".ogg", ".mp3"])
def test_ogg_and_mp3_hold_all_but_chunks_which_are_named(suffix: str) -> None:
    with pytest.warns(MediaNotice, match="bext, iXML, cue, LIST adtl, smpl, odd1 left out"):
        data = audio_bytes(AudioData(waves(), RATE, {"title": "ours"}, 16, ALL), suffix)
    back = read_audio(data)
    assert as_set(back.metadata) == as_set(AudioMetadata((), ALL.pictures, ALL.chapters, ALL.comments))
    assert back.tags == {"title": "ours"}
    assert len(back.samples) == len(waves())


def test_mutagen_finds_what_was_written() -> None:
    audio = AudioData(waves(), RATE, {"title": "ours"}, 16, AudioMetadata((), *as_tuple(ALL)[1:]))
    for tag in (
        mutagen.wave.WAVE(io.BytesIO(audio_bytes(audio, ".wav"))).tags,
        mutagen.mp3.MP3(io.BytesIO(audio_bytes(audio, ".mp3"))).tags,
    ):
        assert tag.getall("APIC")[0].data == COVER
        chapters = {(c.start_time, c.end_time, str(c.sub_frames["TIT2"])) for c in tag.getall("CHAP")}
        assert chapters == {(0, 40, "Ouvertüre"), (40, 104, "Aria")}
        assert str(tag["TPE2"]) == "Various"
        assert str(tag["TXXX:REPLAYGAIN_TRACK_GAIN"]) == "-3.2 dB"
    flac = mutagen.flac.FLAC(io.BytesIO(audio_bytes(audio, ".flac")))
    assert flac.pictures[0].data == COVER
    assert flac["CHAPTER002"] == ["00:00:00.040"]
    ogg = mutagen.oggvorbis.OggVorbis(io.BytesIO(audio_bytes(audio, ".ogg")))
    assert mutagen.flac.Picture(base64.b64decode(ogg["METADATA_BLOCK_PICTURE"][0])).data == COVER
    assert ogg["chapter001name"] == ["Ouvertüre"]


def as_tuple(metadata: AudioMetadata) -> tuple[tuple[object, ...], ...]:
    return metadata.chunks, metadata.pictures, metadata.chapters, metadata.comments


@pytest.mark.parametrize("version", [3, 4])
@pytest.mark.parametrize("kind", ["WAV", "AIFF", "MP3"])
def test_tags_that_mutagen_wrote_are_read(kind: str, version: int) -> None:
    tag = mutagen.id3.ID3()
    tag.add(mutagen.id3.TIT2(encoding=1, text="Étude"))
    tag.add(mutagen.id3.TPE1(encoding=3, text=["a", "b"]))
    tag.add(mutagen.id3.TCOM(encoding=0, text="Chopin"))
    tag.add(mutagen.id3.TXXX(encoding=1, desc="mood", text="calm"))
    tag.add(mutagen.id3.COMM(encoding=1, lang="deu", desc="", text="schön"))
    tag.add(mutagen.id3.USLT(encoding=3, lang="und", desc="", text="la la"))
    tag.add(mutagen.id3.WOAR(url="urn:artist"))
    tag.add(mutagen.id3.APIC(encoding=1, mime="image/jpeg", type=3, desc="front", data=COVER))
    tag.add(mutagen.id3.PRIV(owner="x", data=b"secret"))
    sub = [mutagen.id3.TIT2(encoding=3, text="one")]
    tag.add(mutagen.id3.CHAP(element_id="c", start_time=5, end_time=9, start_offset=1, end_offset=2, sub_frames=sub))
    if version == 3:
        tag.update_to_v23()
    out = io.BytesIO()
    tag.save(out, v2_version=version, v23_sep="/")
    raw = out.getvalue()
    if kind == "WAV":
        data = riff_of(chunk(b"fmt ", FORMAT), chunk(b"data", PCM), chunk(b"id3 ", raw))
    elif kind == "AIFF":
        data = foreign("AIFF", "PCM_16", waves()) + b"ID3 " + struct.pack(">I", len(raw)) + raw + bytes(len(raw) % 2)
    else:
        data = raw + foreign("MP3", "MPEG_LAYER_III", waves())
    with pytest.warns(MediaNotice, match="not kept: ID3 frame PRIV"):
        found = read_audio(data)
    assert found.tags["title"] == "Étude"
    assert found.tags["comment"] == "schön"
    assert found.metadata.pictures == (PICTURE,)
    assert found.metadata.chapters == (Chapter(5, 9, "one"),)
    expected = {("COMPOSER", "Chopin"), ("mood", "calm"), ("LYRICS", "la la"), ("WOAR", "urn:artist")}
    assert set(found.metadata.comments) == expected


def test_comments_of_flac_and_ogg_are_read_as_mutagen_wrote_them() -> None:
    for kind, encoding, opened in (
        ("FLAC", "PCM_16", mutagen.flac.FLAC),
        ("OGG", "VORBIS", mutagen.oggvorbis.OggVorbis),
    ):
        file = io.BytesIO(foreign(kind, encoding, waves()))
        tagged = opened(file)
        tagged["TITLE"] = "Étude"
        tagged["ARTIST"] = ["first", "second"]
        tagged["COMPOSER"] = "Chopin"
        tagged["CHAPTER001"] = "00:01:02.500"
        tagged["CHAPTER001NAME"] = "one"
        if kind == "OGG":
            tagged["METADATA_BLOCK_PICTURE"] = base64.b64encode(PICTURE).decode()
        else:
            tagged.add_picture(mutagen.flac.Picture(PICTURE))
        file.seek(0)
        tagged.save(file)
        found = read_audio(file.getvalue())
        assert found.tags["title"] == "Étude"
        assert {found.tags["artist"], *(v for n, v in found.metadata.comments if n == "ARTIST")} == {"first", "second"}
        assert ("COMPOSER", "Chopin") in found.metadata.comments
        assert found.metadata.chapters == (Chapter(62_500, None, "one"),)
        assert found.metadata.pictures == (PICTURE,)


def test_further_texts_of_a_wave_file_are_kept_beside_its_tags() -> None:
    texts = b"INFO" + chunk(b"INAM", b"title\0") + chunk(b"IENG", b"engineer\0")
    found = read_audio(riff_of(chunk(b"fmt ", FORMAT), chunk(b"LIST", texts), chunk(b"data", PCM)))
    assert found.tags == {"title": "title"}
    assert found.metadata.chunks == ((b"LIST", b"INFO" + chunk(b"IENG", b"engineer\0")),)
    again = read_audio(audio_bytes(found, ".wav"))
    assert (again.tags, again.metadata) == (found.tags, found.metadata)


def test_a_pipe_gets_the_chunks_in_front_of_its_samples() -> None:
    out = io.BytesIO()
    writer = WaveWriter(out, RATE, 1, 16, metadata=ALL, duration_ms=104)
    writer.write(waves())
    writer.close()
    with piped(out.getvalue()) as pipe:
        assert as_set(read_audio(pipe).metadata) == as_set(ALL)


def test_files_of_ours_hold_all_of_it() -> None:
    assert metadata_of(ALL.items()) == ALL
    assert ALL.kinds[:4] == ("bext", "iXML", "cue", "LIST adtl")
    assert not AudioMetadata()


def test_a_part_keeps_what_does_not_count_from_the_beginning_and_moves_the_time_of_day() -> None:
    part, lost = ALL.of_part(48_000)
    assert dict(part.chunks).keys() == {b"bext", b"iXML", b"odd1"}
    assert struct.unpack_from("<Q", dict(part.chunks)[b"bext"], 338) == (48_000 * 3601,)
    assert lost == ("cue", "LIST adtl", "smpl", "chapters")


def test_what_aiff_and_caf_hold_beside_samples_is_named() -> None:
    aiff = foreign("AIFF", "PCM_16", waves()) + b"INST" + struct.pack(">I", 2) + b"\0\0"
    with pytest.warns(MediaNotice, match="not kept: chunk INST"):
        assert len(read_audio(aiff).samples) == 5000
    caf = foreign("CAF", "PCM_16", waves()) + b"midi" + struct.pack(">Q", 8) + bytes(8)
    with pytest.warns(MediaNotice, match="not kept: chunk midi"):
        assert len(read_audio(caf).samples) == 5000


def id3_of(*frames: bytes, version: int = 4) -> bytes:
    body = b"".join(frames)
    size = bytes(len(body) >> shift & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3" + bytes([version, 0, 0]) + size + body


def test_a_frame_that_inflates_without_end_costs_no_memory() -> None:
    bomb = zlib.compress(bytes(1 << 26), 9)
    size = bytes(len(bomb) + 4 >> shift & 0x7F for shift in (21, 14, 7, 0))
    found = id3.read_id3(id3_of(b"APIC" + size + b"\0\x09" + bytes(4) + bomb))
    assert found.lost == ["APIC"]


def test_cover_art_beyond_the_limit_is_left_out_and_named() -> None:
    file = io.BytesIO(foreign("FLAC", "PCM_16", waves()))
    tagged = mutagen.flac.FLAC(file)
    for n in (1, 2):
        tagged.add_picture(mutagen.flac.Picture(id3.picture_bytes(3, "image/png", "", bytes([n]) * (9 << 20))))
    file.seek(0)
    tagged.save(file)
    with pytest.warns(MediaNotice, match="not kept: cover art of 9437225 bytes, too large"):
        assert len(read_audio(file.getvalue()).metadata.pictures) == 1


@settings(max_examples=200)
@given(st.data())
def test_damaged_metadata_never_cost_the_audio(data: st.DataObject) -> None:
    made = data.draw(st.sampled_from([".wav", ".flac", ".mp3", ".ogg"]))
    whole = bytearray(TAGGED[made])
    for _ in range(data.draw(st.integers(1, 8))):
        whole[data.draw(st.integers(0, min(len(whole) - 1, 9000)))] = data.draw(st.integers(0, 255))
    with warnings.catch_warnings(), contextlib.suppress(CodecError):
        warnings.simplefilter("ignore", MediaNotice)
        found = read_audio(bytes(whole))
        assert metadata_of(found.metadata.items()) == found.metadata
        audio_bytes(found, data.draw(st.sampled_from([*TAGGED])))


def tagged(suffix: str) -> bytes:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MediaNotice)
        return audio_bytes(AudioData(waves(500), RATE, {"title": "ours"}, 16, ALL), suffix)


TAGGED = {suffix: tagged(suffix) for suffix in (".wav", ".flac", ".mp3", ".ogg")}


@given(st.binary(max_size=300), st.sampled_from([2, 3, 4]))
def test_any_bytes_are_an_id3_tag_of_something(data: bytes, version: int) -> None:
    id3.read_id3(id3_of(data, version=version))
    id3.read_id3(data)


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".mp3", ".ogg"])
def test_each_thing_alone_is_written_and_what_is_damaged_is_left_out(suffix: str) -> None:
    for alone in (
        AudioMetadata((), (PICTURE,)),
        AudioMetadata((), (), ALL.chapters),
        AudioMetadata((), (), (), ALL.comments),
    ):
        data = audio_bytes(AudioData(waves(), RATE, {}, 16, alone), suffix)
        assert as_set(read_audio(data).metadata) == as_set(alone)
    odd = AudioMetadata((), (b"no picture", b"\0\0\1\0" + PICTURE[4:]), (), (("T\0é", "x"), ("", "y"), ("TALB", "z")))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MediaNotice)
        assert len(read_audio(audio_bytes(AudioData(waves(), RATE, {}, 16, odd), suffix)).samples) == 5000


def test_a_writer_that_fails_leaves_no_temporary_file(tmp_path: object) -> None:
    out = io.BytesIO()
    with pytest.raises(KeyError), AudioFileWriter(out, ".flac", RATE, 1, metadata=ALL):
        raise KeyError("in between")
    assert not out.closed


def test_what_a_field_recorder_wrote_goes_through_files_and_pipes(run: Run, tmp_path: Path) -> None:
    source, coded, back = tmp_path / "a.wav", tmp_path / "a.lcc", tmp_path / "b.wav"
    source.write_bytes(field_recording())
    assert run("compress", source, "-o", coded, "-q", 0).returncode == 0
    facts = json.loads(run("info", coded, "--json").stdout)
    assert facts["metadata"] == ["bext", "iXML", "cue", "LIST adtl", "smpl", "odd1"]
    assert b"metadata: bext, iXML" in run("info", coded).stdout
    done = run("decompress", coded, "-o", back)
    assert done.stderr.count(b"\n") == 1  # nothing but what was written
    assert read_audio(back).metadata == read_audio(source).metadata
    assert read_audio(run("decompress", coded, "-o", "-").stdout).metadata == read_audio(source).metadata
    done = run("decompress", coded, "-o", tmp_path / "c.flac", "--start", 0.05)
    assert b"of a part these are left out" in done.stderr
    assert b"cue, LIST adtl, smpl" in done.stderr
    assert {name for name, _ in read_audio(tmp_path / "c.flac").metadata.chunks} == {b"bext", b"iXML", b"odd1"}
    done = run("decompress", coded, "-o", tmp_path / "d.ogg")
    assert b"OGG cannot hold everything: bext, iXML, cue, LIST adtl, smpl, odd1 left out" in done.stderr


def test_what_a_pipe_tells_behind_its_samples_is_in_the_file_and_named_where_a_pipe_is_too_late(
    run: Run, tmp_path: Path
) -> None:
    everything = [chunk(name, payload) for name, payload in RECORDER]
    coded, back = tmp_path / "a.lcc", tmp_path / "b.wav"
    hiss = np.random.default_rng(0).integers(-9000, 9000, RATE * 8).astype("<i2").tobytes()
    for samples, is_late in ((hiss[:RATE], False), (hiss, True)):  # short clips are not written before they have ended
        source = riff_of(chunk(b"fmt ", FORMAT), chunk(b"data", samples), *everything)
        coded.write_bytes(run("compress", "-", "-o", "-", "-q", 100, stdin=source).stdout)
        assert codec.info(coded).metadata == ("bext", "iXML", "cue", "LIST adtl", "smpl", "odd1")
        assert run("decompress", coded, "-o", back, "--force").returncode == 0
        assert read_audio(back).metadata == read_audio(source).metadata == codec.decompress_audio(coded).metadata
        done = run("decompress", "-", "-o", "-", stdin=coded.read_bytes())
        assert done.returncode == 0
        assert (b"a pipe tells of it behind the samples: bext, iXML, cue" in done.stderr) == is_late


def test_much_metadata_and_tags_come_through_pipes_whole(run: Run) -> None:
    art = AudioMetadata((), (picture_bytes(3, "image/png", "", np.random.default_rng(0).bytes(300_000)),))
    source = audio_bytes(AudioData(waves(), RATE, {"title": "ours"}, 16, art), ".flac")
    coded = run("compress", "-", "-o", "-", "-q", 0, stdin=source).stdout
    assert read_audio(run("decompress", "-", "-o", "-", stdin=coded).stdout).metadata == art


def test_mutants_of_every_kind_of_file_are_audio_or_errors_of_the_family() -> None:
    from tests import fuzz_audio_files

    found = fuzz_audio_files.run(fuzz_audio_files.corpus(), np.random.default_rng(3), seconds=600, count=1500)
    assert found["audio"] > 300
    assert found["MediaError"] > 300


def chunked(kind: str, *chunks: tuple[bytes, bytes]) -> bytes:
    """An AIFF or CAF file of libsndfile with further chunks at its end."""
    out = io.BytesIO()
    soundfile.write(out, np.zeros((5000, 1), np.float32), RATE, "PCM_16", format=kind)
    form = ">4sI" if kind == "AIFF" else ">4sq"
    tail = b"".join(struct.pack(form, name, len(data)) + data + bytes(len(data) % 2) for name, data in chunks)
    data = bytearray(out.getvalue() + tail)
    if kind == "AIFF":
        data[4:8] = struct.pack(">I", len(data) - 8)
    return bytes(data)


AIFF_MARKERS = struct.pack(">HHIB", 2, 1, 1000, 5) + b"verse" + struct.pack(">HIB", 7, 4000, 6) + b"chorus\0"
AIFF_COMMENTS = struct.pack(">HIHH", 2, 0, 0, 4) + b"wet." + struct.pack(">IHH", 0, 0, 3) + b"dry\0"
CAF_MARKERS = struct.pack(">II", 0, 2) + b"".join(
    struct.pack(">IdI12x", 0, at, name) for at, name in ((1000.0, 5), (4000.0, 6))
)
CAF_STRINGS = struct.pack(">IIqIq", 2, 5, 0, 6, 6) + b"verse\0chorus\0"


@pytest.mark.parametrize(
    ("kind", "chunks"),
    [
        ("AIFF", ((b"MARK", AIFF_MARKERS), (b"COMT", AIFF_COMMENTS))),
        ("CAF", ((b"mark", CAF_MARKERS), (b"strg", CAF_STRINGS))),
    ],
)
def test_markers_of_aiff_and_caf_become_cue_points(kind: str, chunks: tuple[tuple[bytes, bytes], ...]) -> None:
    audio = read_audio(chunked(kind, *chunks))
    (cue, points), (labels, names) = audio.metadata.chunks
    assert (cue, labels, points[:4]) == (b"cue ", b"LIST", struct.pack("<I", 2))
    assert [struct.unpack_from("<I", points, 4 + 24 * n + 20)[0] for n in (0, 1)] == [1000, 4000]
    assert names.startswith(b"adtllabl")
    assert names.index(b"verse\0") < names.index(b"chorus\0")
    assert audio.metadata.comments == ((("COMMENT", "dry"),) if kind == "AIFF" else ())
    assert audio.tags == ({"comment": "wet."} if kind == "AIFF" else {})
    assert read_audio(audio_bytes(audio, ".wav")).metadata.chunks == audio.metadata.chunks


@pytest.mark.parametrize(
    ("kind", "name", "data"),
    [
        ("AIFF", b"MARK", AIFF_MARKERS[:12]),
        ("AIFF", b"COMT", AIFF_COMMENTS[:6]),
        ("CAF", b"mark", CAF_MARKERS[:40]),
        ("CAF", b"mark", struct.pack(">IIIdI12x", 0, 1, 0, float("nan"), 0)),
        ("AIFF", b"INST", bytes(20)),
    ],
)
def test_markers_that_are_damaged_are_named(kind: str, name: bytes, data: bytes) -> None:
    with pytest.warns(MediaNotice, match="not kept: (markers: |chunk COMT: |chunk INST)"):
        assert not read_audio(chunked(kind, (name, data))).metadata.chunks
