"""A second decoder of .lcc files, down to pixels and samples, written from the pages of bitstream/SPEC.md alone.

It shares no line with the codec and none of its libraries: numpy and the standard library do the work, safetensors
reads the weights, Pillow and its plugin pillow-jxl-plugin the tiles without loss. Where the two decoders
agree the pages say what the codec does. On two points the page was silent and the codec was asked, as a black box:
`told` is not clamped, and what may stand at the end of a coded stream.

    python -m tests.second_decoder WEIGHTS.safetensors... FILE.lcc...
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from numpy.typing import NDArray

from tests.second_decoder.audio_file import audio_pieces, damaged_audio_pieces, end_from_behind
from tests.second_decoder.audio_output import clip_of
from tests.second_decoder.container import AUDIO, Header, Piece, read_header
from tests.second_decoder.image_file import damaged_image_pieces, image_pieces, read_tiles
from tests.second_decoder.image_synthesis import image_of
from tests.second_decoder.network import Network, unknown
from tests.second_decoder.streams import Ints


class Decoded(NamedTuple):
    """A file without faults, decoded.

    latents: y of every piece, (rows, columns, channels) with 6 fractional bits.
    signal: pixels (height, width, channels) at the depth of the source, or samples (n, channels) at its rate.
    """

    latents: list[Ints]
    signal: NDArray[Any]


class SecondDecoder:
    """A decoder of .lcc files."""

    def __init__(self, *weights_paths: Path) -> None:
        networks = map(Network, weights_paths)
        self.networks = {network.digest: network for network in networks}

    def decode(self, data: bytes) -> Decoded:
        """All of a file without faults."""
        header = read_header(data)
        network = self._network(header)
        pieces = self._pieces(data, header)
        latents = [network.latents_of_whole(number, piece, header) for number, piece in enumerate(pieces)]
        if header.media == AUDIO:
            end = end_from_behind(data)
            assert end, "a clip without faults has an end"
            signal = clip_of(network, header, end.samples, latents)
        else:
            signal = image_of(network, header, read_tiles(header), pieces, latents)
        return Decoded([found.y for found in latents], signal)

    def latents(self, data: bytes) -> list[Ints]:
        """The latents y of every piece, (rows, columns, channels) with 6 fractional bits, of a file without faults."""
        header = read_header(data)
        network = self._network(header)
        pieces = self._pieces(data, header)
        return [network.latents_of_whole(number, piece, header).y for number, piece in enumerate(pieces)]

    def prefix(self, data: bytes) -> list[Ints]:
        """What is known of the latents of a file that is cut or damaged behind its header."""
        header = read_header(data)
        network = self._network(header)
        found = []
        for number, piece in enumerate((damaged_image_pieces, damaged_audio_pieces)[header.media](data, header)):
            known = unknown(piece, header)
            if piece.is_whole:
                with suppress(ValueError):
                    known = network.latents_of_whole(number, piece, header)
            elif len(piece.stream) > 4 and not piece.pixels:
                known = network.latents_of_beginning(piece, header)
            found.append(known.y)
        return found

    @staticmethod
    def _pieces(data: bytes, header: Header) -> list[Piece]:
        return (image_pieces, audio_pieces)[header.media](data, header)

    def _network(self, header: Header) -> Network:
        """The nets that a file was written with."""
        if header.digest not in self.networks:
            raise ValueError(f"the file needs weights {header.digest.hex()}, which are not here")
        return self.networks[header.digest]
