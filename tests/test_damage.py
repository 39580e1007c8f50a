"""Damaged files: an error of the family or nothing, never another picture in silence."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import codec
from codec import picture, weights
from codec.bitstream import format
from codec.bitstream.container import Container, read, write
from codec.bitstream.entropy import Encoder
from codec.media import Pixels
from codec.models import IMAGE
from codec.prior import rows_of

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def small(parrots: Pixels) -> bytes:
    return picture.encode(np.ascontiguousarray(parrots[200:260, 300:360]), 30, CPU).data


def test_every_truncation_of_a_picture_is_an_error(small: bytes) -> None:
    for size in range(len(small)):
        with pytest.raises(codec.CodecError):
            picture.decode(small[:size], CPU)


def test_every_single_byte_change_of_a_picture_is_an_error(small: bytes) -> None:
    for i in range(len(small)):
        data = bytearray(small)
        data[i] ^= 1 << (i % 8)
        with pytest.raises(codec.CodecError):
            picture.decode(bytes(data), CPU)


def test_streams_with_valid_checksums_but_wrong_content_decode_or_are_corrupt(small: bytes) -> None:
    container = read(small)
    stream = container.sections[2]
    rng = np.random.default_rng(5)
    outcomes = set()
    for _ in range(60):
        changed = np.frombuffer(stream, np.uint8).copy()
        changed[rng.integers(len(changed), size=3)] = rng.integers(0, 256, 3)
        cut = changed[: rng.integers(len(changed) // 4 + 1) * 4].tobytes()
        data = write(Container(container.header, {2: cut if rng.integers(2) else changed.tobytes()}))
        try:
            shape = picture.decode(data, CPU).shape
        except codec.CorruptFile:
            outcomes.add("corrupt")
        else:
            assert shape == (60, 60, 3)
            outcomes.add("decoded")
    assert "corrupt" in outcomes


def test_a_header_that_lies_about_the_size_is_an_error_or_another_shape(small: bytes) -> None:
    for width, height in ((1, 1), (5000, 3), (600, 700)):
        container = read(small)
        header = type(container.header)(**(vars(container.header) | {"width": width, "height": height}))
        try:
            assert picture.decode(write(Container(header, container.sections)), CPU).shape == (height, width, 3)
        except codec.CorruptFile:
            continue


def test_hyper_latents_beyond_their_range_are_corrupt(small: bytes) -> None:
    loaded = weights.installed(IMAGE.id, CPU)
    header = read(small).header
    with torch.inference_mode():
        told = loaded.model.gain.told(torch.tensor([header.step_index / format.STEP_UNITS]))
        rows = rows_of(loaded.model.prior.z_log2_scale(told)).flatten().numpy()
    encoder = Encoder(loaded.tables)
    encoder.put(rows, np.where(rows > 0, 200, 0).astype(np.int32))
    with pytest.raises(codec.CorruptFile, match="hyper-latent"):
        picture.decode(write(Container(header, {format.SECTION_LATENTS: encoder.bytes()})), CPU)
