"""BagIt (RFC 8493): a restored folder under `data/`, with manifests that other archives' programs check."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import codec
from codec.archive.layout import Archive
from codec.archive.restore import Restored, restore

READ_AT_ONCE = 1 << 20
ESCAPED = str.maketrans({"%": "%25", "\n": "%0A", "\r": "%0D"})
DECLARATION = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"


def export(archive: Archive, out: Path) -> Iterator[Restored]:
    """Restores everything into a bag, record by record; manifests come last. A link is kept, and not listed.

    Raises CodecError where the catalogue cannot be read, OSError.
    """
    lines, size = [], 0
    for done in restore(archive, out / "data"):
        yield done
        if not done.error and done.record.kind == "file":
            path = out / "data" / done.path
            size += path.stat().st_size
            lines.append(f"{_sha256(path)}  data/{_escaped(done.path)}\n")
    tags = {
        "bagit.txt": DECLARATION,
        "bag-info.txt": f"Bag-Software-Agent: codec {codec.__version__}\nPayload-Oxum: {size}.{len(lines)}\n",
        "manifest-sha256.txt": "".join(lines),
    }
    for name, text in tags.items():
        (out / name).write_bytes(text.encode())
    listed = [f"{_sha256(out / name)}  {name}\n" for name in tags]
    (out / "tagmanifest-sha256.txt").write_text("".join(listed))


def _escaped(path: str) -> str:
    """A path in a manifest, which is UTF-8."""
    return os.fsencode(path.translate(ESCAPED)).decode("utf-8", "backslashreplace")


def _sha256(path: Path) -> str:
    total = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(READ_AT_ONCE):
            total.update(block)
    return total.hexdigest()
