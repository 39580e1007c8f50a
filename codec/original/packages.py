"""The optional libraries that store originals, loaded when first needed."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from codec.bitstream.errors import MissingPackage


def zstandard() -> Any:
    """python-zstandard. Raises MissingPackage."""
    return _loaded("zstandard", "zstandard")


def lepton() -> Any:
    """Microsoft's Lepton, which codes JPEGs. Raises MissingPackage."""
    return _loaded("lepton_jpeg_python", "lepton-jpeg-python")


def _loaded(module: str, package: str) -> Any:
    try:
        return import_module(module)
    except ImportError as error:
        raise MissingPackage(f"files are stored exactly with {package}: pip install 'codec[archive]'") from error
