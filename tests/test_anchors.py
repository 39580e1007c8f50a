"""Codecs and metrics of others, by entry points, TOML and files made elsewhere: none needs a change of ours."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from codec.bitstream.errors import CodecError
from codec.eval import anchor, measure
from codec.eval.image_measures import Butteraugli, Lpips, Vmaf
from codec.eval.images import ImageItem, ImageMaterial
from codec.eval.material import Source, content_hash
from codec.eval.medium import Metric
from codec.eval.results import Coder
from codec.eval.template import read_template
from codec.eval.work import AnchorFailed, Task, measure_anchor
from codec.media import AudioData, ImageData, Pixels, audio_bytes, to_pillow
from tests.conftest import SPEECH
from tests.test_report import Done, command

CODECS = """
import io
import numpy as np
from PIL import Image
from codec.eval.anchor import Anchor

class Flat(Anchor):
    name, ladder = "flat", (1.0, 2.0, 4.0, 8.0)
    def encode(self, samples, setting):
        out = io.BytesIO()
        Image.fromarray(samples).quantize(int(setting) * 16).save(out, "PNG")
        return out.getvalue()
    def decode(self, data):
        return np.array(Image.open(io.BytesIO(data)).convert("RGB"))

class Coarse(Anchor):
    name, media, ladder = "coarse", "audio", (4.0, 6.0, 8.0)
    def encode(self, samples, setting):
        steps = 2 ** setting
        return bytes([samples.shape[1], int(setting)]) + (samples * steps / 2).round().astype(np.int8).tobytes()
    def decode(self, data):
        return np.frombuffer(data[2:], np.int8).reshape(-1, data[0]).astype(np.float32) * 2 / 2 ** data[1]
    def payload_bytes(self, data):
        return len(data) * data[1] // 8

class Torn(Flat):
    name = "torn"
    def decode(self, data):
        raise ZeroDivisionError("no such thing")
"""
METRICS = """
import numpy as np
from codec.eval.measure import Measure
from codec.eval.medium import Metric

class Difference(Measure):
    name, media = "difference", "images"
    metrics = (Metric("mean_difference", "mean difference", "", 2, distance=True, trained=("flat",)),)
    def identity(self):
        return "1"
    def scores(self, x, x_hat):
        return {"mean_difference": float(np.abs(x.astype(float) - x_hat).mean())}
"""
PROGRAM = "import sys; from PIL import Image; Image.open(sys.argv[1]).save(sys.argv[2], quality=int(sys.argv[3]))"
TOML = f"""
name = "copy"
media = "images"
encode = "{sys.executable} -c '{PROGRAM}' {{in}} {{out}} {{q}}"
decode = "cp {{in}} {{out}}"
suffix = ".jpg"
output = ".jpg"
ladder = [20, 50, 80]
"""


def packaged(folder: Path) -> None:
    """A package of somebody else's, installed in a folder."""
    (folder / "theirs.py").write_text(CODECS)
    (folder / "their_metrics.py").write_text(METRICS)
    described = folder / "theirs-2.5.dist-info"
    described.mkdir()
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 2.5\n")
    (described / "RECORD").write_text("theirs.py,,\ntheir_metrics.py,,\n")
    (described / "top_level.txt").write_text("theirs\ntheir_metrics\n")
    (described / "entry_points.txt").write_text(
        "[codec.anchors]\nflat = theirs:Flat\ncoarse = theirs:Coarse\n\n"
        "[codec.metrics]\ndifference = their_metrics:Difference\n"
    )


def results(done: Done, report: Path) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads((report / "results.json").read_text())
    return found


