"""A drill of archives: `python -m tests.archive_drill FOLDER --files 2000 --kills 2 --workers 2`, minutes of a core.

Files of many kinds in nested folders are archived by real processes, which are killed with SIGKILL on the way; what was
committed must never be done again, and everything must come back: exact files with their SHA-256, lossy ones as near as
the policy says.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from codec import archive
from codec.archive import catalogue
from tests import golden

ROOT = Path(__file__).parent.parent
POLICY = """mode = "exact"
[[rule]]
pattern = "photos/*"
mode = "quality 60"
[[rule]]
pattern = "sound/*"
mode = "quality 40"
"""
LEAST_PSNR_DB = 24.0  # of any photo at this quality
BROKEN = 100  # one file in so many is broken, as issue 29 has it: 20 of 2,000
POLL_S = 0.01


def make_tree(root: Path, count: int) -> None:
    """Fills a folder with so many files, the same for the same number."""
    rng = np.random.default_rng(1)
    with Image.open(ROOT / "examples" / "parrots.png") as whole:
        photo = whole.convert("RGB")
    makers: list[tuple[str, Callable[[], bytes]]] = [
        ("jpegs/baseline {}.jpg", lambda: _jpeg(_crop(photo, rng))),
        ("jpegs/deep/er/progressive {}.jpeg", lambda: _jpeg(_crop(photo, rng), progressive=True)),
        ("jpegs/deep/optimised {}.JPG", lambda: _jpeg(_crop(photo, rng), optimize=True)),
        ("jpegs/restarts {}.jpg", lambda: _jpeg(_crop(photo, rng), restart_marker_rows=1)),
        ("jpegs/444 {}.jpg", lambda: _jpeg(_crop(photo, rng), subsampling=0)),
        ("jpegs/grey {}.jpg", lambda: _jpeg(_crop(photo, rng).convert("L"))),
        ("jpegs/cmyk {}.jpg", lambda: _jpeg(_crop(photo, rng).convert("CMYK"))),
        ("jpegs/followed {}.jpg", lambda: _jpeg(_crop(photo, rng)) + rng.bytes(99)),
        ("jpegs/cut {}.jpg", lambda: _jpeg(_crop(photo, rng))[:-500]),
        ("pngs/picture {}.png", lambda: _png(_crop(photo, rng))),
        ("photos/{}/photo.png", lambda: _png(_crop(photo, rng))),
        ("waves/{}.wav", lambda: _wave(rng)),
        ("texts/note {}.txt", lambda: b"a line of words\n" * int(rng.integers(1, 500))),
        ("texts/x{}.lcc/y", lambda: rng.bytes(10)),
        ("odd/\udcff\udcfe {}\n", lambda: b"odd"),
        ("odd/ünï ☃ {} ~", lambda: b""),
        ("odd/" + "long" * 60 + " {}", lambda: b"long"),
        ("odd/{}.lcc", lambda: b"no .lcc file"),
    ]
    for number in range(count):
        if number % BROKEN == 7:
            name, data = f"photos/broken {number}.png", _png(_crop(photo, rng))[: 200 + number % 300]
        elif number % BROKEN == 50:
            name, data = f"sound/{number}.wav", _wave(rng)
        else:
            form, maker = makers[number % len(makers)]
            name, data = form.format(number), maker()
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        path.chmod(0o600 + number % 64)
        os.utime(path, ns=(number, 10**18 + number))
    (root / "empty folder").mkdir()
    (root / "link").symlink_to("texts")
    (root / "odd" / "link to nothing").symlink_to("nowhere")


def _crop(photo: Image.Image, rng: np.random.Generator) -> Image.Image:
    x, y = int(rng.integers(600)), int(rng.integers(400))
    return photo.crop((x, y, x + 96, y + 80))


def _jpeg(image: Image.Image, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=88, **options)
    return out.getvalue()


def _png(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def _wave(rng: np.random.Generator) -> bytes:
    samples = np.cumsum(rng.integers(-200, 201, (4800, 1)), 0)
    return golden.audio_bytes_of(samples - samples.mean(), "<i2")


def command(*arguments: object) -> subprocess.CompletedProcess[str]:
    """`codec ARGUMENTS`, run to its end."""
    return subprocess.run(
        [sys.executable, "-m", "codec.cli", *map(str, arguments)], capture_output=True, text=True, check=False
    )


def committed(root: Path) -> dict[str, tuple[str, int]]:
    """What an archive's journals have: for each path where it lies, and the time when that was written."""
    found: dict[str, tuple[str, int]] = {}
    for path in sorted((root / "commits").glob("*.jsonl")):
        for line in path.read_bytes().splitlines(keepends=True):
            if line.endswith(b"\n"):
                record = json.loads(line)
                assert record["path"] not in found, f"{record['path']} was done twice"
                place = root / record["place"]
                is_mirror = record["place"].startswith("files/")
                found[record["path"]] = record["place"], place.stat().st_mtime_ns if is_mirror else record["offset"]
    return found


