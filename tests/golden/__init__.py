"""Golden files: one small file of every feature, what its latents hash to, and its pixels or samples.

`python -m tests.golden` makes them anew. That is a change of the format or of the weights: say so in CHANGELOG.
"""

from __future__ import annotations

import hashlib
import io
import json
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageCms

from codec.arguments import Lossless
from codec.audio import decode as audio_decode
from codec.audio import encode as audio_encode
from codec.bitstream import constants
from codec.bitstream import image as image_file
from codec.bitstream.extras import JPEG, METRE, Chunk, Extras, Resolution, Segment, Text, Trailer
from codec.bitstream.file import holds
from codec.devices import CPU, Device
from codec.image import decode as image_decode
from codec.image.encode import ImageEncoder
from codec.media import AudioData, AudioMetadata, Chapter, ImageData, read_image
from codec.model.registry import IMAGE
from codec.original_api import compress_exactly
from tests.clips import melody

FOLDER = Path(__file__).parent
SPEC = FOLDER.parent.parent / "bitstream" / "SPEC.md"
HASHES = (
    FOLDER / "latents.json"
)  # name: SHA-256 of the latents of all tiles or chunks, int32 in 1/64 of a step, one after another
ORIGINALS = FOLDER / "originals"
ORIGINAL_HASHES = ORIGINALS / "sha256.json"  # name: SHA-256 of the original
LATER = "audio-later"  # a clip whose tags and metadata come behind its chunks
JPEG_XL = "jpeg-xl"  # made by the extra `jxl`, and read by it
FOR_PSNR = "for-psnr"  # the same as quality-50, with the other set of weights that is shipped
SAMPLES_EVERY = 41  # of a clip only so many samples are kept, to be small; a prime, to meet every phase of a frame
SAMPLE_ROUNDING = 2e-4  # a few units of 16 bits


def names() -> list[str]:
    """Of all golden files."""
    return sorted(json.loads(HASHES.read_text()))


def original_names() -> list[str]:
    """Of all golden files of originals."""
    return sorted(json.loads(ORIGINAL_HASHES.read_text()))


def original_file(name: str) -> bytes:
    """One of them."""
    return (ORIGINALS / f"{name}.lcc").read_bytes()


def latents_hash(latents: list[np.ndarray]) -> str:
    """SHA-256 of the latents of the tiles or chunks of a file, integers in 1/64 of a step."""
    total = hashlib.sha256()
    for piece in latents:
        total.update(piece.astype("<i4").tobytes())
    return total.hexdigest()


def file(name: str) -> bytes:
    """One of them."""
    return (FOLDER / f"{name}.lcc").read_bytes()


def latents_of(data: bytes, device: Device = CPU, partial: bool = False) -> list[np.ndarray]:
    """(rows, columns, 320) integers in 1/64 of a step for each tile or chunk, by the runtime."""
    medium = audio_decode if holds(data, constants.MEDIA_AUDIO) else image_decode
    found = medium.latents(data, device, partial=partial)
    return [np.round(y.reshape(-1, *y.shape[2:]).astype(np.float64) * 64).astype(np.int64) for y in found]


def roundings(data: bytes, kept: Path, device: Device = CPU) -> float:
    """The largest difference from what a file once decoded to, over what rounding explains: at most 1."""
    expected = np.load(kept)
    if holds(data, constants.MEDIA_AUDIO):
        samples = audio_decode.decode(data, device).audio.samples[::SAMPLES_EVERY]
        return float(np.abs(samples - expected["samples"]).max(initial=0) / SAMPLE_ROUNDING)
    bit_depth = image_file.read(data).header.bit_depth
    pixels = image_decode.decode(data, device, bit_depth=bit_depth).image.pixels
    return float(np.abs(pixels.astype(int) - expected["pixels"].astype(int)).max() / (1 if bit_depth == 8 else 257))


