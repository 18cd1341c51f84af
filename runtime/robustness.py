"""All measures of robustness of one run, from its predictions. Nothing here runs a model.

Accuracies and errors are fractions of 1. A measure over the benchmark is None if one of its cells was not evaluated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from . import measures
from .corruptions.catalogue import BENCHMARK, CORRUPTIONS, Cell
from .corruptions.published import HARD_CELLS
from .corruptions.sets import read_header
from .data.dataset import DataError
from .manifest import RunError
from .measures import ALL_CELLS, AT_5, EXTRA_CELLS, LEVELS, WITHOUT_FROST
from .predictions import CLEAN, Predictions

UNLUCKY = 10
"""Percentile of the images for the fraction of corruptions survived."""


@dataclass(frozen=True)
class Survival:
    """Accuracy by image, over all 15 corruptions at one severity."""

    worst_case: float
    """Fraction of the images that are right under every corruption."""
    survived: float
    """Mean over images of the fraction of the corruptions under which they are right."""
    unlucky: float
    """The same fraction for the image at percentile `UNLUCKY`."""


@dataclass(frozen=True)
class Difficulty:
    """Accuracy on easy and on hard answers (75 cells x images), where the reference runs define the difficulty."""

    references: tuple[str, ...]
    """The runs; the difficulty of an answer is 1 minus the mean probability that they give to the label."""
    quintiles: tuple[float, ...]
    """Accuracy, from the easiest fifth of all answers to the hardest."""
    hardest_tenth: float


@dataclass(frozen=True)
class HumanBin:
    """Accuracy on images that have about the same agreement between people."""

    name: str
    images: int
    clean: float
    severity_5: float | None
    """Mean over the 15 corruptions at severity 5."""


@dataclass(frozen=True)
class Robustness:
    """The accuracy of a model on corrupted images, by several measures."""

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
    mean_error_without_frost: float | None
    """The same over 14 x 5: the frost of a regenerated set is drawn, and not that of the official one."""
    unseen_mean_error: float | None
    """The same over those of the 15 that it did not see in training; None if it saw none, or all."""
    relative_gap: float | None
    """Mean error minus clean error."""
    groups: dict[str, float]
    """Noise, blur, weather, digital -> mean accuracy over their cells in the benchmark."""
    severity_curve: dict[int, float]
    """Severity -> mean accuracy over the 15."""
    severity_5: float | None
    """The last point of the curve."""
    severity_curve_without_frost: dict[int, float]
    """Severity -> mean accuracy over the 14."""
    extra_error: float | None
    """Mean error over the 4 extra corruptions x 5 severities, which no other measure includes."""
    hard_cells: float | None
    """Mean accuracy over the 15 cells that are hardest for a public model; see `HARD_CELLS`."""
    survival: dict[int, Survival]
    """Severity -> accuracy by image."""
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
        alexnet: whether to compute mCE.
        references: names and predictions of other runs, which define the difficulty of answers.
        human: (test set, classes), how often people chose each class; see `read_human`.

    Raises:
        RunError: a reference run was tested on other images.
    """
    right = found.correct(found.cells)  # cell image
    accuracy = dict(zip(found.cells, map(float, right.mean(axis=1)), strict=True))
    mean_error = measures.error(accuracy, ALL_CELLS)
    curve = measures.severity_curve(accuracy)
    unseen = [cell for cell in ALL_CELLS if cell.corruption not in seen]
    return Robustness(
        images=len(found.labels),
        clean=accuracy[CLEAN],
        accuracy=measures.by_corruption(accuracy),
        seen=tuple(name for name in CORRUPTIONS if name in seen),
        mean_error=mean_error,
        mean_error_without_frost=measures.error(accuracy, WITHOUT_FROST),
        unseen_mean_error=measures.error(accuracy, unseen) if len(unseen) < len(ALL_CELLS) else None,
        relative_gap=None if mean_error is None else mean_error - (1 - accuracy[CLEAN]),
        groups=measures.by_group(accuracy),
        severity_curve=curve,
        severity_5=curve.get(5),
        severity_curve_without_frost=measures.severity_curve(accuracy, WITHOUT_FROST),
        extra_error=measures.error(accuracy, EXTRA_CELLS),
        hard_cells=measures.mean(accuracy, HARD_CELLS),
        survival={severity: _survival(found, severity) for severity in curve},
        mce=measures.mce(accuracy) if alexnet and mean_error is not None else None,
        difficulty=_difficulty(found, references) if references else None,
        human=() if human is None else _human(found, human),
    )


def _survival(found: Predictions, severity: int) -> Survival:
    correct = found.correct(tuple(Cell(name, severity) for name in BENCHMARK))  # corruption image
    fraction = correct.mean(axis=0)  # image
    worst = float(measures.worst_case(correct).mean())
    return Survival(worst, float(fraction.mean()), float(np.percentile(fraction, UNLUCKY)))


def _difficulty(found: Predictions, references: Sequence[tuple[str, Predictions]]) -> Difficulty | None:
    if not set(ALL_CELLS) <= set(found.cells):
        return None
    probabilities = []
    for name, other in references:
        for key in ("data", "set"):
            if other.about[key] != found.about[key]:
                raise RunError(f"the reference run {name} was tested on other images; evaluate it on the same set")
        if other.about["weights"] == found.about["weights"]:
            raise RunError(f"the run cannot be its own reference ({name}): its own mistakes would say what is hard")
        if not (set(ALL_CELLS) <= set(other.cells) and set(found.indices) <= set(other.indices)):
            raise RunError(f"the reference run {name} was not tested on all 15 corruptions x 5 severities")
        same = np.searchsorted(other.indices, found.indices)
        probabilities.append(other.true_probability[other.rows(ALL_CELLS)][:, same])
    level = measures.levels(probabilities)
    right = found.correct(ALL_CELLS)
    hardest = float(right[level == LEVELS - 1].mean())
    return Difficulty(tuple(name for name, _ in references), measures.fifths(right, level), hardest)


def _human(found: Predictions, votes: NDArray[np.float64]) -> tuple[HumanBin, ...]:
    hard, agreed = measures.uncertain(votes), measures.disagreement(votes) == 0
    bins = {
        "all people agree": agreed & ~hard,
        "some disagree": ~agreed & ~hard,
        "most uncertain tenth": hard,
    }
    result = []
    for name, inside in bins.items():
        here = inside[found.indices]
        if here.any():
            clean = float(found.correct((CLEAN,))[:, here].mean())
            corrupted = float(found.correct(AT_5)[:, here].mean()) if set(AT_5) <= set(found.cells) else None
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
