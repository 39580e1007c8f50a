"""The front door: both media alike, files of every kind in, errors and warnings where the caller stands."""

from __future__ import annotations

import errno
import gc
import io
import os
import pickle
import subprocess
import sys
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import codec
from codec import media
from codec.bitstream import constants
from codec.bitstream.audio import Chunk
from codec.bitstream.file import Section
from codec.media import ImageData, Pixels
from tests.clips import RATE, melody
from tests.conftest import ROOT, SPEECH


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


def chunks_in_memory() -> int:
    return sum(type(one) is Chunk for one in gc.get_objects())


def test_a_streaming_decoder_keeps_nothing_of_what_it_has_played() -> None:
    data = codec.compress_audio(melody(13), quality=0)
    gc.collect()
    decoder, given, before, kept = codec.audio_decoder(), 0, chunks_in_memory(), []
    for start in range(0, len(data), 200):
        given += len(decoder.push(data[start : start + 200]))
        kept.append(chunks_in_memory() - before)
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


# ---- either media by one name


def test_compress_and_decompress_choose_by_what_they_get(
    patch: Pixels, image_file: bytes, audio_file: bytes, tmp_path: Path
) -> None:
    tune = melody(4.5)
    wave, samples = tmp_path / "a.wav", tune.samples
    wave.write_bytes(media.audio_bytes(tune, ".wav"))
    assert codec.compress(patch, 50) == codec.compress_image(patch, 50) == image_file
    assert codec.compress(tune, quality=30) == codec.compress_audio(tune, 30) == audio_file
    assert codec.compress(wave, 30) == codec.compress_audio(wave, 30) == codec.compress(wave.read_bytes(), 30)
    array = codec.compress(samples, 30, sample_rate=RATE)
    assert array == codec.compress_audio(samples, 30, sample_rate=RATE) == codec.compress((samples, RATE), 30)
    assert isinstance(codec.decompress(image_file), Image.Image)
    found = codec.decompress(audio_file)
    assert isinstance(found, codec.AudioData)
    assert np.array_equal(found.samples, codec.decompress_audio(audio_file).samples)
    assert np.array_equal(found.samples, codec.decompress(audio_file, output="audio").samples)


def test_limits_of_both_media_may_be_given_whatever_comes(image_file: bytes, audio_file: bytes, patch: Pixels) -> None:
    for data in (image_file, audio_file):
        codec.decompress(data, max_pixels=9750, max_seconds=4.5)
        with pytest.raises(codec.LimitExceeded, match="the limit is"):
            codec.decompress(data, max_pixels=9749, max_seconds=4.4)
    assert codec.compress(patch, 50, max_pixels=9750, max_seconds=1.0) == image_file
    with pytest.raises(codec.LimitExceeded, match="the limit is 1"):
        codec.compress(melody(1.1), max_pixels=1, max_seconds=1.0)


def test_what_only_the_other_media_have_is_refused_by_name(image_file: bytes, audio_file: bytes, patch: Pixels) -> None:
    for options, named in (({"region": (0, 0, 1, 1)}, "region"), ({"bit_depth": 16}, "bit_depth")):
        with pytest.raises(codec.MediaError, match=f"it is audio, which has no {named}"):
            codec.decompress(audio_file, **options)  # type: ignore[call-overload]
    for output in ("pil", "image", "array", "tensor"):
        with pytest.raises(codec.MediaError, match=f"holds audio, which cannot be given as '{output}'"):
            codec.decompress(audio_file, output=output)  # type: ignore[call-overload]
    with pytest.raises(codec.MediaError, match="it is an image, which has no start_s"):
        codec.decompress(image_file, start_s=1.0)
    with pytest.raises(codec.MediaError, match="holds an image"):
        codec.decompress(image_file, output="audio")
    with pytest.raises(codec.MediaError, match="it is audio, which has no effort and no metric"):
        codec.compress(melody(0.1), effort=1, metric="psnr")  # type: ignore[call-overload]
    with pytest.raises(codec.UnsupportedFile, match="not an image"):
        codec.decompress_image(audio_file)
    with pytest.raises(codec.UnsupportedFile, match="not audio"):
        codec.decompress_audio(image_file)
    with pytest.raises(TypeError, match="nonsense"):
        codec.compress(patch, nonsense=1)  # type: ignore[call-overload]


