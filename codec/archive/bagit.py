"""BagIt (RFC 8493): a restored folder under `data/`, with manifests that other archives' programs check.

Bags hold files alone, whose names are UTF-8: links stand in a file of their own beside them, and bytes of names that
are no UTF-8 are spelled out, as \\xNN.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

import codec
from codec.archive import names
from codec.archive.layout import Archive
from codec.archive.restore import Restored, restore

READ_AT_ONCE = 1 << 20
ESCAPED = str.maketrans({"%": "%25", "\n": "%0A", "\r": "%0D"})
DECLARATION = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
LINKS = "links.jsonl"  # a line for each: its path below data/, and what it leads to


def export(archive: Archive, out: Path) -> Iterator[Restored]:
    """Restores everything into a bag, record by record; manifests come last.

    Raises CodecError where the catalogue cannot be read, OSError.
    """
    data, links = out / "data", ""
    for done in restore(archive, data):
        if not done.error and done.record.kind == "link":
            (data / done.path).unlink()
            facts = {"path": names.shown(done.path), "target": names.shown(done.record.target)}
            links += json.dumps(facts, ensure_ascii=False) + "\n"
        yield done
    lines, size = [], 0
    for path in _spelled_out(data):
        size += path.stat().st_size
        lines.append(f"{_sha256(path)}  data/{_escaped(str(path.relative_to(data)))}\n")
    tags = {
        "bagit.txt": DECLARATION,
        "bag-info.txt": f"Bag-Software-Agent: codec {codec.__version__}\nPayload-Oxum: {size}.{len(lines)}\n",
        "manifest-sha256.txt": "".join(lines),
    }
    if links:
        tags[LINKS] = links
    for name, text in tags.items():
        (out / name).write_bytes(text.encode())
    listed = [f"{_sha256(out / name)}  {name}\n" for name in tags]
    (out / "tagmanifest-sha256.txt").write_text("".join(listed))


def _spelled_out(data: Path) -> list[Path]:
    """The files of a folder, after those names in it that are no UTF-8 have been spelled out."""
    for folder, folders, files in os.walk(data, topdown=False):
        before = os.stat(folder)
        for name in [*folders, *files]:
            spelled = names.shown(name)
            if spelled != name:
                while os.path.lexists(os.path.join(folder, spelled)):
                    spelled += names.MARK
                os.rename(os.path.join(folder, name), os.path.join(folder, spelled))
                os.utime(folder, ns=(before.st_atime_ns, before.st_mtime_ns))
    return sorted(Path(folder) / name for folder, _, found in os.walk(data) for name in found)


def _escaped(path: str) -> str:
    """A path in a manifest."""
    return path.replace(os.sep, "/").translate(ESCAPED)


def _sha256(path: Path) -> str:
    total = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(READ_AT_ONCE):
            total.update(block)
    return total.hexdigest()
