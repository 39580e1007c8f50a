"""Files that hold many .lcc files, each as it is and at a known offset: tar, and zip without compression.

The same members give the same bytes. They are written one behind the other, and can be cut behind any.
"""

from __future__ import annotations

import os
import stat
import struct
import tarfile
import zlib
from datetime import UTC, datetime
from typing import BinaryIO, Protocol

from codec.archive import names
from codec.archive.records import Record

READ_AT_ONCE = 1 << 20


class Form(Protocol):
    """A form of shards. suffix: of their names."""

    suffix: str

    def head(self, record: Record, coded: BinaryIO) -> bytes:
        """What stands before a member; its .lcc file is open, at its start, and is left so."""

    def padded(self, size: int) -> int:
        """How many bytes a member of so many takes."""

    def end(self, shard: BinaryIO) -> bytes:
        """What stands behind the last member; the shard is open, and can be read."""


class Tar:
    """The tar of POSIX, 2001."""

    suffix = ".tar"

    def head(self, record: Record, coded: BinaryIO) -> bytes:
        member = tarfile.TarInfo(record.path + names.SUFFIX)
        member.size, member.mtime = record.stored_size, record.mtime_ns // 10**9
        return member.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")

    def padded(self, size: int) -> int:
        return -(-size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE

    def end(self, shard: BinaryIO) -> bytes:
        return bytes(2 * tarfile.BLOCKSIZE)


# of a member: version, flags, method, time, date, CRC-32, sizes, lengths of name and extra fields
LOCAL = struct.Struct("<4s5H3L2H")
# made by, then as above, and: length of the comment, disk, internal and external attributes, offset
CENTRAL = struct.Struct("<4sH5H3L5H2L")
END = struct.Struct("<4s4H2LH")
LARGE_END = struct.Struct("<4sQ2H2L4Q")
LARGE_LOCATOR = struct.Struct("<4sLQL")
LOCAL_MARK, CENTRAL_MARK, END_MARK, LARGE_MARK, LOCATOR_MARK = b"PK\3\4", b"PK\1\2", b"PK\5\6", b"PK\6\6", b"PK\6\7"
VERSION = 45  # of the specification (APPNOTE): the first with sizes of 64 bits
MADE_BY = 3 << 8 | VERSION  # Unix
IS_UTF8 = 1 << 11
LARGE = 0xFFFFFFFF  # says that a size or an offset stands in an extra field, where all from LARGE_FROM on do
MANY = 0xFFFF  # says so of a number of members, from MANY_FROM on
LARGE_FROM, MANY_FROM = LARGE, MANY
LARGE_EXTRA = 1
ATTRIBUTES = (stat.S_IFREG | 0o644) << 16
FIRST_YEAR, LAST_YEAR = 1980, 2107  # that its times can say


class Zip:
    """Zip, members stored, its directory at the end; of 64 bits only where it must be."""

    suffix = ".zip"

    def head(self, record: Record, coded: BinaryIO) -> bytes:
        name = os.fsencode(record.path + names.SUFFIX)
        size = record.stored_size
        extra = _extra([size, size] if size >= LARGE_FROM else [])
        time, date = _time(record.mtime_ns)
        short = _short(size)
        facts = (VERSION, _flags(name), 0, time, date, _crc32(coded), short, short, len(name), len(extra))
        return LOCAL.pack(LOCAL_MARK, *facts) + name + extra

    def padded(self, size: int) -> int:
        return size

    def end(self, shard: BinaryIO) -> bytes:
        start = shard.seek(0, os.SEEK_END)
        entries, at = [], 0
        while at < start:
            shard.seek(at)
            _, *facts, size, name_size, extra_size = LOCAL.unpack(shard.read(LOCAL.size))
            name, extra = shard.read(name_size), shard.read(extra_size)
            sizes = list(struct.unpack("<2Q", extra[4:])) if extra else []
            more = _extra(sizes + ([at] if at >= LARGE_FROM else []))
            ends = (name_size, len(more), 0, 0, 0, ATTRIBUTES, _short(at))
            entries.append(CENTRAL.pack(CENTRAL_MARK, MADE_BY, *facts, size, *ends) + name + more)
            at += LOCAL.size + name_size + extra_size + (sizes[0] if sizes else size)
        directory, count = b"".join(entries), len(entries)
        large = b""
        if start >= LARGE_FROM or count >= MANY_FROM:
            facts = [LARGE_END.size - 12, VERSION, VERSION, 0, 0, count, count, len(directory), start]
            large = LARGE_END.pack(LARGE_MARK, *facts)
            large += LARGE_LOCATOR.pack(LOCATOR_MARK, 0, start + len(directory), 1)
        few = MANY if count >= MANY_FROM else count
        return directory + large + END.pack(END_MARK, 0, 0, few, few, len(directory), _short(start), 0)


def _short(value: int) -> int:
    return LARGE if value >= LARGE_FROM else value


def _flags(name: bytes) -> int:
    try:
        name.decode()
    except UnicodeDecodeError:
        return 0
    return IS_UTF8


def _extra(values: list[int]) -> bytes:
    """The extra field of numbers of 64 bits; nothing for none."""
    return struct.pack(f"<2H{len(values)}Q", LARGE_EXTRA, 8 * len(values), *values) if values else b""


def _time(mtime_ns: int) -> tuple[int, int]:
    """Time and date as zip has them, UTC; the first or the last that it can say for all others."""
    try:
        when = datetime.fromtimestamp(mtime_ns // 10**9, UTC)
    except (ValueError, OverflowError, OSError):
        when = datetime(LAST_YEAR if mtime_ns > 0 else FIRST_YEAR, 1, 1, tzinfo=UTC)
    if not FIRST_YEAR <= when.year <= LAST_YEAR:
        when = datetime(LAST_YEAR if when.year > LAST_YEAR else FIRST_YEAR, 1, 1, tzinfo=UTC)
    time = when.hour << 11 | when.minute << 5 | when.second // 2
    return time, (when.year - FIRST_YEAR) << 9 | when.month << 5 | when.day


def _crc32(coded: BinaryIO) -> int:
    total = 0
    while block := coded.read(READ_AT_ONCE):
        total = zlib.crc32(block, total)
    coded.seek(0)
    return total


FORMS: dict[str, Form] = {"shards": Tar(), "zip shards": Zip()}
