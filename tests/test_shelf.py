"""The shelf: files made with other weights than the codec's own are restored, or it is said what they need."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

import codec
from codec.bitstream.errors import ModelMismatch
from codec.bitstream.file import read_beginning
from codec.bitstream.wire import Reader
from codec.media import Pixels, read_image
from codec.model import releases, shelf, weights_file
from codec.model.registry import AUDIO, IMAGE, MODELS
from codec.model.weights_file import Arrays
from codec.quality import WEIGHED_METRICS
from tests import golden
from tests.conftest import ROOT, only_line

Call = Callable[..., "subprocess.CompletedProcess[bytes]"]

OF_BOTH = ["quality-0", "audio-one-sample"]  # golden files, made with the codec's own weights
DIGESTS = {row.name: weights_file.describe(row.path).digests.decoder for row in MODELS.values() if row.shipped}
NEEDED = [DIGESTS["image"].hex(), "model 'image'", "release 0.1.0", "'codec weights add image-"]


def nudged(arrays: Arrays, *names: str) -> Arrays:
    """Arrays as another training would have left them."""
    return arrays | {name: arrays[name] + arrays[name].dtype.type(1) for name in names}


@pytest.fixture(autouse=True)
def folder_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty one; processes of `run` and `upgraded` see it too."""
    monkeypatch.delenv(shelf.VARIABLE, raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "user"))
    monkeypatch.setattr("platformdirs.user_data_path", lambda name, appauthor: tmp_path / "user" / name)
    return tmp_path / "user" / "codec" / "weights"


@pytest.fixture(scope="module")
def assets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of the files that this version offers for the shelves of later ones."""
    folder = tmp_path_factory.mktemp("assets")
    releases.write_assets(folder)
    return folder


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A later version of the codec: the same code, other weights."""
    home = tmp_path_factory.mktemp("later")
    shutil.copytree(ROOT / "codec", home / "codec", ignore=shutil.ignore_patterns("weights", "__pycache__"))
    for row, synthesis in ((IMAGE, "up.bias"), (AUDIO, "up_treble.bias")):
        arrays = nudged(weights_file.arrays_of(row.path), synthesis, "prior.predict.0.head.bias")
        place = home / row.path.relative_to(ROOT)
        place.parent.mkdir(exist_ok=True)
        weights_file.write(place, row, arrays, {})
    return home


@pytest.fixture
def upgraded(package: Path, tmp_path: Path) -> Call:
    """Runs `codec ARGUMENTS` of the later version."""

    def call(*arguments: object, **environment: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [sys.executable, "-m", "codec.cli", *map(str, arguments)],
            capture_output=True,
            check=False,
            cwd=package,
            env=os.environ | {"PYTHONPATH": str(package)} | environment,
        )

    return call


@pytest.fixture
def old(tmp_path: Path) -> list[Path]:
    """Files made before the upgrade, an image and audio."""
    paths = [tmp_path / f"{name}.lcc" for name in OF_BOTH]
    for name, path in zip(OF_BOTH, paths, strict=True):
        path.write_bytes(golden.file(name))
    return paths


def needs(data: bytes) -> str:
    return read_beginning(Reader(data)).digest.hex()


def lines(done: subprocess.CompletedProcess[bytes], code: int) -> list[str]:
    """What a command that printed nothing else said on stderr."""
    assert done.returncode == code, done.stderr
    assert done.stdout == b""
    return done.stderr.decode().splitlines()


@pytest.mark.slow
def test_after_an_upgrade_old_files_are_restored_by_the_weights_on_the_shelf(
    upgraded: Call, assets: Path, old: list[Path], patch: Pixels, tmp_path: Path
) -> None:
    on_shelf = {shelf.VARIABLE: str(assets)}
    assert upgraded("verify", "--deep", *old, **on_shelf).stdout.decode().count(": intact\n") == 2
    restored = upgraded("decompress", old[0], "-o", tmp_path / "restored.png", **on_shelf)
    assert restored.returncode == 0, restored.stderr
    expected = np.load(golden.FOLDER / f"{OF_BOTH[0]}.npz")["pixels"].astype(int)
    assert np.abs(read_image(tmp_path / "restored.png").pixels - expected).max() <= 1
    encoder = weights_file.describe(IMAGE.path).digests.encoder.hex()
    assert f"weights: here, with encoder {encoder}" in upgraded("info", old[0], **on_shelf).stdout.decode()
    # what is written now is written with the weights of now
    (tmp_path / "new.png").write_bytes((tmp_path / "restored.png").read_bytes())
    assert upgraded("compress", tmp_path / "new.png", **on_shelf).returncode == 0
    assert needs((tmp_path / "new.lcc").read_bytes()) != needs(old[0].read_bytes())


