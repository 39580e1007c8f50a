"""The shelf: all sets of weights that are here, found by the digest that files name.

Sets lie side by side in several places: what the caller names, the file or folder of CODEC_WEIGHTS, the codec's own,
the user's folder of data, and packages that register the entry point group `codec.weights`. A set is found by the
digest in its metadata, and its arrays are compared with that when they are loaded: many sets cost little.
Loads no torch.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codec.bitstream.errors import ModelMismatch, UnsupportedFile
from codec.model import forms, registry, weights_file
from codec.model.registry import MODELS, ModelRow
from codec.model.releases import RELEASES, asset_name
from codec.model.weights_file import Description, Digests
from codec.quality import Metric

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

VARIABLE = "CODEC_WEIGHTS"
GROUP = "codec.weights"
SUFFIX = ".safetensors"
GIVEN, OWN, USER = "given", "codec", "user"  # places; packages are places of their names


@dataclass(frozen=True)
class WeightsSet:
    """A set of weights on the shelf. place: where it was found, in a word."""

    path: Path
    place: str
    description: Description

    @property
    def row(self) -> ModelRow[Any]:
        """Its model."""
        return self.description.row

    @property
    def digests(self) -> Digests:
        """As its file says them."""
        return self.description.digests

    @property
    def date(self) -> str:
        """When it was exported, empty where that is not known."""
        return str(self.description.record.get("date", ""))

    @property
    def release(self) -> str:
        """The first release that came with it, empty where that is not known."""
        return RELEASES.get(self.digests.decoder.hex(), "")


@dataclass(frozen=True)
class Unusable:
    """Something on the shelf that cannot be used. reason: a line that names it."""

    place: str
    reason: str


def everything(given: Path | None = None, wanted: bytes = b"") -> Iterator[WeightsSet | Unusable]:
    """All that is on the shelf, place by place, read as it is asked for.

    given: a weights file or a folder of them, before all others. wanted: files with this digest in their names come
    first in their folder. Raises ModelMismatch where `given` or CODEC_WEIGHTS is not there.
    """
    yield from _named(given, wanted)
    yield from _in_folder(OWN, registry.WEIGHTS, wanted)
    users = user_folder()  # it rarely comes to that, which takes its time, as what follows does
    if users.is_dir():
        yield from _in_folder(USER, users, wanted)
    from importlib.metadata import entry_points

    for point in entry_points(group=GROUP):
        try:
            folder = _folder_of(point)
        except Exception as error:  # whatever the code of others does: the shelf holds the rest all the same
            reason = " ".join(str(error).split()) or type(error).__name__
            yield Unusable(point.name, f"entry point {point.name} = {point.value} of {GROUP} gives no folder: {reason}")
        else:
            yield from _in_folder(point.name, folder, wanted)


def find(row: ModelRow[Any], digest: bytes, given: Path | None = None) -> Iterator[WeightsSet]:
    """The sets of a model whose decoder has this digest. Raises ModelMismatch as `everything`."""
    for found in everything(given, digest):
        if isinstance(found, WeightsSet) and found.row.id == row.id and found.digests.decoder == digest:
            yield found


def needed(model: int, digest: bytes, given: Path | None = None) -> WeightsSet:
    """The first set on the shelf that decodes what names this model and digest; its arrays are not read.

    Raises UnsupportedFile where the model is unknown; ModelMismatch where no such set is here.
    """
    row = model_of(model)
    for found in find(row, digest, given):
        return found
    raise missing(row, digest, given)


def default(row: ModelRow[Any], given: Path | None = None, metric: Metric | None = None) -> WeightsSet:
    """The set that files of a model are written with: `given` or CODEC_WEIGHTS where that is a file of this model, else
    the one that the codec ships for a metric, the first where it is None.

    Raises ModelMismatch, where it holds no encoder too.
    """
    chosen = next((s for s in _files_named(given) if s.row.id == row.id), None)
    if chosen is None and not row.shipped:
        raise ModelMismatch(f"model '{row.name}' is one of earlier files: nothing is compressed with it")
    chosen = chosen or _set(OWN, row.path_for(metric))
    if chosen.row.id != row.id:
        raise ModelMismatch(f"{chosen.path} holds weights of model '{chosen.row.name}', not of '{row.name}'")
    if not chosen.digests.encoder:
        raise ModelMismatch(f"{chosen.path} holds a decoder only: nothing can be compressed with it")
    return chosen


def model_of(model: int) -> ModelRow[Any]:
    """The row of a model that a file names. Raises UnsupportedFile."""
    if model not in MODELS:
        raise UnsupportedFile(f"model {model} is unknown here; known: {sorted(MODELS)}")
    return MODELS[model]


def missing(row: ModelRow[Any], digest: bytes, given: Path | None = None) -> ModelMismatch:
    """What is raised where no set of this digest is here: it says which one is needed, and what to do."""
    release, asset = RELEASES.get(digest.hex(), ""), asset_name(row, digest)
    source = f"get {asset} of release {release}" if release else f"get {asset} from who made the file"
    text = f"weights {digest.hex()} of model '{row.name}' are not here: {source} and run 'codec weights add {asset}'"
    faults = [found.reason for found in everything(given, digest) if isinstance(found, Unusable)]
    return ModelMismatch("; ".join([text, *faults]))


def add(path: Path) -> tuple[WeightsSet, bool]:
    """Puts a weights file into the user's folder, its digests compared with its arrays; the set, and whether it is new.

    Raises ModelMismatch where it is no whole weights file of its model, OSError where it cannot be written.
    """
    description = weights_file.describe(path)
    arrays = weights_file.checked_arrays(path, description)
    try:
        forms.check(arrays, description.row)
    except ValueError as error:
        raise weights_file.foreign(path, description.row, error) from error
    target = user_folder() / asset_name(description.row, description.digests.decoder)
    try:
        if weights_file.describe(target).digests == description.digests:
            weights_file.checked_arrays(target, description)
            return _set(USER, target), False
    except ModelMismatch:
        pass  # not there, or broken: it is written anew
    target.parent.mkdir(parents=True, exist_ok=True)
    weights_file.write(target, description.row, arrays, description.record)
    return _set(USER, target), True


def export(digest: bytes, given: Path | None = None) -> tuple[WeightsSet, bytes]:
    """A set on the shelf by the digest of its decoder, and the bytes of its file, checked. Raises ModelMismatch."""
    fault = ModelMismatch(f"no weights {digest.hex()} are on the shelf; 'codec weights' lists those that are")
    for found in everything(given, digest):
        if isinstance(found, WeightsSet) and found.digests.decoder == digest:
            try:
                arrays = weights_file.checked_arrays(found.path, found.description)
            except ModelMismatch as error:
                fault = error
            else:
                return found, weights_file.contents(found.row, arrays, found.description.record)
    raise fault


def user_folder() -> Path:
    """Where `add` puts weights: a folder of the user's data, where the platform has such things."""
    from platformdirs import user_data_path

    return user_data_path("codec", appauthor=False) / "weights"


