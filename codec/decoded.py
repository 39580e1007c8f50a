"""What decoding gives: an image or audio, and what there is to say of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from codec.media import AudioData, ImageData


@dataclass(frozen=True, eq=False)
class DecodedImage:
    """A decoded image.

    damage: what of the file was missing or wrong, in words, a line each; empty but for files read with `partial`.
    notices: what was converted or left out on the way, a line each.
    """

    image: ImageData
    damage: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class DecodedAudio:
    """Decoded audio. damage, notices: as those of `DecodedImage`."""

    audio: AudioData
    damage: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class DecodedOriginal:
    """The bytes of a file that was stored as it is. damage, notices: as those of `DecodedImage`, always empty."""

    data: bytes
    damage: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()


Decoded = DecodedImage | DecodedAudio | DecodedOriginal
