"""The media that can be evaluated, by name: what workers in other processes find their own by."""

from __future__ import annotations

from codec.eval.audio import AudioMaterial
from codec.eval.images import ImageMaterial
from codec.eval.material import Material

MATERIALS: dict[str, Material] = {material.name: material for material in (ImageMaterial(), AudioMaterial())}
