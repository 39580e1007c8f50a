"""What moved between reports as a page that needs no network, with crops of the images that moved most."""

from __future__ import annotations

import html
import tempfile
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import numpy as np

from codec.bitstream.errors import CodecError
from codec.eval import anchor, own
from codec.eval.cache import Cache
from codec.eval.changes import Changes
from codec.eval.metrics import psnr_db, rgb
from codec.eval.results import OWN, Coder, Point, Results
from codec.eval.scenes import data_uri, furthest
from codec.eval.work import source_key
from codec.media import Pixels, read_image

CROPS_EACH = 3  # images that lost most, and that won most


def page(found: Sequence[Changes], cache: Cache) -> str:
    """The page as text; crops where the cache still has the files."""
    style = files("codec.eval").joinpath("page", "report.css").read_text("utf-8")
    body = "".join(
        "".join(table.html() for table in changes.tables()) + "".join(_crops(changes, cache)) for changes in found
    )
    title = f"What moved from {found[0].base.label}"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{html.escape(title)}</title><style>{style}</style></head>"
        f"<body><header><h1>{html.escape(title)}</h1></header><main>{body}</main></body></html>\n"
    )


def _crops(changes: Changes, cache: Cache) -> list[str]:
    """A section for each image that is shown; none of audio."""
    if changes.new.results.medium.name != "images":
        return []
    moved = changes.moved()
    shown = dict([*moved[:CROPS_EACH], *moved[-CROPS_EACH:]])
    return [section for item, value in shown.items() if (section := _section(changes, item, value, cache))]


def _section(changes: Changes, item: str, value: float, cache: Cache) -> str | None:
    """Original, earlier and later, cut to where the two differ most; None where the cache lacks one of them."""
    before = next(name for name, after in changes.common.items() if after == item)
    content = next(i.content for i in changes.new.results.items if i.name == item)
    source = cache.file(source_key(content))
    base, new = changes.base.results, changes.new.results
    aim = new.medium.shown_rate
    old_point = _nearest(base, changes.subject.name, before, aim)
    new_point = _nearest(new, changes.subject.name, item, old_point.rate)
    decoded = [_decoded(r, p, cache) for r, p in ((base, old_point), (new, new_point))]
    if source is None or any(x_hat is None for x_hat in decoded):
        return None
    x = rgb(read_image(source).pixels)
    earlier, later = (rgb(x_hat) for x_hat in decoded if x_hat is not None)
    left, top, width, height = furthest(earlier, later)
    rows, columns = slice(top, top + height), slice(left, left + width)
    figures = "".join(
        f'<figure><img src="{data_uri(np.ascontiguousarray(pixels[rows, columns]))}" alt="">'
        f"<figcaption>{html.escape(caption)}</figcaption></figure>"
        for pixels, caption in (
            (x, "Original"),
            (earlier, f"{changes.base.label}: {_facts(old_point, x, earlier)}"),
            (later, f"{changes.new.label}: {_facts(new_point, x, later)}"),
        )
    )
    what = f"{item}: {value:+.1f} % by {changes.ranking.title}"
    return f'<section><h2>{html.escape(what)}</h2><div class="crops">{figures}</div></section>'


def _facts(point: Point, x: Pixels, x_hat: Pixels) -> str:
    return f"{point.size_bytes} bytes, {psnr_db(x, x_hat):.2f} dB"


def _nearest(results: Results, coder: str, item: str, rate: float) -> Point:
    return min(results.points_of(coder, item), key=lambda point: abs(point.rate - rate))


def _decoded(results: Results, point: Point, cache: Cache) -> Pixels | None:
    """What a kept file decodes to, by the weights that it names; None where it, or they, are gone."""
    data = cache.file(point.file) if point.file else None
    coder: Coder = next(c for c in results.coders if c.name == point.coder)
    if data is None:
        return None
    try:
        if coder.name != OWN:
            found: Pixels = anchor.named("images", coder.spec).decode(data)
            return found
        with tempfile.TemporaryDirectory() as work:
            file = Path(work) / f"file{own.SUFFIX}"
            file.write_bytes(data)
            [shown] = own.decompressed([file], Path(work) / "shown")
            return read_image(shown).pixels
    except CodecError:
        return None
