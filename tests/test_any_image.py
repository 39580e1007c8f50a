"""Images that are no photographs: flat colours, screens, noise, stripes, what transparency hides."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

import codec
from codec.bitstream import constants
from codec.bitstream.image import read
from codec.image_api import BitDepth
from codec.media import ImageData, Pixels

SIDE = 192
COLOURS = [(0, 255, 0), (255, 0, 0), (128, 255, 0), (0, 0, 255), (255, 0, 255), (246, 248, 250), (1, 2, 3)]


def kinds_of(data: bytes) -> list[int]:
    return [stream.data[0] for stream in read(data).streams]


def screen() -> Pixels:
    image = Image.new("RGB", (400, 240), (255, 255, 255))
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, 400, 30), fill=(36, 41, 46))
    for line in range(14):
        draw.text(
            (8, 34 + 14 * line),
            f"{line:2d} words on a screen " * 3,
            fill=(9, 105, 218),
            font=ImageFont.load_default(12),
        )
    return np.array(image)


@pytest.mark.parametrize("quality", [10, 50, 90])
@pytest.mark.parametrize("colour", COLOURS)
def test_flat_colours_come_back(colour: tuple[int, int, int], quality: float) -> None:
    pixels = np.full((SIDE, SIDE, 3), colour, np.uint8)
    shown = codec.decompress(codec.compress(pixels, quality), output="array").astype(int)
    assert np.abs(shown - pixels).max() <= (12 if quality < 50 else 1)


@pytest.mark.parametrize("quality", [10, 50, 90])
def test_a_computed_shade_is_no_larger_than_its_webp(quality: float) -> None:
    y, x = np.mgrid[:256, :320]
    pixels = np.stack([x * 255 // 319, y, (x + y) * 255 // 575], 2).astype(np.uint8)
    webp = io.BytesIO()
    Image.fromarray(pixels).save(webp, "WEBP", lossless=True, method=4, quality=100)
    data = codec.compress(pixels, quality)
    assert len(data) <= 1.01 * webp.tell() + 200
    assert (codec.decompress(data, output="array") == pixels).all()


@pytest.mark.parametrize("quality", [50, 75, 90])
def test_a_screen_is_exact_and_no_larger_than_its_webp(quality: float) -> None:
    pixels, webp = screen(), io.BytesIO()
    Image.fromarray(pixels).save(webp, "WEBP", lossless=True, method=4, quality=100)
    data = codec.compress(pixels, quality)
    assert np.array_equal(codec.decompress(data, output="array"), pixels)
    assert len(data) < webp.tell() + 60


@pytest.mark.parametrize("kind", ["noise", "stripes", "checkerboard"])
def test_what_latents_cannot_follow_has_no_ceiling(kind: str) -> None:
    place = np.add.outer(np.arange(SIDE) * (kind == "checkerboard"), np.arange(SIDE))
    pixels = np.repeat((place % 2 * 255).astype(np.uint8)[..., None], 3, 2)
    if kind == "noise":
        pixels = np.random.default_rng(0).integers(0, 256, pixels.shape, np.uint8)
    sizes, errors = [], []
    for quality in (10, 50, 100):
        data = codec.compress(pixels, quality)
        sizes.append(len(data))
        errors.append(np.square(codec.decompress(data, output="array").astype(float) - pixels).mean())
    assert errors[-1] == 0
    assert sizes == sorted(sizes)
    assert errors == sorted(errors, reverse=True)


@pytest.mark.parametrize("bit_depth", [8, 16])
def test_the_highest_qualities_promise_an_error(bit_depth: BitDepth) -> None:
    """Of a texture so fine that no latents follow it, and of an image of 16 bits."""
    noise = np.random.default_rng(1).normal(0, 24, (SIDE + 1, SIDE + 1, 3))
    fine = 128 + (noise[1:, 1:] + noise[:-1, 1:] + noise[1:, :-1] + noise[:-1, :-1]) / 4
    pixels = (np.clip(fine, 0, 255) * (257 if bit_depth == 16 else 1)).astype(f"uint{bit_depth}")
    sizes, errors = [], []
    for quality in (93, 96, 98, 100):
        data = codec.compress(pixels, quality)
        shown = codec.decompress(data, output="array", bit_depth=bit_depth).astype(float)
        sizes.append(len(data))
        errors.append(np.square((shown - pixels) / (257 if bit_depth == 16 else 1)).mean())
    assert (np.array(errors[1:]) <= 255**2 / 10 ** (np.array([37.2, 39.6, 42.0]) / 10)).all()
    assert sizes == sorted(sizes)
    assert 0 not in kinds_of(data)


def test_photographs_are_latents_and_nothing_else(parrots: Pixels) -> None:
    for quality in (10, 50, 90):
        (kind,) = kinds_of(codec.compress(parrots, quality))
        assert kind != constants.TILE_LOSSLESS


@pytest.mark.filterwarnings("ignore:colours under fully transparent")
def test_what_transparency_hides_costs_nothing() -> None:
    y, x = np.mgrid[:SIDE, :SIDE]
    alpha = np.clip((60 - np.hypot(x - 96, y - 96)) * 128, 0, 255).astype(np.uint8)
    rng = np.random.default_rng(5)
    sizes = []
    for hidden in (np.zeros(3), np.full(3, 255), np.array([220, 40, 30]), rng.integers(0, 256, (SIDE, SIDE, 3))):
        pixels = np.where(alpha[..., None] > 0, [220, 40, 30], hidden).astype(np.uint8)
        data = codec.compress(ImageData(pixels, alpha), 90)
        shown = codec.decompress(data, output="image")
        assert np.array_equal(shown.alpha, alpha)
        assert np.abs(shown.pixels[alpha > 0].astype(int) - [220, 40, 30]).max() <= 3
        sizes.append(len(data))
    assert max(sizes) <= 1.2 * min(sizes) + 50


@pytest.mark.parametrize("bit_depth", [8, 16])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_lossless_keeps_every_sample(bit_depth: int, channels: int, patch: Pixels) -> None:
    samples = np.random.default_rng(channels).integers(0, 2**bit_depth, (50, 70, channels))
    samples = samples.astype(np.uint8 if bit_depth == 8 else np.uint16)
    data = codec.compress(samples, lossless=True)
    assert set(kinds_of(data)) == {constants.TILE_LOSSLESS}
    shown = codec.decompress(data, output="array", bit_depth=bit_depth)
    assert np.array_equal(shown, samples)


def test_lossless_goes_with_no_quality_and_no_target(patch: Pixels) -> None:
    for options in ({"quality": 50}, {"target_size": 1000}):
        with pytest.raises(ValueError, match="contradict each other"):
            codec.compress_image(patch, lossless=True, **options)
