"""A run that begins with the weights of another one; those of another anatomy are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from cortexc.compiler.artifact import Program

from . import run as runs
from .manifest import Initial, RunError
from .model import CorticalTransformer
from .weights import HEAD, anatomy_of, key_of


def initial_of(program: Program, folder: Path) -> Initial:
    """Return which weights of a run a program is to begin with, after making sure that they fit.

    Raises:
        RunError: there is no run or no checkpoint, or it has another anatomy, or parameters of other shapes.
    """
    run, other, _ = runs.opened(folder)
    _check_fit(program, other, folder)
    state = runs.load_checkpoint(run, torch.device("cpu"))
    return Initial(
        run=folder.resolve(),
        program=other.content_hash(),
        weights=runs.weights_digest(state["model"]),
        step=int(state["step"]),
        head=_same_head(program, other),
    )


def initialise(model: CorticalTransformer, initial: Initial) -> None:
    """Give a model the weights that its run begins with; with another number of classes, its head stays fresh.

    Raises:
        RunError: they are not there, damaged, or no longer those that the manifest names.
    """
    run, other, _ = runs.opened(initial.run)
    _check_fit(model.program, other, initial.run)
    weights: dict[str, Any] = runs.load_checkpoint(run, torch.device("cpu"))["model"]
    if runs.weights_digest(weights) != initial.weights:
        raise RunError(
            f"the weights of {initial.run} are not those that this run was to begin with, of step {initial.step}: it "
            "was trained on; begin another run with --init-from"
        )
    left = set() if initial.head else {f"weights.{key_of(name)}" for name in HEAD}
    model.load_state_dict({name: value for name, value in weights.items() if name not in left}, strict=False)


def _check_fit(program: Program, other: Program, folder: Path) -> None:
    """Make sure that the weights of another program mean the same in this one.

    Raises:
        RunError: they do not.
    """
    ours, theirs = ({p.name: p.shape for p in one.parameters if p.name not in HEAD} for one in (program, other))
    differing = [name for name in {**ours, **theirs} if ours.get(name) != theirs.get(name)]
    if differing:
        name = differing[0]
        here, there = (_by(shapes.get(name)) for shapes in (ours, theirs))
        what = f"{len(differing)} parameters differ, such as {name} ({here} here, {there} there)"
    elif anatomy_of(program) != anatomy_of(other):
        what = "all parameters have the same names and shapes, and the connections differ"
    else:
        return
    hashes = f"{other.name}, {other.content_hash()[:19]}, and this is {program.name}, {program.content_hash()[:19]}"
    raise RunError(f"the weights of {folder} are of another anatomy: {hashes}; {what}")


def _same_head(program: Program, other: Program) -> bool:
    one, two = ({p.name: p.shape for p in p_of.parameters if p.name in HEAD} for p_of in (program, other))
    return one == two


def _by(shape: tuple[int, ...] | None) -> str:
    return "none" if shape is None else "x".join(map(str, shape)) or "1"
