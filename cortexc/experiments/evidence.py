"""Evidence: whether each run of a plan classifies each image correctly, in one small file that all results follow from.

The file (HDF5) also holds attention rollouts on freely licensed photographs, but no images of the data and no weights.
So it can be published, and the report can be written again from it.
"""

from __future__ import annotations

import base64
import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cortexc import hdf5
from cortexc.digests import DigestError
from cortexc.runtime import manifest, predictions
from cortexc.runtime.corruptions.catalogue import Cell
from cortexc.runtime.manifest import Machine, Manifest, Recipe, Record, Seeds
from cortexc.runtime.measures import ALL_CELLS, levels
from cortexc.runtime.predictions import CLEAN, Predictions
from cortexc.runtime.run import Run, RunError, read_evaluation, read_metrics

from .planning import Schedule, undone

FORMAT = 2
ROLLOUTS = "gazes"
"""The group of the attention rollouts in a file of this format."""


class Epoch(Record):
    """How one epoch of a training went."""

    epoch: int
    loss: float
    accuracy: float
    seconds: float


class About(Record):
    """What a run is and how it was made: the fields of its manifest that are published."""

    name: str
    spec: str = ""
    parameters: dict[str, int]
    flops_per_image: int
    recipe: Recipe
    seeds: Seeds
    versions: dict[str, str]
    machine: Machine
    started: str
    command: tuple[str, ...]
    precision: str | None = None
    """Of matrix products while testing; None if an earlier version did not write it down."""
    epochs: tuple[Epoch, ...]


@dataclass(frozen=True, eq=False)
class Answers:
    """The answers of one run."""

    arm: str
    seed: int
    reference: bool
    right: NDArray[np.bool_]
    """(cell, image), whether the answer is right."""
    about: About


@dataclass(frozen=True)
class Rollout:
    """The attention rollout of one model on one photograph."""

    photograph: str
    maker: str
    arm: str
    alt: str
    """What the picture shows, in words."""
    png: bytes = field(repr=False)

    @property
    def address(self) -> str:
        """The picture as a data URL."""
        return "data:image/png;base64," + base64.b64encode(self.png).decode()


@dataclass(frozen=True, eq=False)
class Evidence:
    """The answers of all runs of a plan to the same images."""

    experiment: str
    plan: str
    cells: tuple[Cell, ...]
    """The clean images first."""
    labels: NDArray[np.uint8]
    """(image,)"""
    runs: tuple[Answers, ...]
    data: dict[str, Any]
    """Name and fingerprint of the data, and what the corrupted images are."""
    difficulty: NDArray[np.uint8] | None
    """(benchmark cell, image), 0 the easiest tenth of all answers and 9 the hardest, by the probability
    that the references give to the label; None without references or without the whole benchmark."""
    rollouts: tuple[Rollout, ...] = ()

    def correct(self, run: Answers, cells: tuple[Cell, ...]) -> NDArray[np.bool_]:
        """Return (cell, image), whether the answers of a run are right."""
        where = {cell: row for row, cell in enumerate(self.cells)}
        return np.asarray(run.right[[where[c] for c in cells]])

    def of(self, arm: str, *, reference: bool = False) -> tuple[Answers, ...]:
        """Return the runs of an arm by their seeds."""
        found = [run for run in self.runs if run.arm == arm and run.reference == reference]
        return tuple(sorted(found, key=lambda run: run.seed))


