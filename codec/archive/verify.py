"""Whether all is well in an archive: every .lcc file against its SHA-256 and, where deep, decoded."""

from __future__ import annotations

import hashlib
import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import codec
from codec.archive import catalogue, places
from codec.archive.catalogue import IN_PLACE
from codec.archive.layout import Archive
from codec.archive.records import Record
from codec.archive.remote import Unreachable
from codec.bitstream.errors import (
    CodecError,
    CorruptFile,
    LimitExceeded,
    MissingPackage,
    ModelMismatch,
    UnsupportedFile,
)

Verdict = Literal["intact", "damaged", "not judged"]
NOT_JUDGED = (ModelMismatch, MissingPackage, UnsupportedFile, LimitExceeded, Unreachable)
READ_AT_ONCE = 1 << 20
NOTED_AT_ONCE = 1000
THREADS = 1


@dataclass(frozen=True)
class Judged:
    """A verdict on a record. reason: why it is not intact."""

    record: Record
    verdict: Verdict
    reason: str = ""


def verify(archive: Archive, deep: bool = False, share: float = 1.0) -> Iterator[Judged]:
    """The verdict on each stored file, or on a share of them: those that were verified longest ago.

    deep: decode them too; the bytes of exact ones are compared with the source's SHA-256.
    Raises CorruptFile where the catalogue is damaged, OSError.
    """
    with catalogue.opened(archive) as found:
        count = math.ceil(found.count(IN_PLACE) * share)
        judged = []
        for path in found.least_verified(count):
            record = found.record(path)
            assert record is not None
            yield _judged(archive, record, deep)
            judged.append(path)
            if len(judged) == NOTED_AT_ONCE:
                found.verified(judged)
                judged = []
        found.verified(judged)


def _judged(archive: Archive, record: Record, deep: bool) -> Judged:
    try:
        _check_stored(archive, record)
        if deep:
            _check_decoded(archive, record)
    except NOT_JUDGED as error:
        return Judged(record, "not judged", str(error))
    except CodecError as error:
        return Judged(record, "damaged", str(error))
    return Judged(record, "intact")


def _check_stored(archive: Archive, record: Record) -> None:
    total = hashlib.sha256()
    with places.opened(archive, record) as coded:
        while block := coded.read(READ_AT_ONCE):
            total.update(block)
    if total.hexdigest() != record.stored_sha256:
        raise CorruptFile(f"{record.place} does not have the SHA-256 of the catalogue there")


def _check_decoded(archive: Archive, record: Record) -> None:
    with places.opened(archive, record) as coded:
        if record.way != "exact":
            codec.verify(coded.read(), deep=True, threads=THREADS, weights=archive.weights)
            return
        total = _Hashing()
        codec.restore_original(coded, total)
    if total.sha256.hexdigest() != record.sha256:
        raise CorruptFile("what is restored does not have the source's SHA-256")


class _Hashing(io.RawIOBase):
    """A file that keeps nothing but the SHA-256 of what is written to it."""

    def __init__(self) -> None:
        self.sha256 = hashlib.sha256()

    def write(self, data: bytes) -> int:  # type: ignore[override]
        """Takes all of it."""
        self.sha256.update(data)
        return len(data)
