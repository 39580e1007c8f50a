"""The header of a clip: its bytes and back, and how its channels are coded."""

from __future__ import annotations

from dataclasses import dataclass

from codec.bitstream import constants
from codec.bitstream.errors import CorruptFile, UnsupportedFile
from codec.bitstream.file import Beginning
from codec.bitstream.wire import Reader, Writer


@dataclass(frozen=True)
class MidSide:
    """Two channels that follow each other, coded as sum and difference.

    first: the number of the left one; mid_step_index, side_step_index: log2 of their nominal steps, in 1/256.
    """

    first: int
    mid_step_index: int
    side_step_index: int


@dataclass(frozen=True)
class AudioHeader:
    """What a decoder must know before it can begin.

    step_index: log2 of the nominal step, in 1/256, of all channels that are coded alone; sample_rate: of the source,
    Hz; channels: 1 to 8; pairs: of them that are coded as sum and difference, by rising number (the sum of stereo has
    the nominal step); bit_depth: of the source, 16, 24 or 32 (floats); seed: of added noise; channel_mask: of three
    channels and more, which loudspeakers they belong to, as dwChannelMask of WAVE files, 0 where that is not known.
    """

    model: int
    digest: bytes
    step_index: int
    sample_rate: int
    channels: int
    pairs: tuple[MidSide, ...] = ()
    bit_depth: int = 16
    seed: int = 0
    channel_mask: int = 0

    def bytes(self) -> bytes:
        """The payload of the header's section."""
        has_layout = self.channels > 2
        flags = constants.FLAG_STEREO * (self.channels == 2) | constants.FLAG_LAYOUT * has_layout
        flags |= constants.FLAG_MID_SIDE * (self.channels == 2 and bool(self.pairs))
        flags |= constants.FLAG_24_BITS * (self.bit_depth == 24) | constants.FLAG_FLOAT * (self.bit_depth == 32)
        out = Writer().uint(constants.MEDIA_AUDIO, 1).uint(self.model, 1).raw(self.digest)
        out.uint(self.step_index, 2).uint(flags, 1).varint(self.sample_rate).uint(self.seed, 2)
        if has_layout:
            self._write_layout(out)
        elif self.pairs:  # of stereo: the step of the sum is that of the header
            out.uint(self.pairs[0].side_step_index, 2)
        return out.bytes()

    def _write_layout(self, out: Writer) -> None:
        out.uint(self.channels, 1).uint(self.channel_mask, 4)
        by_first, channel = {pair.first: pair for pair in self.pairs}, 0
        while channel < self.channels:
            pair = by_first.get(channel)
            if pair is None:
                out.uint(constants.GROUP_SINGLE, 1)
                channel += 1
            else:
                out.uint(constants.GROUP_MID_SIDE, 1).uint(pair.mid_step_index, 2).uint(pair.side_step_index, 2)
                channel += 2

    @property
    def is_bounded(self) -> bool:
        """Whether samples belong inside full scale: those of the source were integers, or are written as such."""
        return self.bit_depth < 32

    @property
    def step_indices(self) -> tuple[int, ...]:
        """Of each channel as it is coded."""
        steps = [self.step_index] * self.channels
        for pair in self.pairs:
            steps[pair.first : pair.first + 2] = [pair.mid_step_index, pair.side_step_index]
        return tuple(steps)


def max_chunk_bytes(channels: int) -> int:
    """The longest payload that a chunk of so many channels may have."""
    return constants.MAX_CHUNK_BYTES * max(-(-channels // 2), 1)


def read_header(begun: Beginning) -> AudioHeader:
    """The header of a file that begins so. Raises CorruptFile, UnsupportedFile."""
    if begun.media != constants.MEDIA_AUDIO:
        raise UnsupportedFile(f"media type {begun.media} is not audio")
    reader = Reader(begun.fields, begun.fields_at)
    flags = reader.uint(1, "flags")
    sample_rate = reader.varint("sample rate")
    seed = reader.uint(2, "seed")
    if flags & ~constants.AUDIO_FLAGS:
        raise UnsupportedFile(f"flags {flags:#x} of the header are unknown")
    depth = flags & (constants.FLAG_24_BITS | constants.FLAG_FLOAT)
    of_channels = flags & (constants.FLAG_STEREO | constants.FLAG_MID_SIDE | constants.FLAG_LAYOUT)
    if depth == constants.FLAG_24_BITS | constants.FLAG_FLOAT or of_channels not in constants.CHANNEL_FLAGS:
        raise CorruptFile(f"flags {flags:#x} of the header contradict each other")
    channels, mask, pairs = 2 if flags & constants.FLAG_STEREO else 1, 0, list[MidSide]()
    if flags & constants.FLAG_MID_SIDE:
        pairs.append(MidSide(0, begun.step_index, _step_index(reader)))
    elif flags & constants.FLAG_LAYOUT:
        channels, mask, pairs = _read_layout(reader)
    if reader.left:
        raise CorruptFile(f"the header has {reader.left} bytes too many at offset {reader.offset}")
    if not 1 <= sample_rate <= constants.MAX_RATE:
        raise CorruptFile(f"a sample rate of {sample_rate} Hz")
    return AudioHeader(
        model=begun.model,
        digest=begun.digest,
        step_index=begun.step_index,
        sample_rate=sample_rate,
        channels=channels,
        pairs=tuple(pairs),
        bit_depth=24 if flags & constants.FLAG_24_BITS else 32 if flags & constants.FLAG_FLOAT else 16,
        seed=seed,
        channel_mask=mask,
    )


def _read_layout(reader: Reader) -> tuple[int, int, list[MidSide]]:
    """Channels, their mask, and those that are coded in pairs. Raises CorruptFile, UnsupportedFile."""
    channels = reader.uint(1, "number of channels")
    if not 2 < channels <= constants.MAX_CHANNELS:
        raise CorruptFile(f"a layout of {channels} channels, expected 3 to {constants.MAX_CHANNELS}")
    mask = reader.uint(4, "channel mask")
    channel, pairs = 0, []
    while channel < channels:
        kind = reader.uint(1, "kind of a group of channels")
        if kind not in (constants.GROUP_SINGLE, constants.GROUP_MID_SIDE):
            raise UnsupportedFile(f"a group of channels of kind {kind} at offset {reader.offset - 1} is unknown")
        if kind == constants.GROUP_MID_SIDE:
            pairs.append(MidSide(channel, _step_index(reader), _step_index(reader)))
        channel += 1 + kind
    if channel > channels:
        raise CorruptFile(f"the last of {channels} channels has no partner")
    return channels, mask, pairs


def _step_index(reader: Reader) -> int:
    step_index = reader.uint(2, "step index")
    if step_index > constants.STEP_INDEX_MAX:
        raise CorruptFile(f"step index {step_index} is above {constants.STEP_INDEX_MAX}")
    return step_index
