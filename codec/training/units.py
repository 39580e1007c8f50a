"""Active units: a rectifier that never opens computes nothing, and nothing teaches it to.

At high learning rates and with small batches most units of a network may die so without a sign in the loss. The log
counts them, and a run that starts from trained weights reinitialises dead ones, as Sokar 2023 does ("The dormant
neuron phenomenon in deep reinforcement learning").
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from codec.model.base import Autoencoder
from codec.model.blocks import ResidualBlock
from codec.model.prior import Pointwise

LEAST_SPREAD = 0.2  # of an input, as a share of the median of all: what hardly moves shall not outweigh the rest


@dataclass
class Seen:
    """Of a layer in front of a rectifier. opened: (units,) bool; power: (inputs,) mean squares of its inputs."""

    opened: Tensor
    power: Tensor
    passes: int = 1


@contextmanager
def watched(model: Autoencoder) -> Iterator[dict[str, Seen]]:
    """For each layer in front of a rectifier, by name: what it saw and did in the passes inside."""
    seen: dict[str, Seen] = {}
    handles = []
    for name, layer in _rectified(model):

        def look(_: nn.Module, inputs: tuple[Tensor], out: Tensor, name: str = name) -> None:
            opened = (out.detach() > 0).flatten(0, -2).any(0)
            power = inputs[0].detach().float().flatten(0, -2).square().mean(0)
            if name in seen:
                before = seen[name]
                seen[name] = Seen(before.opened | opened, before.power + power, before.passes + 1)
            else:
                seen[name] = Seen(opened, power)

        handles.append(layer.register_forward_hook(look))
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


def active_share(seen: dict[str, Seen]) -> float:
    """Share of all units that have opened."""
    active = sum(int(layer.opened.sum()) for layer in seen.values())
    return active / max(sum(len(layer.opened) for layer in seen.values()), 1)


@torch.no_grad()
def reinitialise(model: Autoencoder, passes: Callable[[], object]) -> int:
    """Reinitialises dead units, their outgoing weights zero: the model computes what it did. Returns how many.

    passes: takes signals of all kinds through the model. Units of the nets around hyper-latents are left alone: what
    these learn anew moves all that hyper-latents say, and cost more than it brought.
    """
    with watched(model) as seen:
        passes()
    reinitialised = 0
    for name, block in model.named_modules():
        if not isinstance(block, ResidualBlock | Pointwise):
            continue
        layer = seen[f"{name}.widen"]
        dead = ~layer.opened
        spread = (layer.power / layer.passes).sqrt()
        spread = spread.maximum(LEAST_SPREAD * spread.median()).clamp_min(1e-6)
        weight = block.widen.weight
        fresh = torch.empty_like(weight).uniform_(-1, 1) / (math.sqrt(weight.shape[1]) * spread)
        weight.copy_(torch.where(dead[:, None], fresh, weight))
        block.widen.bias.masked_fill_(dead, 0)
        block.narrow.weight.masked_fill_(dead, 0)
        reinitialised += int(dead.sum())
    return reinitialised


def _rectified(model: Autoencoder) -> Iterator[tuple[str, nn.Module]]:
    for name, module in model.named_modules():
        if isinstance(module, ResidualBlock | Pointwise):
            yield f"{name}.widen", module.widen
    yield "prior.grow1", model.prior.grow1
    *hidden, _ = (child for child in model.h_a.named_children() if isinstance(child[1], nn.Linear))
    for name, layer in hidden:
        yield f"h_a.{name}", layer
