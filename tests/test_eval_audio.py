"""Measuring audio: metrics, anchors, a whole evaluation through real processes, and its page in a browser."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from codec.audio.pairing import narrowing
from codec.bitstream.errors import CodecError
from codec.eval import anchor_process, audio_measures, audio_metrics, noise_metrics, own, work
from codec.eval.audio import AudioMaterial, Clip
from codec.eval.audio_anchors import AUDIO_ANCHORS, RATE
from codec.eval.bdrate import UndefinedBdRate, bd_rate
from codec.eval.comparison import compare
from codec.eval.medium import AUDIO, ESTOI, MEL, NARROWING_HIGH, NARROWING_LOW, REPETITION, VNSIM
from codec.eval.report import file_names
from codec.eval.results import Coder, Point, Results
from codec.eval.table import tables
from codec.media import AudioData, Samples, audio_bytes, read_audio
from tests.test_report import Done, command, new_page, started_browser

pytestmark = pytest.mark.slow  # a whole evaluation

NOISE = np.random.default_rng(0)


def tones(seconds: float = 1.5, channels: int = 1, start_hz: float = 200.0) -> Samples:
    """A gliding tone with overtones that swells up and down, and some noise."""
    t = np.arange(int(seconds * RATE))[:, None] / RATE
    phase = 2 * np.pi * start_hz * (t + 0.3 * t**2) * (1 + 0.2 * np.arange(channels))
    swell = 0.5 - 0.5 * np.cos(2 * np.pi * 3 * t)
    tone = sum(np.sin(k * phase) / k for k in range(1, 12))
    return (0.15 * swell * tone + 0.003 * NOISE.normal(0, 1, phase.shape)).astype(np.float32)


def as_16_bits(samples: Samples) -> Samples:
    """As decoders write them."""
    return read_audio(audio_bytes(AudioData(samples, RATE), ".wav")).samples


# ---- metrics


def test_the_mel_distance_of_a_audio_to_itself_is_none() -> None:
    for channels in (1, 2):
        x = tones(channels=channels)
        assert audio_metrics.mel_distance(x, x) == 0


def test_the_mel_distance_rises_with_noise_and_with_a_missing_band() -> None:
    x = tones()
    noises = [audio_metrics.mel_distance(x, x + np.float32(s) * x[::-1]) for s in (0.01, 0.1)]
    assert 0 < noises[0] < noises[1]
    spectrum = np.fft.rfft(x, axis=0)
    spectrum[len(spectrum) // 3 :] = 0
    assert audio_metrics.mel_distance(x, np.fft.irfft(spectrum, len(x), axis=0).astype(np.float32)) > 0.1


def test_a_audio_ten_times_as_loud_is_two_decades_of_power_away() -> None:
    x = NOISE.normal(0, 0.01, (RATE, 1)).astype(np.float32)
    assert audio_metrics.mel_distance(x, x * 10) == pytest.approx(2, abs=0.03)  # the narrowest bands hold no line


def test_long_clips_are_measured_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = tones(), tones(start_hz=250)
    whole = audio_metrics.mel_distance(x, y)
    monkeypatch.setattr(audio_metrics, "FRAMES_AT_ONCE", 50)
    assert audio_metrics.mel_distance(x, y) == pytest.approx(whole)


def test_scores_fall_with_noise() -> None:
    x = tones(2.0)
    noise = NOISE.normal(0, 1, x.shape).astype(np.float32)
    for measure in AudioMaterial().measures.values():
        if isinstance(measure, audio_measures.Repetition | audio_measures.Narrowing):  # noise is neither
            continue
        same, little, much = (measure.scores(x, x + np.float32(s) * noise) for s in (0, 0.003, 0.1))
        for metric in measure.metrics:
            scores = [
                metric.scaled(found[metric.key] or math.nan) for found in (same, little, much) if found[metric.key]
            ]
            assert scores == sorted(scores, reverse=True)
            assert scores[0] > scores[-1]


def test_a_frame_that_comes_again_and_sides_that_become_one_are_measured() -> None:
    noise = np.random.default_rng(1).normal(0, 0.1, (2 * RATE, 2)).astype(np.float32)
    buzz, middle = np.tile(noise[:1920], (50, 1)), np.repeat(noise.mean(1, keepdims=True), 2, 1)
    assert noise_metrics.repetition(noise, noise) == noise_metrics.repetition(buzz, noise) == 0
    assert noise_metrics.repetition(noise, buzz) > 0.95
    assert narrowing(noise, noise) == (0, 0)
    assert narrowing(noise, middle) == pytest.approx((1, 1), abs=0.05)
    spectrum = np.fft.rfft(noise, axis=0)
    spectrum[5000 * 2 : 11_000 * 2, 1] = spectrum[5000 * 2 : 11_000 * 2, 0]  # bins of half a hertz
    low, high = narrowing(noise, np.fft.irfft(spectrum, len(noise), axis=0).astype(np.float32))
    assert low == pytest.approx(0, abs=0.01)
    assert high == pytest.approx(6 / 8, abs=0.05)
    silence = np.zeros_like(noise)
    assert (noise_metrics.repetition(noise, silence), max(narrowing(silence, silence))) == (0, 0)


def test_speech_metrics_are_of_speech_only_and_sizes_must_agree() -> None:
    speech, music = (Clip("", "", group, RATE, 1) for group in ("speech", "music"))
    for measure in (audio_measures.Pesq(), audio_measures.Estoi()):
        assert measure.wants(speech, 12)
        assert not measure.wants(music, 12)
    assert audio_measures.Mel().wants(music, 12)
    x = tones()
    assert len(AudioMaterial().fitted(x, np.pad(x, ((0, 960), (0, 0))))) == len(x)
    with pytest.raises(CodecError, match="changed the size"):
        AudioMaterial().fitted(x, x[1:])


def test_a_distance_is_better_where_it_is_lower() -> None:
    assert MEL.scaled(0.1) == pytest.approx(10)
    assert MEL.scaled(0.1) > MEL.scaled(0.2)
    assert MEL.scaled(0) == math.inf
    assert VNSIM.scaled(0.7) == 0.7


def test_curves_of_clips_that_share_no_quality_are_refused() -> None:
    opus = [(6.0, 1.2), (12.0, 0.6), (24.0, 0.25)]
    scaled = [(rate, MEL.scaled(d)) for rate, d in opus]
    assert bd_rate(scaled, [(rate / 2, y) for rate, y in scaled]).value == pytest.approx(-50)
    with pytest.raises(UndefinedBdRate, match="share no range of quality"):
        bd_rate(scaled, [(rate, MEL.scaled(d / 10)) for rate, d in opus])


# ---- anchors


def ogg_packets(data: bytes) -> list[int]:
    """Bytes of each packet of an Ogg file, by its lacing (RFC 3533)."""
    packets, size, at = [], 0, 0
    while at < len(data):
        assert data[at : at + 4] == b"OggS"
        lacing = data[at + 27 : at + 27 + data[at + 26]]
        for part in lacing:
            size += part
            if part < 255:
                packets.append(size)
                size = 0
        at += 27 + len(lacing) + sum(lacing)
    return packets


def installed(name: str) -> Any:
    anchor = AUDIO_ANCHORS[name]
    if not anchor.library():
        pytest.skip(f"{anchor.title} is not installed")
    return anchor


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("samples", [48_000, 48_001, 960 * 60 - 312, 960 * 60 - 311])
def test_opus_counts_the_packets_that_the_audio_needs(samples: int, channels: int) -> None:
    opus = installed("opus")
    x = tones(1.5, channels)[:samples]
    data = opus.encode(x, 16)
    head, tags, *packets = ogg_packets(data)
    assert (head, tags > 8) == (19, True)
    assert len(packets) == math.ceil((samples + 312) / 960)
    assert opus.payload_bytes(data) == sum(packets)
    assert len(data) > sum(packets) + head + tags


@pytest.mark.parametrize("name", AUDIO_ANCHORS)
@pytest.mark.parametrize("channels", [1, 2])
def test_an_anchor_gives_back_the_audio_to_the_sample(name: str, channels: int) -> None:
    anchor = installed(name)
    x = tones(1.2, channels)[:50_001]
    errors = []
    for setting in (anchor.ladder[-2], anchor.ladder[-1]):
        x_hat = anchor.decode(anchor.encode(x, setting))
        assert len(x) <= len(x_hat) < len(x) + 2048
        errors.append(float(np.mean((x_hat[: len(x)] - x) ** 2)))
        match = np.fft.irfft(np.fft.rfft(x[:, 0], 1 << 17).conj() * np.fft.rfft(x_hat[:, 0], 1 << 17))
        lag = int(np.argmax(match))
        assert min(lag, len(match) - lag) <= (3 if "opus" in name else 0)  # Opus's filters delay a little inside
    assert errors[1] < errors[0] < 0.15 * np.mean(x**2)
    assert list(anchor.ladder) == sorted(anchor.ladder)


@pytest.mark.parametrize("name", ["opus", "aac", "mp3"])
def test_rates_are_about_what_was_asked_for(name: str) -> None:
    anchor = installed(name)
    x = tones(2.0)
    for setting in anchor.ladder[::2]:
        rate_kbps = anchor.payload_bytes(anchor.encode(x, setting)) * 8 / 2 / 1000
        assert 0.6 * setting < rate_kbps < 1.7 * setting


@pytest.mark.parametrize("name", AUDIO_ANCHORS)
def test_broken_files_of_anchors_are_codec_errors(name: str) -> None:
    anchor = installed(name)
    for call in (anchor.decode, anchor.payload_bytes):
        with pytest.raises(CodecError):
            call(b"no file of any kind")


# ---- sources and tables


def write(folder: Path, name: str, samples: Samples, rate: int = RATE) -> None:
    (folder / name).write_bytes(audio_bytes(AudioData(samples, rate), Path(name).suffix))


def test_sources_are_at_one_rate_and_know_their_class(tmp_path: Path) -> None:
    write(tmp_path, "eval-01-speech-one.flac", tones())
    write(tmp_path, "eval-02-music-two.wav", tones(2.0, 2), 44_100)
    write(tmp_path, "plain.wav", tones())
    write(tmp_path, "short.wav", tones(0.5))
    (tmp_path / "torn.wav").write_bytes(b"RIFF")
    work = tmp_path / "work"
    work.mkdir()
    sources, failures = AudioMaterial().sources(tmp_path, work)
    items = [source.item for source in sources]
    assert [item.group for item in items] == ["speech", "music", "all"]
    lengths = {item.name: (item.samples, item.channels) for item in items if isinstance(item, Clip)}
    assert lengths["eval-02-music-two.wav"] == (round(96_000 / 44_100 * 48_000), 2)
    assert lengths["plain.wav"] == (72_000, 1)
    assert items[0].extent == 1500
    assert sorted(failures) == ["short.wav", "torn.wav"]
    mono, _ = AudioMaterial(mono=True).sources(tmp_path, work)
    assert all(read_audio(source.path).channels == 1 for source in mono)


def test_ours_is_measured_from_whole_files_that_other_processes_wrote(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def decompressed(files: list[Path], folder: Path) -> list[Path]:
        folder.mkdir()
        shown = [folder / f"{file.stem}.wav" for file in files]
        for path in shown:
            path.write_bytes(audio_bytes(read_audio(source.path), ".wav"))
        return shown

    monkeypatch.setattr(own, "compressed", lambda sources, *rest: [bytes(300) for _ in sources])
    monkeypatch.setattr(own, "decompressed", decompressed)
    write(tmp_path, "eval-01-music-one.flac", tones(1.5))
    folder = tmp_path / "work"
    folder.mkdir()
    [source], _ = AudioMaterial().sources(tmp_path, folder)
    coder = Coder("codec", "", "", "", "quality")
    [measured] = work.measure_ours([work.Task("audio", source, coder, 50.0, "key", ("mel",))], tmp_path / "cache")
    point = measured.point
    assert (point.size_bytes, point.container_bytes, point.rate) == (300, 0, 300 * 8 / 1500)
    assert point.scores[MEL.key] == 0


def results_of(scores: dict[tuple[str, str], list[tuple[float, float]]]) -> Results:
    """Results of two codecs on a speech and a music clip: rates and vnsim by codec and class."""
    items = [Clip(f"eval-{i}-{group}-x.flac", group, group, RATE, 1) for i, group in enumerate(("speech", "music"))]
    points = [
        Point(item.name, coder, rate, 1, rate, dict.fromkeys((m.key for m in AUDIO.metrics), None) | {VNSIM.key: score})
        for item in items
        for coder in ("codec", "opus")
        for rate, score in scores[coder, item.group]
    ]
    coders = [Coder(name, name, "", "", "quality") for name in ("codec", "opus")]
    return Results(AUDIO, "", {}, {}, items, coders, points)


def test_classes_have_their_own_curves_and_deltas() -> None:
    curve = [(6.0, 0.6), (12.0, 0.7), (24.0, 0.8), (48.0, 0.9)]
    half = [(rate / 2, score) for rate, score in curve]
    results = results_of(
        {
            ("codec", "speech"): half,
            ("codec", "music"): curve,
            ("opus", "speech"): curve,
            ("opus", "music"): [(rate, score + 0.5) for rate, score in curve],
        }
    )
    comparison = compare(results).as_dict()
    assert comparison["by_group"]["speech"]["opus"][VNSIM.key] == {"value": pytest.approx(-50), "items": 1}
    assert comparison["by_group"]["music"]["opus"][VNSIM.key] == {"value": None, "items": 0}
    text = "\n".join(table.aligned() for table in tables(results, compare(results)))
    for title in ("Our curve: speech", "BD-rate of ours: music", "ViSQOL"):
        assert title in text
    assert results.mean_curve("codec", VNSIM, results.groups["speech"]) == half


# ---- a whole evaluation


@dataclass
class Evaluation:
    """A folder of two clips and a broken one, evaluated with Opus and MP3 where ViSQOL and PESQ are missing."""

    root: Path
    done: Done

    @property
    def report(self) -> Path:
        return self.root / "report"

    @property
    def results(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.report / "results.json").read_text())
        return found


@pytest.fixture(scope="module")
def evaluation(tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    for package in ("av", "pystoi"):
        pytest.importorskip(package)
    root = tmp_path_factory.mktemp("evaluation")
    folder = root / "clips"
    folder.mkdir()
    write(folder, "eval-01-speech-<b>one.flac", tones(1.5))
    write(folder, "eval-02-music-two.wav", tones(1.5, 2, 300))
    (folder / "torn.flac").write_bytes(b"fLaC and no more")
    arguments = ["audio", folder, "-o", root / "report", "--results-page", root / "page.md", "--cache", root / "cache"]
    arguments += ["-a", "opus", "-a", "mp3", "-q", 10, "-q", 40, "-q", 80]
    return Evaluation(root, command(root, arguments, without=("pesq", "visqol", "zimtohrli")))


def test_what_is_missing_or_broken_is_named_and_the_run_goes_on(evaluation: Evaluation) -> None:
    done = evaluation.done
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    lines = done.stderr.splitlines()
    assert any("torn.flac" in line for line in lines)
    assert "codec: PESQ-WB: pesq is not installed here, left out" in lines
    assert "codec: vnsim: visqol-python is not installed here, left out" in lines
    assert lines[-1] == "codec: 1 of 3 clips failed"
    names = [coder["name"] for coder in evaluation.results["coders"]]
    if own.installed(AudioMaterial.model):
        assert names == ["codec", "opus", "mp3"]
    else:
        assert names == ["opus", "mp3"]
        assert "codec: codec (ours): its model 'audio' is not installed here, left out" in lines
        assert "Curve of Opus: speech" in done.stdout


def test_the_report_folder_holds_everything(evaluation: Evaluation) -> None:
    results = evaluation.results
    kept = [MEL, ESTOI, REPETITION, NARROWING_LOW, NARROWING_HIGH]
    assert [m["key"] for m in results["medium"]["metrics"]] == [metric.key for metric in kept]
    medium = AUDIO.of(kept)
    assert sorted(p.name for p in evaluation.report.iterdir()) == sorted(file_names(medium))
    speech = [p for p in results["points"] if "speech" in p["item"]]
    assert all(0 < p["scores"]["mel_distance"] < 3 and 0 < p["scores"]["estoi"] <= 1 for p in speech)
    opus = [p for p in results["points"] if p["coder"] == "opus"]
    assert all(p["rate"] == pytest.approx(p["size_bytes"] * 8 / 1500) for p in opus)
    assert all(100 < p["container_bytes"] < 2000 for p in opus)
    assert len(results["costs"]) == len(results["coders"])
    assert "clips" in (evaluation.root / "page.md").read_text()


def test_the_page_holds_clips_and_needs_no_network(evaluation: Evaluation) -> None:
    page = (evaluation.report / "report.html").read_text()
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", page)
    assert "<b>one" not in page
    count = page.count("data:audio/flac;base64,")
    assert count == page.count("data:image/webp;base64,") == 2 * 3  # the worst of each class; the best is one of them


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    yield from started_browser()


@pytest.mark.parametrize("width", [1280, 400])
def test_the_page_plays_in_a_browser(evaluation: Evaluation, browser: Any, width: int) -> None:
    page = new_page(browser, width)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda r: errors.append(r.url) if not r.url.startswith(("file:", "data:")) else None)
    page.goto((evaluation.report / "report.html").as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert not page.locator("#viewer").is_visible()
    assert page.locator("#heard audio").count() == 3
    duration = page.evaluate(
        "new Promise((done, fail) => { const a = document.querySelector('#heard audio');"
        "if (!a.currentSrc && !a.src) fail(new Error('an excerpt has no sound'));"
        "a.addEventListener('error', () => fail(new Error('an excerpt cannot be played')));"
        "a.addEventListener('loadedmetadata', () => done(a.duration)); a.preload = 'auto'; a.load(); })"
    )
    assert duration == pytest.approx(1.5, abs=0.01)
    before = page.locator("#audition-place").inner_text()
    page.click("#auditions button:last-child")
    assert page.locator("#audition-place").inner_text() != before
    page.click("#metrics button:has-text('ESTOI')")  # which only speech has
    assert page.input_value("#item") == "speech"
    assert page.locator("#chart .curve").count() >= 2
    assert page.locator("#groups tbody tr").count() == len(evaluation.results["coders"]) - 1
    assert errors == []
    page.close()


def test_anchors_run_in_processes_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed("vorbis")
    write(tmp_path, "in.flac", tones())
    coded, shown = str(tmp_path / "coded"), str(tmp_path / "out.wav")
    anchor_process.main("audio", "encode", "vorbis", "4.0", str(tmp_path / "in.flac"), coded)
    anchor_process.main("audio", "decode", "vorbis", "4.0", coded, shown)
    expected = as_16_bits(AUDIO_ANCHORS["vorbis"].decode(Path(coded).read_bytes()))
    assert np.array_equal(read_audio(shown).samples, expected)
    monkeypatch.setattr(type(AUDIO_ANCHORS["vorbis"]), "library", lambda self: None)
    with pytest.raises(SystemExit, match="vorbis is not installed"):
        anchor_process.main("audio", "encode", "vorbis", "4.0", "", "")
