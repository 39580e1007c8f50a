"""Damaged files: an error of the family or nothing, never another image in silence."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest

import codec
from codec.audio import decode as audio_decode
from codec.bitstream import audio as audio_file
from codec.bitstream import constants
from codec.bitstream.errors import CorruptFile
from codec.bitstream.image import Stream, read, write
from codec.bitstream.range_coder import Encoder
from codec.devices import CPU
from codec.eval.metrics import psnr_db
from codec.image import decode as image_decode
from codec.image import encode as image_encode
from codec.latents.header import log2_steps_of
from codec.media import ImageData, Pixels
from codec.model import weights
from codec.model.fixed_point import rows_of
from codec.model.registry import IMAGE
from tests import golden


@pytest.mark.parametrize("partial", [False, True])
def test_a_model_of_the_other_medium_is_refused(partial: bool) -> None:
    seen, heard = read(golden.file("quality-50")), audio_file.read(golden.file("audio-empty"))
    model, digest = heard.header.model, heard.header.digest
    with pytest.raises(CorruptFile, match="model 4 is one of audio, not of image"):
        image_decode.decode(
            write(replace(seen, header=replace(seen.header, model=model, digest=digest))), CPU, partial=partial
        )
    header = replace(heard.header, model=seen.header.model, digest=seen.header.digest)
    with pytest.raises(CorruptFile, match="model 1 is one of image, not of audio"):
        audio_decode.decode(audio_file.begin(header) + audio_file.end(0, []), CPU, partial=partial)


@pytest.fixture(scope="module")
def small(parrots: Pixels) -> bytes:
    return image_encode.encode(ImageData(np.ascontiguousarray(parrots[200:260, 300:360])), 30, CPU)


@pytest.fixture(scope="module")
def tiled(parrots: Pixels) -> bytes:
    """Six tiles of 128 x 128 pixels."""
    pixels = np.ascontiguousarray(parrots[:256, :384])
    return image_encode.encode(ImageData(pixels), 50, CPU, tiles=lambda width, height: (2, 2))


def with_stream(file: bytes, data: bytes) -> bytes:
    """A file whose one stream is another one; section checksums are valid."""
    return write(replace(read(file), streams=[Stream((data,))]))


def test_every_truncation_of_a_image_is_an_error(small: bytes) -> None:
    for size in range(len(small)):
        with pytest.raises(codec.CodecError):
            image_decode.decode(small[:size], CPU)


def test_every_single_byte_change_of_a_image_is_an_error(small: bytes) -> None:
    for i in range(len(small)):
        data = bytearray(small)
        data[i] ^= 1 << (i % 8)
        with pytest.raises(codec.CodecError):
            image_decode.decode(bytes(data), CPU)


def test_streams_with_valid_section_checksums_but_wrong_content_are_refused(small: bytes) -> None:
    stream = read(small).streams[0].data
    rng = np.random.default_rng(5)
    for _ in range(60):
        changed = np.frombuffer(stream, np.uint8).copy()
        changed[rng.integers(len(changed))] ^= rng.integers(1, 256)
        cut = changed.tobytes()[: rng.integers(len(changed) // 4 + 1) * 4]
        with pytest.raises((codec.CorruptFile, codec.UnsupportedFile)):  # the latter of an unknown kind of tile
            image_decode.decode(with_stream(small, cut if rng.integers(2) else changed.tobytes()), CPU)


@pytest.mark.parametrize(
    "change",
    [
        {"width": 59},
        {"height": 61},
        {"channels": 1},
        {"step_index": 1500},
        {"bit_depth": 16},
        {"width": 1, "height": 1},
    ],
)
def test_a_header_that_belongs_to_other_latents_is_noticed(small: bytes, change: dict[str, int]) -> None:
    container = read(small)
    lying = write(replace(container, header=replace(container.header, **change)))  # type: ignore[arg-type]
    with pytest.raises(codec.CorruptFile):
        image_decode.decode(lying, CPU)


def test_tiles_that_changed_places_are_noticed(tiled: bytes) -> None:
    container = read(tiled)
    streams = [container.streams[1], container.streams[0], *container.streams[2:]]
    with pytest.raises(codec.CorruptFile, match="tile 0"):
        image_decode.decode(write(replace(container, streams=streams)), CPU)


def test_hyper_latents_beyond_their_range_are_corrupt(small: bytes) -> None:
    loaded = weights.installed(IMAGE.id, CPU)
    header = read(small).header
    rows = rows_of(loaded.model.gains.z_log2_scale(log2_steps_of(header))).reshape(-1)
    encoder = Encoder(loaded.tables)
    encoder.put(rows, np.where(rows > 0, 200, 0).astype(np.int32))
    with pytest.raises(codec.CorruptFile, match="hyper-latent"):
        image_decode.decode(with_stream(small, bytes([constants.TILE_LATENTS]) + encoder.bytes() + bytes(4)), CPU)


def test_alpha_samples_are_checked_even_behind_a_valid_section(small: bytes, parrots: Pixels) -> None:
    pixels = np.ascontiguousarray(parrots[200:260, 300:360])
    here, there = (image_encode.encode(ImageData(pixels, np.full((60, 60), n, np.uint8)), 30, CPU) for n in (10, 11))
    container = read(here)
    payload = container.extras[constants.SECTION_ALPHA][:4] + read(there).extras[constants.SECTION_ALPHA][4:]
    mixed = write(replace(container, extras={constants.SECTION_ALPHA: payload}))
    with pytest.raises(codec.CorruptFile, match="alpha samples"):
        image_decode.decode(mixed, CPU)
    with pytest.raises(codec.CorruptFile, match="alpha samples"):
        codec.verify(mixed, deep=True)
    codec.verify(mixed)
    shown = image_decode.decode(mixed, CPU, partial=True)
    assert shown.image.alpha is None
    assert (shown.image.pixels == image_decode.decode(here, CPU).image.pixels).all()
    assert any("alpha" in line for line in shown.damage)


# --- cut files ----------------------------------------------------------------------------------------------------


def test_a_cut_file_shows_a_image_that_gets_better(parrots: Pixels) -> None:
    data = codec.compress(parrots, 50)
    with pytest.warns(codec.IncompleteImage, match="truncated"):
        shown = [
            psnr_db(parrots, codec.decompress(data[: len(data) * part // 100], output="array", partial=True))
            for part in (10, 25, 50, 75, 90)
        ]
    assert sorted(set(shown)) == shown
    assert shown[1] > 20
    assert shown[-1] > psnr_db(parrots, codec.decompress(data, output="array")) - 3


def test_a_file_cut_anywhere_behind_its_header_shows_a_image(small: bytes) -> None:
    header_end = 5 + len(read(small).header.bytes()) + 6
    for size in range(header_end, len(small)):
        decoded = image_decode.decode(small[:size], CPU, partial=True)
        assert decoded.image.pixels.shape == (60, 60, 3)
        assert decoded.damage
    for size in range(header_end):
        with pytest.raises(codec.CorruptFile):
            image_decode.decode(small[:size], CPU, partial=True)


def test_partial_makes_no_difference_to_a_whole_file(tiled: bytes) -> None:
    decoded = image_decode.decode(tiled, CPU, partial=True)
    assert not decoded.damage
    assert (decoded.image.pixels == image_decode.decode(tiled, CPU).image.pixels).all()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        codec.decompress(tiled, partial=True)


def test_a_cut_file_of_tiles_shows_all_of_them(tiled: bytes, parrots: Pixels) -> None:
    shown = image_decode.decode(tiled[: len(tiled) * 7 // 10], CPU, partial=True).image.pixels
    for y in range(0, 256, 128):
        for x in range(0, 384, 128):
            here = (slice(y, y + 128), slice(x, x + 128))
            assert psnr_db(parrots[here], shown[here]) > 20


def test_damage_in_a_tile_stays_in_it_and_its_border(tiled: bytes) -> None:
    whole = image_decode.decode(tiled, CPU).image.pixels.astype(int)
    data = bytearray(tiled)
    index = data.index(read(tiled).streams[2].parts[0])
    data[index + 5] ^= 0xFF
    with pytest.raises(codec.CorruptFile, match="tile 2"):
        image_decode.decode(bytes(data), CPU)
    decoded = image_decode.decode(bytes(data), CPU, partial=True)
    assert len(decoded.damage) == 1
    assert "tile 2" in decoded.damage[0]
    difference = np.abs(decoded.image.pixels.astype(int) - whole)
    assert difference[:128, 256:].mean() > 5
    halo = weights.installed(IMAGE.id, CPU).model.config.synthesis_halo * constants.STRIDE
    assert difference[:, : 256 - halo].max() == 0  # beyond what synthesis looks at
    assert difference[128 + halo :].max() == 0
    assert difference[128:, :256].mean() < 0.5


def test_latents_that_are_not_those_encoded_are_named(small: bytes) -> None:
    stream = read(small).streams[0].data
    with pytest.raises(codec.CorruptFile, match="checksum of the decoded latents"):
        image_decode.decode(with_stream(small, stream[:-1] + bytes([stream[-1] ^ 1])), CPU)
