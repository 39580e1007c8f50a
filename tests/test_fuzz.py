"""A short run of the mutator; the long one is in CONTRIBUTING."""

from __future__ import annotations

import numpy as np
import pytest

from codec.bitstream import audio as audio_file
from codec.bitstream import constants
from codec.bitstream import image as image_file
from codec.bitstream.file import holds
from tests import fuzz, fuzz_files, golden

pytestmark = pytest.mark.slow  # hundreds of files


@pytest.mark.parametrize("media", ["image", "audio"])
def test_mutants_are_what_they_came_from_or_errors_of_the_family(media: str) -> None:
    outcomes = fuzz.run(400, seed=1, media=media)
    assert not [result for result in outcomes if fuzz.is_defect(result)]
    assert outcomes["with valid checksums"] > 133
    assert outcomes["CorruptFile"] > 100
    assert outcomes["damage is named in part"] > 20
    assert (outcomes["CorruptFile in pieces"] > 20) == (media == "audio")


def test_mutants_of_originals_are_what_they_came_from_or_errors_of_the_family() -> None:
    pytest.importorskip("lepton_jpeg_python")
    pytest.importorskip("zstandard")
    outcomes = fuzz.run(400, seed=1, media="original")
    assert not [result for result in outcomes if fuzz.is_defect(result)]
    assert outcomes["with valid checksums"] > 133
    assert outcomes["CorruptFile"] > 100


def test_mutants_of_image_files_are_images_or_errors_of_the_family() -> None:
    outcomes = fuzz_files.run(400, seed=1)
    assert not [result for result in outcomes if fuzz.is_defect(result)]
    assert outcomes["an image"] > 100
    assert outcomes["DamagedImage"] + outcomes["MediaError"] > 100


def test_the_mutator_takes_files_apart_and_puts_them_together() -> None:
    for name in golden.names():
        data = golden.file(name)
        sections = fuzz.sections_of(data)
        assert fuzz.file_of(sections) == data
        if not holds(data, constants.MEDIA_AUDIO):
            image_file.read(data)
            continue
        parsed = audio_file.read(data)
        sizes = [len(chunk.data) + 1 for chunk in parsed.chunks]
        assert sections[-1][1] == audio_file.end_payload(parsed.samples, fuzz.later_bytes(sections), sizes)


def test_a_defect_would_be_seen() -> None:
    for one, other in (("quality-0", "strip"), ("audio-quality-0", "audio-quality-100"), ("strip", "audio-mono")):
        shown = fuzz.decoded(golden.file(one))
        assert fuzz.outcome(shown, [shown.medium]) == "same"
        assert fuzz.outcome(shown, [fuzz.decoded(golden.file(other)).medium]) == "DIFFERENT"
    for defect in ("DIFFERENT", "DIFFERENT in part", "OTHERWISE in pieces", "HANG", "CRASH KeyError: 3"):
        assert fuzz.is_defect(defect)


def test_pieces_are_the_whole() -> None:
    for name in golden.clips():
        whole = fuzz.decoded(golden.file(name)).medium
        pieces = fuzz.decoded_in_pieces(golden.file(name), np.random.default_rng(0)).medium
        assert fuzz.outcome(fuzz.Shown(pieces), [whole]) == "same"