def test_after_an_upgrade_old_files_without_their_weights_cannot_be_judged_and_nothing_else(
    upgraded: Call, old: list[Path], tmp_path: Path
) -> None:
    for arguments in (("verify",), ("verify", "--deep"), ("weights", "needed")):
        said = lines(upgraded(*arguments, *old), code=4)
        assert len(said) == 2
        assert all(text in said[0] for text in [str(old[0]), *NEEDED]), said
        assert all(text in said[1] for text in [str(old[1]), DIGESTS["audio"].hex(), "model 'audio'"]), said
        if arguments[0] == "verify":
            assert all("cannot be judged here: only its checksums could be judged" in line for line in said)
    line = only_line(upgraded("decompress", old[0], "-o", tmp_path / "restored.png"))
    assert all(text in line for text in NEEDED)
    assert not (tmp_path / "restored.png").exists()
    told = upgraded("info", old[0])
    assert (told.returncode, told.stderr) == (0, b"")
    assert "weights: not here" in told.stdout.decode()
    damaged = tmp_path / "damaged.lcc"
    damaged.write_bytes(old[0].read_bytes()[:-7])
    said = lines(upgraded("verify", damaged, old[0]), code=1)
    assert "damaged.lcc: truncated" in said[0]
    assert "cannot be judged here" in said[1]


def test_weights_that_are_added_are_found_from_then_on(
    upgraded: Call, assets: Path, old: list[Path], folder_of_the_user: Path
) -> None:
    (image, audio) = (assets / releases.asset_name(row, DIGESTS[row.name]) for row in (IMAGE, AUDIO))
    assert len(lines(upgraded("weights", "add", image, audio), code=0)) == 2
    assert sorted(path.name for path in folder_of_the_user.iterdir()) == sorted([image.name, audio.name])
    assert upgraded("verify", *old).stdout.decode().count(": intact\n") == 2
    assert upgraded("weights", "needed", *old).stdout.decode().count(": here (") == 2
    assert "here already" in lines(upgraded("weights", "add", image), code=0)[0]
    listed = upgraded("weights").stdout.decode().splitlines()
    assert len(listed) == 5  # with a line of headings
    assert [line.split()[0] for line in listed if DIGESTS["image"].hex() in line] == ["image"]
    version = upgraded("--version").stdout.decode()
    assert version.startswith(f"codec, version {codec.__version__}\n")
    assert version.count("default") == 2
    assert f"weights {DIGESTS['image'].hex()} of model 'image' (release 0.1.0, user)" in version


