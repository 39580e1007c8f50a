"""Who is at work on an archive at an address: a mark that lies there, because stores know no locks.

It is looked at before anything is stored, and again before each job is uploaded: of two that began in the same moment,
the one whose mark was written over stops there.
"""

from __future__ import annotations

import json
import platform
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from codec.archive.remote import RemoteFolder, without_secrets
from codec.bitstream.errors import CodecError, MediaError, MissingFile

MARK = "at-work.json"  # at the address while somebody is at work; in a state, its own


@contextmanager
def held(address: str, state: Path) -> Iterator[None]:
    """For work on an archive at an address by the state that is locked here; after a kill it goes on.

    Raises MediaError where another state is at work there; MissingFile where nothing can be put there.
    """
    remote, own = RemoteFolder(address), state / MARK
    if not own.exists():
        own.write_text(json.dumps({"id": secrets.token_hex(8)}))
    found = _mark(remote)
    if found is not None and found.get("id") != _own_id(state):
        raise MediaError(_taken(address, found))
    since = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    own.write_text(json.dumps({"id": _own_id(state), "machine": platform.node(), "since": since}))
    remote.upload(own, MARK)
    try:
        yield
    finally:
        with suppress(CodecError):
            if (_mark(remote) or {}).get("id") == _own_id(state):
                remote.remove(MARK)


def check(address: str, state: Path) -> None:
    """Raises MediaError where the mark at the address is not that of a state any more; Unreachable."""
    found = _mark(RemoteFolder(address))
    if found is None or found.get("id") != _own_id(state):
        raise MediaError(_taken(address, found or {}))


def _own_id(state: Path) -> object:
    return json.loads((state / MARK).read_text())["id"]


def _mark(remote: RemoteFolder) -> dict[str, object] | None:
    """What the mark at an address says; nothing where there is none."""
    try:
        found = json.loads(remote.read(MARK))
    except MissingFile:
        return None
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _taken(address: str, found: dict[str, object]) -> str:
    who, since = str(found.get("machine", "another machine"))[:80], str(found.get("since", ""))[:40]
    return (
        f"{without_secrets(address)}: {who} stores there{since and f', since {since}'}; "
        f"remove its {MARK} where that has died, and nobody else goes on with its state"
    )
