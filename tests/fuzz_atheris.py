"""A coverage-guided fuzzer: `pip install atheris`, then `python -m tests.fuzz_atheris CORPUS`.

CORPUS is a folder that begins with copies of tests/golden/*.lcc. Inputs are given valid checksums where they still have
sections, so that the fuzzer reaches what lies behind them.
"""

from __future__ import annotations

import sys
from contextlib import suppress

import atheris

with atheris.instrument_imports(include=["codec"]):
    import torch

    from codec import picture
    from codec.bitstream.errors import CodecError

from tests import fuzz


def one_input(data: bytes) -> None:
    """Decodes an input as it is, and with its checksums made valid."""
    inputs = [data]
    with suppress(CodecError):
        inputs.append(fuzz.file_of(fuzz.sections_of(data)))
    for each in inputs:
        for partial in (False, True):
            with suppress(CodecError):
                picture.decode(each, torch.device("cpu"), max_pixels=1 << 16, partial=partial)


if __name__ == "__main__":
    torch.set_num_threads(1)
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