@pytest.mark.slow
def test_weights_go_from_shelf_to_shelf(
    upgraded: Call, run: Call, old: list[Path], tmp_path: Path, folder_of_the_user: Path
) -> None:
    out = tmp_path / "w.safetensors"
    assert len(lines(run("weights", "export", DIGESTS["image"].hex(), "-o", out), code=0)) == 1
    assert upgraded("--weights", out, "verify", "--deep", old[0]).returncode == 0
    folder_of_the_user.mkdir(parents=True)
    (folder_of_the_user / releases.asset_name(IMAGE, DIGESTS["image"])).write_bytes(b"half a file")
    assert "here already" not in lines(upgraded("weights", "add", out), code=0)[0]  # mended
    assert upgraded("verify", old[0]).returncode == 0
    assert "already" in only_line(run("weights", "export", DIGESTS["image"].hex(), "-o", out))
    assert "0000" in only_line(run("weights", "export", "00" * 8, "-o", tmp_path / "none"))
    assert run("weights", "export", "image", "-o", tmp_path / "none").returncode == 2
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("old_weights", ""),
        ("old_weights:folder", "from pathlib import Path\ndef folder(): return Path(__file__).parent\n"),
    ],
)
def test_packages_bring_weights(
    value: str, code: str, upgraded: Call, package: Path, assets: Path, old: list[Path], tmp_path: Path
) -> None:
    site = tmp_path / "site"
    shutil.copytree(assets, site / "old_weights")
    (site / "old_weights" / "__init__.py").write_text(code)
    about = site / "old_weights-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: old-weights\nVersion: 1\n")
    (about / "entry_points.txt").write_text(f"[codec.weights]\nold = {value}\n")
    paths = {"PYTHONPATH": os.pathsep.join([str(package), str(site)])}
    assert upgraded("verify", *old, **paths).returncode == 0
    assert "old" in upgraded("weights", **paths).stdout.decode()


@pytest.mark.parametrize(
    ("code", "said"), [("1 / 0", "division by zero"), ("folder = None", "NoneType"), ("def folder(): return 3", "int")]
)
def test_packages_that_break_are_named_and_harm_nothing(
    code: str, said: str, upgraded: Call, package: Path, tmp_path: Path
) -> None:
    site = tmp_path / "site"
    about = site / "old_weights-1.dist-info"
    about.mkdir(parents=True)
    (site / "old_weights.py").write_text(code)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: old-weights\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[codec.weights]\nold = old_weights:folder\n")
    done = upgraded("weights", PYTHONPATH=os.pathsep.join([str(package), str(site)]))
    assert (done.returncode, len(done.stdout.splitlines())) == (1, 3)
    (line,) = done.stderr.decode().splitlines()
    assert "entry point old" in line
    assert said in line


