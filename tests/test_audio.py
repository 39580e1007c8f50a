"""Audio: lengths to the sample, seams, streams, parts, damage, and what must not go wrong in any audio."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import codec
from codec import media
from codec.audio import decode as audio_decode
from codec.audio import encode as audio_encode
from codec.bitstream import audio as audio_file
from codec.bitstream import constants
from codec.bitstream.errors import CodecError, CorruptFile, LimitExceeded, MediaError, ModelMismatch, UnsupportedFile
from codec.bitstream.wire import Writer
from codec.devices import CPU
from codec.media import AudioData, Samples
from codec.model.noise import noise
from tests.clips import RATE, melody
from tests.conftest import Run

SECONDS = np.arange(3 * RATE) / RATE


def mono(samples: np.ndarray) -> AudioData:
    return AudioData(np.ascontiguousarray(samples.astype(np.float32)[:, None]), RATE)


def snr_db(x: Samples, x_hat: Samples) -> float:
    return float(10 * np.log10((x**2).sum() / ((x - x_hat) ** 2).sum()))


def restored(data: bytes) -> Samples:
    return audio_decode.decode(data, CPU).audio.samples


@pytest.fixture(scope="module")
def tune() -> AudioData:
    return melody()


@pytest.fixture(scope="module")
def coded(tune: AudioData) -> bytes:
    return audio_encode.encode(replace(tune, tags={"title": "Études", "artist": "x"}), 60, CPU)


@pytest.mark.filterwarnings("ignore:coded at 48000 Hz")
@pytest.mark.parametrize("rate", [8000, 22_050, 44_100, 48_000, 96_000])
@pytest.mark.parametrize("samples", [0, 1, 239, 240, 95_760, 96_001])
def test_lengths_are_exact(samples: int, rate: int) -> None:
    source = melody(2.5, rate=rate)
    source = replace(source, samples=source.samples[:samples])
    found = audio_decode.decode(audio_encode.encode(source, 30, CPU), CPU).audio
    assert (found.samples.shape, found.sample_rate) == (source.samples.shape, rate)


@settings(max_examples=200)
@given(st.integers(0, 10**9), st.integers(1, constants.MAX_RATE))
def test_latents_cover_every_sample_and_no_more_than_they_must(samples: int, rate: int) -> None:
    blocks = -(-audio_file.coded_samples(samples, rate) // constants.HOP)
    latents = audio_file.latents_of(samples, rate)
    assert blocks == 0 or latents * constants.FRAMES >= blocks + 1 > (latents - 1) * constants.FRAMES


def test_rates_that_lose_ultrasound_are_told() -> None:
    with pytest.warns(codec.MediaNotice, match="above 24000 Hz"):
        codec.compress_audio(melody(0.1, rate=96_000))


def test_what_comes_piece_by_piece_is_the_same(tune: AudioData, coded: bytes) -> None:
    encoder = codec.audio_encoder(RATE, 1, 60, tags={"title": "Études", "artist": "x"})
    pieces = [encoder.push(tune.samples[i : i + 7777]) for i in range(0, len(tune.samples), 7777)]
    assert b"".join([*pieces, encoder.finish()]) == coded
    assert any(pieces)
    decoder = codec.audio_decoder()
    parts = [decoder.push(coded[i : i + 333]) for i in range(0, len(coded), 333)]
    assert sum(map(len, parts)) > 3 * RATE  # most of it before the end is known
    assert np.array_equal(np.concatenate([*parts, decoder.finish()]), restored(coded))


def test_an_encoder_takes_nothing_but_its_samples() -> None:
    encoder = codec.audio_encoder(RATE, 1)
    for samples in (np.zeros(5, np.float32), np.zeros((5, 2), np.float32), np.zeros((5, 1)), np.full((5, 1), np.nan)):
        with pytest.raises(ValueError, match="samples"):
            encoder.push(samples)
    for arguments in ((0, 1), (RATE, 9), (RATE, 1, 101)):
        with pytest.raises(ValueError, match="expected"):
            codec.audio_encoder(*arguments)


def test_what_is_no_quality_or_rate_is_said_so() -> None:
    samples = np.zeros(5, np.float32)
    with pytest.raises(TypeError, match="quality is a str, not a number"):
        codec.compress_audio(samples, "a", sample_rate=RATE)  # type: ignore[arg-type]
    for rate in (float("nan"), 0.5, "48000"):
        with pytest.raises(ValueError, match="expected a whole number"):
            codec.compress_audio(samples, sample_rate=rate)  # type: ignore[arg-type]


def test_the_first_audio_comes_within_three_seconds(tune: AudioData) -> None:
    encoder, decoder = codec.audio_encoder(RATE, 1, 50), codec.audio_decoder()
    assert len(decoder.push(encoder.push(tune.samples[: 3 * RATE]))) > 0


@pytest.mark.parametrize("rate", [RATE, 44_100])
def test_a_part_is_what_it_is_in_the_whole(rate: int) -> None:
    data = audio_encode.encode(melody(9, rate=rate), 40, CPU)
    whole = restored(data)
    for start_s, duration_s in ((0.0, 0.5), (1.9, 0.3), (4.5, 2.0), (8.5, 9.0), (9.0, 1.0)):
        part = codec.decompress_audio(data, start_s=start_s, duration_s=duration_s).samples
        first = round(start_s * rate)
        expected = whole[first : first + round(duration_s * rate)]
        assert part.shape == expected.shape
        assert np.allclose(part, expected, atol=2e-3)


def test_a_part_outside_is_refused(coded: bytes) -> None:
    with pytest.raises(MediaError, match="not inside"):
        codec.decompress_audio(coded, start_s=6)
    for start_s in (-1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="expected seconds"):
            codec.decompress_audio(coded, start_s=start_s)


def test_only_the_needed_chunks_of_a_part_are_decoded(coded: bytes) -> None:
    parsed = audio_file.read(coded)
    at = coded.index(parsed.chunks[0].data) + 40
    broken = bytearray(coded)
    broken[at] ^= 1
    with pytest.raises(CorruptFile):
        restored(bytes(broken))
    with pytest.warns(codec.IncompleteAudio, match="section 2"):
        found = codec.decompress_audio(bytes(broken), start_s=4.5, duration_s=0.4, partial=True)
    assert np.allclose(found.samples, restored(coded)[round(4.5 * RATE) : round(4.9 * RATE)], atol=1e-6)


def test_tags_and_depth_survive(coded: bytes) -> None:
    found = codec.decompress_audio(coded)
    assert found.tags == {"title": "Études", "artist": "x"}
    facts = codec.info(coded)
    assert isinstance(facts, codec.AudioInfo)
    assert (facts.samples, facts.chunks, facts.bit_depth, facts.quality) == (5 * RATE, 3, 16, 60.0)
    for depth in (24, 32):
        assert restored_depth(replace(melody(0.2), bit_depth=depth)) == depth


def test_tags_of_other_names_are_left_out(coded: bytes) -> None:
    parsed = audio_file.read(coded)
    head = audio_file.begin(parsed.header, audio_file.Description({"mood": "calm", "title": "Études"}))
    body = coded[len(audio_file.begin(parsed.header, audio_file.Description(parsed.tags))) :]
    assert codec.decompress_audio(head + body).tags == {"title": "Études"}


def restored_depth(source: AudioData) -> int:
    return audio_decode.decode(audio_encode.encode(source, 20, CPU), CPU).audio.bit_depth


def test_a_missing_chunk_is_silence(coded: bytes) -> None:
    parsed = audio_file.read(coded)
    broken = bytearray(coded)
    broken[coded.index(parsed.chunks[1].data) + 60] ^= 1
    with pytest.warns(codec.IncompleteAudio):
        found = codec.decompress_audio(bytes(broken), partial=True).samples
    assert np.abs(found[int(2.5 * RATE) : int(3.5 * RATE)]).max() < 2**-15


def test_clips_too_loud_for_words_are_refused() -> None:
    with pytest.raises(MediaError, match="times full scale"):
        codec.compress_audio(np.full(RATE, 1e20, np.float32), sample_rate=RATE)
    loud = replace(mono(np.sin(2 * np.pi * 440 * SECONDS) * 100), bit_depth=32)
    assert np.abs(restored(audio_encode.encode(loud, 60, CPU))).max() > 30


def test_a_low_rate_needs_no_more_memory_than_a_high_one() -> None:
    """Two samples a second: what they become is made in pieces."""
    encoder = codec.audio_encoder(2, 1)
    assert encoder.push(np.zeros((2000, 1), np.float32))
    assert len(encoder._held) < 4 * audio_file.CHUNK_SAMPLES


def test_sum_and_difference_are_coded_where_one_is_weak_and_that_one_more_coarsely() -> None:
    tune = melody(3).samples[:, 0]
    unlike = tune[::-1]
    for other, weak in ((tune + 0.3 * unlike, "side"), (-tune, "mid"), (0.1 * unlike, None), (0 * tune, None)):
        header = audio_file.read(audio_encode.encode(AudioData(np.stack([tune, other], 1), RATE), 30, CPU)).header
        assert len(header.pairs) == (weak is not None)
        for pair in header.pairs:
            assert (pair.side_step_index > pair.mid_step_index == header.step_index) == (weak == "side")
        assert codec.info(audio_file.begin(header) + audio_file.end(0, [])).quality == 30


def test_noise_is_the_same_everywhere_and_looks_random() -> None:
    whole = noise(7, 0, (2, 400, 240))
    assert (whole[:, :, 100:200] == noise(7, 100, (2, 100, 240))).all()
    assert whole.flatten()[:3].tolist() == pytest.approx(FIRST_OF_SEED_7, abs=1e-6)
    assert abs(float(whole.mean())) < 0.01
    assert float(whole.var()) == pytest.approx(1, abs=0.01)
    assert abs(float((whole[0] * whole[1]).mean())) < 0.01
    assert abs(float((whole[:, :, 1:] * whole[:, :, :-1]).mean())) < 0.01
    assert (whole != noise(8, 0, (2, 400, 240))).any()


FIRST_OF_SEED_7 = (-0.01968943, -0.54908089, 0.62777659)  # by the formula of SPEC.md, in integers


# ---- files


def test_a_cut_file_gives_its_beginning(tune: AudioData, coded: bytes) -> None:
    whole = restored(coded)
    seconds = []
    for share in (0.3, 0.5, 0.7, 0.9):
        cut = coded[: int(len(coded) * share)]
        with pytest.raises(CorruptFile, match="truncated"):
            codec.decompress_audio(cut)
        with pytest.warns(codec.IncompleteAudio, match="truncated"):
            found = codec.decompress_audio(cut, partial=True).samples
        seconds.append(len(found) / RATE)
        same = int(max(0.0, share * 5 - 2.5) * RATE)
        assert np.allclose(found[:same], whole[:same], atol=1e-6)
    assert seconds == sorted(seconds)
    assert seconds[-1] > 3.5


def test_damage_stays_in_its_chunk(coded: bytes) -> None:
    parsed = audio_file.read(coded)
    at = coded.index(parsed.chunks[1].data)
    whole = restored(coded)
    for change in (lambda b: b.__setitem__(at + 50, b[at + 50] ^ 4), lambda b: b.__setitem__(at - 2, b[at - 2] ^ 0x41)):
        broken = bytearray(coded)
        change(broken)
        with pytest.raises(CodecError):
            codec.decompress_audio(bytes(broken))
        with pytest.warns(codec.IncompleteAudio):
            found = codec.decompress_audio(bytes(broken), partial=True).samples
        assert found.shape == whole.shape
        assert np.allclose(found[: int(1.6 * RATE)], whole[: int(1.6 * RATE)], atol=1e-6)
        assert np.allclose(found[int(4.4 * RATE) :], whole[int(4.4 * RATE) :], atol=1e-6)


def test_a_chunk_at_anothers_place_is_noticed(coded: bytes) -> None:
    parsed = audio_file.read(coded)
    a, b = parsed.chunks[0], parsed.chunks[1]
    swapped = audio_file.begin(parsed.header, audio_file.Description(parsed.tags))
    for piece in (b, a, *parsed.chunks[2:]):
        swapped += audio_file.chunk(piece.latents, piece.data)
    sizes = [len(p.data) + 1 for p in (b, a, *parsed.chunks[2:])]
    with pytest.raises(CorruptFile, match=r"chunk 0: (checksum of the decoded latents|the coded stream)"):
        restored(swapped + audio_file.end(parsed.samples, sizes))


def test_foreign_weights_and_media_are_refused_by_name(coded: bytes) -> None:
    header = replace(audio_file.read(coded).header, digest=b"abcdefgh")
    with pytest.raises(ModelMismatch, match="61626364"):
        codec.decompress_audio(audio_file.begin(header) + audio_file.end(0, []))
    with pytest.raises(UnsupportedFile, match="not audio"):
        codec.decompress_audio(codec.compress(np.zeros((16, 16, 3), np.uint8)))


def test_a_declared_length_beyond_the_limit_is_refused_before_anything_is_decoded(coded: bytes) -> None:
    with pytest.raises(LimitExceeded):
        codec.decompress_audio(coded, max_seconds=1.0)
    parsed = audio_file.read(coded)
    head = audio_file.begin(parsed.header)
    huge = head + Writer().uint(constants.SECTION_LATENTS, 1).varint(1 << 30).bytes() + bytes(100)
    with pytest.raises(LimitExceeded, match="declares"):
        audio_file.read(huge)


def test_an_end_that_disagrees_is_refused(coded: bytes) -> None:
    parsed = audio_file.read(coded)
    begun = audio_file.begin(parsed.header)
    body = b"".join(audio_file.chunk(c.latents, c.data) for c in parsed.chunks)
    sizes = [len(c.data) + 1 for c in parsed.chunks]
    assert audio_file.read(begun + body + audio_file.end(parsed.samples, sizes)).samples == parsed.samples
    for samples, given_sizes in ((parsed.samples + RATE, sizes), (parsed.samples, sizes[:-1])):
        with pytest.raises(CorruptFile, match="not what the file's end says"):
            audio_file.read(begun + body + audio_file.end(samples, given_sizes))


# ---- through the command line


@pytest.fixture
def wave(tmp_path: Path) -> Path:
    path = tmp_path / "tune.wav"
    path.write_bytes(media.audio_bytes(replace(melody(2.2), tags={"title": "one"}), ".wav"))
    return path


def test_commands_restore_a_audio(run: Run, wave: Path, tmp_path: Path) -> None:
    assert run("compress", wave, "-q", 40).returncode == 0
    file = wave.with_suffix(".lcc")
    assert b"2.200 s, mono, 48000 Hz" in run("info", file).stdout
    assert run("verify", "--deep", file).returncode == 0
    for suffix in (".flac", ".ogg", ".wav"):
        target = tmp_path / f"out{suffix}"
        assert run("decompress", file, "-o", target).returncode == 0
        back = media.read_audio(target)
        assert back.samples.shape == (round(2.2 * RATE), 1)
        assert back.tags["title"] == "one"
    part = tmp_path / "part.wav"
    assert run("decompress", file, "-o", part, "--start", 1, "--duration", 0.5).returncode == 0
    assert len(media.read_audio(part).samples) == RATE // 2


def test_audio_goes_from_pipe_to_pipe(run: Run, wave: Path) -> None:
    coded = run("compress", "-", "-o", "-", "-q", 40, stdin=wave.read_bytes())
    assert coded.returncode == 0
    back = run("decompress", "-", "-o", "-", stdin=coded.stdout)
    assert back.returncode == 0
    samples = np.frombuffer(back.stdout[44:], "<i2").astype(np.float32) / 32768
    assert np.array_equal(np.rint(restored(coded.stdout)[:, 0] * 32768), samples * 32768)


def test_wrong_options_and_outputs_are_one_line(run: Run, wave: Path, tmp_path: Path) -> None:
    run("compress", wave)
    file = wave.with_suffix(".lcc")
    for arguments, message in (
        (("-o", tmp_path / "a.png"), b"cannot write audio as '.png'"),
        (("-o", tmp_path / "a.wav", "--region", "0,0,1,1"), b"holds audio"),
        (("-o", tmp_path / "a.wav", "--bit-depth", "8"), b"holds audio"),
        (("-o", tmp_path / "a.wav", "--start", "9"), b"not inside"),
    ):
        done = run("decompress", file, *arguments)
        assert (done.returncode, done.stderr.count(b"\n")) == (1, 1)
        assert message in done.stderr
    assert not (tmp_path / "a.wav").exists()