def gather(plan: Schedule) -> Evidence:
    """Return the evidence of the finished runs of a plan.

    Raises:
        RunError: a run is missing or not finished, or was tested on other images than the rest.
    """
    if missing := [task.name for task in undone(plan)]:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise RunError(
            f"{len(missing)} of {len(plan.tasks)} runs are not finished ({', '.join(missing[:3])}{more}): "
            "`cortexc experiment run` makes them"
        )
    cells = (CLEAN, *plan.cells)
    runs: list[Answers] = []
    easiness: list[NDArray[np.float32]] = []
    first: Predictions | None = None
    for task in plan.tasks:
        run = Run(task.folder)
        found = predictions.of_run(run).only(cells)
        first = found if first is None else first
        for key in ("data", "set"):
            if found.about[key] != first.about[key]:
                raise RunError(f"{run.folder} was tested on another {key} than {plan.tasks[0].folder}: test it again")
        if task.reference and set(ALL_CELLS) <= set(cells):
            easiness.append(found.true_probability[found.rows(ALL_CELLS)])
        runs.append(Answers(task.arm, task.seed, task.reference, found.correct(cells), _about(run)))
    assert first is not None
    data = {"fingerprint": first.about["data"], "set": first.about["set"], "images": len(first.labels)}
    data |= {"name": plan.experiment.data.name, "held_out": plan.experiment.data.hold_out or 0}
    difficulty = levels(easiness) if easiness else None
    return Evidence(plan.experiment.name, plan.plan, cells, first.labels, tuple(runs), data, difficulty)


def save(evidence: Evidence, path: Path) -> None:
    """Write evidence to an HDF5 file.

    Raises:
        OSError: it cannot be written.
    """
    packed = {"compression": "gzip", "compression_opts": 9, "shuffle": True}
    with hdf5.written(path) as file:
        head = {"format": FORMAT, "experiment": evidence.experiment, "plan": evidence.plan, "data": evidence.data}
        file.attrs["about"] = json.dumps(head)
        file["corruption"] = [cell.corruption for cell in evidence.cells]
        file["severity"] = np.array([cell.severity for cell in evidence.cells], np.uint8)
        file.create_dataset("labels", data=evidence.labels, **packed)
        if evidence.difficulty is not None:
            file.create_dataset("difficulty", data=evidence.difficulty, **packed)
        for number, run in enumerate(evidence.runs):
            stored = file.create_dataset(f"runs/{number:04}", data=np.packbits(run.right, axis=1), **packed)
            about = {"arm": run.arm, "seed": run.seed, "reference": run.reference}
            stored.attrs["about"] = json.dumps({**about, "about": run.about.model_dump(mode="json")})
        for number, rollout in enumerate(evidence.rollouts):
            picture = file.create_dataset(f"{ROLLOUTS}/{number:04}", data=np.frombuffer(rollout.png, np.uint8))
            about = {f.name: getattr(rollout, f.name) for f in dataclasses.fields(rollout) if f.name != "png"}
            picture.attrs["about"] = json.dumps(about)


def load(path: Path) -> Evidence:
    """Read evidence.

    Raises:
        RunError: there is none, or the file is damaged.
    """
    try:
        with hdf5.opened(path) as file:
            head = json.loads(file.attrs["about"])
            if head["format"] != FORMAT:
                raise RunError(f"{path}: format {head['format']}, expected {FORMAT}; write the report again")
            names, severities = file["corruption"].asstr()[:], file["severity"][:]
            cells = tuple(Cell(str(n), int(s)) for n, s in zip(names, severities, strict=True))
            labels = file["labels"][:]
            runs = []
            for run in file["runs"].values():
                fields = json.loads(run.attrs["about"])
                fields["about"] = About.model_validate(fields["about"])
                right = np.unpackbits(run[:], axis=1, count=len(labels)).astype(bool)
                runs.append(Answers(right=right, **fields))
            difficulty = file["difficulty"][:] if "difficulty" in file else None
            pictures = file[ROLLOUTS].values() if ROLLOUTS in file else ()
            rollouts = [Rollout(png=p[:].tobytes(), **json.loads(p.attrs["about"])) for p in pictures]
    except DigestError as error:
        raise RunError(f"{error}; write the report again") from None
    except (OSError, KeyError, ValueError, TypeError, RuntimeError) as error:
        raise RunError(f"{path}: it cannot be read as the evidence of an experiment: {error}") from None
    experiment, plan, data = head["experiment"], head["plan"], head["data"]
    return Evidence(experiment, plan, cells, labels, tuple(runs), data, difficulty, tuple(rollouts))


def _about(run: Run) -> About:
    made = manifest.read(run.manifest_path)
    evaluation = read_evaluation(run)
    kept = {name: getattr(made, name) for name in About.model_fields if name in Manifest.model_fields}
    return About(**kept, precision=evaluation.get("precision"), epochs=read_metrics(run))
