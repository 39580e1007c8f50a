"""Time and memory of compression and decompression, warm, in this process, stage by stage, on CPU or CUDA.

Transforms and the range coder are timed alone, the coder on the passes of a real signal; what is left of the whole is
the entropy nets with rounding, checksums and container. Stages of tiled images overlap, so there the rest is small.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np

from codec.audio import decode as audio_decode
from codec.audio import encode as audio_encode
from codec.bitstream import constants
from codec.bitstream.errors import MediaError
from codec.bitstream.range_coder import Decoder, Encoder, Models, Rows, Symbols
from codec.devices import Device, device_named
from codec.eval import machine
from codec.eval.cost import median_s
from codec.eval.table import MEBI
from codec.image import decode as image_decode
from codec.image import encode as image_encode
from codec.image.tile_encoder import padded
from codec.latents import encode as latents_encode
from codec.media import AudioData, ImageData, resample
from codec.model import weights
from codec.model.config import AudioConfig
from codec.model.fixed_point import Floats
from codec.model.frozen import Frozen
from codec.model.registry import AUDIO, IMAGE, ModelRow
from codec.search.lagrangian import ROUNDING, ROUNDING_AUDIO
from codec.search.rdoq import Rdoq
from codec.workers import available_cores


@dataclass(frozen=True)
class Bench:
    """Medians over signals of each one's median, in seconds.

    medium: "images" or "clips", with their channels where these are the same; extent: of all of them, in `unit`,
    megapixels or seconds of audio; peak_memory: of the whole process, in bytes, 0 where the system does not tell;
    peak_device_bytes: of tensors on a CUDA device, else 0.
    """

    medium: str
    count: int
    extent: float
    unit: str
    quality: float
    threads: int
    device: str
    encode_s: float
    decode_s: float
    analysis_s: float
    synthesis_s: float
    range_encoder_s: float
    range_decoder_s: float
    peak_memory: int
    peak_device_bytes: int

    @property
    def nets_encode_s(self) -> float:
        """Of encoding, what is neither transform nor range coder."""
        return max(self.encode_s - self.analysis_s - self.range_encoder_s, 0.0)

    @property
    def nets_decode_s(self) -> float:
        """The same of decoding."""
        return max(self.decode_s - self.synthesis_s - self.range_decoder_s, 0.0)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "nets_encode_s": self.nets_encode_s, "nets_decode_s": self.nets_decode_s}

    def table(self) -> str:
        """For people."""
        size = self.extent / self.count
        speed = "x real time" if self.unit == "s" else f"{self.unit}/s"
        rows = (
            ("encode", self.encode_s),
            ("  transform", self.analysis_s),
            ("  entropy nets and the rest", self.nets_encode_s),
            ("  range coder", self.range_encoder_s),
            ("decode", self.decode_s),
            ("  range coder", self.range_decoder_s),
            ("  entropy nets and the rest", self.nets_decode_s),
            ("  transform", self.synthesis_s),
        )
        head = f"{_counted(self.count, self.medium)}, {size:.2f} {self.unit} each, quality {self.quality:g}, "
        head += f"{self.device}, {_counted(self.threads, 'threads')}"
        lines = [f"{name:30}{s * 1000:9.1f} ms{size / s if s else 0:9.2f} {speed}" for name, s in rows]
        if self.peak_memory:
            lines.append(f"{'peak memory':30}{self.peak_memory / MEBI:9.0f} MiB")
        if self.peak_device_bytes:
            lines.append(f"{'peak memory of the device':30}{self.peak_device_bytes / MEBI:9.0f} MiB")
        return "\n".join([head, *lines])


def _counted(count: int, things: str) -> str:
    return f"{count} {things.removesuffix('s') if count == 1 else things}"


class Recorder(Encoder):
    """An encoder that also remembers its passes."""

    def __init__(self, models: Models) -> None:
        super().__init__(models)
        self.passes: list[tuple[Rows, Symbols]] = []

    def put(self, rows: Rows, symbols: Symbols) -> None:
        """See Encoder."""
        self.passes.append((rows, symbols))
        super().put(rows, symbols)


def bench(
    sources: Sequence[ImageData] | Sequence[AudioData],
    quality: float,
    repeat: int,
    device_name: str,
    threads: int | None = None,
) -> Bench:
    """Times images, or clips; each is coded once before it is timed. Raises CodecError."""
    device = device_named(device_name, threads)
    name, peak_device_bytes = device.name, 0
    if device.engine == "torch":
        import torch

        name = torch.cuda.get_device_name(device.name)
        torch.cuda.reset_peak_memory_stats(device.name)
    rows = [[median_s(stage, repeat) for stage in _stages(x, quality, device)] for x in sources]
    if device.engine == "torch":
        peak_device_bytes = torch.cuda.max_memory_allocated(device.name)
    encode_s, decode_s, analysis_s, synthesis_s, range_encoder_s, range_decoder_s = (
        statistics.median(column) for column in zip(*rows, strict=True)
    )
    clips = isinstance(sources[0], AudioData)
    return Bench(
        medium=f"{_layout(sources)}clips" if clips else "images",
        count=len(sources),
        extent=sum(map(_extent, sources)),
        unit="s" if clips else "Mpx",
        quality=quality,
        threads=threads or available_cores(),
        device=name,
        encode_s=encode_s,
        decode_s=decode_s,
        analysis_s=analysis_s,
        synthesis_s=synthesis_s,
        range_encoder_s=range_encoder_s,
        range_decoder_s=range_decoder_s,
        peak_memory=machine.peak_memory_bytes(),
        peak_device_bytes=peak_device_bytes,
    )


def _layout(sources: Sequence[ImageData] | Sequence[AudioData]) -> str:
    """What all clips have in common of channels, to stand before their name."""
    found = {source.samples.shape[1] for source in sources if isinstance(source, AudioData)}
    if len(found) != 1:
        return ""
    channels = found.pop()
    return {1: "mono ", 2: "stereo "}.get(channels, f"{channels}-channel ")


def _extent(source: ImageData | AudioData) -> float:
    if isinstance(source, AudioData):
        return source.duration_s
    return source.pixels[..., 0].size / 1e6


def _stages(source: ImageData | AudioData, quality: float, device: Device) -> tuple[Callable[[], object], ...]:
    """Encode, decode, analysis, synthesis, range encoder, range decoder of a signal, each ready to be called."""
    encode: Callable[[], bytes]
    decode: Callable[[bytes], object]
    row: ModelRow[Any]
    if isinstance(source, AudioData):
        if not len(source.samples):
            raise MediaError("an empty audio takes no time")
        row, x = AUDIO, _as_one_piece(source)
        encode = partial(audio_encode.encode, source, quality, device)
        decode = partial(audio_decode.decode, device=device)
    else:
        row, x = IMAGE, padded(source.pixels)
        encode = partial(image_encode.encode, source, quality, device)
        decode = partial(image_decode.decode, device=device)
    loaded = weights.installed(row.id, device)
    step = row.curve.step_index(quality) / constants.STEP_UNITS
    log2_step = np.full(len(x), step, np.float32)
    h = loaded.model.analysis(x, log2_step)
    recorder = Recorder(loaded.tables)
    price = ROUNDING if row.id == IMAGE.id else ROUNDING_AUDIO
    latents_encode.symbols(loaded.model, recorder, h, log2_step, Rdoq(loaded.tables.tables), price=price)
    return (
        encode,
        partial(decode, encode()),
        partial(loaded.model.analysis, x, log2_step),
        partial(_synthesised, loaded.model, h, log2_step),
        partial(_put_all, loaded.tables, recorder.passes),
        partial(_take_all, loaded.tables, recorder.passes, recorder.bytes()),
    )


def _as_one_piece(source: AudioData) -> Floats:
    """(channels, 1, samples) at 48 kHz, as many as fill whole latents."""
    samples = resample(source.samples, source.sample_rate, constants.SAMPLE_RATE)
    latent = constants.HOP * constants.FRAMES
    whole = -(-len(samples) // latent) * latent + constants.HOP
    padding = ((constants.HOP, whole - constants.HOP - len(samples)), (0, 0))
    return np.ascontiguousarray(np.pad(samples, padding).T)[:, None]


def _synthesised(model: Frozen, h: Floats, log2_step: Floats) -> Floats:
    if not isinstance(model.config, AudioConfig):
        return model.synthesis(h, log2_step)
    frames, hop = h.shape[2] * model.config.merged, model.config.hop
    h = np.concatenate([h] * (1 + model.config.sees_symbols), 3)
    return model.synthesis(h, log2_step, np.zeros((len(h), h.shape[1], frames, hop), np.float32))


def _put_all(tables: Models, passes: list[tuple[Rows, Symbols]]) -> bytes:
    encoder = Encoder(tables)
    for rows, symbols in passes:
        encoder.put(rows, symbols)
    return encoder.bytes()


def _take_all(tables: Models, passes: list[tuple[Rows, Symbols]], data: bytes) -> None:
    decoder = Decoder(tables, data)
    for rows, _ in passes:
        decoder.take(rows)
