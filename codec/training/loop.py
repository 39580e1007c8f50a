"""The training loop: one for CPU and CUDA, resumable to the bit.

A run is a folder: checkpoint.pt, log.jsonl, curve.png. Crops and noise are functions of the seed and the step, so a
resumed run takes the very steps that an uninterrupted one would. The learning rate warms up, stays, and falls over the
last `decay_steps`; a checkpoint from the flat part can therefore both go on and be decayed into a model to ship.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from itertools import cycle
from operator import le
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from codec.bitstream.errors import CodecError, ModelMismatch
from codec.model import precision, torch_weights, weights_file
from codec.model.base import Autoencoder
from codec.model.fixed_layers import QuantMode, set_quant_mode
from codec.model.registry import MODELS
from codec.training import checkpoint, units
from codec.training.curve import draw
from codec.training.graphed import Graphed, compile_blocks, uncompiled
from codec.training.loss import Objective, balanced
from codec.training.relaxation import Pass, TensorRdoq, relaxed_pass, rounded_pass
from codec.training.tables import assumed
from codec.training.task import Task
from codec.training.team import Team, stop_requests

CHECKPOINT_SECONDS = 600
LOG_STEPS = 50
REINITIALISATION_SIGNALS, REINITIALISATION_STEPS = 24, 4  # what a unit that never opens on is dead
ALONE = Team()


@dataclass(frozen=True)
class Plan:
    """What a run does, with the model of a name in the registry.

    crop: length of a side of training signals, pixels or latents. Learning rates are for AdamW; the linear path takes
    `linear_share` of it.
    """

    steps: int
    decay_steps: int
    batch: int = 4
    crop: int = 256
    model: str = "image"
    learning_rate: float = 2.8e-3
    linear_share: float = 0.1
    warmup_steps: int = 100
    final_share: float = 0.02
    clip_norm: float = 3.0
    ema: float = 0.999
    seed: int = 0
    snapped: bool = False  # entropy nets with rounded weights and values, the last stage before export
    objective: Objective = "eyes"  # of images
    rounded: bool = False  # latents as encoders round them; the encoder stays as it is

    def rate_at(self, step: int) -> float:
        """Share of the learning rate at a step: warm-up, flat, then half a cosine."""
        start = self.steps - self.decay_steps
        done = min(max((step - start) / max(self.decay_steps, 1), 0.0), 1.0)
        decay = self.final_share + (1 - self.final_share) * 0.5 * (1 + math.cos(math.pi * done))
        return min(1.0, (step + 1) / self.warmup_steps) * decay


class Trainer:
    """A model in training for a task, its average, optimiser and place in the plan.

    earlier: the stages that made the weights it started from, as `checkpoint.stage_of` tells them.
    """

    def __init__(self, model: Autoencoder, plan: Plan, device: torch.device, task: Task, team: Team = ALONE) -> None:
        self.model = model.to(device)
        self.plan, self.device, self.task = plan, device, task
        self.team, self.step, self.core_seconds = team, 0, 0.0
        self.earlier: list[dict[str, Any]] = []
        self.rounding = TensorRdoq(assumed(), task.rounding, device) if plan.rounded else None
        self.average = {name: p.detach().clone() for name, p in self.model.named_parameters()}
        linear = {id(p) for p in model.linear_parameters()}
        named = list(self.model.named_parameters())
        self.optimizer = torch.optim.AdamW(
            [
                {"params": [p for _, p in named if id(p) not in linear], "share": 1.0},
                {"params": [p for _, p in named if id(p) in linear], "share": plan.linear_share},
            ],
            lr=plan.learning_rate,
            betas=(0.9, 0.98),
            weight_decay=0.0,
            fused=True,
        )
        if plan.snapped:
            set_quant_mode(self.model.prior, QuantMode.FAKE_QUANTISED)
        if self.device.type == "cuda":
            compile_blocks(self.model)

    def coded(self, x: Tensor, log2_step: Tensor, hard: bool = False) -> Pass:
        """A pass in the plan's precision."""
        with precision.fast(self.device):
            if self.rounding:
                return rounded_pass(self.model, x, log2_step, self.rounding)
            return relaxed_pass(self.model, x, log2_step, hard)

    def train_step(self) -> dict[str, Tensor]:
        """One step on the next batch at random qualities; returns what the log wants, scalars."""
        x, log2_step = self._signals()
        torch.manual_seed((self.plan.seed * 1_000_003 + self.step) * self.team.size + self.team.rank)
        figures = {name: value.clone() for name, value in self._gradients_of(x, log2_step).items()}
        self.team.mean_([p.grad for p in self.model.parameters() if p.grad is not None])
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), self.plan.clip_norm)
        for group in self.optimizer.param_groups:
            group["lr"] = self.plan.learning_rate * group["share"] * self.plan.rate_at(self.step)
        # the fused optimiser skips the step where this is 1: nobody waits to read the norm, as in torch's GradScaler
        self.optimizer.found_inf = (~norm.isfinite()).float()  # type: ignore[attr-defined]
        self.optimizer.step()
        self.step += 1
        with torch.no_grad():
            keep = min(self.plan.ema, self.step / (self.step + 9))
            torch._foreach_lerp_(list(self.average.values()), list(self.model.parameters()), 1 - keep)
        return figures | {"norm": norm}

    def _signals(self) -> tuple[Tensor, Tensor]:
        """This process's share of the batch of a step, and log2 of nominal steps, (B,)."""
        x = self.task.batch(self.step, self.plan.batch).to(self.device)
        torch.manual_seed(self.plan.seed * 1_000_003 + self.step)
        # one step size from each of B equal ranges: less noise than B free draws
        finest, coarsest = self.task.row.curve.range
        range_of = torch.arange(len(x), dtype=torch.float32, device="cpu")
        place = torch.rand(len(x), dtype=torch.float32, device="cpu")
        share = (range_of + place)[torch.randperm(len(x), dtype=torch.int64, device="cpu")] / len(x)
        log2_step = (finest + (coarsest - finest) * share).to(x.device)
        return self.team.share(x), self.team.share(log2_step)

    @cached_property
    def _gradients_of(self) -> Callable[[Tensor, Tensor], dict[str, Tensor]]:
        """`_gradients`, on CUDA as a graph: but a snapped prior waits for the device to round its weights."""
        if self.device.type == "cuda" and not self.plan.snapped:
            return Graphed(self._gradients, *self._signals())
        return self._gradients

    def _gradients(self, x: Tensor, log2_step: Tensor) -> dict[str, Tensor]:
        """Leaves the gradients of signals coded at nominal steps (B,) in the parameters; returns figures, scalars."""
        self.optimizer.zero_grad(set_to_none=True)
        judged = self.task.judged(x, self.coded(x, log2_step), log2_step)
        loss = balanced(judged.costs, self.task.softening)
        loss.backward()  # type: ignore[no-untyped-call]
        return {"loss": loss.detach()} | {name: values.mean() for name, values in judged.figures.items()}

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """The averaged model over fixed signals and qualities, rounded latents: mean root cost, lower is better, and
        the share of units that live.
        """
        held = {name: p.detach().clone() for name, p in self.model.named_parameters()}
        self._load(self.average)
        costs = []
        with uncompiled(self.device), units.watched(self.model) as seen:
            for x, step in zip(self.task.validation, cycle(self.task.validation_steps), strict=False):
                x = x.to(self.device)
                log2_step = torch.tensor([step], dtype=torch.float32, device=self.device)
                judged = self.task.judged(x, self.coded(x, log2_step, hard=True), log2_step)
                costs.append(float(judged.costs.sqrt()))
        self._load(held)
        return {"validation": sum(costs) / max(len(costs), 1), "active": units.active_share(seen)}

    @torch.no_grad()
    def _load(self, values: dict[str, Tensor]) -> None:
        for name, p in self.model.named_parameters():
            p.copy_(values[name])

    def save(self, path: Path) -> None:
        """Writes everything that a resumed run needs."""
        checkpoint.save(
            path,
            {
                "model": self.model.state_dict(),
                "average": self.average,
                "optimizer": self.optimizer.state_dict(),
                "step": self.step,
                "core_seconds": self.core_seconds,
                "plan": asdict(self.plan),
                "earlier": self.earlier,
            },
        )

    def resume(self, path: Path) -> None:
        """Goes on from a checkpoint of the same model and stage. Raises ModelMismatch."""
        saved = checkpoint.load(path, self.device)
        for stage in ("rounded", "snapped"):
            if saved["plan"].get(stage, False) != getattr(self.plan, stage):
                raise ModelMismatch(
                    f"{path} is of a run {'with' if saved['plan'].get(stage) else 'without'} --{stage}; "
                    "each stage has a folder of its own, and starts from the checkpoint of the one before"
                )
        try:
            self.model.load_state_dict(saved["model"])
            self.average = {name: saved["average"][name] for name in self.average}
            self.optimizer.load_state_dict(saved["optimizer"])
        except (RuntimeError, KeyError, ValueError) as error:
            raise ModelMismatch(f"{path} is a checkpoint of another model") from error
        self.step, self.core_seconds, self.earlier = saved["step"], saved["core_seconds"], saved["earlier"]


