"""Windows and macOS, as far as Linux can tell: commands run without what only Linux has, or say that they cannot."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import numpy as np
import pytest
from PIL import Image

from codec.cli import inputs
from tests.conftest import PARROTS, SPEECH, Run

pytestmark = pytest.mark.slow  # a process a test

# Takes away what other systems do not have: attributes for good, modules from our own code only, as the libraries here
# are those of Linux. Then runs commands in this process, each given as a list.
ELSEWHERE = """
import builtins, importlib.util, json, os, signal, sys

ATTRIBUTES = {
    os: ["fork", "forkpty", "register_at_fork", "getuid", "geteuid", "getgid", "getegid", "chown", "fchown", "fchmod",
         "lchown", "mkfifo", "mknod", "sched_getaffinity", "sched_setaffinity", "sync", "wait4", "wait3", "killpg",
         "setsid", "getpgid", "uname", "nice", "statvfs", "O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "EX_OK",
         "posix_spawn", "pread", "pwrite", "sendfile", "getloadavg", "sysconf", "getxattr", "setxattr", "openpty"],
    signal: ["SIGHUP", "SIGPIPE", "SIGALRM", "SIGKILL", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGCHLD", "SIGTSTP",
             "SIGCONT", "SIGWINCH", "alarm", "setitimer", "pthread_sigmask", "sigwait", "pause", "siginterrupt"],
}
MODULES = {"fcntl", "resource", "pwd", "grp", "termios", "tty", "pty", "syslog", "posix", "select"}

for name in sys.argv[1].split():  # what is loaded now takes this system for what it is
    if importlib.util.find_spec(name):
        __import__(name)
for module, names in ATTRIBUTES.items():
    for name in names:
        if hasattr(module, name):
            delattr(module, name)
imported = builtins.__import__


def limited(name, globals=None, *rest):
    if name.split(".")[0] in MODULES and (globals or {}).get("__name__", "").split(".")[0] == "codec":
        raise ModuleNotFoundError(f"No module named {name!r}")
    return imported(name, globals, *rest)


builtins.__import__ = limited
if sys.argv[2]:
    sys.platform = sys.argv[2]
from codec.cli.main import main

for arguments in json.loads(sys.argv[3]):
    try:
        main(arguments)
    except SystemExit as end:
        print(arguments[0], "ended with", end.code, file=sys.stderr)
"""
LIBRARIES = (
    "click constriction google_crc32c numpy onnxruntime PIL.Image platformdirs safetensors.numpy soundfile soxr torch "
    "torch.distributed tqdm"
)


def elsewhere(
    *commands: list[object], platform: str = "", folder: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Commands on a system without what only Linux has; `platform`: its name, that of ours where empty."""
    listed = json.dumps([[str(word) for word in command] for command in commands])
    return subprocess.run(
        [sys.executable, "-c", ELSEWHERE, LIBRARIES, platform, listed],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
    )


@pytest.mark.parametrize("platform", ["", "win32", "darwin"])
def test_commands_need_nothing_that_only_linux_has(platform: str, tmp_path: Path) -> None:
    done = elsewhere(
        ["--help"],
        ["compress", PARROTS, "-o", "image.lcc", "-q", 20],
        ["info", "image.lcc"],
        ["verify", "image.lcc"],
        ["decompress", "image.lcc", "-o", "image.png"],
        ["compress", SPEECH, "-o", "audio.lcc"],
        ["decompress", "audio.lcc", "-o", "audio.wav"],
        ["train", "--help"],
        ["eval", "--help"],
        ["bench", "--help"],
        platform=platform,
        folder=tmp_path,
    )
    ends = [line for line in done.stderr.splitlines() if " ended with " in line]
    assert len(ends) == 10, done.stderr
    assert all(line.endswith(" 0") for line in ends), done.stderr
    assert "Traceback" not in done.stderr
    assert (tmp_path / "audio.wav").stat().st_size > 10_000
    with Image.open(tmp_path / "image.png") as image:
        assert image.size == (768, 512)


def test_a_bench_leaves_out_what_the_system_does_not_tell(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((32, 32, 3), np.uint8)).save(tmp_path / "black.png")
    done = elsewhere(["bench", "black.png", "-n", 1], folder=tmp_path)
    assert "bench ended with 0" in done.stderr, done.stderr
    assert "encode" in done.stdout
    assert "memory" not in done.stdout


def test_a_team_says_where_it_cannot_train(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    arguments = ["train", "data", "--run", "run", "--processes", 2, "--batch", 2]
    done = elsewhere(arguments, platform="win32", folder=tmp_path)
    assert done.stderr.splitlines() == [
        "codec: several processes do not train together on this system: --processes 1",
        "train ended with 1",
    ]


@pytest.mark.parametrize("name", [r"C:\photos\one two.png", r"..\up.png", "C:drive.png", r"\\server\share\x.png"])
def test_names_with_backslashes_and_drive_letters_are_names(name: str, tmp_path: Path, run: Run) -> None:
    """On Linux, where they are letters like others; none is taken for a scheme or a folder."""
    source = tmp_path / name
    Image.fromarray(np.zeros((32, 32, 3), np.uint8)).save(source)
    os.mkdir(tmp_path / "out")
    assert run("compress", source).returncode == 0
    assert run("decompress", source.with_suffix(".lcc"), "-o", tmp_path / "out").returncode == 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == [source.name]


def test_either_separator_at_the_end_means_a_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputs, "SEPARATORS", ("\\", "/"))
    for folder in ("nowhere\\", "nowhere/"):
        with pytest.raises(click.UsageError, match="there is no folder"):
            inputs.jobs([inputs.Found("a.png")], folder, lambda path: path.with_suffix(".lcc"))
