"""Looking inside a model: the weights of a run, and the states of its populations by name."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor

from cortexc.compiler.artifact import Emit, Program, sweep_of

from . import device as devices
from . import run as runs
from .arguments import require, require_images, require_unit_range, run_folder
from .model import CorticalTransformer, build
from .run import Run

T = TypeVar("T")


def load_run(folder: Path | str, *, device: str = "auto") -> CorticalTransformer:
    """Return the model of a run with its weights after the last saved step, in evaluation mode.

    Args:
        folder: of the run.
        device: ``auto``, ``cpu`` or ``cuda``.

    Raises:
        RunError: there is no run or no checkpoint, or they are damaged.
    """
    chosen = devices.choose(device)
    run, program, _ = runs.opened(run_folder(folder))
    return trained(run, program, chosen)[0]


def trained(run: Run, program: Program, device: torch.device) -> tuple[CorticalTransformer, dict[str, Any]]:
    """Return the model of an opened run in evaluation mode, and the checkpoint that its weights are of.

    Raises:
        RunError: there is no checkpoint, or it is damaged or of another run.
    """
    state = runs.load_checkpoint(run, device)
    model = build(program).to(device)
    runs.load_weights(run, model, state)
    return model.eval(), state


def states_by_sweep(program: Program) -> dict[str, str]:
    """Return the value that is the state of each population after each sweep that updates it, by ``V1.L23E@2``."""
    values = [value for op in program.ops if not isinstance(op, Emit) for value in op.writes]
    return {f"{value.partition('@')[0]}@{sweep_of(value)}": value for value in values}


@torch.no_grad()
def features(
    model: CorticalTransformer,
    images: Tensor,
    *,
    areas: Iterable[str] | None = None,
    sweeps: Iterable[int] | None = None,
    maps: bool = False,
) -> dict[str, Tensor]:
    """Return the states of populations for some images: ``V1.L23E@2`` -> (B, tokens, channels).

    ``V1.L23E@2`` is layer 2/3 of V1 after all that the second sweep does to it. The input has sweep 0. For gradients,
    or for what ops compute on the way, put hooks on ``model.steps``.

    Args:
        model: what to look into. Its mode, training or evaluation, makes no difference: there is no dropout.
        images: (B, channels, height, width) in [0, 1].
        areas: the populations of these areas, or of the input by its name; None for all.
        sweeps: after these sweeps; None for all.
        maps: return (B, channels, rows, columns) instead, as convolutional networks have it.

    Raises:
        TypeError: what is given is no model, or the images are no tensor.
        ValueError: there is no such area or sweep, or the images do not fit, or are not in [0, 1].
    """
    require(model, CorticalTransformer, "the model")
    program = model.program
    require_unit_range(require_images(images, program.image_shape))
    known = states_by_sweep(program)
    area_of = {name: program.by_name[name.partition("@")[0]].area for name in known}
    chosen_areas = _chosen("area", areas, list(dict.fromkeys(area_of.values())))
    chosen_sweeps = _chosen("sweep", sweeps, sorted({sweep_of(name) for name in known}))
    values: dict[str, Tensor] = {}
    model(images, states=values)
    found = {
        name: values[value]
        for name, value in known.items()
        if area_of[name] in chosen_areas and sweep_of(name) in chosen_sweeps
    }
    if maps:
        return {n: _map(t, program.by_name[n.partition("@")[0]].grid) for n, t in found.items()}
    return found


def _map(state: Tensor, grid: tuple[int, int]) -> Tensor:
    return state.transpose(1, 2).reshape(len(state), -1, *grid)


def _chosen(what: str, wanted: Iterable[T] | None, known: list[T]) -> list[T]:
    if wanted is None:
        return known
    if isinstance(wanted, str):
        raise ValueError(f"{what}s is {wanted!r}; expected several, such as [{wanted!r}]")
    chosen = list(wanted)
    if unknown := [one for one in chosen if one not in known]:
        raise ValueError(f"there is no {what} {unknown[0]!r}: those there are, are {', '.join(map(str, known))}")
    return chosen