@pytest.fixture(scope="module")
def images(parrots: Pixels, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("images")
    for name, x in (("left", 0), ("right", 400)):
        to_pillow(ImageData(np.ascontiguousarray(parrots[100:196, x : x + 128]))).save(folder / f"{name}.png")
    return folder


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()
    packaged(folder)
    return folder


@pytest.mark.slow
def test_codecs_and_metrics_of_others_take_part_in_an_evaluation_of_images(
    tmp_path: Path, images: Path, theirs: Path
) -> None:
    (tmp_path / "copy.toml").write_text(TOML)
    made = tmp_path / "made"
    made.mkdir()
    rows = ["item,setting,size_bytes,decoded"]
    for path in sorted(images.iterdir()):
        for setting in (1, 2, 3):
            pixels = np.array(to_pillow(anchor_pixels(path))) // (40 // setting**2) * (40 // setting**2)
            to_pillow(ImageData(np.ascontiguousarray(pixels))).save(made / f"{path.stem}-{setting}.png")
            rows.append(f"{path.name},{setting},{700 * setting},{path.stem}-{setting}.png")
    (made / "made.csv").write_text("\n".join(rows))
    arguments: list[object] = ["images", images, "--no-ours", "-j", 1, "--cache", tmp_path / "cache"]
    arguments += ["-a", "flat", "-a", tmp_path / "copy.toml", "-a", made, "-a", "theirs:Torn"]
    arguments += ["--score", "psnr", "--score", "difference", "-o", tmp_path / "report", "--no-times"]
    found = results(command(tmp_path, arguments, site=theirs), tmp_path / "report")
    assert found["skipped"] == {"torn": "fails on left.png: ZeroDivisionError: no such thing"}
    assert [(c["name"], c["title"]) for c in found["coders"]] == [("flat", "flat"), ("copy", "copy"), ("made", "made")]
    assert found["coders"][0]["library"].startswith("theirs 2.5 ")  # and a hash of the class
    assert [m["key"] for m in found["medium"]["metrics"]] == ["psnr_rgb_db", "psnr_y_db", "mean_difference"]
    points = {(p["coder"], p["item"], p["setting"]): p for p in found["points"]}
    assert len(points) == 2 * (4 + 3 + 3)
    assert points["made", "left.png", 2]["size_bytes"] == 1400
    assert 0 < points["made", "left.png", 3]["scores"]["mean_difference"] < 3
    assert points["copy", "left.png", 20]["size_bytes"] < points["copy", "left.png", 80]["size_bytes"]
    kept = {p: p.stat().st_mtime_ns for p in (tmp_path / "cache").rglob("*.*")}
    again = command(tmp_path, [*arguments, "--force"], site=theirs)
    assert results(again, tmp_path / "report")["points"] == found["points"]
    assert {p: t for p, t in kept.items() if p.stat().st_mtime_ns != t} == {}


def anchor_pixels(path: Path) -> ImageData:
    from codec.media import read_image

    return read_image(path)


@pytest.mark.slow
def test_codecs_of_others_take_part_in_an_evaluation_of_audio(tmp_path: Path, theirs: Path) -> None:
    from codec.media import read_audio

    folder = tmp_path / "clips"
    folder.mkdir()
    samples = read_audio(SPEECH).samples[:60_000]
    (folder / "a-1-speech-x.wav").write_bytes(audio_bytes(AudioData(np.ascontiguousarray(samples), 48_000), ".wav"))
    arguments: list[object] = ["audio", folder, "--no-ours", "-j", 1, "--cache", tmp_path / "cache"]
    arguments += ["-a", "coarse", "-o", tmp_path / "report", "--score", "mel"]
    if shutil.which("opusenc") and shutil.which("opusdec"):
        arguments += ["-a", "opusenc"]
    found = results(command(tmp_path, arguments, site=theirs), tmp_path / "report")
    coarse = [p["scores"]["mel_distance"] for p in found["points"] if p["coder"] == "coarse"]
    assert coarse == sorted(coarse, reverse=True)
    assert [cost["coder"] for cost in found["costs"]] == [coder["name"] for coder in found["coders"]]
    for point in found["points"]:
        if point["coder"] == "opusenc":
            assert 0.4 * point["setting"] < point["rate"] < 2 * point["setting"]
            assert point["container_bytes"] > 100


@pytest.mark.parametrize("name", ["cjxl", "avifenc", "cwebp"])
def test_a_template_of_images_codes_where_its_programs_are(patch: Pixels, name: str) -> None:
    found = anchor.named("images", name)
    if reason := found.missing():
        pytest.skip(reason)
    sizes = [len(found.encode(patch, setting)) for setting in (found.ladder[1], found.ladder[-2])]
    assert sizes[0] != sizes[1]
    x_hat = found.decode(found.encode(patch, found.ladder[2]))
    assert x_hat.shape == patch.shape
    assert 0 < np.abs(x_hat.astype(float) - patch).mean() < 25


@pytest.mark.parametrize("name", ["opusenc", "ffmpeg-aac"])
def test_a_template_of_audio_codes_where_its_programs_are(name: str) -> None:
    found = anchor.named("audio", name)
    if reason := found.missing():
        pytest.skip(reason)
    t = np.arange(48_000)[:, None] / 48_000
    x = (0.3 * np.sin(2 * np.pi * 440 * t)).astype(np.float32)
    data = found.encode(x, found.ladder[-1])
    x_hat = found.decode(data)
    assert len(x) <= len(x_hat) < len(x) + 2048
    assert 500 < found.payload_bytes(data) < len(data)
    assert np.abs(x_hat[2000:40_000] - x[2000:40_000]).mean() < 0.05


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ('ladder = "high"', "ladder is 'high', expected a list"),
        ('media = "smells"', "media is 'smells', expected one of images, audio"),
        ('encode = "cp {in}"', "expected a command with {in} and {out}"),
        ("speed = 3", "speed unknown"),
        ('encode = "cp {in} {out', "Unescaped"),
        ('count = "words"', "count is 'words'"),
        ("ladder = [10, 10, 30]", "at least 3 numbers, each once"),
        ("ladder = [10, nan, 30]", "at least 3 numbers, each once"),
        ("ladder = [10, true, 30]", "at least 3 numbers, each once"),
        ('media = ["images"]', "media is ['images'], expected one of images, audio"),
        ('name = "two words"', "name is 'two words', expected one word"),
        ('name = ""', "name is '', expected one word"),
        ("name = 3", "name is 3, expected text"),
        ('encode = "cp {in} {out}"', "expected a {q}"),
    ],
)
def test_a_wrong_template_is_said_in_a_line(change: str, said: str) -> None:
    key = change.split(" = ")[0]
    lines = [line for line in TOML.strip().splitlines() if not line.startswith(key)]
    with pytest.raises(CodecError) as caught:
        read_template("\n".join([*lines, change]), "x.toml")
    assert str(caught.value).startswith("x.toml: ")
    assert said in str(caught.value) or key == "encode"


