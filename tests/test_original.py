"""Files of any kind come back byte for byte, by the method that suits them."""

from __future__ import annotations

import hashlib
import io
import json
import struct
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import codec
from codec.bitstream import constants, original
from codec.bitstream.original import OriginalHeader
from tests import golden
from tests.conftest import PARROTS, SPEECH, Run, only_line
from tests.second_decoder.original_file import original as decoded_again

pytest.importorskip("zstandard")
pytest.importorskip("lepton_jpeg_python")

HASHES: dict[str, str] = json.loads(golden.ORIGINAL_HASHES.read_text())


def jpeg(**options: object) -> bytes:
    out = io.BytesIO()
    with Image.open(PARROTS) as image:
        image.crop((100, 100, 300, 250)).convert(str(options.pop("mode", "RGB"))).save(out, "JPEG", **options)
    return out.getvalue()


JPEGS: dict[str, Callable[[], bytes]] = {
    "baseline": lambda: jpeg(quality=85),
    "optimised": lambda: jpeg(quality=85, optimize=True),
    "progressive": lambda: jpeg(quality=85, progressive=True),
    "restart markers": lambda: jpeg(quality=85, restart_marker_rows=1),
    "4:4:4": lambda: jpeg(quality=95, subsampling=0),
    "grey": lambda: jpeg(mode="L"),
    "followed": lambda: jpeg(quality=85) + b"what follows" * 9,
    "cut": lambda: jpeg(quality=85)[:-2000],
}


@pytest.mark.parametrize("name", golden.original_names())
def test_golden_originals_come_back_by_both_decoders(name: str) -> None:
    data = golden.original_file(name)
    found = codec.decompress(data, output="bytes")
    assert hashlib.sha256(found).hexdigest() == HASHES[name] == codec.info(data).sha256  # type: ignore[union-attr]
    assert decoded_again(data) == found
    out = io.BytesIO()
    codec.restore_original(io.BytesIO(data), out)
    assert out.getvalue() == found


def test_golden_originals_are_stored_by_all_methods() -> None:
    names = golden.original_names()
    assert set(names) == set(golden.originals())
    methods = {name: codec.info(golden.original_file(name)).method for name in names}  # type: ignore[union-attr]
    assert methods == {
        "empty": "zstandard",
        "text": "zstandard",
        "jpeg": "lepton",
        "jpeg-cut": "lepton",
        "jpeg-progressive-and-followed": "lepton",
        "wave-8": "flac",
        "wave-16": "flac",
        "wave-24": "flac",
        "wave-floats": "zstandard",
    }


@pytest.mark.parametrize("name", JPEGS)
def test_a_jpeg_of_any_kind_comes_back_and_is_smaller(name: str) -> None:
    data = JPEGS[name]()
    coded = codec.compress(data, exact=True)
    assert codec.decompress(coded) == data
    assert codec.info(coded).method == "lepton"  # type: ignore[union-attr]
    assert len(coded) < 0.95 * len(data)


@pytest.mark.parametrize("data", [jpeg(mode="CMYK"), b"\xff\xd8\xff" + bytes(99), SPEECH.read_bytes()[:5000]])
def test_what_no_method_is_made_for_comes_back_all_the_same(data: bytes) -> None:
    coded = codec.compress(data, exact=True)
    assert codec.info(coded).method == "zstandard"  # type: ignore[union-attr]
    assert codec.decompress(coded) == data


def test_a_wave_file_whose_header_lies_comes_back() -> None:
    honest = golden.originals()["wave-16"]
    at = honest.index(b"data") + 4
    for declared in (0, 10, 2**32 - 1):
        data = honest[:at] + struct.pack("<I", declared) + honest[at + 4 :]
        assert codec.decompress(codec.compress(data, exact=True)) == data
    noise = np.random.default_rng(0).integers(-(2**15), 2**15, (3000, 1))
    assert codec.decompress(codec.compress(golden.audio_bytes_of(noise, "<i2"), exact=True), output="bytes")


