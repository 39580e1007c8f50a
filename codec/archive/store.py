"""One file of the source into an .lcc file, as its mode says; or exactly, where that cannot be followed."""

from __future__ import annotations

import hashlib
import math
from dataclasses import asdict, dataclass, replace
from pathlib import PurePosixPath
from typing import Any, BinaryIO, Literal

import numpy as np

import codec
from codec import media
from codec.archive import policy
from codec.archive.names import shown
from codec.archive.policy import Mode
from codec.archive.records import Entry, Record, Way
from codec.bitstream import constants
from codec.bitstream.errors import CodecError, LimitExceeded, MissingPackage, ModelMismatch
from codec.media import ImageData
from codec.media.image.heif import is_heif
from codec.media.image.pillow import is_known
from codec.original import encode as original
from codec.search import ssimulacra2

HEAD_BYTES = 64  # that tell what a file is
MAX_LOSSY_BYTES = 1 << 31  # of a file that is read as a whole; larger ones are stored exactly
VISUALLY_LOSSLESS = 90.0  # SSIMULACRA 2 from which on differences are not seen side by side
BLOCK_BYTES = 1 << 20
THREADS = 1  # of networks: a process has a core, and results do not depend on how many


@dataclass(frozen=True)
class Coded:
    """An .lcc file and what is known of it."""

    data: bytes
    way: Way
    ssimulacra2: float | None = None
    psnr_db: float | None = None


class NotFollowed(Exception):
    """The mode cannot be followed. reason: a line for the record, empty where nobody would expect it to be."""

    def __init__(self, reason: str = "") -> None:
        super().__init__(reason)
        self.reason = reason


def stored(entry: Entry, file: BinaryIO, mode: Mode, out: BinaryIO) -> Record:
    """The record of a file of the source, whose .lcc file is written to `out`; its place is not known yet.

    Raises ModelMismatch, MissingPackage: whoever runs this lacks something; OSError.
    """
    coded, notice = None, ""
    if entry.size > constants.MAX_ORIGINAL_BYTES:  # said before it is read
        raise LimitExceeded(f"a file of {entry.size} bytes, at most {constants.MAX_ORIGINAL_BYTES} can be stored")
    if mode.name != policy.EXACT:
        try:
            coded, data = _as_wished(entry, file, mode)
        except NotFollowed as error:
            notice = error.reason
    if coded is None:
        header = original.encode(file, _Writer(out))
        facts: dict[str, Any] = {"way": "exact", "size": header.size, "sha256": header.sha256.hex()}
    else:
        out.write(coded.data)
        info = codec.info(coded.data)
        assert not isinstance(info, codec.OriginalInfo)
        facts = {
            "way": coded.way,
            "size": len(data),
            "sha256": hashlib.sha256(data).hexdigest(),
            "quality": info.quality if coded.way == "lossy" else None,
            "psnr_db": coded.psnr_db,
            "ssimulacra2": coded.ssimulacra2,
            "weights": f"{info.model}:{info.weights}",
        }
    return Record.of(replace(entry, size=facts.pop("size")), codec=codec.__version__, notice=shown(notice), **facts)


def reused(entry: Entry, file: BinaryIO, before: Record | None) -> Record | None:
    """The record of a file that has the same content as what stood at its path before; None where it has not."""
    if before is None or (before.kind, before.status) != ("file", "stored") or before.size != entry.size:
        return None
    total = hashlib.sha256()
    while block := file.read(BLOCK_BYTES):
        total.update(block)
    file.seek(0)
    return replace(before, **asdict(entry)) if total.hexdigest() == before.sha256 else None


