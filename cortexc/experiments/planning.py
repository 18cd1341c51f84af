"""The runs of an experiment or of one of its plans: how each is trained, and how far it is."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from cortexc import compiler
from cortexc.compiler.artifact import Program
from cortexc.datasets import DATASETS
from cortexc.runtime import predictions
from cortexc.runtime.corruptions.catalogue import CORRUPTIONS, SEVERITIES, Cell, selected
from cortexc.runtime.manifest import Recipe, RunError, read, spec_hash
from cortexc.runtime.run import Run, read_evaluation

from .arms import connectome_of, connectomes_of
from .model import FULL, Experiment, Plan, folder_name
from .model import Recipe as Wanted

BACKWARD = 3
"""FLOPs of a training step, in forward passes (approximate)."""


class Standing(StrEnum):
    """How far a run is."""

    MISSING = "missing"
    BEGUN = "begun"
    DONE = "done"


@dataclass(frozen=True)
class Task:
    """One run of an experiment."""

    arm: str
    seed: int
    reference: bool
    recipe: Recipe
    program: Program
    folder: Path
    null_seed: int | None = None
    """of the null model, if it is one of an ensemble."""

    @property
    def name(self) -> str:
        """Of its folder."""
        return self.folder.name


@dataclass(frozen=True)
class Schedule:
    """A plan with all defaults filled in, and its runs in the order in which they are made."""

    experiment: Experiment
    plan: str
    arms: tuple[str, ...]
    seeds: tuple[int, ...]
    cells: tuple[Cell, ...]
    tasks: tuple[Task, ...]


def schedule(experiment: Experiment, plan: str, folder: Path) -> Schedule:
    """Return the runs of a plan, the first seed of each arm before the second.

    The runs of an ensemble of null models differ in the null model, and are trained with its number as their seed.

    Raises:
        RunError: there is no such plan.
        SpecError: an arm cannot be compiled.
    """
    if plan != FULL and plan not in experiment.plans:
        known = ", ".join([FULL, *experiment.plans])
        raise RunError(f"{experiment.name} has no plan `{plan}`; it has {known}")
    given = experiment.plans.get(plan, Plan())
    arms = given.arms or tuple(experiment.arms)
    seeds = given.seeds or experiment.seeds
    references = given.references if "references" in given.model_fields_set else experiment.references
    programs: dict[tuple[str, int], Program] = {}
    ensembles = {
        arm: [one for one, _ in connectomes_of(experiment, arm)] for arm in arms if experiment.is_ensemble(arm)
    }

    def task(arm: str, seed: int, *, reference: bool = False, epochs: int | None = None) -> Task:
        nulls = ensembles.get(arm)
        if (arm, seed) not in programs:
            connectome = nulls[seed] if nulls else connectome_of(experiment, arm)[0]
            programs[arm, seed] = compiler.compile(connectome, seed=seed)
        recipe = _recipe(experiment, (experiment.recipe, experiment.arms[arm].recipe, given.recipe), seed, epochs)
        name = f"{'reference-' if reference else ''}{folder_name(arm)}-{seed}"
        record = nulls[seed].null_model if nulls else None
        null_seed = record.seed if record else None
        return Task(arm, seed, reference, recipe, programs[arm, seed], folder / name, null_seed)

    each = [[(arm, seed) for seed in (range(len(ensembles[arm])) if arm in ensembles else seeds)] for arm in arms]
    tasks = [task(*one) for turn in itertools.zip_longest(*each) for one in turn if one is not None]
    if references is not None:
        lengths = references.epochs or (None,) * len(references.seeds)
        tasks += [
            task(references.arm, seed, reference=True, epochs=epochs)
            for seed, epochs in zip(references.seeds, lengths, strict=True)
        ]
    names = selected([experiment.evaluation.corruptions])
    severities = tuple(s for s in SEVERITIES if s in experiment.evaluation.severities)
    cells = tuple(Cell(name, severity) for name in CORRUPTIONS if name in names for severity in severities)
    return Schedule(experiment, plan, arms, seeds, cells, tuple(tasks))


def standing(task: Task, experiment: Experiment, cells: Sequence[Cell]) -> Standing:
    """Return how far a run is.

    Raises:
        RunError: its folder holds another run than the experiment's.
    """
    run = Run(task.folder)
    if not run.manifest_path.exists():
        return Standing.MISSING
    manifest = read(run.manifest_path)
    data, wanted = manifest.data, experiment.data
    other = made_otherwise(task, manifest.spec, manifest.recipe)
    if data.name != wanted.name:
        other.append(("data", f" ({data.name}, now {wanted.name})"))
    if data.held_out != (wanted.hold_out or 0):
        other.append(("images held out", f" ({data.held_out}, now {wanted.hold_out or 0})"))
    if other:
        what, change = other[0]
        raise RunError(
            f"{run.folder} was made with another {what} than the experiment has now{change}: choose another --runs, or "
            "take that folder away to make the run again"
        )
    if not (run.evaluation_path.exists() and run.predictions_path.exists()):
        return Standing.BEGUN
    try:
        evaluation = read_evaluation(run)
        have = set(predictions.load(run.predictions_path).cells)
    except RunError:
        return Standing.BEGUN
    same = experiment.evaluation.precision in ("auto", evaluation.get("precision"))
    return Standing.DONE if evaluation.get("finished") and same and have.issuperset(cells) else Standing.BEGUN


def undone(plan: Schedule) -> list[Task]:
    """Return the runs of a plan that are not done.

    Raises:
        RunError: a folder holds another run than the experiment's.
    """
    return [task for task in plan.tasks if standing(task, plan.experiment, plan.cells) is not Standing.DONE]


def made_otherwise(task: Task, spec: str, recipe: Recipe) -> list[tuple[str, str]]:
    """Return in which of spec and recipe a run differs from a task, each with what has changed."""
    found = [("spec", "")] if spec != spec_hash(task.program) else []
    for name in (f.name for f in dataclasses.fields(Recipe)):
        before, now = getattr(recipe, name), getattr(task.recipe, name)
        if before != now:
            return [*found, ("recipe", f" ({name.replace('_', ' ')} {before}, now {now})")]
    return found


def cost(task: Task, images: tuple[int, int], cells: int) -> tuple[float, float]:
    """Return the FLOPs of training and of testing a run; ``images`` are those of training and of the test."""
    forward = task.program.flops_per_image
    return forward * BACKWARD * images[0] * task.recipe.epochs, forward * images[1] * (1 + cells)


def _recipe(experiment: Experiment, layers: tuple[Wanted, ...], seed: int, epochs: int | None) -> Recipe:
    options: dict[str, Any] = {"flip": DATASETS[experiment.data.name].mirrored}
    for layer in layers:
        options |= layer.model_dump(exclude_none=True)
    if epochs is not None:
        options["epochs"] = epochs
    return Recipe(seed=seed, **options)
