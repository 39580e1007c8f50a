"""The media that can be evaluated, by name: what workers in other processes find their own by."""

from __future__ import annotations

from codec.eval.material import Material
from codec.eval.pictures import Pictures
from codec.eval.sounds import Sounds

MATERIALS: dict[str, Material] = {"images": Pictures(), "audio": Sounds()}