def images() -> dict[str, tuple[ImageData, float | None, tuple[int, int]]]:
    """What golden files of images are made of: image, quality (None: without loss) and tiles."""
    whole = read_image(FOLDER.parent.parent / "examples" / "parrots.png").pixels
    patch = np.ascontiguousarray(whole[200:275, 300:430])
    alpha = np.add.outer(np.arange(75), np.arange(130)).astype(np.uint8)
    deep = patch.astype(np.uint16) * 257 + np.arange(3, dtype=np.uint16) * 50
    screen = np.kron(np.random.default_rng(1).integers(0, 2, (15, 16, 3), np.uint8) * 255, np.ones((5, 8, 1), np.uint8))
    small = np.ascontiguousarray(whole[90:122, 300:340])
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    icc = profile[:24] + bytes(12) + profile[36:]  # without its date
    one = (0, 0)
    extras = Extras(
        resources=b"8BIM\x04\x04\0\0\0\0\0\x09\x1c\x02\x78\0\x04Rain\0",
        texts=(
            Text("Title", "Parrots"),
            Text("Titel", "Papageien", "de", "Überschrift"),
            Text("Comment", "long " * 60),
        ),
        resolution=Resolution(23622, 11811, METRE),
        chunks=(Chunk(b"gAMA", (100_000).to_bytes(4)), Chunk(b"cICP", bytes([9, 16, 0, 1]))),
        extended_xmp=b"<x:xmpmeta/>" * 9,
        trailer=Trailer(JPEG, b"\0\0\0\x10ftypmp42 bytes", (Segment(0xE2, b"MPF\0II*\0", 1234),)),
    )
    return {
        "quality-0": (ImageData(patch), 0, one),
        "quality-50": (ImageData(patch), 50, one),
        "quality-100": (ImageData(patch), 100, one),
        "grey": (ImageData(np.ascontiguousarray(patch[:, :, 1:2])), 60, one),
        "one-pixel": (ImageData(whole[:1, :1].copy()), 0, one),
        "strip": (ImageData(np.ascontiguousarray(whole[300:301])), 40, one),
        "column": (ImageData(np.ascontiguousarray(whole[:, 300:303])), 40, one),
        "alpha": (ImageData(patch, alpha), 40, one),
        "deep": (ImageData(deep), 80, one),
        "deep-alpha-grey": (ImageData(deep[:, :, :1].copy(), alpha.astype(np.uint16) * 257 + 3), 40, one),
        "metadata": (
            ImageData(small, None, icc, exif.tobytes().removeprefix(b"Exif\0\0"), b"<x:xmpmeta/>"),
            50,
            one,
        ),
        "extras": (ImageData(small, xmp=b"<x:xmpmeta/>", extras=extras), 50, one),
        "extras-tiles": (ImageData(patch, extras=replace(extras, trailer=None)), 30, (1, 1)),
        "tiles": (ImageData(patch), 50, (1, 1)),
        "tiles-wide": (ImageData(patch, alpha), 20, (2, 1)),
        "noise": (ImageData(np.random.default_rng(0).integers(0, 256, (70, 64, 3), np.uint8)), 30, one),
        "lossless": (ImageData(small, np.zeros_like(small[:, :, 0])), None, one),
        "lossless-deep-tiles": (ImageData(screen.astype(np.uint16) * 257 + 1), None, (1, 1)),
        JPEG_XL: (ImageData(patch), None, (1, 1)),
        "screen-and-patch": (ImageData(np.concatenate([screen, patch], 1)), 40, (1, 2)),
    }


def clips() -> dict[str, tuple[AudioData, float]]:
    """What golden files of audio are made of: audio and quality."""
    tune = melody(0.3)
    both = replace(tune, samples=melody(0.4).samples * np.array([1, 0.8], np.float32))
    half = len(both.samples) // 2
    by_turns = both.samples * np.repeat(np.eye(2, dtype=np.float32), half, 0)
    noise = np.random.default_rng(0).uniform(-1, 1, (7200, 1)).astype(np.float32)
    tags = {"title": "Études", "artist": "a formula"}
    metadata = AudioMetadata(
        ((b"bext", bytes(602)), (b"iXML", b"<BWFXML/>")),
        (bytes(32),),
        (Chapter(0, 150, "first"), Chapter(150, None, "Zweite")),
        (("COMPOSER", "a formula"), ("COMPOSER", "another")),
    )
    return {
        "audio-mono": (melody(0.5, rate=44_100), 50),
        "audio-mid-side": (both, 40),
        "audio-left-right": (replace(both, samples=by_turns, bit_depth=32), 40),
        "audio-8-khz": (melody(0.5, rate=8000), 50),
        "audio-one-sample": (replace(tune, samples=tune.samples[1:2].copy()), 0),
        "audio-empty": (replace(tune, samples=tune.samples[:0]), 50),
        "audio-two-chunks": (replace(melody(2.3, rate=16_000), tags=tags), 30),
        "audio-24-bits": (replace(tune, bit_depth=24), 80),
        "audio-quality-0": (tune, 0),
        "audio-quality-100": (tune, 100),
        "audio-silence": (replace(both, samples=0 * both.samples), 50),
        "audio-noise": (replace(tune, samples=noise), 100),
        "audio-six-channels": (replace(tune, samples=surround(both.samples), channel_mask=0x3F), 40),
        "audio-three-channels": (replace(both, samples=np.repeat(tune.samples[:4800], 3, 1), bit_depth=24), 20),
        "audio-metadata": (replace(tune, tags=tags, metadata=metadata), 30),
        LATER: (replace(melody(3.0, rate=16_000), tags=tags, metadata=metadata), 0),
    }


