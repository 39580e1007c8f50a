"""Runs a command and prints its seconds and the peak of its memory (KiB; bytes on macOS), or exits with its code.

A script of its own, started without anything else: Linux counts the memory of the process that forks as the child's,
so that a small process must do it.
"""

import os
import subprocess
import sys
import time

if __name__ == "__main__":
    start = time.perf_counter()
    process = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    if not hasattr(os, "wait4"):  # no system that tells how much memory a process had
        code = process.wait()
        print(time.perf_counter() - start, 0)
        sys.exit(code)
    _, status, usage = os.wait4(process.pid, 0)
    print(time.perf_counter() - start, usage.ru_maxrss)
    sys.exit(os.waitstatus_to_exitcode(status))
