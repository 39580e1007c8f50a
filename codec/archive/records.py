"""What is known of things in a folder before they are stored, and after."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import Literal

Kind = Literal["file", "folder", "link", "other"]
Status = Literal["stored", "failed", "left out"]
Way = Literal["", "exact", "lossless", "lossy"]


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
        """What `line` wrote. Raises ValueError where it is not whole."""
        try:
            return Record(**json.loads(line))
        except TypeError as error:
            raise ValueError(f"not a record: {error}") from error


ENTRY_FIELDS = tuple(field.name for field in fields(Entry))
RECORD_FIELDS = tuple(field.name for field in fields(Record))