TYPED = """
import codec
from PIL import Image
from torch import Tensor
from typing import assert_type
from codec.media import AudioData, ImageData, Pixels

d = b""
assert_type(codec.decompress(d), Image.Image | AudioData | bytes)
assert_type(codec.decompress(d, partial=True, max_pixels=1, max_seconds=1.0), Image.Image | AudioData | bytes)
assert_type(codec.decompress(d, output="pil"), Image.Image)
assert_type(codec.decompress(d, output="image", bit_depth=16), ImageData)
assert_type(codec.decompress(d, output="array", region=(0, 0, 1, 1)), Pixels)
assert_type(codec.decompress(d, output="tensor"), Tensor)
assert_type(codec.decompress(d, output="audio", start_s=1.0), AudioData)
assert_type(codec.decompress_image(d), Image.Image)
assert_type(codec.decompress_image("a.lcc", output="array"), Pixels)
assert_type(codec.decompress_audio(d, duration_s=2.0), AudioData)
assert_type(codec.info(d), codec.ImageInfo | codec.AudioInfo | codec.OriginalInfo)
assert_type(codec.decode(d), codec.DecodedImage | codec.DecodedAudio | codec.DecodedOriginal)
assert_type(codec.decode_audio(d).audio, AudioData)
codec.compress("a.png", 20, effort=3, max_seconds=1.0)
codec.compress(AudioData, 20)  # wrong: a class
codec.compress_audio("a.wav", 20, 48000)  # wrong: what is the third?
codec.decompress(d, output="samples")  # wrong: no such output
codec.decompress(d, colour=1)  # wrong: no such option
"""


def test_the_types_are_true_for_both_media(tmp_path: Path) -> None:
    path = tmp_path / "typed.py"
    path.write_text(TYPED)
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "mypy",
            "--strict",
            "--config-file",
            "pyproject.toml",
            "--cache-dir",
            ".mypy_cache",
            path,
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    wrong = [number for number, line in enumerate(TYPED.splitlines(), 1) if "# wrong" in line]
    found = sorted({int(line.split(":")[1]) for line in done.stdout.splitlines() if ": error:" in line})
    assert found == wrong, done.stdout + done.stderr


# ---- what is taken and where it goes


class Unbuffered(io.RawIOBase):
    """A file that takes and gives a few bytes at once, and cannot seek: a socket, a pipe."""

    def __init__(self, data: bytes = b"") -> None:
        self.left, self.data = io.BytesIO(data), b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self.left.read(min(len(buffer), 100))
        buffer[: len(piece)] = piece
        return len(piece)

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.data += bytes(data[:100])
        return min(len(data), 100)


def opened(kind: str, data: bytes, path: Path) -> Any:
    """An open binary file of a kind that holds some bytes."""
    if kind == "BytesIO":
        return io.BytesIO(data)
    if kind == "unbuffered":
        return Unbuffered(data)
    if kind == "fsspec":
        fsspec = pytest.importorskip("fsspec")
        memory = fsspec.filesystem("memory")
        memory.pipe(f"/{path.name}", data)
        return memory.open(f"/{path.name}", "rb")
    path.write_bytes(data)
    return path.open("rb")


@pytest.mark.parametrize("kind", ["BytesIO", "file", "unbuffered", "fsspec"])
def test_open_files_are_taken_wherever_paths_are(
    kind: str, image_file: bytes, audio_file: bytes, patch: Pixels, tmp_path: Path
) -> None:
    tune = melody(4.5)
    flac, png = media.audio_bytes(tune, ".flac"), media.image_bytes(ImageData(patch), ".png")
    calls: list[tuple[Callable[[Any], Any], bytes, Callable[[Any], bytes]]] = [
        (lambda file: codec.compress(file, 50), png, bytes),
        (lambda file: codec.compress_image(file, 50), png, bytes),
        (lambda file: codec.compress(file, 0), flac, bytes),
        (lambda file: codec.compress_audio(file, 0), flac, bytes),
        (lambda file: codec.decompress(file, output="array"), image_file, lambda found: found.tobytes()),
        (lambda file: codec.decompress(file, output="audio"), audio_file, lambda found: found.samples.tobytes()),
        (codec.decompress_audio, audio_file, lambda found: found.samples.tobytes()),
        (codec.info, audio_file, lambda found: repr(found).encode()),
        (codec.verify, image_file, lambda found: b""),
    ]
    for call, data, as_bytes in calls:
        with opened(kind, data, tmp_path / "a") as file:
            assert as_bytes(call(file)) == as_bytes(call(data))
            assert not file.closed


def test_an_open_file_is_read_from_where_it_stands(image_file: bytes, patch: Pixels) -> None:
    png = media.image_bytes(ImageData(patch), ".png")
    for call, data in ((codec.verify, image_file), (codec.compress, png)):
        file = io.BytesIO(b"before" + data)
        file.seek(6)
        call(file)  # type: ignore[operator]


