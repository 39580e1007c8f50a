"""What is known of things in a folder before they are stored, and after."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, fields
from typing import Literal

MIN_INTEGER, MAX_INTEGER = -(1 << 63), (1 << 63) - 1  # that the catalogue holds; of times in ns, years 1677 to 2262
Kind = Literal["file", "folder", "link", "other"]
Status = Literal["stored", "failed", "left out"]
Way = Literal["", "exact", "lossless", "lossy"]


def clipped(time_ns: int) -> int:
    """A time that can be kept: itself, or the first or last that there is."""
    return min(max(time_ns, MIN_INTEGER), MAX_INTEGER)


@dataclass(frozen=True)
class Entry:
    """A thing in the source, as its folder lists it; nothing of it was read.

    path: from the source's root, folders divided by "/", bytes that are no UTF-8 as `os.fsdecode` has them. size: bytes
    of a file; mtime_ns, ctime_ns: ns since 1970, 0 where they are not known; mode: permissions; target: of a link;
    tag: what a store says of a file's content, such as an ETag.
    """

    path: str
    kind: Kind
    size: int = 0
    mtime_ns: int = 0
    ctime_ns: int = 0
    mode: int = 0
    target: str = ""
    tag: str = ""


@dataclass(frozen=True)
class Record:
    """What became of an entry.

    status: "failed" where it could not be read, "left out" where it is a pipe, a socket or a device. way: whether the
    bytes come back ("exact"), the pixels ("lossless"), or what looks or sounds alike ("lossy"). place: the file in the
    archive, with `offset` and `stored_size` bytes of it; sha256, stored_sha256: of the source and of these bytes, as
    hexadecimal text. quality, psnr_db, ssimulacra2: of what is lossy, where measured. weights: model and digest that
    decoding needs. codec: version that stored it. notice: why the policy was not followed; error: why it failed.
    """

    path: str
    kind: Kind
    size: int
    mtime_ns: int
    ctime_ns: int
    mode: int
    target: str
    tag: str = ""
    status: Status = "stored"
    way: Way = ""
    place: str = ""
    offset: int = 0
    stored_size: int = 0
    sha256: str = ""
    stored_sha256: str = ""
    quality: float | None = None
    psnr_db: float | None = None
    ssimulacra2: float | None = None
    weights: str = ""
    codec: str = ""
    notice: str = ""
    error: str = ""

    @staticmethod
    def of(entry: Entry, **facts: object) -> Record:
        """The record of an entry with further facts."""
        return Record(**asdict(entry) | facts)

    def entry(self) -> Entry:
        """What it is the record of."""
        return Entry(**{name: getattr(self, name) for name in ENTRY_FIELDS})

    def line(self) -> bytes:
        """As one line of JSON."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @staticmethod
    def of_line(line: bytes) -> Record:
        """What `line` wrote. Raises ValueError where it is not whole, or no archive can hold such a thing."""
        try:
            found = Record(**json.loads(line))
        except TypeError as error:
            raise ValueError(f"not a record: {error}") from error
        for name, kinds in TYPES.items():
            value = getattr(found, name)
            if not isinstance(value, kinds) or isinstance(value, bool):
                raise ValueError(f"not a record: {name} is {value!r}")
            if isinstance(value, int) and not MIN_INTEGER <= value <= MAX_INTEGER:
                raise ValueError(f"not a record: {name} is {value}")
        for value in (found.path, found.target, found.place):
            if "\0" in value or not _is_encodable(value):
                raise ValueError(f"not a record: {value!r} is no name")
        return found


def _is_encodable(name: str) -> bool:
    try:
        os.fsencode(name)
    except UnicodeEncodeError:
        return False
    return True


# what the fields of a record may be
TYPES: dict[str, tuple[type, ...]] = {
    name: (int,) if kind == "int" else (int, float, type(None)) if "float" in kind else (str,)
    for name, kind in Record.__annotations__.items()
}
ENTRY_FIELDS = tuple(field.name for field in fields(Entry))
RECORD_FIELDS = tuple(field.name for field in fields(Record))
