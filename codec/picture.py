"""A picture's way through the model: padding, colour channels, and the container around the coded latents."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from codec import coding, weights
from codec.bitstream import format
from codec.bitstream.container import Container, ImageHeader, read, write
from codec.bitstream.errors import ModelMismatch
from codec.media import Pixels
from codec.models import IMAGE

ALIGNMENT = 64  # pixels: one hyper-latent
STRIDE = 16  # pixels: one latent


@dataclass(frozen=True)
class Compressed:
    """A coded picture: the file's bytes, and the pixels (H, W, C) that a decoder will show."""

    data: bytes
    reconstruction: Pixels


def device_named(name: str) -> torch.device:
    """The device for "auto", "cpu" or "cuda". Raises ValueError where it is none of these or not there."""
    if name not in ("auto", "cpu", "cuda"):
        raise ValueError(f"device '{name}': expected auto, cpu or cuda")
    if name == "cuda" and not torch.cuda.is_available():
        raise ValueError("device 'cuda': no CUDA device is available")
    return torch.device("cuda" if name == "cuda" or (name == "auto" and torch.cuda.is_available()) else "cpu")


@contextmanager
def undisturbed(device: torch.device) -> Iterator[None]:
    """No gradients, and no autocast of the caller's: the networks run as they were exported."""
    with torch.inference_mode(), torch.autocast(device.type, enabled=False):
        yield


def encode(pixels: Pixels, quality: float, device: torch.device, reconstruct: bool = False) -> Compressed:
    """Codes pixels (H, W, C) at a quality of 0..100.

    The reconstruction costs a synthesis and is empty unless asked for.
    """
    loaded = weights.installed(IMAGE.id, device)
    with undisturbed(device):
        step_index = IMAGE.curve.step_index(quality)
        log2_step = _log2_step(step_index, device)
        h = loaded.model.analysis(padded(pixels, device), log2_step)
        coded = coding.encode(loaded.model, loaded.tables, h, log2_step)
        height, width, channels = pixels.shape
        header = ImageHeader(IMAGE.id, loaded.digest, step_index, width, height, channels)
        data = write(Container(header, {format.SECTION_LATENTS: coded.data}))
        shown = _shown(loaded, coded.y_hat, log2_step, header) if reconstruct else np.zeros((0, 0, channels), np.uint8)
        return Compressed(data, shown)


def decode(data: bytes, device: torch.device, max_pixels: int = format.MAX_PIXELS) -> Pixels:
    """Pixels (H, W, C) of a file's bytes.

    Raises: CorruptFile, LimitExceeded, UnsupportedFile, ModelMismatch.
    """
    container = read(data, max_pixels)
    header = container.header
    loaded = weights.installed(header.model, device)
    if loaded.digest != header.digest:
        raise ModelMismatch(f"the file was written with weights {header.digest.hex()}, here are {loaded.digest.hex()}")
    with undisturbed(device):
        log2_step = _log2_step(header.step_index, device)
        shape = tuple(-(-side // ALIGNMENT) * ALIGNMENT // STRIDE for side in (header.height, header.width))
        stream = container.sections[format.SECTION_LATENTS]
        y_hat = coding.decode(loaded.model, loaded.tables, stream, (shape[0], shape[1]), log2_step)
        return _shown(loaded, y_hat, log2_step, header)


def padded(pixels: Pixels, device: torch.device) -> Tensor:
    """(1, H', W', 3) float32 from pixels (H, W, 1 or 3): edges repeated up to the alignment."""
    x = torch.tensor(pixels, device=device).float().expand(-1, -1, 3)
    down, right = (-side % ALIGNMENT for side in x.shape[:2])
    planes = F.pad(x.permute(2, 0, 1)[None], (0, right, 0, down), mode="replicate")
    return planes.permute(0, 2, 3, 1).contiguous()


def _log2_step(step_index: int, device: torch.device) -> Tensor:
    """(1,) float32, as the model takes it."""
    return torch.tensor([step_index / format.STEP_UNITS], dtype=torch.float32, device=device)


def _shown(loaded: weights.Loaded, y_hat: Tensor, log2_step: Tensor, header: ImageHeader) -> Pixels:
    h_hat = y_hat / loaded.model.to_steps(log2_step)
    x_hat = loaded.model.synthesis(h_hat, log2_step)[0, : header.height, : header.width]
    if header.channels == 1:
        x_hat = x_hat.mean(2, keepdim=True)
    pixels: Pixels = x_hat.round().clamp(0, 255).to(torch.uint8).cpu().numpy()
    return pixels
