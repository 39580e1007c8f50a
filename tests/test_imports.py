"""Who may import whom, and what stays light."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

ORDER = ["bitstream", "codec", "eval", "cli"]  # each may import those before it


def files() -> list[Path]:
    return [p for folder in ORDER for p in (ROOT / folder).rglob("*.py") if not p.is_symlink()]


def level(module: str) -> int:
    parts = module.split(".")
    return ORDER.index(parts[1]) if len(parts) > 1 and parts[1] in ORDER else ORDER.index("codec")


def own_level(path: Path) -> int:
    return ORDER.index(path.relative_to(ROOT).parts[0])


def imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def test_imports_flow_from_cli_to_bitstream() -> None:
    seen = 0
    for path in files():
        for module in imported(path):
            if module == "codec" or not module.startswith("codec."):
                continue
            seen += 1
            assert level(module) <= own_level(path), f"{path} imports {module}"
    assert seen > 50


def test_bitstream_is_numpy_and_constriction_only() -> None:
    for path in (ROOT / "bitstream").glob("*.py"):
        outside = {m.split(".")[0] for m in imported(path)} - set(sys.stdlib_module_names)
        assert outside <= {"codec", "numpy", "constriction", "google_crc32c"}, path


@pytest.mark.parametrize(("package", "home"), [("constriction", "range_coder.py"), ("google_crc32c", "checksum.py")])
def test_only_one_file_imports_a_package(package: str, home: str) -> None:
    assert [p.name for p in files() if package in imported(p)] == [home]


def loaded(code: str) -> set[str]:
    """Names of the modules that a new Python has loaded after `code`."""
    script = f"{code}\nimport sys\nprint('\\n'.join(['', *sys.modules]))"
    done = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines())


HEAVY = {"compressai", "onnxruntime", "pandas", "torch", "torchvision"}
LIBRARIES = HEAVY | {"PIL", "constriction", "numpy", "safetensors", "soundfile", "soxr"}
HELP = """
from codec.cli.main import cli
cli(["--help"], standalone_mode=False)
"""


@pytest.mark.parametrize("code", ["import codec", "import codec.cli.main", HELP])
def test_the_front_door_loads_no_library(code: str) -> None:
    assert not loaded(code) & LIBRARIES


@pytest.mark.parametrize(
    "code", ["import codec.bitstream.image, codec.bitstream.range_coder", "import codec; codec.info"]
)
def test_light_parts_load_no_networks(code: str) -> None:
    assert not loaded(code) & HEAVY


@pytest.mark.parametrize(
    "code",
    [
        "codec.decompress('tests/golden/tiles.lcc')",
        "codec.decompress_audio('tests/golden/audio-mid-side.lcc')",
        "codec.verify('tests/golden/tiles.lcc', deep=True)",
    ],
)
def test_decoding_loads_nothing_of_search_or_training(code: str) -> None:
    modules = loaded(f"import os, codec; os.chdir({str(ROOT)!r}); {code}")
    assert any(m.startswith("codec.latents") for m in modules)
    assert not [m for m in modules if m.startswith(("codec.search", "codec.training", "codec.eval"))]


def test_a_command_loads_no_other() -> None:
    code = "from codec.cli.main import main\ntry: main(['info', 'tests/golden/tiles.lcc'])\nexcept SystemExit: pass"
    modules = loaded(f"import os; os.chdir({str(ROOT)!r})\n{code}")
    assert "codec.cli.info" in modules
    assert not modules & {f"codec.cli.{name}" for name in ("bench", "compress", "eval", "export", "train")}


def test_coding_an_image_loads_no_training_and_nothing_of_other_projects() -> None:
    modules = loaded("import numpy, codec; codec.compress(numpy.zeros((8, 8, 3), numpy.uint8))")
    assert not [m for m in modules if m.startswith("codec.training")]
    assert not modules & (HEAVY - {"onnxruntime", "torch"})


def test_public_names() -> None:
    import codec

    assert sorted(codec.__all__, key=str.lower) == [
        "__version__",
        "audio_decoder",
        "audio_encoder",
        "audio_reader",
        "AudioData",
        "AudioDecoder",
        "AudioEncoder",
        "AudioInfo",
        "AudioMetadata",
        "AudioReader",
        "BitDepth",
        "bits_map",
        "check_audio_options",
        "check_image_options",
        "CodecError",
        "collected_notices",
        "complete",
        "compress",
        "compress_audio",
        "compress_image",
        "compress_many",
        "CorruptFile",
        "decode",
        "decode_audio",
        "decode_image",
        "Decoded",
        "DecodedAudio",
        "DecodedImage",
        "DecodedOriginal",
        "decompress",
        "decompress_audio",
        "decompress_image",
        "decompress_many",
        "denoise",
        "Device",
        "features_many",
        "fitted",
        "ImageData",
        "ImageInfo",
        "IncompleteAudio",
        "IncompleteImage",
        "Info",
        "info",
        "interpolate",
        "LatentData",
        "latents_of",
        "LimitExceeded",
        "MediaError",
        "MediaNotice",
        "MissingFile",
        "MissingPackage",
        "ModelMismatch",
        "Ordinary",
        "OriginalInfo",
        "Partial",
        "preload",
        "Region",
        "restore_original",
        "sample",
        "store_original",
        "surprise",
        "surprise_map",
        "UnsupportedFile",
        "verify",
    ]
    for name in codec.__all__:
        assert getattr(codec, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        codec.nonsense  # noqa: B018


PUBLIC = {
    "codec",
    "codec.archive",
    "codec.atomic",
    "codec.devices",
    "codec.media",
    "codec.quality",
    "codec.workers",
}  # beside the packages of those that only ...
OF_COMMANDS = ("codec.bitstream", "codec.cli", "codec.eval")
UNFINISHED = {"train.py", "export.py", "weights.py"}  # ... these commands need


def test_the_command_line_uses_what_is_public() -> None:
    for path in (ROOT / "cli").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith("codec"):
                continue
            assert not any(alias.name.startswith("_") for alias in node.names), path
            public = node.module in PUBLIC or str(node.module).startswith(OF_COMMANDS)
            assert public or path.name in UNFINISHED, f"{path}: {node.module}"


def test_workers_of_an_evaluation_choose_their_threads_before_numpy_is_loaded() -> None:
    code = "import codec.cli.main, codec.eval.pool, sys; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_command_leaves_the_threads_of_numpy_alone_unless_somebody_asks_for_them() -> None:
    code = "import os, sys, codec.cli.main as m\ntry: m.main(['--help'])\n"
    code += "finally: sys.stderr.write(os.environ[m.THREADS_OF_NUMPY])"
    for asked, expected in (({}, "1"), ({"OPENBLAS_NUM_THREADS": "3"}, "3")):
        env = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"} | asked
        done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
        assert done.stderr == expected