def begin(
    task: Task,
    plan: Plan,
    device: torch.device,
    folder: Path,
    start_from: Path | None = None,
    team: Team = ALONE,
) -> Trainer:
    """A trainer at the folder's checkpoint, or a new one from given weights or from the classical transform."""
    torch.manual_seed(plan.seed)
    model = task.fresh()
    resumed = folder / checkpoint.NAME
    earlier = []
    if start_from is not None and not resumed.exists():
        earlier = load_trained(model, start_from)
        if not (plan.rounded or plan.snapped):  # last stages end before a new unit is of use
            units.reinitialise(model.to(device), partial(_take_through, model, task, device))
    trainer = Trainer(model, plan, device, task, team)
    trainer.earlier = earlier
    if resumed.exists():
        trainer.resume(resumed)
    return trainer


def _take_through(model: Autoencoder, task: Task, device: torch.device) -> None:
    """Some training signals, each at the whole range of steps."""
    log2_step = torch.linspace(*task.row.curve.range, REINITIALISATION_STEPS, dtype=torch.float32, device=device)
    with precision.fast(device):
        for x in task.batch(0, REINITIALISATION_SIGNALS).to(device):
            relaxed_pass(model, x.expand(REINITIALISATION_STEPS, *x.shape), log2_step, hard=True)


