"""The Markdown page of an evaluation, for the repository: docs/results.md is written by it, never by hand."""

from __future__ import annotations

from codec.eval.comparison import Comparison
from codec.eval.report import notes
from codec.eval.results import Results
from codec.eval.table import tables


def page(results: Results, comparison: Comparison) -> str:
    """The page as text."""
    method = "\n".join(f"- {note}" for note in notes(results))
    codecs = "\n".join(f"- {c.title}: {c.library}; {c.settings}" for c in results.coders)
    sections = [
        "# Results",
        _head(results),
        *(table.markdown() for table in tables(results, comparison)),
        f"## How it was measured\n\n{method}",
        f"## Codecs\n\n{codecs}",
    ]
    return "\n\n".join(sections) + "\n"


def _head(results: Results) -> str:
    machine = results.machine
    versions = ", ".join(f"{name} {version}" for name, version in results.versions.items())
    lines = [
        f"Written by `codec eval {results.medium.name} FOLDER --results-page FILE` on {results.date}:",
        f"{len(results.items)} {results.medium.item}s; {results.subject}: {results.ours.library}.",
        f"{machine['cpu']}, {machine['cores']} cores, {machine['system']}; Python {machine['python']}, {versions}.",
    ]
    left_out = {**results.failures, **results.skipped}
    if left_out:
        lines.append("Left out: " + "; ".join(f"{name} ({reason})" for name, reason in left_out.items()) + ".")
    return "\n".join(lines)
