"""Which release of the codec came with which weights: what a refusal can say of weights that are not here.

`nox -s shelf` writes the assets of a release; weights that a release ships get their line here, and keep it.
"""

from __future__ import annotations

from typing import Any

from codec.model.registry import ModelRow

# digest of the decoder's arrays: version of the first release that came with them
RELEASES: dict[str, str] = {}


def asset_name(row: ModelRow[Any], digest: bytes) -> str:
    """The name of a set of weights as an asset of a release, and on the shelf of a user."""
    return f"{row.name}-{digest.hex()}.safetensors"
