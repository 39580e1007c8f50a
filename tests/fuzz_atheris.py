"""A coverage-guided fuzzer: `pip install atheris`, then `python -m tests.fuzz_atheris CORPUS`.

CORPUS is a folder that begins with copies of tests/golden/*.lcc, of images and of audio. Inputs are given valid
checksums where they still have sections, so that the fuzzer reaches what lies behind them; clips come in pieces too.
"""

from __future__ import annotations

import sys
from contextlib import suppress

import atheris

with atheris.instrument_imports(include=["codec"]):
    from codec.audio import decode as audio_decode
    from codec.bitstream import constants
    from codec.bitstream.errors import CodecError
    from codec.bitstream.file import holds
    from codec.devices import Device
    from codec.image import decode as image_decode

from tests import fuzz

CPU = Device(threads=1)  # tiny images: threads would only wait for each other
MAX_PIXELS = 1 << 16
MAX_SECONDS = 10.0


def one_input(data: bytes) -> None:
    """Decodes an input as it is, and with its checksums made valid."""
    inputs = [data]
    with suppress(CodecError):
        inputs.append(fuzz.file_of(fuzz.sections_of(data)))
    for each in inputs:
        if holds(each, constants.MEDIA_AUDIO):
            one_audio(each)
        else:
            one_image(each)


def one_image(data: bytes) -> None:
    """Decodes an image, strictly and as far as it goes."""
    for partial in (False, True):
        with suppress(CodecError):
            image_decode.decode(data, CPU, max_pixels=MAX_PIXELS, partial=partial)


def one_audio(data: bytes) -> None:
    """Decodes a clip, strictly, as far as it goes, and in two pieces."""
    for partial in (False, True):
        with suppress(CodecError):
            audio_decode.decode(data, CPU, MAX_SECONDS, partial=partial)
    decoder = audio_decode.AudioDecoder(CPU, MAX_SECONDS)
    with suppress(CodecError):
        for piece in (data[: len(data) // 2], data[len(data) // 2 :]):
            decoder.push(piece)
        decoder.finish()


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
