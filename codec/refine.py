"""Latents made better for one picture: descent on bits and error through the very networks that will decode it.

Analysis is one function for all pictures; here the latents and hyper-latents of a tile are variables. Their cost is
that to be expected while rounding is open (`undecided`), so the search sees what rounding does and still has a
gradient. The result is coded like any other latents, and kept only where the real bytes and the real error say so.
Decoders do not know of it.
Sources: Campos 2019 (latents as variables); Yang 2020, "Improving inference for neural image compression".
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from codec import coding, rounding
from codec.autoencoder import Autoencoder
from codec.coding import Coded
from codec.fixed import Mood, set_mood
from codec.relaxed import BITS_PER_ERROR
from codec.tiles import LAYER_ENDS
from codec.undecided import expected_latents
from codec.weights import Loaded

STEPS = (0, 0, 9, 18, 26, 36, 50, 70, 100, 140)  # of the descent, for each effort
LEARNING_RATE = 0.03  # in quantisation steps; falls to FINAL_SHARE of it in half a cosine
FINAL_SHARE = 0.1
BETA1, BETA2 = 0.8, 0.99  # of the descent: short memories, as there are few steps
STEEPNESS = 3.5  # of the odds between two integers
SPREAD_SHARE = 0.3  # of the spread between integers that counts as error; see docs/effort.md
MARGIN = 2  # latents beyond a tile that its pixels are judged with; those farther away hardly matter


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
    rows, columns = scene.inside
    with torch.inference_mode():
        h = scene.around[:, rows, columns]
        z = model.hyper_analysis(h)
    with descending(device):
        x, importance, around = (part.clone() for part in (scene.x, scene.importance, scene.around))
        scene = scene._replace(x=x, importance=importance, around=around, log2_step=scene.log2_step.clone())
        to_steps = model.to_steps(scene.log2_step)
        y, z = (h * to_steps).clone().requires_grad_(), z.clone().requires_grad_()
        price = SPREAD_SHARE * BITS_PER_ERROR * F.avg_pool2d(importance[..., 0], x.shape[1] // h.shape[1])
        variables = [Variable(y), Variable(z)]
        for step in range(steps):
            with torch.autocast(device.type, dtype=torch.bfloat16):
                coded = expected_latents(model, y / to_steps, z, scene.log2_step, STEEPNESS)
                error = _error_in_bits(model, scene, coded.h_hat)
            (coded.bits + error + (price * coded.spread).sum((1, 2))).sum().backward()  # type: ignore[no-untyped-call]
            rate = LEARNING_RATE * (FINAL_SHARE + (1 - FINAL_SHARE) * 0.5 * (1 + math.cos(math.pi * step / steps)))
            for variable in variables:
                variable.descend(rate)
            stepped()
        return (y / to_steps).detach(), z.detach()


class Variable:
    """A tensor (1, h, w, C) on its way down: Adam, but for second moments that all positions of a channel share.

    Those of single latents would give latents that hardly matter steps as long as those of any other.
    """

    def __init__(self, x: Tensor) -> None:
        self.x, self.taken = x, 0
        self.first, self.second = torch.zeros_like(x), x.new_zeros(x.shape[3])

    @torch.no_grad()
    def descend(self, rate: float) -> None:
        """One step of about `rate` against the gradient, which is forgotten."""
        gradient, self.x.grad = self.x.grad, None
        assert gradient is not None
        self.taken += 1
        self.first.lerp_(gradient, 1 - BETA1)
        self.second.lerp_(gradient.square().mean((0, 1, 2)), 1 - BETA2)
        second = (self.second / (1 - BETA2**self.taken)).sqrt() + 1e-8
        self.x.sub_(self.first / second, alpha=rate / (1 - BETA1**self.taken))


@contextmanager
def descending(device: torch.device) -> Iterator[None]:
    """Gradients, wherever the caller is."""
    with torch.inference_mode(False), torch.enable_grad():
        yield


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