def archive_with_kills(source: Path, root: Path, options: list[object], kills: int, entries: int) -> None:
    """Archives a folder by processes of which so many are killed on the way, and nothing is done twice."""
    arguments = [sys.executable, "-m", "codec.cli", "archive", source, root, *options]
    for kill in range(1, kills + 1):
        running = subprocess.Popen(list(map(str, arguments)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while running.poll() is None and len(committed(root)) < entries * kill // (kills + 1):
            time.sleep(POLL_S)
        assert running.poll() is None, "it ended before it could be killed"
        running.send_signal(signal.SIGKILL)
        running.wait()
        before = committed(root)
        print(f"killed after {len(before)} of {entries} entries")
    done = command("archive", source, root, *options)
    print(done.stdout, end="")
    assert done.returncode == 0, done.stderr
    after = committed(root)
    assert len(after) == entries
    if kills:
        again = [path for path, place in before.items() if after[path] != place]
        assert not again, f"{len(again)} were done again: {again[:3]}"
        print(f"of {len(before)} entries committed before the last kill, {len(again)} were done again")


def check(source: Path, root: Path, out: Path) -> dict[str, int]:
    """Verifies and restores an archive, and compares it with its source; how many files came back in which way."""
    done = command("verify", "--deep", root)
    print(done.stdout, end="")
    assert done.returncode == 0, done.stderr
    assert command("diff", source, root).stdout == ""
    done = command("restore", root, out)
    assert done.returncode == 0, done.stderr
    counts = {"exact": 0, "lossy": 0, "links": 0, "folders": 0, "notices": 0}
    seen = set()
    for record in records_of(root):
        seen.add(record.path)
        before, after = source / record.path, out / record.path
        counts["notices"] += bool(record.notice)
        if record.kind == "link":
            assert os.readlink(before) == os.readlink(after)
            counts["links"] += 1
            continue
        assert before.stat().st_mode == after.stat().st_mode, record.path
        assert before.stat().st_mtime_ns == after.stat().st_mtime_ns, record.path
        if record.kind == "folder":
            counts["folders"] += 1
        elif record.way == "exact":
            counts["exact"] += 1
            assert sha256(before) == sha256(after) == record.sha256, record.path
        else:
            counts["lossy"] += 1
            assert sha256(before) == record.sha256
            assert record.psnr_db is None or record.psnr_db >= LEAST_PSNR_DB
    everything = {str(path.relative_to(source)) for path in source.rglob("*")}
    assert seen == everything, seen ^ everything
    return counts


def records_of(root: Path) -> list[archive.Record]:
    """All that an archive's catalogue has."""
    with catalogue.opened(archive.opened(root)) as found:
        return list(found.records())


def sha256(path: Path) -> str:
    """Of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def drill(folder: Path, files: int, kills: int, options: list[object]) -> dict[str, int]:
    """The whole drill in an empty folder; how many files came back in which way."""
    source, root, policy = folder / "source", folder / "archive", folder / "policy.toml"
    make_tree(source, files)
    policy.write_text(POLICY)
    entries = sum(1 for _ in source.rglob("*"))
    archive_with_kills(source, root, ["--policy", policy, *options], kills, entries)
    return check(source, root, folder / "restored")


def main() -> None:
    """Runs the drill and says what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--kills", type=int, default=2)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--shards", action="store_true")
    given = parser.parse_args()
    start = time.monotonic()
    options: list[object] = ["--workers", given.workers, *(["--shards"] if given.shards else [])]
    print(drill(given.folder, given.files, given.kills, options))
    print(f"{time.monotonic() - start:.0f} s")


if __name__ == "__main__":
    main()