@pytest.mark.parametrize("call", [codec.compress, codec.decompress, codec.compress_audio, codec.info])
def test_files_of_text_are_type_errors(call: Callable[[Any], object]) -> None:
    with pytest.raises(TypeError):
        call(io.StringIO("text"))


def test_results_go_into_files_and_paths_too(image_file: bytes, patch: Pixels, tmp_path: Path) -> None:
    whole, dribbling = io.BytesIO(), Unbuffered()
    for out in (whole, dribbling, tmp_path / "a.lcc", str(tmp_path / "b.lcc")):
        assert codec.compress(patch, 50, out=out) == image_file  # type: ignore[arg-type]
    assert whole.getvalue() == dribbling.data == image_file
    assert (tmp_path / "a.lcc").read_bytes() == (tmp_path / "b.lcc").read_bytes() == image_file
    tune = io.BytesIO()
    assert codec.compress_audio(melody(0.1), 0, out=tune) == tune.getvalue()
    with pytest.raises(codec.MediaError, match=r"cannot write .*nowhere"):
        codec.compress(patch, out=tmp_path / "nowhere" / "a.lcc")
    with pytest.raises(TypeError, match="int"):
        codec.compress(patch, out=5)  # type: ignore[call-overload]


@pytest.mark.parametrize(
    "call",
    [
        codec.compress,
        codec.compress_image,
        codec.compress_audio,
        codec.decompress,
        codec.decompress_image,
        codec.decompress_audio,
        codec.decode,
        codec.info,
        codec.verify,
        codec.audio_reader,
    ],
)
def test_a_missing_file_is_an_error_of_both_trees(call: Callable[[Any], object], tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        call(tmp_path / "nowhere.png")
    error = caught.value
    assert isinstance(error, codec.MediaError)
    assert str(error) == f"cannot read '{tmp_path / 'nowhere.png'}': No such file or directory"
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.errno) == (type(error), str(error), errno.ENOENT)
    with pytest.raises(codec.MediaError) as other:
        call(tmp_path)
    assert not isinstance(other.value, FileNotFoundError)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_by_name_is_read_once_to_its_end(image_file: bytes, audio_file: bytes, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    png = media.image_bytes(ImageData(np.zeros((9, 9, 1), np.uint8)), ".png")
    for call, data in (
        (codec.decompress, image_file),
        (codec.decompress, audio_file),
        (codec.info, audio_file),
        (codec.compress, png),
    ):
        writer = subprocess.Popen([sys.executable, "-c", f"open({str(pipe)!r}, 'wb').write({data!r})"])
        call(pipe)  # type: ignore[operator]
        assert writer.wait() == 0


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int64, np.uint64])
def test_integers_of_numpy_are_integers(
    kind: type[np.integer[Any]], image_file: bytes, audio_file: bytes, patch: Pixels
) -> None:
    assert codec.compress(patch, kind(50), effort=kind(1), max_pixels=np.int64(9750)) == image_file
    size = np.uint64(len(image_file))
    assert len(codec.compress(patch, target_size=size)) <= len(image_file)
    shown = codec.decompress(image_file, output="array", bit_depth=kind(8), region=tuple(map(kind, (120, 60, 10, 15))))
    assert np.array_equal(shown, codec.decompress(image_file, output="array")[60:75, 120:130])
    low = melody(1, rate=100)
    rate = kind(100)
    assert codec.compress_audio(low.samples, kind(30), sample_rate=rate) == codec.compress_audio(
        low.samples, 30, sample_rate=100
    )
    with codec.audio_encoder(rate, kind(1), kind(30), bit_depth=kind(16)) as encoder:
        assert encoder.push(low.samples) + encoder.finish() == codec.compress_audio(low, 30)
    assert len(codec.decompress_audio(audio_file, start_s=kind(1), duration_s=kind(2)).samples) == 2 * RATE


def test_regions_of_small_integers_do_not_wrap_around() -> None:
    data = codec.compress(np.zeros((20, 300), np.uint8))
    region = tuple(np.array([200, 0, 100, 20], np.uint8))
    assert codec.decompress(data, output="array", region=region).shape == (20, 100, 1)
    for wrong in ((0, 0, 1.5, 1), (0, 0, 1), 7):
        with pytest.raises(ValueError, match="region"):
            codec.decompress(data, region=wrong)  # type: ignore[call-overload]


