"""What callers are told when an image or audio is not exactly what they might think."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

OURS = __name__.partition(".")[0]
BETWEEN = frozenset({"contextlib"})  # whose frames may stand between ours
SHOWN_DAMAGE = 3  # pieces of damage that a warning names

_collected: ContextVar[list[str] | None] = ContextVar("collected notices", default=None)


class MediaNotice(UserWarning):
    """An image or audio was read or written, but not everything of it is as it was; one line says what."""


class IncompleteImage(UserWarning):
    """A file was cut or damaged, and what there is of its image is shown."""


class IncompleteAudio(UserWarning):
    """A file was cut or damaged, and there is silence where its audio is missing."""


def notice(text: str) -> None:
    """Tells of a change that the caller did not ask for: by a MediaNotice, or where notices are collected."""
    found = _collected.get()
    if found is None:
        warn(text, MediaNotice)
    else:
        found.append(text)


@contextmanager
def collected_notices() -> Iterator[list[str]]:
    """A list that the notices inside the block go to, instead of being warnings; each thread has its own."""
    found: list[str] = []
    token = _collected.set(found)
    try:
        yield found
    finally:
        _collected.reset(token)


def warn(text: str, category: type[Warning]) -> None:
    """Warns at the line that called this package, however deep inside it the reason is found."""
    level, frame = 1, sys._getframe()
    while frame.f_back and _is_inside(frame.f_globals.get("__name__", "")):
        level, frame = level + 1, frame.f_back
    warnings.warn(text, category, stacklevel=level)


def warn_of(
    damage: Sequence[str], notices: Sequence[str], category: type[IncompleteImage] | type[IncompleteAudio]
) -> None:
    """Warns of what there is to say of something decoded: MediaNotice for each notice, the category for damage."""
    for text in notices:
        warn(text, MediaNotice)
    if damage:
        warn(in_a_line(damage), category)


def in_a_line(damage: Sequence[str]) -> str:
    """Damage in words; of many pieces the first and how many more there are."""
    more = len(damage) - SHOWN_DAMAGE
    return "; ".join(damage[:SHOWN_DAMAGE]) + (f"; and {more} more" if more > 0 else "")


def _is_inside(module: str) -> bool:
    return module.partition(".")[0] == OURS or module in BETWEEN
