"""A second decoder of .lcc files, from a file to its latents, written from bitstream/SPEC.md alone.

It shares no line with the codec and none of its libraries: numpy and the standard library do the work, safetensors
reads the weights. Where the two decoders agree the page says what the codec does. On two points the page was silent and
the codec was asked, as a black box: `told` is not clamped, and what may stand at the end of a coded stream.

    python -m tests.second_decoder WEIGHTS.safetensors... FILE.lcc...
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import numpy as np

from tests.second_decoder.audio_file import audio_pieces, damaged_audio_pieces
from tests.second_decoder.container import Header, read_header
from tests.second_decoder.image_file import damaged_image_pieces, image_pieces
from tests.second_decoder.network import Network
from tests.second_decoder.streams import Ints


class SecondDecoder:
    """A decoder of .lcc files up to their latents."""

    def __init__(self, *weights_paths: Path) -> None:
        networks = map(Network, weights_paths)
        self.networks = {network.digest: network for network in networks}

    def latents(self, data: bytes) -> list[Ints]:
        """The latents y of every piece, (rows, columns, channels) with 6 fractional bits, of a file without faults."""
        header = read_header(data)
        network = self._network(header)
        pieces = (image_pieces, audio_pieces)[header.media](data, header)
        return [network.latents_of_whole(number, piece, header) for number, piece in enumerate(pieces)]

    def prefix(self, data: bytes) -> list[Ints]:
        """What is known of the latents of a file that is cut or damaged behind its header."""
        header = read_header(data)
        network = self._network(header)
        found = []
        for number, piece in enumerate((damaged_image_pieces, damaged_audio_pieces)[header.media](data, header)):
            known = np.zeros((*piece.shape, sum(header.sizes.groups)), np.int64)
            if piece.is_whole:
                with suppress(ValueError):
                    known = network.latents_of_whole(number, piece, header)
            elif len(piece.stream) > 4 and not piece.pixels:
                known = network.latents_of_beginning(piece, header)
            found.append(known)
        return found

    def _network(self, header: Header) -> Network:
        """The nets that a file was written with."""
        if header.digest not in self.networks:
            raise ValueError(f"the file needs weights {header.digest.hex()}, which are not here")
        return self.networks[header.digest]
