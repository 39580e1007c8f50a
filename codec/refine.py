"""Latents made better for one picture: descent on bits and error through the very networks that will decode it.

Analysis is one function for all pictures; here the latents and hyper-latents of a tile are variables. Each step draws
soft integers between the two neighbours of a value, the nearer the likelier, and the draws harden as the temperature
falls; so the search sees what rounding does and still has a gradient. The result is coded like any other latents, and
kept only where the real bytes and the real error say so. Decoders do not know of it.
Sources: Campos 2019 (latents as variables), Yang 2020, "Improving inference for neural image compression" (annealing).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from typing import NamedTuple

import torch
from torch import Tensor

from codec import coding, rounding
from codec.autoencoder import Autoencoder
from codec.coding import Coded
from codec.fixed import Mood, set_mood
from codec.prior import rows_of
from codec.relaxed import BITS_PER_ERROR, relaxed_latents
from codec.tiles import LAYER_ENDS
from codec.weights import Loaded

STEPS = (0, 0, 24, 48, 64, 84, 125, 180, 240, 320)  # of the descent, for each effort
LEARNING_RATE = 0.02  # of latents, in quantisation steps; falls to FINAL_SHARE of it in half a cosine
LEARNING_RATE_Z = 0.01
FINAL_SHARE = 0.1
BETAS = (0.8, 0.99)  # of Adam: short memories, as there are few steps
HOT, COLD = 0.5, 0.1  # temperatures of the first and the last step
EDGE = 1e-5  # keeps a value this far from either integer, where the odds would be infinite
MARGIN = 2  # latents beyond a tile that its pixels are judged with; those farther away hardly matter
SEED = 1


class Scene(NamedTuple):
    """What refinement sees of a tile.

    x: (1, H, W, 3) pixels in 0..255, sides multiples of the stride. importance: (1, H, W, 1) factor on the squared
    error of each, 0 beyond the picture. around: (1, h', w', M) features of analysis, of the tile and beyond; inside:
    rows and columns of the tile in them. grey: whether decoders show the mean of the colours.
    """

    x: Tensor
    importance: Tensor
    around: Tensor
    inside: tuple[slice, slice]
    grey: bool
    log2_step: Tensor

    def near(self) -> Scene:
        """With no more of the surroundings than MARGIN latents."""
        rows, columns = self.inside
        top, left = max(rows.start - MARGIN, 0), max(columns.start - MARGIN, 0)
        around = self.around[:, top : rows.stop + MARGIN, left : columns.stop + MARGIN]
        inside = slice(rows.start - top, rows.stop - top), slice(columns.start - left, columns.stop - left)
        return self._replace(around=around, inside=inside)


class Refiner:
    """Codes tiles with refined latents.

    steps: of the descent. stepped: called after each step of any tile, maybe from several threads.
    """

    def __init__(self, loaded: Loaded, steps: int, stepped: Callable[[], None]) -> None:
        self.loaded, self.steps, self.stepped = loaded, steps, stepped
        self.model = differentiable(loaded.model)

    def code(self, scene: Scene, weight: float | Tensor, identity: bytes) -> Coded:
        """The cheaper of the tile coded plainly and refined; weight: of errors in rounding, one or (1, h, w, 1)."""
        scene = scene.near()
        model, tables, chosen = self.loaded.model, self.loaded.tables, self.loaded.rounding
        rows, columns = scene.inside
        h, z = refined(self.model, scene, self.steps, self.stepped)

        def coded(h: Tensor, price: float, z: Tensor | None) -> Coded:
            return coding.encode(
                model, tables, h, scene.log2_step, identity, chosen, price=price * weight, z=z, cut_after=LAYER_ENDS
            )

        plain = coded(scene.around[:, rows, columns], rounding.BITS_PER_ERROR, None)
        better = coded(h, rounding.BITS_PER_ERROR_REFINED, z)
        return min((plain, better), key=lambda found: self.cost(scene, found))

    def cost(self, scene: Scene, coded: Coded) -> float:
        """Bits of a coded tile, and its error at the price of bits."""
        error = _error_in_bits(self.loaded.model, scene, coded.latents.features)
        return 8 * sum(map(len, coded.parts)) + float(error)


def differentiable(model: Autoencoder) -> Autoencoder:
    """A twin of a frozen model that shares its weights and computes in plain floats, with gradients."""
    shared = {id(tensor): tensor for tensor in chain(model.parameters(), model.buffers())}
    twin = copy.deepcopy(model, shared)
    twin.prior.exact = False
    set_mood(twin.prior, Mood.FREE)
    return twin


def refined(model: Autoencoder, scene: Scene, steps: int, stepped: Callable[[], None]) -> tuple[Tensor, Tensor]:
    """Features (1, h, w, M) and hyper-latents of a scene after so many steps of descent; model: `differentiable`."""
    device = scene.x.device
    generator = torch.Generator(device).manual_seed(SEED)  # the same file each time
    rows, columns = scene.inside
    with torch.inference_mode():
        h = scene.around[:, rows, columns]
        z = model.hyper_analysis(h)
        codable = rows_of(model.prior.z_log2_scale(model.gain.told(scene.log2_step)))[:, None, None] > 0
    with descending(device):
        x, importance, around = (part.clone() for part in (scene.x, scene.importance, scene.around))
        scene = scene._replace(x=x, importance=importance, around=around, log2_step=scene.log2_step.clone())
        to_steps, codable = model.to_steps(scene.log2_step), codable.clone()
        y, z = (h * to_steps).clone().requires_grad_(), z.clone().requires_grad_()
        adam = torch.optim.Adam(
            [{"params": [y], "peak": LEARNING_RATE}, {"params": [z], "peak": LEARNING_RATE_Z}], betas=BETAS
        )
        for step in range(steps):
            done = step / steps
            for group in adam.param_groups:
                share = FINAL_SHARE + (1 - FINAL_SHARE) * 0.5 * (1 + math.cos(math.pi * done))
                group["lr"] = group["peak"] * share
            integers = soft_integers(HOT * (COLD / HOT) ** done, generator)
            with torch.autocast(device.type, dtype=torch.bfloat16):
                coded = relaxed_latents(model, y / to_steps, z * codable, scene.log2_step, integers)
                error = _error_in_bits(model, scene, coded.h_hat)
            adam.zero_grad()
            (coded.y_bits + coded.z_bits + error).sum().backward()  # type: ignore[no-untyped-call]
            adam.step()
            stepped()
        return (y / to_steps).detach(), (z * codable).detach()


@contextmanager
def descending(device: torch.device) -> Iterator[None]:
    """Gradients, wherever the caller is."""
    with torch.inference_mode(False), torch.enable_grad():
        yield


def soft_integers(temperature: float, generator: torch.Generator) -> Callable[[Tensor], Tensor]:
    """A differentiable draw between the two integers around each value.

    Odds are exp(-atanh(distance) / temperature), the draw a Gumbel-softmax at the same temperature; of two outcomes,
    that is a sigmoid of logistic noise.
    """

    def draw(x: Tensor) -> Tensor:
        below = x.detach().floor()
        fraction = (x - below).clamp(EDGE, 1 - EDGE)
        uniform = torch.rand(x.shape, generator=generator, device=x.device, dtype=torch.float32)
        noise = torch.logit(uniform, EDGE)
        log_odds = (torch.atanh(fraction) - torch.atanh(1 - fraction)) / temperature
        return below + torch.sigmoid((log_odds + noise) / temperature)

    return draw


def _error_in_bits(model: Autoencoder, scene: Scene, h_hat: Tensor) -> Tensor:
    """(1,) squared error of decoded features (1, h, w, M), weighted, in bits."""
    rows, columns = scene.inside
    around = scene.around.clone()
    around[:, rows, columns] = h_hat
    x_hat = model.synthesis(around, scene.log2_step)
    stride = scene.x.shape[1] // h_hat.shape[1]
    top, left = rows.start * stride, columns.start * stride
    x_hat = x_hat[:, top : top + scene.x.shape[1], left : left + scene.x.shape[2]].float().clamp(0, 255)
    if scene.grey:
        x_hat = x_hat.mean(3, keepdim=True)
    error = (scene.importance * (x_hat - scene.x) ** 2).sum((1, 2, 3))
    return BITS_PER_ERROR * torch.exp2(-2 * scene.log2_step) * error
