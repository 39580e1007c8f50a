"""A short run of the mutator; the long one is in CONTRIBUTING."""

from __future__ import annotations

from codec.bitstream import container
from tests import fuzz, golden


def test_mutants_are_their_pictures_or_errors_of_the_family() -> None:
    outcomes = fuzz.run(400, seed=1)
    assert not [result for result in outcomes if fuzz.is_defect(result)]
    assert outcomes["with valid checksums"] > 133
    assert outcomes["CorruptFile"] > 100


def test_the_mutator_takes_files_apart_and_puts_them_together() -> None:
    for name in golden.names():
        data = (golden.FOLDER / f"{name}.lcc").read_bytes()
        assert fuzz.file_of(fuzz.sections_of(data)) == data
        container.read(data)


def test_a_defect_would_be_seen() -> None:
    data = (golden.FOLDER / "quality-0.lcc").read_bytes()
    other = fuzz.within_seconds((golden.FOLDER / "strip.lcc").read_bytes(), partial=False)
    assert not isinstance(other, str)
    assert fuzz.outcome(data, [other.picture]) == "DIFFERENT PICTURE"
    assert fuzz.is_defect("HANG")
    assert fuzz.is_defect("CRASH KeyError: 3")