def _named(given: Path | None, wanted: bytes) -> Iterator[WeightsSet | Unusable]:
    for place, path in _names(given):
        if path.is_dir():
            yield from _in_folder(place, path, wanted)
        else:
            yield _set(place, path)


def _files_named(given: Path | None) -> Iterator[WeightsSet]:
    for place, path in _names(given):
        if not path.is_dir():
            yield _set(place, path)


def _names(given: Path | None) -> Iterator[tuple[str, Path]]:
    """Files or folders that the caller or the environment names."""
    if given is not None:
        yield GIVEN, given
    if os.environ.get(VARIABLE):
        yield VARIABLE, Path(os.environ[VARIABLE])


def _in_folder(place: str, folder: Path, wanted: bytes) -> Iterator[WeightsSet | Unusable]:
    try:
        paths = [path for path in folder.iterdir() if path.suffix == SUFFIX]
    except OSError as error:
        yield Unusable(place, str(weights_file.unreadable(folder, error)))
        return
    for path in sorted(paths, key=lambda path: (not wanted or wanted.hex() not in path.name, path.name)):
        try:
            yield _set(place, path)
        except ModelMismatch as error:
            yield Unusable(place, str(error))


def _folder_of(point: EntryPoint) -> Path:
    """The folder that a package registers: a function that returns it, or a module that lies in it."""
    found = point.load()
    if callable(found):
        return Path(found())
    return Path(next(iter(found.__path__))) if hasattr(found, "__path__") else Path(found.__file__).parent


def _set(place: str, path: Path) -> WeightsSet:
    try:
        state = path.stat()
    except OSError as error:
        raise weights_file.unreadable(path, error) from error
    return WeightsSet(path, place, _described(path, state.st_mtime_ns, state.st_size))


@lru_cache(maxsize=256)
def _described(path: Path, mtime_ns: int, size: int) -> Description:
    """What a weights file says of itself, for as long as it is not changed."""
    return weights_file.describe(path)