def _as_wished(entry: Entry, file: BinaryIO, mode: Mode) -> tuple[Coded, bytes]:
    """The .lcc file and the bytes that it was made of. Raises NotFollowed."""
    head = file.read(HEAD_BYTES)
    kind = _kind_of(head, PurePosixPath(entry.path).suffix.lower())
    file.seek(0)
    if kind is None or mode.name not in (policy.FOR_AUDIO if kind == "audio" else policy.FOR_IMAGES):
        raise NotFollowed
    if entry.size > MAX_LOSSY_BYTES:
        raise NotFollowed(f"{entry.size} bytes are too many for this mode: stored exactly")
    data = file.read()
    try:
        coded = _audio(data, mode) if kind == "audio" else _image(data, mode)
    except (ModelMismatch, MissingPackage):
        raise
    except CodecError as error:
        raise NotFollowed(f"{' '.join(str(error).split())}: stored exactly") from error
    if len(coded.data) >= len(data):
        raise NotFollowed("the file is smaller than what this mode makes of it: stored exactly")
    return coded, data


def _kind_of(head: bytes, suffix: str) -> Literal["image", "audio"] | None:
    """What a file is, by its first bytes, or else by its name: then it is broken, and the record will say so."""
    if media.is_audio(head[: media.HEAD_BYTES]):
        return "audio"
    if is_known(head) or is_heif(head):
        return "image"
    if suffix in media.IMAGE_SUFFIXES:
        return "image"
    return "audio" if suffix in media.AUDIO_SUFFIXES else None


def _audio(data: bytes, mode: Mode) -> Coded:
    with media.collected_notices() as notices:
        coded = codec.compress_audio(
            data,
            mode.value if mode.name == policy.QUALITY else None,
            target_bitrate=mode.value if mode.name == policy.BITRATE else None,
            threads=THREADS,
        )
    _check_whole(notices)
    codec.verify(coded, deep=True, threads=THREADS)
    return Coded(coded, "lossy")


def _image(data: bytes, mode: Mode) -> Coded:
    with media.collected_notices() as notices:
        image = media.read_image(data)
    _check_whole(notices)
    has_target = mode.name in (policy.VISUALLY_LOSSLESS, policy.PSNR)
    with media.collected_notices() as notices:
        coded = codec.compress_image(
            image,
            mode.value if mode.name == policy.QUALITY else None,
            target_psnr=mode.value if mode.name == policy.PSNR else None,
            target_ssimulacra2=VISUALLY_LOSSLESS if mode.name == policy.VISUALLY_LOSSLESS else None,
            lossless="jxl" if mode.name == policy.LOSSLESS_JXL else mode.name == policy.LOSSLESS,
            threads=THREADS,
        )
    if not has_target:  # where one is met better than asked for, a notice says no more than that
        _check_whole(notices)
    restored = _restored(image, coded)
    if mode.name in (policy.LOSSLESS, policy.LOSSLESS_JXL):
        if not np.array_equal(image.pixels, restored.pixels):
            raise NotFollowed("not every pixel came back: stored exactly")
        return Coded(coded, "lossless")
    score = _ssimulacra2(image, restored) if mode.name == policy.VISUALLY_LOSSLESS else None
    return Coded(coded, "lossy", score, _psnr_db(image, restored))


def _check_whole(notices: list[str]) -> None:
    """Raises NotFollowed where something was converted or left out."""
    if notices:
        raise NotFollowed(f"{notices[0]}: stored exactly instead")


def _restored(image: ImageData, coded: bytes) -> ImageData:
    return codec.decompress_image(coded, output="image", bit_depth=16 if image.bit_depth == 16 else 8, threads=THREADS)


def _psnr_db(x: ImageData, x_hat: ImageData) -> float | None:
    """Over all samples; None where they are equal."""
    mse = float(np.mean((x.pixels.astype(np.float64) - x_hat.pixels.astype(np.float64)) ** 2))
    peak = float(np.iinfo(x.pixels.dtype).max)
    return round(10 * math.log10(peak**2 / mse), 3) if mse else None


def _ssimulacra2(x: ImageData, x_hat: ImageData) -> float:
    first, second = (media.to_8_bits(side).pixels[None].astype(np.float32) for side in (x, x_hat))
    return round(float(ssimulacra2.score(ssimulacra2.distance(first, second))[0]), 2)


class _Writer:
    """A file that takes bytes."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, data: bytes, /) -> object:
        return self._file.write(data)