NO_NUMBERS: list[tuple[Callable[[Pixels], object], type[Exception], str]] = [
    (lambda image: codec.compress(image, "50"), TypeError, "quality is a str, not a number"),  # type: ignore[arg-type]
    (lambda image: codec.compress(image, target_psnr="30"), TypeError, "target psnr is a str"),  # type: ignore[arg-type]
    (lambda image: codec.compress(image, target_bpp=[1]), TypeError, "target bpp is a list"),  # type: ignore[arg-type]
    (lambda image: codec.compress(image, threads=1.5), ValueError, "threads 1.5: expected a whole"),  # type: ignore[arg-type]
    (lambda image: codec.compress(image, threads="2"), ValueError, "threads '2': expected a whole"),  # type: ignore[arg-type]
    (lambda image: codec.compress(image, device=1), ValueError, "device '1': expected auto"),  # type: ignore[arg-type]
    (
        lambda image: codec.compress_audio(SPEECH, target_bitrate="9"),  # type: ignore[arg-type]
        TypeError,
        "target bitrate is a str",
    ),
    (
        lambda image: codec.decompress_audio(codec.compress_audio(SPEECH), start_s="1"),  # type: ignore[arg-type]
        TypeError,
        "start_s is a str, not a number",
    ),
]


@pytest.mark.parametrize(("call", "kind", "message"), NO_NUMBERS)
def test_an_argument_that_is_no_number_is_named(
    call: Callable[[Pixels], object], kind: type[Exception], message: str, patch: Pixels
) -> None:
    with pytest.raises(kind, match=message):
        call(patch)


def test_a_file_says_its_own_sample_rate() -> None:
    with pytest.raises(TypeError, match="files say their own"):
        codec.compress_audio(SPEECH, 20, sample_rate=RATE)


def test_a_sample_rate_cannot_be_taken_for_a_quality() -> None:
    samples = melody(0.5).samples
    with pytest.raises(TypeError, match="sample_rate="):
        codec.compress_audio(samples, 20)
    with pytest.raises(TypeError, match="positional"):
        codec.compress_audio(samples, RATE, 20)  # type: ignore[misc]
    speech = codec.compress_audio(SPEECH, 20)
    assert codec.info(speech).quality == 20
    assert speech == codec.compress_audio(SPEECH, quality=20)


# ---- what there is to say of results


def test_results_tell_their_damage_and_warn_of_nothing(image_file: bytes, audio_file: bytes) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        image = codec.decode(image_file[:-100], partial=True)
        audio = codec.decode(audio_file[:-100], partial=True)
        whole = codec.decode(image_file)
    assert isinstance(image, codec.DecodedImage)
    assert image.image.pixels.shape == (75, 130, 3)
    assert "truncated" in image.damage[0]
    assert isinstance(audio, codec.DecodedAudio)
    assert "truncated" in audio.damage[0]
    assert (whole.damage, whole.notices) == ((), ())


def test_notices_can_be_collected_in_each_thread_by_itself() -> None:
    grey = Image.new("P", (9, 9))
    with codec.collected_notices() as mine:
        codec.compress(grey)
        with ThreadPoolExecutor(1) as other:
            caught = other.submit(collected_by, Image.new("1", (9, 9))).result()
    assert mine == ["palette expanded to grey"]
    assert caught == ["one bit a pixel expanded to grey"]
    with pytest.warns(codec.MediaNotice, match="palette"):
        codec.compress(grey)


def collected_by(image: Image.Image) -> list[str]:
    with codec.collected_notices() as found:
        codec.compress(image)
    return found


@pytest.mark.parametrize(
    "call",
    [
        lambda image, audio: codec.decompress(image[:-100], partial=True),
        lambda image, audio: codec.decompress_image(image[:-100], partial=True),
        lambda image, audio: codec.decompress(audio[:-100], partial=True),
        lambda image, audio: codec.decompress_audio(audio[:-100], partial=True),
        lambda image, audio: codec.compress(Image.new("P", (9, 9))),
        lambda image, audio: codec.compress_audio(melody(0.1, rate=96_000)),
        lambda image, audio: codec.audio_encoder(96_000, 1),
        lambda image, audio: media.image_bytes(media.read_image(deep()), ".jpg"),
        lambda image, audio: media.audio_bytes(media.read_audio((np.zeros(9, np.float32), 8000)), ".flac"),
    ],
)
def test_warnings_point_at_the_line_that_called(
    call: Callable[[bytes, bytes], object], image_file: bytes, audio_file: bytes
) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call(image_file, audio_file)
    assert [warning.filename for warning in caught] == [__file__] * len(caught) != []


def deep() -> Pixels:
    return np.zeros((9, 9, 3), np.uint16)
