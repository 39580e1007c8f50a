"""What a forked process must not take over from its parent: pools of threads, locks that are held, sessions.

Web servers that preload and multiprocessing on Linux fork processes that used this library. Whoever keeps such things
registers here what to do about them, once it has them.
"""

from __future__ import annotations

import os
from collections.abc import Callable

_registered: set[Callable[[], object]] = set()


def in_children(renew: Callable[[], object]) -> None:
    """Has `renew` called in every process that is forked from now on, before anything else runs there; once each.

    It may start no thread and wait for none. Nothing happens where processes do not fork.
    """
    if renew not in _registered and hasattr(os, "register_at_fork"):
        _registered.add(renew)
        os.register_at_fork(after_in_child=renew)
