"""Several seeds of one program as one batched model: trained and tested together, at about the price of one.

A step of a cortical model is thousands of small kernels, and a GPU waits for each to be launched. Here S models that
differ only in their seed are one model whose parameters have a leading axis S (``torch.func.vmap``). On a CUDA device
the whole step (indexing and augmentation of the images, forward, backward, clipping, AdamW, learning rate) is captured
once as a CUDA graph and replayed. The GPU never waits for the CPU inside an epoch, so stacks of several programs can
share a device: ``Stack.advance`` only queues work on the stack's own stream.

Each seed has its own weights, order, augmentation, clipping and totals, the same as in ``training``, and writes the
same run folder.

Axes: S seeds, B images of a batch, P parameters of a model.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

from cortexc.compiler.artifact import Program

from . import run as runs
from .data.augmentation import Moves, draw_moves, moved
from .manifest import Recipe, RunError
from .model import CorticalTransformer, build
from .optim import adamw, is_decayed, warmup_cosine
from .run import Run
from .training import SAVE_EVERY_S, Observer, Progress
from .weights import seeded

WARM_UP = 1
"""Steps run before a graph is captured, so that libraries choose their kernels; their effect is undone."""


class StackedModel:
    """S models of one program with a leading axis on every parameter."""

    def __init__(self, program: Program, seeds: Sequence[int], device: torch.device) -> None:
        """Initialise one model per seed."""
        self.models = [build(program, seed=seed) for seed in seeds]
        self.body = build(program, seed=seeds[0]).to(device).train()  # the computation; its weights are not used
        names = _state_names(self.body)
        decayed = [name for name in names if is_decayed(name)]
        self.names = (decayed, [name for name in names if not is_decayed(name)])
        shapes = {name: parameter.shape for name, parameter in self.body.weights.parameters_by_name().items()}
        self.flats = tuple(
            nn.Parameter(torch.zeros(len(seeds), sum(shapes[n].numel() for n in group), device=device))
            for group in self.names
        )  # (S, P): first those that decay, then the rest
        self.views: dict[str, Tensor] = {}  # (S, ...), views of the flat tensors, by name in the artifact
        for group, flat in zip(self.names, self.flats, strict=True):
            sizes = [shapes[name].numel() for name in group]
            for name, piece in zip(group, torch.split(flat.detach(), sizes, dim=1), strict=True):
                self.views[name] = piece.view(len(seeds), *shapes[name])
        self.module_names = names
        for index, model in enumerate(self.models):
            self.set_model(index, model)

    def set_model(self, index: int, model: CorticalTransformer) -> None:
        """Copy the weights of a model into row ``index`` of the stack."""
        for name, parameter in model.weights.parameters_by_name().items():
            self.views[name][index].copy_(parameter.detach())

    def get_model(self, index: int) -> CorticalTransformer:
        """Return the model of one seed, on the CPU, with its current weights."""
        model = self.models[index]
        with torch.no_grad():
            for name, parameter in model.weights.parameters_by_name().items():
                parameter.copy_(self.views[name][index])
        return model

    def call(self, weights: dict[str, Tensor], images: Tensor) -> Tensor:
        """Return the logits of one model with the given weights, by their names in the artifact."""
        return functional_call(self.body, {self.module_names[name]: w for name, w in weights.items()}, (images,))  # type: ignore[no-any-return]

    @torch.no_grad()
    def logits(self, images: Tensor) -> Tensor:
        """Return logits (S, B, classes), float32, of images (B, C, H, W) uint8 on the device."""
        return vmap(self.call, in_dims=(0, None))(self.views, images.float() / 255).float()


@dataclass(frozen=True)
class EpochPlan:
    """Order and augmentation of the images in one epoch, on the CPU; the last batch is padded with image 0."""

    order: Tensor
    """(S, steps, B), indices of images."""
    shift: Tensor
    """(S, steps, 2, B), of the crop [pixels]."""
    mirror: Tensor
    """(S, steps, B), whether the image is mirrored left to right."""


def epoch_plan(recipes: Sequence[Recipe], images: int, epoch: int, *, pin: bool = False) -> EpochPlan:
    """Return the plan of an epoch: the order and augmentation that each recipe gives when trained on its own."""
    size = recipes[0].batch_size
    steps = math.ceil(images / size)
    order = torch.zeros(len(recipes), steps * size, dtype=torch.int64)
    shift = torch.zeros(len(recipes), steps, 2, size, dtype=torch.int64)
    mirror = torch.zeros(len(recipes), steps, size, dtype=torch.bool)
    for s, recipe in enumerate(recipes):
        order[s, :images] = torch.randperm(images, generator=seeded(recipe.seed, epoch))
        for step in range(steps):
            batch = min(size, images - step * size)
            moves = draw_moves(batch, padding=recipe.padding, generator=seeded(recipe.seed, epoch, step))
            shift[s, step, :, :batch], mirror[s, step, :batch] = moves
    found = (order.view(len(recipes), steps, size), shift, mirror)
    return EpochPlan(*(t.pin_memory() for t in found)) if pin else EpochPlan(*found)


class Stack:
    """The training of S runs that differ only in their seed."""

    def __init__(
        self,
        made: Sequence[Run],
        program: Program,
        recipes: Sequence[Recipe],
        images: Tensor,
        labels: Tensor,
        *,
        observe: Observer | None = None,
    ) -> None:
        """Take created runs, and the training images (N, C, H, W) uint8 and labels (N,) on the device.

        Raises:
            RunError: a recipe trains on corrupted images, or the recipes differ in more than their seed.
        """
        recipe = recipes[0]
        if any(r.corruptions for r in recipes):
            raise RunError(
                "seeds cannot be trained together on corrupted images: train each on its own (`--no-stacked`)"
            )
        if any(_without_seed(r) != _without_seed(recipe) for r in recipes):
            raise RunError(
                "the recipes of a stack differ in more than their seed: train each on its own (`--no-stacked`)"
            )
        self.runs, self.recipes, self.observe = tuple(made), tuple(recipes), observe
        self.recipe, self.images, self.labels = recipe, images, labels
        self.device = images.device
        self.model = StackedModel(program, [r.seed for r in recipes], self.device)
        self.per_epoch = math.ceil(len(labels) / recipe.batch_size)
        self.steps = recipe.epochs * self.per_epoch
        self.step = 0  # steps queued on the stream; the device may not have finished them
        self.spent = 0.0  # seconds of this epoch before the training was resumed
        self.started = False
        self.began = self.saved = time.monotonic()
        self.launch: Callable[[], None] = self.compute  # queues one step on the current stream
        self.stream = torch.cuda.Stream(self.device) if self.device.type == "cuda" else None  # type: ignore[no-untyped-call]
        self.pool = ThreadPoolExecutor(1)
        self.next_plan: tuple[int, Future[EpochPlan]] | None = None
        self._allocate()

    def _allocate(self) -> None:
        """Allocate the tensors that a step reads and writes: a CUDA graph needs them at fixed addresses."""
        seeds, size, device = len(self.recipes), self.recipe.batch_size, self.device
        warmup = max(1, round(self.recipe.warmup * self.steps))
        factors = [warmup_cosine(step, steps=self.steps, warmup=warmup) for step in range(self.steps)]
        self.rates = torch.tensor([self.recipe.learning_rate * f for f in factors], dtype=torch.float32, device=device)
        counted = torch.arange(self.per_epoch * size).view(self.per_epoch, size) < len(self.labels)
        self.counted = counted.float().to(device)  # (steps, B), 0 for the padding of the last batch
        self.order = torch.zeros(seeds, self.per_epoch, size, dtype=torch.int64, device=device)
        self.shift = torch.zeros(seeds, self.per_epoch, 2, size, dtype=torch.int64, device=device)
        self.mirror = torch.zeros(seeds, self.per_epoch, size, dtype=torch.bool, device=device)
        self.step_in_epoch = torch.zeros(1, dtype=torch.int64, device=device)
        self.steps_done = torch.zeros(1, dtype=torch.int64, device=device)
        self.totals = torch.zeros(seeds, 3, dtype=torch.float64, device=device)  # loss, correct, images of this epoch
        self.rate = torch.zeros((), dtype=torch.float32, device=device)
        decay = (self.recipe.weight_decay, 0.0)
        self.optimizer = torch.optim.AdamW(
            [{"params": [flat], "weight_decay": d} for flat, d in zip(self.model.flats, decay, strict=True)],
            lr=self.rate,
            betas=(0.9, 0.99),
            fused=True,
            capturable=device.type == "cuda",
        )
        for flat in self.model.flats:
            self.optimizer.state[flat] = {
                "step": torch.zeros((), dtype=torch.float32, device=device),
                "exp_avg": torch.zeros_like(flat),
                "exp_avg_sq": torch.zeros_like(flat),
            }
            flat.grad = torch.zeros_like(flat)

    def _loss(
        self, weights: dict[str, Tensor], images: Tensor, labels: Tensor, counted: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return the mean loss over the images without the padding, and (3,): summed loss, correct answers, images."""
        logits = self.model.call(weights, images).float()
        each = F.cross_entropy(logits, labels, label_smoothing=self.recipe.label_smoothing, reduction="none")
        count = counted.sum()
        loss = (each * counted).sum() / count
        right = ((logits.argmax(1) == labels) * counted).sum()
        return loss, torch.stack([loss.detach() * count, right, count])

    def compute(self) -> None:
        """Do one training step of all seeds, on the tensors of ``_allocate``."""
        seeds, size = len(self.recipes), self.recipe.batch_size
        index = self.order.index_select(1, self.step_in_epoch).reshape(seeds * size)
        shift = self.shift.index_select(1, self.step_in_epoch)[:, 0].transpose(0, 1).reshape(2, seeds * size)
        mirror = self.mirror.index_select(1, self.step_in_epoch).reshape(seeds * size)
        images = moved(self.images[index], Moves(shift, mirror), flip=self.recipe.flip).float() / 255
        images = images.view(seeds, size, *self.images.shape[1:])
        labels = self.labels[index].view(seeds, size)
        counted = self.counted.index_select(0, self.step_in_epoch)[0]
        found = vmap(grad(self._loss, has_aux=True), in_dims=(0, 0, 0, None))
        gradients, totals = found(self.model.views, images, labels, counted)
        joined = [torch.cat([gradients[n].reshape(seeds, -1) for n in group], dim=1) for group in self.model.names]
        norm = sum((g.square().sum(dim=1, keepdim=True) for g in joined), torch.zeros((), device=self.device)).sqrt()
        clipped = (self.recipe.clip / (norm + 1e-6)).clamp(max=1.0)  # (S, 1), as clip_grad_norm_ has it
        for flat, gradient in zip(self.model.flats, joined, strict=True):
            assert flat.grad is not None
            torch.mul(gradient, clipped, out=flat.grad)
        self.rate.copy_(self.rates.index_select(0, self.steps_done)[0])
        self.optimizer.step()
        self.totals += totals
        self.step_in_epoch += 1
        self.steps_done += 1

    def _state(self) -> list[Tensor]:
        """Return all tensors that a step changes."""
        optimizer = [t for flat in self.model.flats for t in self.optimizer.state[flat].values()]
        return [
            *(f.detach() for f in self.model.flats),
            *optimizer,
            self.step_in_epoch,
            self.steps_done,
            self.totals,
            self.rate,
        ]

    def capture(self) -> None:
        """Record the step as a CUDA graph; on other devices each step is launched op by op."""
        if self.stream is not None:
            with _tensor_cores():
                self.launch = captured(self.compute, self._state(), self.stream)

    @property
    def finished(self) -> bool:
        """Whether all steps are queued."""
        return self.step >= self.steps

    def advance(self) -> None:
        """Queue one step on the stream; after the last step of an epoch wait for it, and write metrics and checkpoints.

        Raises:
            RunError: a loss is no longer finite.
        """
        epoch, inside = divmod(self.step, self.per_epoch)
        with torch.cuda.stream(self.stream):  # no effect if it is None
            if inside == 0:
                self.totals.zero_()
                self.spent = 0.0
                self.load_epoch(epoch, 0)
            if inside == 0 or not self.started:
                self.began, self.started = time.monotonic(), True
            self.launch()
            self.step += 1
            if self.step % self.per_epoch == 0:
                self.end_epoch(epoch + 1)

    def load_epoch(self, epoch: int, inside: int) -> None:
        """Copy the plan of an epoch to the device, and draw that of the next epoch in a thread."""
        count, pin = len(self.labels), self.stream is not None
        found = self.next_plan[1].result() if self.next_plan is not None and self.next_plan[0] == epoch else None
        self.plan = epoch_plan(self.recipes, count, epoch, pin=pin) if found is None else found
        for target, name in ((self.order, "order"), (self.shift, "shift"), (self.mirror, "mirror")):
            target.copy_(getattr(self.plan, name), non_blocking=True)
        self.step_in_epoch.fill_(inside)
        if epoch + 1 < self.recipe.epochs:
            self.next_plan = (epoch + 1, self.pool.submit(epoch_plan, self.recipes, count, epoch + 1, pin=pin))

    def end_epoch(self, epoch: int) -> None:
        """Write the metrics of an epoch and, at intervals and at the end, the checkpoints."""
        totals = self.totals.tolist()  # waits for the stream
        seconds = self.spent + time.monotonic() - self.began
        for run, recipe, (loss, correct, images) in zip(self.runs, self.recipes, totals, strict=True):
            if not math.isfinite(loss):
                raise RunError(
                    f"{run.folder}: the loss is {loss} in epoch {epoch}: training diverged; try a lower learning rate "
                    f"(it is {recipe.learning_rate:g})"
                )
            entry = {
                "epoch": epoch,
                "step": self.step,
                "loss": round(loss / images, 6),
                "accuracy": round(correct / images, 6),
                "learning_rate": float(self.rates[self.step - 1]),
                "seconds": round(seconds, 3),
                "images_per_s": round(images / seconds, 1),
            }
            runs.append_metrics(run, entry)
        if self.observe is not None:
            loss, correct, images = (sum(column) for column in zip(*totals, strict=True))
            left = (self.steps - self.step) * seconds / self.per_epoch
            at = (epoch, self.recipe.epochs, self.step, self.steps)
            self.observe(Progress(*at, loss / images, correct / images, images / seconds, left))
        if self.finished or time.monotonic() - self.saved > SAVE_EVERY_S:
            self.save()

    def save(self) -> None:
        """Write the checkpoint of each run, in the format that ``training`` writes and resumes."""
        self.saved = time.monotonic()
        for index, (run, recipe) in enumerate(zip(self.runs, self.recipes, strict=True)):
            model = self.model.get_model(index)
            state = {
                "step": self.step,
                "model": model.state_dict(),
                "optimizer": self._get_optimizer(index, model, recipe),
                "totals": self.totals[index].cpu(),
                "seconds": self.spent + time.monotonic() - self.began,
                "finished": self.finished,
            }
            runs.save_checkpoint(run, state)

    def restore(self, states: Sequence[dict[str, Any]]) -> None:
        """Continue from the checkpoints of the runs, which must be of the same step.

        Raises:
            RunError: they are of different steps, or belong to other runs.
        """
        steps = {int(state["step"]) for state in states}
        if len(steps) != 1:
            raise RunError(
                f"the checkpoints of a stack are of different steps ({sorted(steps)}): continue with `--no-stacked`"
            )
        for index, (run, recipe, state) in enumerate(zip(self.runs, self.recipes, states, strict=True)):
            model = self.model.models[index]
            runs.load_weights(run, model, state)
            self.model.set_model(index, model)
            self._set_optimizer(index, model, recipe, state["optimizer"])
            self.totals[index] = state["totals"].to(self.device)
        self.step = steps.pop()
        self.steps_done.fill_(self.step)
        epoch, inside = divmod(self.step, self.per_epoch)
        for run in self.runs:
            runs.trim_metrics(run, epoch)
        if inside:
            self.spent = max(float(state["seconds"]) for state in states)
            self.load_epoch(epoch, inside)

    def _set_optimizer(self, index: int, model: CorticalTransformer, recipe: Recipe, state: dict[str, Any]) -> None:
        """Copy the AdamW state of one model into row ``index`` of the stack; the inverse of ``_get_optimizer``."""
        alone = adamw(model, learning_rate=recipe.learning_rate, weight_decay=recipe.weight_decay)
        alone.load_state_dict(state)
        by_name = model.weights.parameters_by_name()
        for group, flat in zip(self.model.names, self.model.flats, strict=True):
            stacked = self.optimizer.state[flat]
            for key in ("exp_avg", "exp_avg_sq"):
                stacked[key][index] = torch.cat([alone.state[by_name[name]][key].flatten() for name in group])
            stacked["step"].fill_(float(alone.state[by_name[group[0]]]["step"]))

    def _get_optimizer(self, index: int, model: CorticalTransformer, recipe: Recipe) -> dict[str, Any]:
        """Return the AdamW state of one seed, as an optimiser of its model alone would have it."""
        alone = adamw(model, learning_rate=recipe.learning_rate, weight_decay=recipe.weight_decay)
        by_name = model.weights.parameters_by_name()
        for group, flat in zip(self.model.names, self.model.flats, strict=True):
            state = self.optimizer.state[flat]
            at = 0
            for name in group:
                parameter = by_name[name]
                span = slice(at, at + parameter.numel())
                moments = {key: state[key][index, span].cpu().view_as(parameter) for key in ("exp_avg", "exp_avg_sq")}
                alone.state[parameter] = {"step": state["step"].cpu(), **moments}
                at += parameter.numel()
        for group_of in alone.param_groups:
            group_of["lr"] = float(self.rate)
        return alone.state_dict()


def captured(step: Callable[[], None], state: Sequence[Tensor], stream: torch.cuda.Stream) -> Callable[[], None]:
    """Capture a step as a CUDA graph; return the function that replays it.

    Args:
        step: what to repeat; it reads and writes tensors at fixed addresses.
        state: all tensors that it changes and later reads: they are restored after the warm-up.
        stream: where the graph is captured; it is replayed on the stream that is current at the time.
    """
    stream.wait_stream(torch.cuda.current_stream(stream.device))
    with torch.cuda.stream(stream):
        before = [t.clone() for t in state]
        for _ in range(WARM_UP):
            step()
        for now, then in zip(state, before, strict=True):
            now.copy_(then)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local"):
        step()
    return graph.replay


@contextmanager
def _tensor_cores() -> Iterator[None]:
    """Let tensor cores multiply float32 matrices in TF32: factors rounded to 10 bits of mantissa."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def _state_names(model: CorticalTransformer) -> dict[str, str]:
    """Return the name of each parameter in the artifact -> its name among all parameters of the model."""
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    return {name: names[id(parameter)] for name, parameter in model.weights.parameters_by_name().items()}


def _without_seed(recipe: Recipe) -> Recipe:
    return dataclasses.replace(recipe, seed=0)
