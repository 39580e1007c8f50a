"""What the server does with an upload: it codes it, decodes what it coded, and compares the two."""

from __future__ import annotations

import io
import json
import math
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TypeVar

import codec
from codec import media
from codec.bitstream import constants
from codec.bitstream.errors import memory_errors
from codec.quality import DEFAULT_EFFORT, DEFAULT_METRIC, DEFAULT_QUALITY

if TYPE_CHECKING:
    from codec import AudioData, ImageData
    from codec.quality import Metric

Found = TypeVar("Found")
SCORED_PIXELS = 4_000_000  # SSIMULACRA 2 of more takes seconds and a gigabyte


@dataclass(frozen=True)
class Limits:
    """What the server takes.

    upload_bytes: of a file; pixels, seconds: of an image and of audio; effort: the highest; time_s: of the work on a
    request, once it began.
    """

    upload_bytes: int = 32_000_000
    pixels: int = 16_000_000
    seconds: float = 300.0
    effort: int = 5
    time_s: float = 60.0


@dataclass(frozen=True)
class Wish:
    """How an upload is to be coded; see `codec.compress`. Raises ValueError for what there is not."""

    quality: float = DEFAULT_QUALITY
    effort: int = DEFAULT_EFFORT
    metric: Metric = DEFAULT_METRIC

    def check(self, limits: Limits) -> None:
        """Raises ValueError for what cannot be, or would take too long here."""
        codec.check_image_options(self.quality, effort=self.effort, metric=self.metric)
        if self.effort > limits.effort:
            raise ValueError(f"effort {self.effort}: this server goes to {limits.effort}")


class TooLong(Exception):
    """Work that had its time, or that nobody waits for any more."""


@dataclass(frozen=True)
class Deadline:
    """When work ends, at the latest."""

    at_s: float  # of time.monotonic()
    gone: threading.Event = field(default_factory=threading.Event)  # set where nobody waits any more

    def check(self, done: float = 0.0) -> None:
        """Raises TooLong."""
        if self.gone.is_set() or time.monotonic() > self.at_s:
            raise TooLong("it takes longer than this server gives a request: choose a lower effort or a smaller file")


@dataclass(frozen=True)
class Shown:
    """What the page is given: facts by name, the .lcc file, and what it looks or sounds like as PNG or WAVE."""

    facts: dict[str, Any]
    file: bytes
    restored: bytes
    restored_type: str


def shown(data: bytes, wish: Wish, limits: Limits, deadline: Deadline, threads: int | None) -> Shown:
    """What becomes of the bytes of an image or audio, or of an .lcc file, which is only decoded.

    Raises CodecError, ValueError, TooLong.
    """
    with memory_errors(), media.collected_notices() as notices:
        if data.startswith(constants.MAGIC):
            found, facts = _restored(data, None, limits, deadline, threads)
        elif media.is_audio(data[: media.HEAD_BYTES]):
            found, facts = _of_audio(data, wish, limits, deadline, threads)
        else:
            found, facts = _of_image(data, wish, limits, deadline, threads)
    facts |= {"source_bytes": len(data), "bytes": len(found.file), "notices": list(dict.fromkeys(notices))}
    return Shown(facts, found.file, found.restored, found.restored_type)


def _of_image(
    data: bytes, wish: Wish, limits: Limits, deadline: Deadline, threads: int | None
) -> tuple[Shown, dict[str, Any]]:
    source = media.read_image(data, limits.pixels, extras=False)
    file, encode_s = _timed(
        lambda: codec.compress_image(
            source,
            wish.quality,
            effort=wish.effort,
            metric=wish.metric,
            threads=threads,
            max_pixels=limits.pixels,
            progress=deadline.check,
        )
    )
    found, facts = _restored(file, source, limits, deadline, threads)
    return found, facts | {"encode_s": encode_s}


def _of_audio(
    data: bytes, wish: Wish, limits: Limits, deadline: Deadline, threads: int | None
) -> tuple[Shown, dict[str, Any]]:
    file, encode_s = _timed(
        lambda: codec.compress_audio(
            data, wish.quality, threads=threads, max_seconds=limits.seconds, progress=deadline.check
        )
    )
    found, facts = _restored(file, None, limits, deadline, threads)
    return found, facts | {"encode_s": encode_s}


def _restored(
    file: bytes, source: ImageData | None, limits: Limits, deadline: Deadline, threads: int | None
) -> tuple[Shown, dict[str, Any]]:
    """What is in an .lcc file, compared with the image that it was made from, where there is one."""
    deadline.check()
    found, decode_s = _timed(
        lambda: codec.decode(
            file,
            threads=threads,
            max_pixels=limits.pixels,
            max_seconds=limits.seconds,
            progress=deadline.check,
        )
    )
    for text in found.notices:
        media.notice(text)
    facts: dict[str, Any] = {"decode_s": decode_s}
    if isinstance(found, codec.DecodedAudio):
        facts |= _facts_of_audio(found.audio, len(file))
        return Shown({}, file, media.audio_bytes(found.audio, ".wav", bit_depth=16), "audio/wav"), facts
    if not isinstance(found, codec.DecodedImage):
        raise codec.MediaError("the file holds neither an image nor audio")
    image = media.to_8_bits(found.image)
    height, width = image.pixels.shape[:2]
    facts |= {"media": "image", "width": width, "height": height, "rate_bpp": len(file) * 8 / (width * height)}
    if source is not None and width * height <= SCORED_PIXELS and find_spec("ssimulacra2"):
        from codec.eval.metrics import ssimulacra2

        facts["ssimulacra2"] = ssimulacra2(media.to_8_bits(source).pixels, image.pixels)
    return Shown({}, file, media.image_bytes(image, ".png"), "image/png"), facts


def _facts_of_audio(audio: AudioData, size_bytes: int) -> dict[str, Any]:
    seconds = len(audio.samples) / audio.sample_rate
    rate_kbps = size_bytes * 8 / 1000 / seconds if seconds else math.nan
    return {"media": "audio", "duration_s": seconds, "channels": audio.channels, "rate_kbps": rate_kbps}


def _timed(work: Callable[[], Found]) -> tuple[Found, float]:
    began = time.perf_counter()
    return work(), round(time.perf_counter() - began, 3)


def multipart(found: Shown) -> tuple[bytes, str]:
    """What is shown as one body that browsers take apart by `formData`, and its content type."""
    boundary = secrets.token_hex(16)
    parts = (
        ("facts", "application/json", json.dumps(found.facts).encode()),
        ("file", "image/x-lcc", found.file),
        ("restored", found.restored_type, found.restored),
    )
    body = io.BytesIO()
    for name, kind, content in parts:
        head = f'Content-Disposition: form-data; name="{name}"; filename="{name}"\r\nContent-Type: {kind}\r\n\r\n'
        body.write(f"--{boundary}\r\n{head}".encode() + content + b"\r\n")
    body.write(f"--{boundary}--\r\n".encode())
    return body.getvalue(), f"multipart/form-data; boundary={boundary}"
