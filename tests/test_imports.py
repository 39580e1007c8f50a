"""Who may import whom, and what stays light."""

from __future__ import annotations

import ast
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


@pytest.mark.parametrize(
    "code",
    [
        "import codec.bitstream.image, codec.bitstream.range_coder",
        "import codec; codec.info",
        "import codec.cli.main",
        "from codec.cli.main import cli; cli(['--help'], standalone_mode=False)",
    ],
)
def test_light_parts_load_no_torch(code: str) -> None:
    script = f"import sys\n{code}\nsys.exit(len({{'torch', 'compressai'}} & set(sys.modules)))"
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)


def test_coding_a_image_never_loads_compressai_or_training() -> None:
    script = (
        "import sys, numpy, codec\n"
        "codec.decompress(codec.compress(numpy.zeros((8, 8, 3), numpy.uint8)))\n"
        "heavy = [m for m in sys.modules if m.startswith(('compressai', 'torchvision', 'pandas', 'codec.training'))]\n"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


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
        "AudioReader",
        "BitDepth",
        "check_image_options",
        "CodecError",
        "collected_notices",
        "compress",
        "compress_audio",
        "compress_image",
        "CorruptFile",
        "decode",
        "decode_audio",
        "decode_image",
        "Decoded",
        "DecodedAudio",
        "DecodedImage",
        "decompress",
        "decompress_audio",
        "decompress_image",
        "Device",
        "ImageData",
        "ImageInfo",
        "IncompleteAudio",
        "IncompleteImage",
        "Info",
        "info",
        "LimitExceeded",
        "MediaError",
        "MediaNotice",
        "MissingFile",
        "ModelMismatch",
        "Region",
        "UnsupportedFile",
        "verify",
    ]
    for name in codec.__all__:
        assert getattr(codec, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        codec.nonsense  # noqa: B018
