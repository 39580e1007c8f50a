"""A Ray cluster makes the archive that one process makes, also when it loses a worker."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from codec import archive
from tests import archive_drill
from tests.archive_drill import sha256
from tests.conftest import PATIENCE_S

pytest.importorskip("ray")
pytest.importorskip("zstandard")
pytest.importorskip("lepton_jpeg_python")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds workers in /proc")]

FILES = 200  # several jobs
POLL_S = 0.01


def workers_of(ancestor: int) -> list[int]:
    """The Ray workers that are at work on a job, among the descendants of a process."""
    parents, at_work = {}, []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(path.name)] = int((path / "stat").read_text().rpartition(")")[2].split()[1])
            if b"ray::run" in (path / "cmdline").read_bytes():
                at_work.append(int(path.name))
        except OSError:
            continue  # it has ended

    def descends(process: int) -> bool:
        while process in parents and process != ancestor:
            process = parents[process]
        return process == ancestor

    return list(filter(descends, at_work))


def test_a_cluster_that_loses_a_worker_makes_what_one_process_makes(tmp_path: Path) -> None:
    source = tmp_path / "source"
    archive_drill.make_tree(source, FILES)
    policy = tmp_path / "policy.toml"
    policy.write_text(archive_drill.POLICY)
    one, many = tmp_path / "one", tmp_path / "many"
    archive.build(source, one, policy=archive.read_policy(policy))
    arguments = ["archive", source, many, "--policy", policy, "--ray"]
    running = subprocess.Popen(
        [sys.executable, "-m", "codec.cli", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"RAY_USAGE_STATS_ENABLED": "0", "RAY_raylet_start_wait_time_s": str(PATIENCE_S)},
    )
    while running.poll() is None and not (many.is_dir() and archive_drill.committed(many)):
        time.sleep(POLL_S)
    killed = 0
    while running.poll() is None and not killed:
        for worker in workers_of(running.pid)[:1]:
            os.kill(worker, signal.SIGKILL)
            killed += 1
    _, said = running.communicate(timeout=PATIENCE_S)
    assert running.returncode == 0, said.decode()
    assert killed == 1
    assert stored(one) == stored(many)
    assert len(archive_drill.committed(many)) == sum(1 for _ in source.rglob("*"))
    assert archive_drill.records_of(one) == archive_drill.records_of(many)


def stored(root: Path) -> dict[str, str]:
    return {str(path.relative_to(root)): sha256(path) for path in (root / "files").rglob("*.lcc") if path.is_file()}
