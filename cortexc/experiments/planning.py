"""What an experiment, or one of its plans, comes to: which runs, how each is trained, and where each stands."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from cortexc import compiler
from cortexc.compiler.artifact import Program
from cortexc.runtime import predictions
from cortexc.runtime.corruptions.catalogue import CORRUPTIONS, SEVERITIES, Cell, selected
from cortexc.runtime.run import Run, RunError
from cortexc.runtime.training import Recipe

from .arms import connectome_of, connectomes_of
from .model import FULL, Experiment, folder_name
from .model import Recipe as Wanted

BACKWARD = 3
"""A training step computes about so many times what the model's forward pass does."""


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
    """Of the null model, where it is one of an ensemble."""

    @property
    def name(self) -> str:
        """Of its folder."""
        return self.folder.name


@dataclass(frozen=True)
class Schedule:
    """A plan, with everything it leaves open filled in, and its runs in the order in which they are made."""

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
    given = experiment.plans.get(plan)
    arms = (given and given.arms) or tuple(experiment.arms)
    seeds = (given and given.seeds) or experiment.seeds
    own = given is not None and "references" in given.model_fields_set
    references = given.references if given is not None and own else experiment.references
    changes = given.recipe if given else Wanted()
    programs: dict[tuple[str, int], Program] = {}
    ensembles = {
        arm: [connectome for connectome, _ in connectomes_of(experiment, arm)]
        for arm in arms
        if experiment.is_ensemble(arm)
    }

    def task(arm: str, seed: int, *, reference: bool = False, epochs: int | None = None) -> Task:
        nulls = ensembles.get(arm)
        if (arm, seed) not in programs:
            connectome = nulls[seed] if nulls else connectome_of(experiment, arm)[0]
            programs[arm, seed] = compiler.compile(connectome, seed=seed)
        recipe = _recipe(experiment, (experiment.recipe, experiment.arms[arm].recipe, changes), seed, epochs)
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
        RunError: its folder holds another run than the experiment asks for.
    """
    run = Run(task.folder)
    if not run.manifest_path.exists():
        return Standing.MISSING
    manifest = _manifest(run)
    for what, wanted, found in (
        *_made_with(task, manifest),
        ("data", experiment.data.name, manifest.get("data", {}).get("name")),
        ("images held out", experiment.data.hold_out or 0, manifest.get("data", {}).get("held_out", 0)),
    ):
        if wanted != found:
            raise RunError(
                f"{run.folder} was made with another {what} than the experiment has now{_difference(wanted, found)}: "
                "choose another --runs, or take that folder away to make the run again"
            )
    if not (run.evaluation_path.exists() and run.predictions_path.exists()):
        return Standing.BEGUN
    try:
        evaluation = json.loads(run.evaluation_path.read_text(encoding="utf-8"))
        have = set(predictions.load(run.predictions_path).cells)
    except (json.JSONDecodeError, UnicodeDecodeError, RunError):
        return Standing.BEGUN
    if not isinstance(evaluation, dict):
        return Standing.BEGUN
    same = experiment.evaluation.precision in ("auto", evaluation.get("precision"))
    return Standing.DONE if evaluation.get("finished") and same and have.issuperset(cells) else Standing.BEGUN


def made_otherwise(task: Task, about: dict[str, Any]) -> str | None:
    """Return in what a run, of which its manifest or evidence tells, differs from what a task asks for."""
    for what, wanted, found in _made_with(task, about):
        if wanted != found:
            return f"another {what}{_difference(wanted, found)}"
    return None


def digest(program: Program) -> str:
    """Return the hash of what a program was compiled from, comments and versions apart."""
    return f"sha256:{hashlib.sha256(program.spec.encode()).hexdigest()}"


def cost(task: Task, images: tuple[int, int], cells: int) -> tuple[float, float]:
    """Return the FLOPs of training and of testing a run; ``images`` are those of training and of the test."""
    forward = task.program.flops_per_image
    return forward * BACKWARD * images[0] * task.recipe.epochs, forward * images[1] * (1 + cells)


def _made_with(task: Task, about: dict[str, Any]) -> tuple[tuple[str, Any, Any], ...]:
    """Return what a run is made with: its name, what is wanted, what is found."""
    recipe = json.loads(json.dumps(dataclasses.asdict(task.recipe)))
    return ("spec", digest(task.program), about.get("spec")), ("recipe", recipe, about.get("recipe"))


def _recipe(experiment: Experiment, layers: tuple[Wanted, ...], seed: int, epochs: int | None) -> Recipe:
    options: dict[str, Any] = {"flip": experiment.data.name != "digits"}
    for layer in layers:
        options |= layer.model_dump(exclude_none=True)
    if epochs is not None:
        options["epochs"] = epochs
    return Recipe(seed=seed, **options)


def _manifest(run: Run) -> dict[str, Any]:
    try:
        manifest = json.loads(run.manifest_path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise RunError(f"{run.manifest_path} is damaged: it is no JSON; take {run.folder} away") from None
    if not isinstance(manifest, dict):
        raise RunError(f"{run.manifest_path} is damaged: it is no mapping; take {run.folder} away")
    return manifest


def _difference(wanted: Any, found: Any) -> str:
    if isinstance(wanted, dict) and isinstance(found, dict):
        for key in wanted:
            if wanted[key] != found.get(key):
                return f" ({key.replace('_', ' ')} {found.get(key)}, now {wanted[key]})"
    return "" if isinstance(wanted, str) and wanted.startswith("sha256:") else f" ({found}, now {wanted})"
