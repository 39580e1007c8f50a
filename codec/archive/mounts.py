"""Which file systems the kernel makes up: trees that never rest, of files that have no size and may never end."""

from __future__ import annotations

import os
from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")  # of Linux; elsewhere nothing is known
OF_KERNEL = frozenset(
    {"autofs", "binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs", "debugfs", "devpts", "efivarfs", "fusectl"}
    | {"mqueue", "nfsd", "nsfs", "proc", "pstore", "resctrl", "rpc_pipefs", "securityfs", "selinuxfs", "smackfs"}
    | {"sysfs", "tracefs"}
)


def of_kernel() -> dict[int, str]:
    """The type of each such file system that is mounted, by its device number, as `stat` has it."""
    try:
        lines = MOUNTS.read_text(errors="replace").splitlines()
    except OSError:
        return {}
    found = {}
    for line in lines:
        facts, _, more = line.partition(" - ")
        kind = more.split(" ", 1)[0]
        if kind in OF_KERNEL:
            major, _, minor = facts.split(" ")[2].partition(":")
            found[os.makedev(int(major), int(minor))] = kind
    return found