def test_programs_that_fail_or_are_missing_are_named(tmp_path: Path, patch: Pixels) -> None:
    text = TOML.replace(f'encode = "{sys.executable}', 'encode = "no-such-program')
    assert read_template(text, "x.toml").missing() == "no-such-program not on the PATH"
    failing = read_template(TOML.replace('decode = "cp {in} {out}"', 'decode = "cp {in}/none {out}"'), "x.toml")
    with pytest.raises(CodecError, match="cp ended with 1"):
        failing.decode(b"data")
    silent = read_template(TOML.replace('decode = "cp {in} {out}"', 'decode = "true {in} {out}"'), "x.toml")
    with pytest.raises(CodecError, match="wrote no"):
        silent.decode(b"data")


def test_a_script_beside_its_template_is_found_and_what_it_holds_counts(tmp_path: Path, patch: Pixels) -> None:
    script = tmp_path / "mine.py"
    toml = TOML.replace(f"-c '{PROGRAM}'", "mine.py")
    found = []
    for program in (PROGRAM, PROGRAM + " # changed"):
        script.write_text(program)
        found.append(subprocess_library(tmp_path, "copy.toml", toml))
    assert found[0] != found[1]
    copy = read_template(toml, "copy.toml", tmp_path)
    assert copy.decode(copy.encode(patch, 80)).shape == patch.shape


def test_a_class_in_the_working_folder_is_found_and_its_source_counts(tmp_path: Path) -> None:
    found = [subprocess_library(tmp_path, "mine.py", text, "mine:Flat") for text in (CODECS, CODECS + "# changed")]
    assert found[0].startswith("module mine ")
    assert found[0] != found[1]


