"""Fresh encodes are as large and as near as those that were pinned for the same weights."""

from __future__ import annotations

import json

import pytest

from tests.acceptance import encodes

pytestmark = pytest.mark.slow
TOLERANCES = {  # other processors round other floats, and a latent here and there goes to the other side
    "bytes": {"rel": 0.003, "abs": 4},
    "psnr_db": {"abs": 0.02},
    "snr_db": {"abs": 0.03},
    "mel_distance": {"rel": 0.01},
}


@pytest.mark.parametrize("media", encodes.MEASURES)
def test_fresh_encodes_are_those_of_their_weights(media: str) -> None:
    row, measure = encodes.MEASURES[media]
    pinned = json.loads(encodes.PINNED.read_text())
    name = encodes.weights_of(row)
    assert name in pinned, "other weights: python -m tests.acceptance"
    found = measure()
    assert found.keys() == pinned[name].keys()
    for case, measures in pinned[name].items():
        for unit, value in measures.items():
            assert found[case][unit] == pytest.approx(value, **TOLERANCES[unit]), (case, unit)
