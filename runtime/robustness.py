"""Measures of robustness, all from the predictions of a run: nothing here runs a model.

Accuracies and errors are parts of 1. A measure over the benchmark is None where not all of its cells were evaluated.

References:
    D. Hendrycks, T. Dietterich (2019), https://arxiv.org/abs/1903.12261: corruptions, severities, mCE
    J. C. Peterson et al. (2019), Human uncertainty makes classification more robust, https://arxiv.org/abs/1908.07086
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .corruptions.catalogue import BENCHMARK, CORRUPTIONS, EXTRA, GROUPS, SEVERITIES, Cell
from .corruptions.published import ALEXNET_ERROR, HARD_CELLS
from .corruptions.sets import read_header
from .data.dataset import DataError
from .predictions import CLEAN, Predictions
from .run import RunError

ALL_CELLS = tuple(Cell(name, severity) for name in BENCHMARK for severity in SEVERITIES)
"""The 75 cells of the benchmark."""
HARDEST = 0.1
"""Part of all answers, or of all images, that counts as the hardest."""
UNLUCKY = 10
"""Percentile of the images for the fraction of corruptions survived."""


@dataclass(frozen=True)
class Survival:
    """How single images fare under all 15 corruptions of one severity."""

    worst_case: float
    """Part of the images that are right under every corruption."""
    survived: float
    """Mean over images of the part of the corruptions under which they are right."""
    unlucky: float
    """The same part for the image at percentile `UNLUCKY`."""


@dataclass(frozen=True)
class Difficulty:
    """Accuracy where other models find it easy or hard: 75 cells x images, by what the reference runs make of them."""

    references: tuple[str, ...]
    """The runs; the difficulty of an answer is 1 minus the mean probability that they give to the label."""
    quintiles: tuple[float, ...]
    """Accuracy, from the easiest fifth of all answers to the hardest."""
    hardest_tenth: float


@dataclass(frozen=True)
class HumanBin:
    """Accuracy on images about which people agree to one degree."""

    name: str
    images: int
    clean: float
    severity_5: float | None
    """Mean over the 15 corruptions at severity 5."""


@dataclass(frozen=True)
class Robustness:
    """How a model does on corrupted images."""

    images: int
    """Of each cell."""
    clean: float
    """Accuracy on the same images without corruption."""
    accuracy: dict[str, dict[int, float]]
    """Corruption -> severity -> accuracy, the 15 of the benchmark before the 4 extra ones."""
    seen: tuple[str, ...]
    """Corruptions that the model saw in training."""
    mean_error: float | None
    """Over 15 corruptions x 5 severities, not normalised: the convention of CIFAR-10-C."""
    unseen_mean_error: float | None
    """The same over those of the 15 that it did not see in training; None where it saw none, or all."""
    relative_gap: float | None
    """Mean error minus clean error."""
    groups: dict[str, float]
    """Noise, blur, weather, digital -> mean accuracy over their cells in the benchmark."""
    severity_curve: dict[int, float]
    """Severity -> mean accuracy over the 15."""
    severity_5: float | None
    """The last point of the curve."""
    extra_error: float | None
    """Mean error over the 4 extra corruptions x 5 severities, which count nowhere else."""
    hard_cells: float | None
    """Mean accuracy over the 15 cells that are hardest for a public model; see `HARD_CELLS`."""
    survival: dict[int, Survival]
    """Severity -> how single images fare."""
    mce: float | None = None
    """Mean over the 15 of the error relative to that of AlexNet; 1 is AlexNet's. Only on request."""
    difficulty: Difficulty | None = None
    human: tuple[HumanBin, ...] = ()


def measure(
    found: Predictions,
    *,
    seen: Sequence[str] = (),
    alexnet: bool = False,
    references: Sequence[tuple[str, Predictions]] = (),
    human: NDArray[np.float64] | None = None,
) -> Robustness:
    """Return all measures that predictions allow.

    Args:
        found: of the run.
        seen: corruptions that it saw in training.
        alexnet: whether mCE is asked for.
        references: names and predictions of other runs that tell what is hard.
        human: (test set, classes), how often people chose each class; see `read_human`.

    Raises:
        RunError: a reference run was tested on other images.
    """
    cells = set(found.cells)
    rows = dict(zip(found.cells, (found.predicted == found.labels).mean(axis=1), strict=True))
    names = [name for name in CORRUPTIONS if any(cell.corruption == name for cell in found.cells)]
    accuracy = {n: {s: float(rows[Cell(n, s)]) for s in SEVERITIES if Cell(n, s) in cells} for n in names}

    def mean(wanted: Sequence[Cell]) -> float | None:
        return float(np.mean([rows[c] for c in wanted])) if wanted and cells.issuperset(wanted) else None

    def error(wanted: Sequence[Cell]) -> float | None:
        return None if (right := mean(wanted)) is None else 1 - right

    by_group = {g: mean([c for c in ALL_CELLS if CORRUPTIONS[c.corruption].group == g]) for g in GROUPS}
    curve = {s: mean([Cell(n, s) for n in BENCHMARK]) for s in SEVERITIES}
    mean_error = error(ALL_CELLS)
    seen_here = tuple(name for name in CORRUPTIONS if name in seen)
    unseen = [cell for cell in ALL_CELLS if cell.corruption not in seen]
    return Robustness(
        images=len(found.labels),
        clean=float(rows[CLEAN]),
        accuracy=accuracy,
        seen=seen_here,
        mean_error=mean_error,
        unseen_mean_error=error(unseen) if len(unseen) < len(ALL_CELLS) else None,
        relative_gap=None if mean_error is None else mean_error - (1 - float(rows[CLEAN])),
        groups={group: value for group, value in by_group.items() if value is not None},
        severity_curve={severity: value for severity, value in curve.items() if value is not None},
        severity_5=curve[5],
        extra_error=error([Cell(name, severity) for name in EXTRA for severity in SEVERITIES]),
        hard_cells=mean(HARD_CELLS),
        survival={s: _survival(found, s) for s, value in curve.items() if value is not None},
        mce=_mce(rows) if alexnet and mean_error is not None else None,
        difficulty=_difficulty(found, references) if references else None,
        human=() if human is None else _human(found, human),
    )


