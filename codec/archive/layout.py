"""Where things lie in an archive.

archive.json         what it is: layout, policy, source, version of the codec
README.txt           how to open it
catalogue.sqlite     all records; made anew of the commits where it is lost
catalogue.parquet    the same for other programs, where pyarrow is there
commits/             a file of JSON lines for each job: the records of what it has done, in order
files/               a mirror of the source, or
shards/              tar or zip files of .lcc files; the records in commits/ are their index
weights/             the sets of weights that its files need
parts/               what is being written
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

import codec
from codec.archive.policy import Policy
from codec.archive.remote import without_secrets
from codec.atomic import write_whole
from codec.bitstream.errors import CorruptFile, MediaError, MissingFile, UnsupportedFile

FORMAT = 1
ABOUT = "archive.json"  # the file that makes a folder an archive
Layout = Literal["mirror", "shards", "zip shards"]  # those that are called no more than shards are tar
README = """This folder is an archive made by `codec archive` (a Python package: pip install 'codec[archive]').

    codec verify {here}            says whether all is well
    codec restore {here} FOLDER    gives everything back

Every .lcc file here can be read by itself with `codec decompress`; the format is described in SPEC.md of the package.
The weights that decoding needs lie in weights/. The files in commits/ say in plain JSON what lies where.
"""


class AtWork(MediaError):
    """Another process has locked what is asked for."""


@dataclass(frozen=True)
class Archive:
    """An archive, by its folder. address: where its files lie instead, if it is elsewhere; then `root` is its state."""

    root: Path
    layout: Layout
    policy: Policy
    source: str
    address: str = ""

    @property
    def catalogue(self) -> Path:
        """The database."""
        return self.root / "catalogue.sqlite"

    @property
    def commits(self) -> Path:
        """The folder of journals."""
        return self.root / "commits"

    @property
    def weights(self) -> Path:
        """The folder of weights."""
        return self.root / "weights"

    @property
    def parts(self) -> Path:
        """The folder of what is being written."""
        return self.root / "parts"

    def journal(self, job: int) -> Path:
        """The journal of a job."""
        return self.commits / f"{job:06}.jsonl"

    def shard(self, job: int) -> str:
        """The place of a shard in the archive, without its suffix."""
        return f"shards/{job:06}"

    def part(self, job: int) -> Path:
        """What a job is writing."""
        return self.parts / f"{job:06}.part"


def is_archive(root: Path) -> bool:
    """Whether a folder is one of ours."""
    return (root / ABOUT).is_file()


def opened(root: Path, address: str = "") -> Archive:
    """The archive in a folder, or whose state it is. Raises MissingFile, CorruptFile, UnsupportedFile, MediaError."""
    path = root / ABOUT
    try:
        found = json.loads(path.read_text())
        if found["format"] != FORMAT:
            raise UnsupportedFile(f"{root} is an archive of format {found['format']}, this program reads {FORMAT}")
        return Archive(root, found["layout"], Policy.of_json(found["policy"]), found["source"], address)
    except FileNotFoundError as error:
        raise MissingFile(f"{root} is no archive: there is no {path.name} in it") from error
    except OSError as error:
        raise MediaError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise CorruptFile(f"{path} is damaged: {error}") from error


def created(root: Path, layout: Layout, policy: Policy, source: str, address: str = "") -> Archive:
    """A new archive in a folder that is empty or not there, or the state of a new one at an address.

    Raises MediaError, OSError.
    """
    root.mkdir(parents=True, exist_ok=True)
    if not address and any(each.name != "lock" for each in root.iterdir()):
        raise MediaError(f"{root} is neither an archive nor empty")
    archive = Archive(root, layout, policy, source, address)
    (root / "README.txt").write_text(README.format(here=without_secrets(address) or root.name))
    for folder in (archive.commits, archive.parts, archive.weights):
        folder.mkdir()
    facts = {"format": FORMAT, "layout": layout, "source": without_secrets(source), "codec": codec.__version__}
    if address:
        facts["id"] = secrets.token_hex(8)  # which tells its state from that of another one there
    text = json.dumps(facts | {"policy": policy.as_json()}, indent=1)
    write_whole(root / ABOUT, lambda file: file.write(text.encode()))
    return archive


@contextmanager
def locked(path: Path, wait: bool) -> Iterator[IO[bytes]]:
    """A file that no other process holds at the same time, opened for reading and appending.

    wait: for the other one; else AtWork. Systems and file systems without locks are taken at their word.
    """
    with path.open("a+b") as file:
        try:
            import fcntl
        except ImportError:
            pass
        else:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError as error:
                raise AtWork(f"another process is at work in {path.parent}") from error
            except OSError:
                pass
        yield file


def synced(file: IO[bytes]) -> None:
    """Returns when what was written to a file is on the disk."""
    file.flush()
    with suppress(OSError):  # which some file systems do not know
        os.fsync(file.fileno())