def originals() -> dict[str, bytes]:
    """What golden files of originals are made of."""
    patch = Image.fromarray(images()["quality-50"][0].pixels)
    jpeg, progressive, rng = io.BytesIO(), io.BytesIO(), np.random.default_rng(0)
    patch.save(jpeg, "JPEG", quality=80)
    patch.save(progressive, "JPEG", quality=80, progressive=True)
    tune = np.round(melody(0.1).samples * 20_000) + rng.integers(-256, 257, (4800, 1))
    return {
        "empty": b"",
        "text": SPEC.read_bytes()[:5000],
        "jpeg": jpeg.getvalue(),
        "jpeg-cut": jpeg.getvalue()[:-300],
        "jpeg-progressive-and-followed": progressive.getvalue() + b"what follows",
        "wave-8": audio_bytes_of(tune // 256 + 128, np.uint8),
        "wave-16": audio_bytes_of(tune, "<i2") + b"LIST\4\0\0\0INFO",
        "wave-24": audio_bytes_of(tune * 256 + rng.integers(0, 256, tune.shape), "<i4"),
        "wave-floats": audio_bytes_of(tune / 32768, "<f4"),
    }


def audio_bytes_of(samples: np.ndarray, kind: Any) -> bytes:
    """A WAVE file of samples (n, channels), those of four bytes but floats as 24 bits."""
    is_float, data = kind == "<f4", samples.astype(kind)
    wide = data.dtype.itemsize == 4 and not is_float
    payload = data.reshape(-1, 1).view(np.uint8)[:, :3].tobytes() if wide else data.tobytes()
    channels, width = samples.shape[1], 3 if wide else data.dtype.itemsize
    form = struct.pack(
        "<HHIIHH", 3 if is_float else 1, channels, 48_000, 48_000 * channels * width, channels * width, 8 * width
    )
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(payload)) + payload
    return b"RIFF" + struct.pack("<I", len(body)) + body


def make_originals() -> None:
    """Writes all golden files of originals, and hashes."""
    for name, data in originals().items():
        (ORIGINALS / f"{name}.lcc").write_bytes(compress_exactly(data))
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in originals().items()}
    ORIGINAL_HASHES.write_text(json.dumps(hashes, indent=1) + "\n")


def surround(both: np.ndarray) -> np.ndarray:
    """Six channels of two (n, 2): two alike in front, a middle, a low one, two behind that have nothing in common."""
    one, other = both[:, 0], both[::-1, 0]
    low = np.convolve(one, np.full(480, 1 / 480), "same")
    return np.stack([one, 0.8 * one, 0.5 * other, low, 0.3 * one, 0.3 * other], 1).astype(np.float32)


def make_image(name: str) -> bytes:
    """A golden file of an image, whose pixels are written."""
    source, quality, units = images()[name]
    lossless: Lossless = "jxl" if name == JPEG_XL else quality is None
    encoder = ImageEncoder(source, CPU, tiles=lambda width, height: units, lossless=lossless)
    data = encoder.encode(IMAGE.curve.step_index(100 if quality is None else quality), 1)
    restored = image_decode.decode(data, CPU, bit_depth=source.bit_depth).image
    np.savez_compressed(FOLDER / f"{name}.npz", pixels=restored.pixels)
    return data


def as_from_a_pipe(tune: AudioData, quality: float, device: Device) -> bytes:
    """The file of a clip that says only behind its samples what it is."""
    with audio_encode.AudioEncoder(tune.sample_rate, tune.channels, quality, device, tune.bit_depth) as encoder:
        return encoder.push(tune.samples) + encoder.finish(tune.tags, tune.metadata)


def make() -> None:
    """Writes all golden files, their pixels or samples, and hashes."""
    files = {name: make_image(name) for name in images()}
    patch = ImageEncoder(images()["quality-50"][0], CPU, metric="psnr")
    files[FOR_PSNR] = patch.encode(patch.curve.step_index(50), 1)
    np.savez_compressed(FOLDER / f"{FOR_PSNR}.npz", pixels=image_decode.decode(files[FOR_PSNR], CPU).image.pixels)
    for name, (tune, quality) in clips().items():
        files[name] = (as_from_a_pipe if name == LATER else audio_encode.encode)(tune, quality, CPU)
        samples = audio_decode.decode(files[name], CPU).audio.samples[::SAMPLES_EVERY]
        np.savez_compressed(FOLDER / f"{name}.npz", samples=samples)
    for name, data in files.items():
        (FOLDER / f"{name}.lcc").write_bytes(data)
    hashes = {name: latents_hash(latents_of(data)) for name, data in files.items()}
    HASHES.write_text(json.dumps(hashes, indent=1) + "\n")
    make_originals()
