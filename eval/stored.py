"""Reports as they lie on disk: results.json read back."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from codec.bitstream.errors import CodecError
from codec.eval.medium import MEDIA, Metric
from codec.eval.results import Coder, Cost, Item, Point, Results

NAME = "results.json"

T = TypeVar("T")


class NoReport(CodecError):
    """A file or folder is no report of `codec eval`."""


@dataclass(frozen=True)
class StoredItem(Item):
    """An item of which only the name is known."""


@dataclass(frozen=True)
class Stored:
    """A report and what to call it."""

    label: str
    results: Results


def read(path: Path) -> Stored:
    """The report in a folder, or in a results.json, of this version or an earlier one. Raises NoReport."""
    file = path / NAME if path.is_dir() else path
    try:
        found = json.loads(file.read_bytes())
        said = found["medium"]
        medium = dataclasses.replace(MEDIA[said["name"]], metrics=tuple(_made(Metric, m) for m in said["metrics"]))
        return Stored(
            str(path),
            Results(
                medium=medium,
                date=found["date"],
                machine=found["machine"],
                versions=found["versions"],
                items=[StoredItem(i["name"], i["content"], i["group"]) for i in found["items"]],
                coders=[_made(Coder, coder) for coder in found["coders"]],
                points=[_made(Point, point) for point in found["points"]],
                costs=[_made(Cost, cost) for cost in found["costs"]],
            ),
        )
    except OSError as error:
        raise NoReport(f"{file}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NoReport(f"{file} is no report of codec eval: {error!r}") from error


def _made(kind: type[T], values: dict[str, Any]) -> T:
    """A record of the values that it knows; lists become tuples, as they were."""
    names = {field.name for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    return kind(**{n: tuple(v) if isinstance(v, list) else v for n, v in values.items() if n in names})
