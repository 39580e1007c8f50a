"""How sure comparisons are: bootstrap intervals, sign tests, what counts as equal."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest

from codec.eval.anchors import ANCHORS, PillowAnchor
from codec.eval.comparison import Comparison, compare
from codec.eval.images import ImageItem
from codec.eval.medium import IMAGES, PSNR_RGB
from codec.eval.metrics import psnr_db
from codec.eval.results import Coder, Point, Results
from codec.eval.table import tables
from codec.eval.uncertainty import LEAST_ITEMS, interval, sign_test
from codec.media import Pixels

VALUES = [-31.5, -12.0, -25.25, 3.5, -18.0]


def test_the_interval_is_that_of_all_resamples() -> None:
    """Of five values there are 3125 resamples: their exact percentiles against those of random ones."""
    means = sorted(math.fsum(resample) / 5 for resample in itertools.product(VALUES, repeat=5))
    found = interval(VALUES)
    assert found
    for bound, share in zip(found, (0.025, 0.975), strict=True):
        around = means[round(len(means) * (share - 0.005))], means[round(len(means) * (share + 0.005)) - 1]
        assert around[0] <= bound <= around[1]


def test_the_interval_of_many_values_is_about_two_standard_errors_wide() -> None:
    values = np.random.default_rng(1).normal(-20, 10, 400).tolist()
    low, high = interval(values) or (0, 0)
    error = np.std(values) / math.sqrt(len(values))
    assert low == pytest.approx(np.mean(values) - 1.96 * error, abs=0.1 * error)
    assert high == pytest.approx(np.mean(values) + 1.96 * error, abs=0.1 * error)
    assert interval(values) == (low, high)  # the same again


def test_few_values_have_no_interval() -> None:
    assert interval([1.0] * (LEAST_ITEMS - 1)) is None
    assert interval([2.5] * LEAST_ITEMS) == (2.5, 2.5)


def test_the_sign_test_counts_heads_and_tails() -> None:
    assert sign_test([-1.0] * 6) == pytest.approx(2 / 2**6)
    assert sign_test([-1.0, -2.0, 3.0]) == pytest.approx(1)
    assert sign_test([-1.0] * 5 + [0.0, 2.0]) == pytest.approx(2 * (1 + 6) / 2**6)
    assert sign_test([0.0]) is None


@pytest.fixture(scope="module")
def jpegs(parrots: Pixels) -> Comparison:
    """JPEG with optimised tables against itself and against JPEG with standard tables, over six real images."""
    return compare(results_of_jpegs(parrots))


def results_of_jpegs(parrots: Pixels) -> Results:
    jpeg = ANCHORS["jpeg"]
    assert isinstance(jpeg, PillowAnchor)
    plain = replace(jpeg, options=jpeg.options | {"optimize": False})
    items, points = [], []
    for place, (top, left) in enumerate(itertools.product((0, 256), (0, 256, 512))):
        x = np.ascontiguousarray(parrots[top : top + 256, left : left + 256])
        items.append(ImageItem(f"{place}.png", f"{place}", "", 256, 256))
        for name, codec in (("codec", jpeg), ("again", jpeg), ("plain", plain)):
            for quality in (30, 50, 75, 90):
                data = codec.encode(x, quality)
                scores: dict[str, float | None] = {PSNR_RGB.key: psnr_db(x, codec.decode(data))}
                points.append(Point(f"{place}.png", name, quality, len(data), len(data) * 8 / x[:, :, 0].size, scores))
    coders = [Coder(name, name, "", "", "quality") for name in ("codec", "again", "plain")]
    coders[0] = replace(coders[0], trained_on=(PSNR_RGB.key,))
    return Results(IMAGES.of([PSNR_RGB]), "", {}, {}, items, coders, points)


def test_two_runs_of_one_codec_are_equal_and_optimised_tables_are_not(jpegs: Comparison) -> None:
    same, plain = (jpegs.against[name].rate[PSNR_RGB.key] for name in ("again", "plain"))
    assert same.equal
    assert same.value == pytest.approx(0)
    assert same.by_chance is None
    assert plain.equal is False
    assert plain.interval
    assert -15 < plain.interval[0] < (plain.value or 0) < plain.interval[1] < -2
    assert plain.lower == 6
    assert plain.by_chance == pytest.approx(2 / 2**6)


def test_pairs_are_seen_from_both_sides(jpegs: Comparison) -> None:
    pairs = jpegs.pairs[PSNR_RGB.key]
    for item in pairs["codec"]["plain"].by_item:
        there, back = (pairs[a][b].by_item[item] for a, b in (("codec", "plain"), ("plain", "codec")))
        assert there
        assert back
        assert (1 + there.value / 100) * (1 + back.value / 100) == pytest.approx(1)
    assert pairs["plain"]["again"].value == pytest.approx(pairs["plain"]["codec"].value)


def test_tables_say_what_is_equal_and_who_was_trained(parrots: Pixels, jpegs: Comparison) -> None:
    text = "\n".join(table.aligned() for table in tables(results_of_jpegs(parrots), jpegs))
    lines = {line.split()[0]: line for line in text.splitlines() if " 6 of 6 " in line or " 0 of 6 " in line}
    assert " equal " in lines["again"]
    assert " fewer " in lines["plain"]
    assert "PSNR RGB \u2020" in lines["plain"]
    assert "equal (" in text
