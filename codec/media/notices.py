"""What callers are told when a file or a medium is not exactly what they might think."""

from __future__ import annotations

import warnings


class MediaNotice(UserWarning):
    """A image or audio was read or written, but not everything of it is as it was; one line says what."""


def notice(text: str) -> None:
    """Warns of a change that the caller did not ask for."""
    warnings.warn(text, MediaNotice, stacklevel=2)
