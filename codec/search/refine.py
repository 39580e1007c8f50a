"""Latents made better for one image: descent on bits and error through the very networks that will decode it.

Analysis is one function for all images; here the latents and hyper-latents of a tile are variables. Their cost is
that to be expected while rounding is open (`soft_rounding`), so the search sees what rounding does and still has a
gradient. The result is coded like any other latents, and kept only where the real bytes and the real error say so.
The metric (`distortion`) rules the descent and that choice; the last rounding, which hardly matters then, goes by
squared error whatever the metric. Decoders do not know of it.
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

from codec.image.tiles import LAYER_ENDS, PlainTile
from codec.latents import encode as latents_encode
from codec.latents.encode import Coded
from codec.model import precision
from codec.model.base import Autoencoder
from codec.model.fixed_layers import QuantMode, set_quant_mode
from codec.model.fixed_point import Floats
from codec.model.torch_engine import TorchEngine, undisturbed
from codec.model.weights import Loaded
from codec.quality import Metric
from codec.search.distortion import Measure
from codec.search.lagrangian import LAMBDA, ROUNDING_REFINED, Price, price_of_rounding
from codec.search.rdoq import Rdoq
from codec.search.soft_rounding import expected_latents

STEPS = (0, 0, 9, 18, 26, 36, 46, 60, 80, 100)  # of the descent, for each effort
LEARNING_RATE = 0.03  # in quantisation steps; falls to FINAL_SHARE of it in half a cosine
FINAL_SHARE = 0.1
BETA1, BETA2 = 0.8, 0.99  # of the descent: short memories, as there are few steps
STEEPNESS = 3.5  # of the odds between two integers
SPREAD_SHARE = 0.3  # of the spread between integers that counts as error; see docs/effort.md
MARGIN = 2  # latents beyond a tile that its pixels are judged with; those farther away hardly matter


class Scene(NamedTuple):
    """What refinement sees of a tile, as tensors.

    x: (1, H, W, 3) pixels in 0..255, sides multiples of the stride. importance: (1, H, W, 1) factor on the squared
    error of each, 0 beyond the image. around: (1, h', w', M) features of analysis, of the tile and beyond; inside:
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

    @classmethod
    def of(cls, tile: PlainTile, log2_step: Floats, engine: TorchEngine) -> Scene:
        """The scene of a tile, on the engine's device; call it outside of inference mode."""
        x, importance, around, step = map(engine.to_device, (tile.x, tile.importance, tile.around, log2_step))
        return cls(x, importance, around, tile.inside, tile.grey, step)


class Refiner:
    """Codes tiles with refined latents.

    steps: of the descent. metric: what it minimises beside bits. stepped: called after each step of any tile, maybe
    from several threads.
    """

    def __init__(self, loaded: Loaded, steps: int, metric: Metric, stepped: Callable[[], None]) -> None:
        self.loaded, self.steps, self.metric, self.stepped = loaded, steps, metric, stepped
        assert isinstance(loaded.model.engine, TorchEngine)
        self.engine = loaded.model.engine
        self.model = differentiable(self.engine.model)

    def code(
        self,
        tile: PlainTile,
        log2_step: Floats,
        weight: float | Floats,
        identity: bytes,
        certain: bool = True,
    ) -> Coded:
        """The cheaper of the tile coded plainly and refined.

        weight: of errors in rounding, one or (1, h, w, 1); certain: whether row 0 is.
        """
        with descending():
            scene = Scene.of(tile, log2_step, self.engine).near()
        with undisturbed(self.engine.device):
            return self._coded(scene, log2_step, weight, identity, certain)

    def _coded(self, scene: Scene, log2_step: Floats, weight: float | Floats, identity: bytes, certain: bool) -> Coded:
        model, tables, chosen = self.loaded.model, self.loaded.tables, Rdoq(self.loaded.tables.tables)
        rows, columns = scene.inside

        def coded(h: Tensor, price: Price, z: Tensor | None) -> Coded:
            return latents_encode.encode(
                model,
                tables,
                h.cpu().numpy(),
                log2_step,
                identity,
                chosen,
                price=price,
                weight=weight,
                z=None if z is None else z.cpu().numpy(),
                cut_after=LAYER_ENDS,
                certain=certain,
            )

        plain = coded(scene.around[:, rows, columns], price_of_rounding(self.metric), None)
        shown = self._shown(scene, plain.latents.features)
        with descending():
            measure = Measure(self.metric, scene.x, scene.importance, shown, scene.log2_step)
        h, z = refined(self.model, scene, measure, self.steps, self.stepped, certain)
        better = coded(h, ROUNDING_REFINED, z)

        def cost(found: Coded, shown: Tensor) -> float:
            return 8 * found.size + float(_bits_per_error(scene) * measure(shown))

        refined_shown = self._shown(scene, better.latents.features)
        return plain if cost(plain, shown) <= cost(better, refined_shown) else better

    def _shown(self, scene: Scene, features: Floats) -> Tensor:
        return _shown(self.engine.model, scene, self.engine.to_device(features))


def differentiable(model: Autoencoder) -> Autoencoder:
    """A twin of a frozen model that shares its weights and computes in plain floats, with gradients."""
    shared = {id(tensor): tensor for tensor in chain(model.parameters(), model.buffers())}
    twin = copy.deepcopy(model, shared)
    set_quant_mode(twin.prior, QuantMode.FLOAT)
    return twin


def refined(
    model: Autoencoder,
    scene: Scene,
    measure: Measure,
    steps: int,
    stepped: Callable[[], None],
    certain: bool = True,
) -> tuple[Tensor, Tensor]:
    """Features (1, h, w, M) and hyper-latents of a scene after so many steps of descent; model: `differentiable`."""
    rows, columns = scene.inside
    with torch.inference_mode():
        h = scene.around[:, rows, columns]
        z = model.hyper_analysis(h)
    with descending():
        to_steps = model.to_steps(scene.log2_step)
        y, z = (h * to_steps).clone().requires_grad_(), z.clone().requires_grad_()
        price = SPREAD_SHARE * LAMBDA * F.avg_pool2d(scene.importance[..., 0], scene.x.shape[1] // h.shape[1])
        variables = [Variable(y), Variable(z)]
        for step in range(steps):
            with precision.fast(scene.x.device):
                coded = expected_latents(model, y / to_steps, z, scene.log2_step, STEEPNESS, certain)
                error = _bits_per_error(scene) * measure(_shown(model, scene, coded.h_hat))
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
def descending() -> Iterator[None]:
    """Gradients, wherever the caller is."""
    with torch.inference_mode(False), torch.enable_grad():
        yield


def _bits_per_error(scene: Scene) -> Tensor:
    """(1,) bits that a squared error of a pixel is worth."""
    return LAMBDA * torch.exp2(-2 * scene.log2_step)


def _shown(model: Autoencoder, scene: Scene, h_hat: Tensor) -> Tensor:
    """(1, H, W, 3 or, of grey images, 1) what decoders show of features (1, h, w, M), not rounded."""
    rows, columns = scene.inside
    around = scene.around.clone()
    around[:, rows, columns] = h_hat
    x_hat = model.synthesis(around, scene.log2_step)
    stride = scene.x.shape[1] // h_hat.shape[1]
    top, left = rows.start * stride, columns.start * stride
    x_hat = x_hat[:, top : top + scene.x.shape[1], left : left + scene.x.shape[2]].float().clamp(0, 255)
    return x_hat.mean(3, keepdim=True) if scene.grey else x_hat
