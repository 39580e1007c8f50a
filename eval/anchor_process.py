"""One file through an anchor in a process of its own, for the timing of whole processes.

`python -m codec.eval.anchor_process images|audio encode|decode SPEC SETTING IN OUT`
"""

from __future__ import annotations

import sys
from pathlib import Path

from codec.eval.anchor import named
from codec.media import AudioData, ImageData, audio_bytes, image_bytes, read_audio, read_image

RATE = 48_000  # Hz


def main(media: str, action: str, spec: str, setting: str, source: str, target: str) -> None:
    """One image or clip to a coded file, or a coded file to a PNG or WAV."""
    anchor = named(media, spec)
    if not anchor.library():
        sys.exit(f"{spec} is not installed")
    data = Path(source).read_bytes()
    if action == "encode":
        samples = read_image(data).pixels if media == "images" else read_audio(data).samples
        Path(target).write_bytes(anchor.encode(samples, float(setting)))
    elif media == "images":
        Path(target).write_bytes(image_bytes(ImageData(anchor.decode(data)), ".png"))
    else:
        Path(target).write_bytes(audio_bytes(AudioData(anchor.decode(data).clip(-1, 1), RATE), ".wav"))


if __name__ == "__main__":
    main(*sys.argv[1:])
