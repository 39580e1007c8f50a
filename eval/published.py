"""Curves that others published, with their sources; shown where the folder is the set that they were measured on."""

from __future__ import annotations

import json
from collections.abc import Iterable
from importlib.resources import files
from typing import Any

from codec.eval.medium import MS_SSIM, PSNR_RGB
from codec.eval.results import Published

KODAK = "published_kodak.json"


def kodak() -> list[Published]:
    """The curves over the 24 images of Kodak."""
    curves = []
    for curve in _stored()["curves"]:
        source = curve["source"]
        curves.append(
            Published(
                curve["name"],
                f"github.com/{source['repo']}, {source['path']}, commit {source['commit']}",
                tuple((rate, {PSNR_RGB.key: psnr, MS_SSIM.key: ssim}) for rate, psnr, ssim in curve["points"]),
            )
        )
    return curves


def for_contents(contents: Iterable[str]) -> list[Published]:
    """The curves where these are hashes of exactly Kodak's images, else none."""
    return kodak() if set(contents) == set(_stored()["images"]) else []


def _stored() -> dict[str, Any]:
    stored: dict[str, Any] = json.loads(files("codec.eval").joinpath(KODAK).read_text("utf-8"))
    return stored