def load_trained(model: Autoencoder, path: Path) -> list[dict[str, Any]]:
    """Fills a model with the averaged weights of a checkpoint (.pt) or with exported ones, ready to train on.

    Returns the stages that made them, as `checkpoint.stage_of` tells them.

    A checkpoint may be that of another architecture: what has the same name, and no more of anything, is taken; what
    there is more of here keeps its start.
    Raises ModelMismatch.
    """
    row = next(row for row in MODELS.values() if row.model is type(model))
    name = row.name
    try:
        if path.suffix == ".pt":
            saved = checkpoint.load(path, torch.device("cpu"))
            if saved["plan"].get("model", name) != name:
                raise ModelMismatch(f"{path} is a checkpoint of the {saved['plan']['model']} model, not of {name}")
            own = model.state_dict()
            fitting = {
                name: value
                for name, value in (saved["model"] | saved["average"]).items()
                if name in own and value.ndim == own[name].ndim and all(map(le, value.shape, own[name].shape))
            }
            if not fitting:
                raise ModelMismatch(f"nothing in {path} fits this model")
            for name, value in fitting.items():
                own[name][tuple(map(slice, value.shape))] = value
            return [*saved["earlier"], checkpoint.stage_of(saved)]
        torch_weights.unpack(model, weights_file.arrays_of(path), row)
        record = weights_file.describe(path).record
    except (OSError, RuntimeError, KeyError, ValueError) as error:
        raise ModelMismatch(f"{path} does not hold weights of this model: {error}") from error
    model.train().requires_grad_(True)
    model.gain.exact = False
    set_quant_mode(model.prior, QuantMode.FLOAT)
    return [*record.pop("earlier", []), record]


def load_averaged(model: Autoencoder, saved: dict[str, Any]) -> None:
    """Fills a model with the averaged weights of a checkpoint. Raises ModelMismatch."""
    try:
        model.load_state_dict(saved["model"] | saved["average"])
    except RuntimeError as error:
        raise ModelMismatch("the checkpoint is one of another model") from error


def train(
    trainer: Trainer, folder: Path, report: Callable[[dict[str, float]], None], minutes: float | None = None
) -> None:
    """Runs the plan to its end, or for so many minutes. Writes folder/log.jsonl each 50 steps, checkpoint.pt and
    curve.png each 10 minutes and at the end.

    Raises KeyboardInterrupt, the checkpoint written, when asked to stop; CodecError where the loss is no number.
    """
    plan, team, saved_at = trainer.plan, trainer.team, time.monotonic()
    log = folder / "log.jsonl"
    cores = team.size * (torch.get_num_threads() if trainer.device.type == "cpu" else 1)
    end, row_at = math.inf if minutes is None else saved_at + 60 * minutes, saved_at
    recent: list[dict[str, Tensor]] = []
    with stop_requests() as requests:
        while trainer.step < plan.steps:
            began = time.perf_counter()
            recent.append(trainer.train_step())
            trainer.core_seconds += (time.perf_counter() - began) * cores
            stop = torch.tensor(
                [float(bool(requests)), float(time.monotonic() > end)], dtype=torch.float32, device="cpu"
            )
            team.mean_([stop])  # all processes leave at the same step
            asked, timed_out = map(bool, stop)
            ending = trainer.step == plan.steps or asked or timed_out
            if trainer.step % LOG_STEPS and not ending:
                continue
            if team.rank == 0:
                row = {key: float(torch.stack([r[key] for r in recent]).mean()) for key in recent[0]}
                if not math.isfinite(row["loss"]):
                    raise CodecError(f"the loss is no number at step {trainer.step}: a lower learning rate may help")
                row |= {"step": trainer.step, "core_seconds": trainer.core_seconds}
                row["signals_per_s"] = len(recent) * plan.batch / (time.monotonic() - row_at)
                row["rate"] = plan.rate_at(trainer.step - 1)
                if ending or time.monotonic() - saved_at > CHECKPOINT_SECONDS:
                    row |= trainer.validate()
                    trainer.save(folder / checkpoint.NAME)
                    saved_at = time.monotonic()
                with log.open("a") as lines:
                    lines.write(json.dumps({k: round(v, 5) for k, v in row.items()}) + "\n")
                if "validation" in row:
                    draw(log, folder / "curve.png")
                report(row)
            recent, row_at = [], time.monotonic()
            if asked:
                raise KeyboardInterrupt
            if timed_out:
                return