def test_a_better_encoder_changes_nothing_that_files_name(
    patch: Pixels, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrays = weights_file.arrays_of(IMAGE.path)
    better = tmp_path / "better.safetensors"
    weights_file.write(better, IMAGE, nudged(arrays, "a8.0.narrow.bias", "down.bias", "h_a.0.bias"), {})
    before, after = (weights_file.describe(path).digests for path in (IMAGE.path, better))
    assert before.decoder == after.decoder
    assert before.encoder != after.encoder
    plain = codec.compress(patch)
    monkeypatch.setenv(shelf.VARIABLE, str(better))
    other = codec.compress(patch)
    assert needs(other) == needs(plain) == DIGESTS["image"].hex()
    assert other != plain
    monkeypatch.delenv(shelf.VARIABLE)
    codec.verify(other, deep=True)
    assert codec.compress(patch, weights=better) == other
    assert codec.compress(patch) == plain


@pytest.mark.parametrize("media", ["image", "audio"])
def test_weights_can_be_given_to_every_call(media: str, patch: Pixels, tmp_path: Path) -> None:
    row = IMAGE if media == "image" else AUDIO
    given = tmp_path / "given.safetensors"
    weights_file.write(given, row, nudged(weights_file.arrays_of(row.path), "prior.predict.0.head.bias"), {})
    digest = weights_file.describe(given).digests.decoder.hex()
    source = patch if media == "image" else codec.decompress_audio(golden.file("audio-mono"))
    data = codec.compress(source, weights=str(given))  # type: ignore[arg-type]
    assert needs(data) == digest
    for known in (given, tmp_path):
        codec.verify(data, deep=True, weights=known)
        codec.decompress(data, weights=known)
    with pytest.raises(ModelMismatch, match=digest):
        codec.decompress(data)
    with pytest.raises(ModelMismatch, match="cannot be read"):
        codec.verify(data, weights=tmp_path / "none")


@pytest.mark.slow
@pytest.mark.parametrize("name", OF_BOTH)
def test_a_decoder_needs_no_array_of_the_encoder_and_each_of_its_own(
    name: str, assets: Path, upgraded: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, patch: Pixels
) -> None:
    row = IMAGE if name in golden.images() else AUDIO
    arrays = weights_file.arrays_of(row.path)
    decoder = {key: array for key, array in arrays.items() if not row.is_of_encoder(key)}
    alone, file = tmp_path / "decoder.safetensors", tmp_path / "a.lcc"
    weights_file.write(alone, row, decoder, {})
    file.write_bytes(golden.file(name))
    assert weights_file.describe(alone).digests == weights_file.Digests(DIGESTS[row.name], b"")
    target = tmp_path / f"restored.{'png' if row is IMAGE else 'wav'}"
    done = upgraded("--weights", alone, "decompress", file, "-o", target)
    assert done.returncode == 0, done.stderr
    monkeypatch.setenv(shelf.VARIABLE, str(alone))
    with pytest.raises(ModelMismatch, match="decoder only"):
        codec.compress(patch) if row is IMAGE else codec.audio_encoder(48_000, 1)
    monkeypatch.delenv(shelf.VARIABLE)
    one_of_each = {key.split(".")[0]: key for key in sorted(decoder)}
    for part, key in one_of_each.items():
        rest = {other: array for other, array in decoder.items() if other != key}
        assert weights_file.digests_of(row, rest).decoder != DIGESTS[row.name], part


def liar(path: Path) -> None:
    """A file that says to be the codec's own weights, and is not."""
    arrays = weights_file.arrays_of(IMAGE.path)
    data = bytearray(weights_file.contents(IMAGE, arrays, {}))
    data[-1] ^= 1
    path.write_bytes(data)


@pytest.mark.slow
def test_a_hostile_shelf_gives_a_line_each_and_hides_no_good_set(
    run: Call, upgraded: Call, old: list[Path], tmp_path: Path
) -> None:
    folder = tmp_path / "shelf"
    (folder / "folder.safetensors").mkdir(parents=True)
    (folder / "garbage.safetensors").write_bytes(b"garbage" * 100)
    (folder / "empty.safetensors").touch()
    arrays = weights_file.arrays_of(IMAGE.path)
    weights_file.write(
        folder / "other-encoder.safetensors", IMAGE, nudged(arrays, "a8.0.narrow.bias"), {"date": "\x1b[1m"}
    )
    liar(folder / f"0-{DIGESTS['image'].hex()}.safetensors")  # named so as to be asked first
    one = {"a": np.zeros(3, np.int8)}
    strange: dict[str, dict[str, str] | None] = {
        "no-metadata": None,
        "no-json": {"record": "{"},
        "a-list": {"record": "[1]"},
        "unknown": {"model": "video"},
        "no-digest": {"model": "image", "decoder": "nonsense", "encoder": ""},
        "short-digest": {"model": "image", "decoder": "00", "encoder": ""},
    }
    for name, metadata in strange.items():
        save_file(one, folder / f"{name}.safetensors", metadata)
    listed = run("weights", CODEC_WEIGHTS=str(folder))
    assert listed.returncode == 1
    assert listed.stdout.decode().count(DIGESTS["image"].hex() + "  ") == 3  # the liar is found out when it is used
    assert b"\x1b" not in listed.stdout
    said = listed.stderr.decode().splitlines()
    assert len(said) == len(strange) + 3
    for name in ("folder", "garbage", "empty", *strange):
        assert sum(f"{name}.safetensors" in line for line in said) == 1, name
    # two sets have the digest, one of them lies: the other one restores
    assert upgraded("verify", "--deep", old[0], CODEC_WEIGHTS=str(folder)).returncode == 0
    (folder / "other-encoder.safetensors").unlink()
    said = lines(upgraded("verify", "--deep", old[0], CODEC_WEIGHTS=str(folder)), code=4)
    assert len(said) == 1
    assert "is damaged: its arrays have the digest" in said[0]
    assert len(lines(run("weights", "add", folder / "garbage.safetensors"), code=1)) == 1
    assert "damaged" in only_line(run("weights", "add", next(folder.glob("0-*"))))
    weights_file.write(folder / "less.safetensors", IMAGE, {name: arrays[name] for name in list(arrays)[1:]}, {})
    assert "missing" in only_line(run("weights", "add", folder / "less.safetensors"))


@pytest.mark.slow
def test_places_that_are_not_there_are_named(run: Call, old: list[Path], tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere"
    for arguments in (("weights",), ("decompress", old[0], "-o", tmp_path / "a.png"), ("weights", "add", nowhere)):
        assert f"weights cannot be read from {nowhere}: No such file" in only_line(
            run(*arguments, CODEC_WEIGHTS=str(nowhere))
        )
    assert run("--weights", nowhere, "weights").returncode == 2


def test_a_folder_that_cannot_be_read_is_named(folder_of_the_user: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder_of_the_user.mkdir(parents=True)
    read = Path.iterdir

    def refused(path: Path) -> object:
        if path == folder_of_the_user:
            raise PermissionError(13, "Permission denied", str(path))
        return read(path)

    monkeypatch.setattr(Path, "iterdir", refused)
    faults = [found for found in shelf.everything() if isinstance(found, shelf.Unusable)]
    assert [fault.reason for fault in faults] == [
        f"weights cannot be read from {folder_of_the_user}: Permission denied"
    ]


def test_of_many_sets_only_those_named_by_the_digest_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arrays = {"tables.reach": np.zeros(2, np.uint16)}
    wanted = weights_file.digests_of(IMAGE, arrays).decoder
    for number in range(50):
        (tmp_path / f"{number}.safetensors").write_bytes(b"")
    weights_file.write(tmp_path / releases.asset_name(IMAGE, wanted), IMAGE, arrays, {})
    seen = []
    describe = weights_file.describe
    monkeypatch.setattr(weights_file, "describe", lambda path: seen.append(path) or describe(path))
    assert shelf.needed(IMAGE.id, wanted, tmp_path).digests.decoder == wanted
    assert len(seen) == 1


def test_what_is_shipped_tells_its_digests_and_its_release() -> None:
    for row in MODELS.values():
        for name in row.shipped:
            found = weights_file.describe(row.path.parent / name)
            assert found.recorded, f"{name}: written by an older version; `weights_file.write` records digests"
            digest = found.digests.decoder.hex()
            assert digest in releases.RELEASES, f"{name}: give {digest} its line in codec/model/releases.py"


def test_files_of_every_metric_name_the_weights_of_it_and_decode_side_by_side(patch: Pixels) -> None:
    files = {metric: codec.compress(patch, 50, metric=metric) for metric in WEIGHED_METRICS}
    named = {}
    for metric, data in files.items():
        facts = codec.info(data)
        assert facts.weights_here
        assert facts.quality == 50
        codec.verify(data, deep=True)
        error = codec.decompress(data, output="array").astype(float) - patch
        assert np.abs(error).mean() < 12
        named[metric] = facts.weights
        assert facts.weights == weights_file.describe(IMAGE.path_for(metric)).digests.decoder.hex()
    assert len(set(named.values())) == len(WEIGHED_METRICS)


def test_a_weights_file_that_is_given_is_taken_whatever_the_metric(patch: Pixels) -> None:
    given = IMAGE.path_for("psnr")
    files = [codec.compress(patch, 50, metric=metric, weights=given) for metric in WEIGHED_METRICS]
    named = weights_file.describe(given).digests.decoder.hex()
    assert [codec.info(data).weights for data in files] == [named, named]


def test_of_several_sets_of_a_model_the_first_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arrays = weights_file.arrays_of(IMAGE.path)
    weights_file.write(tmp_path / "eyes.safetensors", IMAGE, arrays, {})
    weights_file.write(tmp_path / "psnr.safetensors", IMAGE, nudged(arrays, "up.bias"), {})
    monkeypatch.setattr("codec.model.registry.WEIGHTS", tmp_path)
    both = replace(IMAGE, shipped=("psnr.safetensors", "eyes.safetensors"))
    assert shelf.default(both).path.name == "psnr.safetensors"
    found = {entry.path.name for entry in shelf.everything() if isinstance(entry, shelf.WeightsSet)}
    assert found == {"eyes.safetensors", "psnr.safetensors"}
    assert shelf.needed(IMAGE.id, DIGESTS["image"]).path.name == "eyes.safetensors"