def subprocess_library(folder: Path, name: str, text: str, spec: str | None = None) -> str:
    """What results of a codec are kept under; it is described in a file of this name and text in the working folder."""
    (folder / name).write_text(text)
    code = f"from codec.eval import anchor; print(anchor.named('images', {spec or name!r}).library())"
    done = subprocess.run(
        [sys.executable, "-P", "-B", "-c", code], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_what_is_no_codec_and_no_metric_is_refused(tmp_path: Path) -> None:
    for spec in ("no-such", str(tmp_path), str(tmp_path / "none.toml"), "math:pi", "no.such:thing"):
        with pytest.raises(CodecError):
            anchor.named("images", spec)
    for spec in ("no-such", "math:pi"):
        with pytest.raises(CodecError):
            measure.named("images", spec)


class Given(anchor.Anchor):
    """Gives what it is told to."""

    name, title, ladder, options = "given", "given", (1.0, 2.0, 3.0), {}

    def __init__(self, coded: Any, decoded: Any) -> None:
        self.coded, self.decoded = coded, decoded

    def encode(self, samples: Any, setting: float) -> Any:
        return self.coded

    def decode(self, data: bytes) -> Any:
        return self.decoded


class Promises(measure.Measure):
    """Gives the scores that it is told to."""

    name, media, metrics = "promises", "images", (Metric("kept", "kept", "", 2),)

    def __init__(self, given: dict[str, Any]) -> None:
        self.given = given

    def identity(self) -> str:
        return repr(self.given)

    def scores(self, x: Any, x_hat: Any) -> dict[str, float | None]:
        return self.given


def task_of(patch: Pixels, folder: Path, *measures: str) -> Task:
    path = folder / "patch.png"
    to_pillow(ImageData(patch)).save(path)
    height, width = patch.shape[:2]
    source = Source(ImageItem("patch.png", content_hash(patch), "", width, height), path)
    return Task("images", source, Coder("given", "given", "1", "", "setting", spec="given"), 1.0, "0" * 32, measures)


@pytest.mark.parametrize(
    ("coded", "change", "said"),
    [
        (None, lambda x: x, "the encoder gave a NoneType, expected bytes"),
        (b"", lambda x: x, "the encoder gave no bytes"),
        (b"x", lambda x: x / 255, "the decoder gave float64 .*, expected uint8"),
        (b"x", lambda x: x[:, :, 0], "the decoder gave uint8 .*, expected uint8 .H, W, 1 or 3"),
        (b"x", lambda x: x.tolist(), "the decoder gave a list"),
        (b"x", lambda x: x[1:], "the decoder changed the size"),
    ],
)
def test_a_codec_that_gives_no_file_or_no_image_is_left_out_with_the_reason(
    coded: Any, change: Any, said: str, patch: Pixels, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(anchor, "named", lambda media, spec: Given(coded, change(patch)))
    with pytest.raises(AnchorFailed, match=f"fails on patch.png: .*{said}"):
        measure_anchor([task_of(patch, tmp_path)], tmp_path / "cache")


def test_a_metric_gives_what_it_promises_as_any_kind_of_number(
    patch: Pixels, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(anchor, "named", lambda media, spec: Given(b"x", patch))
    for given, score in (({"kept": np.float32(0.5)}, 0.5), ({"kept": float("nan")}, None), ({"other": 1.0}, KeyError)):
        monkeypatch.setattr(measure, "named", lambda media, spec, given=given: Promises(given))
        [found] = measure_anchor([task_of(patch, tmp_path, "promises")], tmp_path / "cache")
        if score is KeyError:
            assert "gave scores of other, expected kept" in found.failed["kept"]
        else:
            assert found.point.scores == {"kept": score}


def test_two_metrics_of_one_key_are_refused() -> None:
    with pytest.raises(CodecError, match="takes 'gmsd', as another metric does"):
        assert ImageMaterial(scores=["gmsd", "codec.eval.image_measures:Gmsd"]).medium


def test_files_made_elsewhere_have_sizes(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(b"")
    (tmp_path / "made.csv").write_text("item,setting,size_bytes,decoded\nx.png,1,0,x.png\n")
    with pytest.raises(CodecError, match="size_bytes below 1"):
        anchor.named("images", str(tmp_path))


def test_no_codec_of_others_is_called_as_ours(tmp_path: Path, images: Path) -> None:
    (tmp_path / "copy.toml").write_text(TOML.replace('"copy"', '"codec"'))
    done = command(tmp_path, ["images", images, "-a", tmp_path / "copy.toml"])
    assert done.returncode == 2
    assert "both called codec" in done.stderr


def test_names_and_ladders_of_classes_are_checked_as_those_of_templates() -> None:
    assert all(map(anchor.is_name, ("cjxl", "x265-slow", "h.266+")))
    assert not any(map(anchor.is_name, ("", "two words", "a/b", None)))
    assert anchor.is_ladder((1, 2.5))
    for ladder in ((), (1, 1), ("a", "b"), (1, float("inf")), (True, 2)):
        assert not anchor.is_ladder(ladder)


def test_every_metric_says_its_range_what_it_was_made_for_and_who_was_trained_on_it() -> None:
    for media in ("images", "audio"):
        codecs = {"codec", *anchor.known(media)}
        for taken in measure.found(media).values():
            for metric in taken.metrics:
                assert metric.made_for
                assert metric.limits != (None, None)
                assert set(metric.trained) <= codecs


def test_butteraugli_of_a_worse_copy_is_larger(patch: Pixels) -> None:
    taken = Butteraugli()
    if reason := taken.missing():
        pytest.skip(reason)
    noise = np.random.default_rng(0).normal(0, 1, patch.shape)
    little, much = (np.clip(patch + s * noise, 0, 255).astype(np.uint8) for s in (3, 20))
    scores = [taken.scores(patch, x_hat) for x_hat in (little, much)]
    for key in ("butteraugli_3", "butteraugli_max"):
        assert 0 < (scores[0][key] or 0) < (scores[1][key] or 0)


def test_vmaf_of_a_worse_copy_is_lower(patch: Pixels) -> None:
    taken = Vmaf()
    if reason := taken.missing():
        pytest.skip(reason)
    x = np.ascontiguousarray(np.tile(patch, (3, 3, 1)))
    blurred = np.ascontiguousarray(np.repeat(np.repeat(x[::4, ::4], 4, 0), 4, 1)[: x.shape[0], : x.shape[1]])
    assert (taken.scores(x, x)["vmaf"] or 0) > (taken.scores(x, blurred)["vmaf"] or 0)


def test_lpips_is_taken_by_the_network_that_the_user_gives(
    patch: Pixels, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    onnx = pytest.importorskip("onnx")
    shape = [1, 3, "h", "w"]
    inputs = [onnx.helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, shape) for n in ("a", "b")]
    output = onnx.helper.make_tensor_value_info("d", onnx.TensorProto.FLOAT, [])
    nodes = [
        onnx.helper.make_node("Sub", ["a", "b"], ["s"]),
        onnx.helper.make_node("Abs", ["s"], ["m"]),
        onnx.helper.make_node("ReduceMean", ["m"], ["d"], keepdims=0),
    ]
    graph = onnx.helper.make_graph(nodes, "distance", inputs, [output])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=9)
    path = tmp_path / "lpips.onnx"
    monkeypatch.delenv("CODEC_LPIPS", raising=False)
    assert Lpips().missing() == "CODEC_LPIPS names no ONNX file of it"
    monkeypatch.setenv("CODEC_LPIPS", str(path))
    assert "which is no file" in (Lpips().missing() or "")
    path.write_bytes(model.SerializeToString())
    assert Lpips().missing() is None
    dark = (patch // 2).astype(np.uint8)
    expected = np.abs(patch.astype(float) - dark).mean() / 127.5
    assert Lpips().scores(patch, dark)["lpips"] == pytest.approx(expected, rel=1e-4)
