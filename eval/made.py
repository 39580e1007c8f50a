"""Files that were made elsewhere as a codec to compare with.

A folder with decoded images or clips, in any arrangement, and a table of them, `made.csv`:

    item,setting,size_bytes,decoded
    kodim01.png,10,15320,q10/kodim01.png

item: the name of the original in the folder that is evaluated; decoded: a path inside this folder. The folder's name is
the name of the codec.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codec.eval.anchor import Anchor, AnchorMissing
from codec.media import read_audio, read_image, to_8_bits

TABLE = "made.csv"
DIGEST_BYTES = 4
COLUMNS = ("item", "setting", "size_bytes", "decoded")


@dataclass(frozen=True)
class MadeFile:
    """What became of an item at a setting."""

    size_bytes: int
    decoded: Path


@dataclass(frozen=True, kw_only=True)
class Made(Anchor):
    """The files of a folder, by item and setting. It encodes nothing, and is not timed."""

    name: str
    title: str
    media: str
    ladder: tuple[float, ...]
    options: Mapping[str, Any]
    files: Mapping[tuple[str, float], MadeFile]
    digest: str

    @classmethod
    def read(cls, folder: Path, media: str) -> Made:
        """Raises AnchorMissing where the table is missing or wrong."""
        path = folder / TABLE
        try:
            with path.open(newline="", encoding="utf-8") as file:
                rows = list(csv.DictReader(file))
            files = {
                (row["item"], float(row["setting"])): MadeFile(int(row["size_bytes"]), folder / row["decoded"])
                for row in rows
            }
            if any(file.size_bytes < 1 for file in files.values()):
                raise ValueError("a size_bytes below 1")
            contents = [path, *(file.decoded for file in files.values())]
            digest = hashlib.sha256(b"".join(map(_digest, contents))).hexdigest()[: 2 * DIGEST_BYTES]
        except (OSError, KeyError, TypeError, ValueError) as error:
            columns = ",".join(COLUMNS)
            raise AnchorMissing(
                f"{folder} is no folder of files made elsewhere, which has a {TABLE} with {columns}: {error!r}"
            ) from error
        ladder = tuple(sorted({setting for _, setting in files}))
        name = folder.resolve().name
        return cls(name=name, title=name, media=media, ladder=ladder, options={}, files=files, digest=digest)

    def library(self) -> str | None:
        """That nothing ran here, and a hash of all files."""
        return f"made elsewhere, {len(self.files)} files {self.digest}"

    def file(self, item: str, setting: float) -> MadeFile:
        """What was made of an item. Raises AnchorMissing."""
        try:
            return self.files[item, setting]
        except KeyError:
            raise AnchorMissing(f"{TABLE} has no {item} at {setting:g}") from None

    def samples(self, item: str, setting: float) -> Any:
        """Of the decoded file. Raises MediaError."""
        path = self.file(item, setting).decoded
        return to_8_bits(read_image(path)).pixels if self.media == "images" else read_audio(path).samples

    def encode(self, samples: Any, setting: float) -> bytes:
        """Nothing: raises AnchorMissing."""
        raise AnchorMissing(f"the files of {self.name} were made elsewhere")

    def decode(self, data: bytes) -> Any:
        """Nothing: raises AnchorMissing."""
        raise AnchorMissing(f"the files of {self.name} were made elsewhere")


def _digest(path: Path) -> bytes:
    return hashlib.sha256(path.read_bytes()).digest()