def _mce(rows: dict[Cell, Any]) -> float:
    relative = [
        sum(1 - rows[Cell(name, s)] for s in SEVERITIES) / sum(ALEXNET_ERROR[name]) for name in BENCHMARK
    ]  # fmt: skip
    return float(np.mean(relative))


def _survival(found: Predictions, severity: int) -> Survival:
    correct = found.correct(tuple(Cell(name, severity) for name in BENCHMARK))  # corruption image
    part = correct.mean(axis=0)  # image
    return Survival(float(correct.all(axis=0).mean()), float(part.mean()), float(np.percentile(part, UNLUCKY)))


def _difficulty(found: Predictions, references: Sequence[tuple[str, Predictions]]) -> Difficulty | None:
    if not set(ALL_CELLS) <= set(found.cells):
        return None
    total = np.zeros((len(ALL_CELLS), len(found.labels)))
    for name, other in references:
        for key in ("data", "set"):
            if other.about[key] != found.about[key]:
                raise RunError(f"the reference run {name} was tested on other images; evaluate it on the same set")
        if other.about["weights"] == found.about["weights"]:
            raise RunError(f"the run cannot be its own reference ({name}): its own mistakes would say what is hard")
        if not (set(ALL_CELLS) <= set(other.cells) and set(found.indices) <= set(other.indices)):
            raise RunError(f"the reference run {name} was not tested on all 15 corruptions x 5 severities")
        same = np.searchsorted(other.indices, found.indices)
        total += other.true_probability[other.rows(ALL_CELLS)][:, same]
    easiness = (total / len(references)).ravel()
    order = np.argsort(-easiness, kind="stable")  # easiest first; ties by cell and image
    correct = found.correct(ALL_CELLS).ravel()[order]
    fifths = np.array_split(correct, 5)
    hardest = correct[len(correct) - round(HARDEST * len(correct)) :]
    names = tuple(name for name, _ in references)
    return Difficulty(names, tuple(float(fifth.mean()) for fifth in fifths), float(hardest.mean()))


def _human(found: Predictions, human: NDArray[np.float64]) -> tuple[HumanBin, ...]:
    probability = human / human.sum(axis=1, keepdims=True)
    entropy = -(probability * np.log(np.where(probability > 0, probability, 1))).sum(axis=1)
    hard = np.zeros(len(entropy), bool)
    hard[np.argsort(-entropy, kind="stable")[: round(HARDEST * len(entropy))]] = True
    agreed = entropy == 0
    bins = {
        "all people agree": agreed & ~hard,
        "some disagree": ~agreed & ~hard,
        "most uncertain tenth": hard,
    }
    at_5 = tuple(Cell(name, 5) for name in BENCHMARK)
    result = []
    for name, inside in bins.items():
        here = inside[found.indices]
        if here.any():
            clean = float(found.correct((CLEAN,))[:, here].mean())
            corrupted = float(found.correct(at_5)[:, here].mean()) if set(at_5) <= set(found.cells) else None
            result.append(HumanBin(name, int(here.sum()), clean, corrupted))
    return tuple(result)


def read_human(path: Path, labels: NDArray[np.int64], classes: int) -> NDArray[np.float64]:
    """Read how often people chose each class: ``cifar10h-counts.npy`` or ``cifar10h-probs.npy`` of CIFAR-10H.

    Args:
        path: an .npy file (images, classes), in the order of the test set;
            https://github.com/jcpeterson/cifar-10h (CC BY-NC-SA 4.0) has them.
        labels: (images,), of the test set.
        classes: how many there are.

    Returns:
        (images, classes), not normalised.

    Raises:
        DataError: it cannot be read, has another shape, has negative or no votes, or belongs to other images.
    """
    shape, dtype = read_header(path)
    if shape != (len(labels), classes) or dtype.kind not in "iuf":
        raise DataError(f"{path}: it holds {dtype} {shape}; expected numbers ({len(labels)}, {classes})")
    votes = np.load(path, allow_pickle=False).astype(np.float64)
    bad = ~np.isfinite(votes).all(axis=1) | (votes < 0).any(axis=1) | ~(votes.sum(axis=1) > 0)
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise DataError(f"{path}: row {row} is {votes[row].tolist()}; expected votes from 0, and not all 0")
    agreeing = float((votes.argmax(axis=1) == labels).mean())
    if agreeing < 0.9:
        raise DataError(
            f"{path}: most people agree with the label on {100 * agreeing:.1f} % of the images only; expected over "
            "90 % (99.2 % in CIFAR-10H): its rows are of other images, or in another order"
        )
    return np.asarray(votes)
