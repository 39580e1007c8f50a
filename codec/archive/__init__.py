"""Archives of folders: planned, stored by a policy, committed file by file, catalogued, verified and restored.

from codec import archive

archive.build("photos", "photos.archive", policy=archive.Policy(archive.Mode.parse("quality 60")))
opened = archive.opened("photos.archive")
damaged = [judged for judged in archive.verify(opened, deep=True) if judged.verdict != "intact"]
failed = [done for done in archive.restore(opened, "restored") if done.error]
"""

from __future__ import annotations

from pathlib import Path

from codec.archive import layout, state
from codec.archive.bagit import export as export_bag
from codec.archive.build import Crew, Summary, build
from codec.archive.catalogue import Planned
from codec.archive.difference import differences
from codec.archive.layout import Archive, Layout, is_archive
from codec.archive.names import shown
from codec.archive.policy import Mode, Policy, Rule
from codec.archive.policy import read as read_policy
from codec.archive.records import Entry, Record
from codec.archive.remote import place_of
from codec.archive.restore import Restored, restore
from codec.archive.verify import Judged, Verdict, verify


def opened(place: Path | str, state_folder: Path | None = None) -> Archive:
    """The archive in a folder, or at an address of fsspec; state_folder: of the latter, what is kept here of it.

    Raises MissingFile, MediaError, CorruptFile, UnsupportedFile; MissingPackage; OSError.
    """
    where = place_of(place)
    return layout.opened(where) if isinstance(where, Path) else state.opened(where, state_folder)


__all__ = [
    "Archive",
    "Crew",
    "Entry",
    "Judged",
    "Layout",
    "Mode",
    "Planned",
    "Policy",
    "Record",
    "Restored",
    "Rule",
    "Summary",
    "Verdict",
    "build",
    "differences",
    "export_bag",
    "is_archive",
    "opened",
    "read_policy",
    "restore",
    "shown",
    "verify",
]