def test_damage_to_any_byte_is_found_and_names_itself() -> None:
    data = golden.original_file("jpeg")
    codec.verify(data, deep=True)
    for at in range(5, len(data), 97):
        with pytest.raises(codec.CodecError):
            codec.verify(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        with pytest.raises(codec.CorruptFile):
            codec.verify(data[:at])


def test_what_decodes_to_something_else_is_refused() -> None:
    header, coded = original_of(golden.original_file("text"))
    other = OriginalHeader(header.method, header.size, header.coded_size, bytes(32))
    data = original.begin(other) + original.part(coded)
    codec.verify(data)
    with pytest.raises(codec.CorruptFile, match="SHA-256"):
        codec.verify(data, deep=True)
    for size in (header.size - 1, header.size + 1):
        wrong = OriginalHeader(header.method, size, header.coded_size, header.sha256)
        with pytest.raises(codec.CorruptFile, match="bytes"):
            codec.decompress(original.begin(wrong) + original.part(coded))


def original_of(data: bytes) -> tuple[OriginalHeader, bytes]:
    reader = original.PartsReader(io.BytesIO(data))
    return reader.header, b"".join(reader.parts())


def test_sizes_are_refused_before_anything_is_allocated() -> None:
    coded = codec.compress(bytes(10_000_000), exact=True)
    with pytest.raises(codec.LimitExceeded, match="10000000"):
        codec.decompress(coded, max_bytes=9_999_999)
    for header in (
        OriginalHeader(constants.ORIGINAL_LEPTON, constants.MAX_LEPTON_BYTES + 1, 9, bytes(32)),
        OriginalHeader(constants.ORIGINAL_FLAC, constants.MAX_ORIGINAL_BYTES + 1, 9, bytes(32)),
    ):
        with pytest.raises(codec.LimitExceeded):
            codec.info(original.begin(header))
    with pytest.raises(codec.CorruptFile, match="coded in"):
        codec.info(original.begin(OriginalHeader(constants.ORIGINAL_FLAC, 5, 1 << 20, bytes(32))))


def test_large_originals_are_cut_into_parts() -> None:
    data = np.random.default_rng(0).bytes(constants.MAX_PART_BYTES + 1000)
    coded = codec.compress(data, exact=True)
    assert codec.decompress(coded) == data
    assert len(coded) < len(data) + 1000


def test_exactness_goes_with_no_other_wish() -> None:
    with pytest.raises(ValueError, match="exact"):
        codec.compress(b"text", 50, exact=True)  # type: ignore[call-overload]
    with pytest.raises(TypeError):
        codec.compress(np.zeros((3, 3), np.uint8), exact=True)  # type: ignore[call-overload]
    coded = codec.compress(b"text", exact=True)
    with pytest.raises(codec.MediaError, match="as 'pil'"):
        codec.decompress(coded, output="pil")
    with pytest.raises(codec.MediaError, match="no region"):
        codec.decompress(coded, region=(0, 0, 1, 1))
    with pytest.raises(codec.UnsupportedFile):
        codec.decompress_image(coded)
    with pytest.raises(codec.MediaError, match="no original"):
        codec.decompress(golden.file("strip"), output="bytes")


@pytest.mark.parametrize("module", ["zstandard", "lepton_jpeg_python"])
def test_a_missing_package_is_named(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    data = golden.original_file("text" if module == "zstandard" else "jpeg")
    with pytest.raises(codec.MissingPackage, match=r"pip install 'codec\[archive\]'"):
        codec.decompress(data)


def test_the_commands_store_name_judge_and_restore(run: Run, tmp_path: Path) -> None:
    text, picture = tmp_path / "notes.txt", tmp_path / "picture.jpg"
    text.write_bytes(b"words " * 99)
    picture.write_bytes(JPEGS["baseline"]())
    assert run("compress", "--exact", text, picture).returncode == 0
    stored = [tmp_path / "notes.txt.lcc", tmp_path / "picture.jpg.lcc"]
    assert run("verify", "--deep", *stored).returncode == 0
    assert b"594 bytes, which come back as they were" in run("info", stored[0]).stdout
    before = [path.read_bytes() for path in (text, picture)]
    assert run("decompress", "--force", *stored).returncode == 0
    assert [path.read_bytes() for path in (text, picture)] == before
    piped = run("compress", "--exact", "-", "-o", "-", stdin=b"from a pipe").stdout
    assert run("decompress", "-", "-o", "-", stdin=piped).stdout == b"from a pipe"
    assert run("compress", "--exact", "-q", "50", text).returncode == 2
    assert "as it was" in only_line(run("decompress", "--region", "0,0,1,1", stored[0], "--force"))


class Changing(io.BytesIO):
    """A file that changes when it has been read to its end."""

    def __init__(self, data: bytes, change: Callable[[io.BytesIO], object]) -> None:
        super().__init__(data)
        self._change = change

    def read(self, count: int | None = -1, /) -> bytes:
        found = super().read(count)
        if not found and count:
            self._change(self)
        return found


@pytest.mark.parametrize(
    "data",
    [b"words " * 9000, JPEGS["baseline"](), golden.audio_bytes_of(np.arange(9000)[:, None], "<i2")],
    ids=["text", "jpeg", "wave"],
)
def test_files_that_grow_while_they_are_read_are_stored_as_they_were_and_cut_ones_refused(data: bytes) -> None:
    out = io.BytesIO()
    codec.store_original(Changing(data, lambda file: file.write(b"more")), out)
    assert codec.decompress(out.getvalue(), output="bytes") == data
    with pytest.raises(codec.MediaError, match="was cut"):
        codec.store_original(Changing(data, lambda file: file.truncate(len(data) // 2)), io.BytesIO())
