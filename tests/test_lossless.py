"""Pixels without loss, and colours under transparency."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from codec.bitstream.errors import CorruptFile
from codec.image import lossless
from codec.image.hidden import filled
from codec.media import Pixels


@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from([1, 3]), st.sampled_from([8, 16]), st.integers(0, 9))
def test_pixels_come_back_equal(height: int, width: int, channels: int, bit_depth: int, seed: int) -> None:
    dtype = np.uint8 if bit_depth == 8 else np.uint16
    pixels = np.random.default_rng(seed).integers(0, 2**bit_depth, (height, width, channels), dtype)
    found = lossless.decode(lossless.encode(pixels), pixels.shape, bit_depth)
    assert found.dtype == dtype
    assert np.array_equal(found, pixels)


def test_sides_that_webp_cannot_have_come_back_equal() -> None:
    pixels = np.random.default_rng(1).integers(0, 4, (2, 20_000, 3), np.uint8)
    assert np.array_equal(lossless.decode(lossless.encode(pixels), pixels.shape, 8), pixels)


def test_eight_bits_scaled_to_sixteen_cost_next_to_nothing_more(patch: Pixels) -> None:
    assert len(lossless.encode(patch.astype(np.uint16) * 257)) < len(lossless.encode(patch)) + 200


def test_pixels_of_another_size_or_damaged_are_refused_before_they_are_unpacked(patch: Pixels) -> None:
    data = lossless.encode(patch)
    height, width, _ = patch.shape
    with pytest.raises(CorruptFile, match="lossless pixels of"):
        lossless.decode(data, (height, width + 1, 3), 8)
    for cut in (0, 11, len(data) // 2):
        with pytest.raises(CorruptFile):
            lossless.decode(data[:cut], patch.shape, 8)
    with pytest.raises(CorruptFile):
        lossless.decode(data, patch.shape, 16)
    jpeg = io.BytesIO()
    Image.fromarray(patch).save(jpeg, "JPEG")
    with pytest.raises(CorruptFile):
        lossless.decode(jpeg.getvalue(), patch.shape, 8)


def test_what_is_visible_stays_and_what_is_not_continues_it(patch: Pixels) -> None:
    alpha = np.zeros(patch.shape[:2], np.uint8)
    alpha[20:40, 30:50] = 1
    found = filled(patch, alpha)
    assert np.array_equal(found[20:40, 30:50], patch[20:40, 30:50])
    visible = patch[20:40, 30:50].reshape(-1, 3)
    assert (found.min((0, 1)) >= visible.min(0)).all()
    assert (found.max((0, 1)) <= visible.max(0)).all()


@pytest.mark.parametrize("hidden", [0, 255, "noise"])
def test_one_visible_colour_is_continued_exactly(hidden: int | str) -> None:
    rng = np.random.default_rng(2)
    pixels = rng.integers(0, 256, (50, 33, 3), np.uint8)
    if hidden != "noise":
        pixels[:] = hidden
    alpha = np.zeros((50, 33), np.uint8)
    alpha[7:9, 3:30] = 200
    pixels[alpha > 0] = (220, 40, 30)
    assert (filled(pixels, alpha) == (220, 40, 30)).all()


def test_nothing_visible_becomes_one_colour() -> None:
    pixels = np.random.default_rng(3).integers(0, 65536, (9, 9, 1), np.uint16)
    assert len(np.unique(filled(pixels, np.zeros((9, 9), np.uint16)))) == 1
