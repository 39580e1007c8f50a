"""Tests, and what they are made with."""

import os

if "PYTEST_XDIST_WORKER" in os.environ:  # as many workers as cores: one thread for each, and for what it starts;
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # here, as libraries read it when they are loaded
