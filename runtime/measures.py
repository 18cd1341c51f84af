"""Measures of robustness as functions of arrays: which answers are right, in which cells, on which images.

A cell is one corruption at one severity. Accuracies are fractions of 1. A measure over several cells is None if one
of them is missing.

References:
    D. Hendrycks, T. Dietterich (2019), https://arxiv.org/abs/1903.12261: corruptions, severities, mCE
    J. C. Peterson et al. (2019), Human uncertainty makes classification more robust, https://arxiv.org/abs/1908.07086
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from .corruptions.catalogue import BENCHMARK, CORRUPTIONS, EXTRA, GROUPS, SEVERITIES, Cell
from .corruptions.published import ALEXNET_ERROR

ALL_CELLS = tuple(Cell(name, severity) for name in BENCHMARK for severity in SEVERITIES)
"""The 75 cells of the benchmark."""
AT_5 = tuple(Cell(name, 5) for name in BENCHMARK)
"""Its 15 cells of the highest severity."""
WITHOUT_FROST = tuple(cell for cell in ALL_CELLS if cell.corruption != "frost")
"""The 70 cells of the 14 corruptions that a regenerated set has as the official one has them; its frost is drawn."""
AT_5_WITHOUT_FROST = tuple(cell for cell in WITHOUT_FROST if cell.severity == 5)
"""The 14 of them of the highest severity."""
EXTRA_CELLS = tuple(Cell(name, severity) for name in EXTRA for severity in SEVERITIES)
"""The 20 cells of the 4 extra corruptions, which count nowhere else."""
LEVELS = 10
"""Number of levels of difficulty; each has the same number of answers."""
HARDEST = 0.1
"""Fraction of the images that people disagree about most."""

Accuracies = Mapping[Cell, float]
"""Cell -> accuracy."""


def mean(accuracy: Accuracies, cells: Iterable[Cell]) -> float | None:
    """Return the mean accuracy over cells; None if there are none, or one is missing."""
    wanted = list(cells)
    return float(np.mean([accuracy[c] for c in wanted])) if wanted and accuracy.keys() >= set(wanted) else None


def error(accuracy: Accuracies, cells: Iterable[Cell]) -> float | None:
    """Return the mean error over cells; None if there are none, or one is missing."""
    return None if (right := mean(accuracy, cells)) is None else 1 - right


def by_corruption(accuracy: Accuracies) -> dict[str, dict[int, float]]:
    """Return corruption -> severity -> accuracy, in the order of the catalogue, of those that are there."""
    found = {n: {s: accuracy[Cell(n, s)] for s in SEVERITIES if Cell(n, s) in accuracy} for n in CORRUPTIONS}
    return {name: by_severity for name, by_severity in found.items() if by_severity}


def by_group(accuracy: Accuracies) -> dict[str, float]:
    """Return noise, blur, weather, digital -> mean accuracy over their cells in the benchmark, if all are there."""
    found = {g: mean(accuracy, [c for c in ALL_CELLS if CORRUPTIONS[c.corruption].group == g]) for g in GROUPS}
    return {group: value for group, value in found.items() if value is not None}


def severity_curve(accuracy: Accuracies, cells: Iterable[Cell] = ALL_CELLS) -> dict[int, float]:
    """Return severity -> mean accuracy over the cells of that severity, if all are there."""
    wanted = list(cells)
    found = {s: mean(accuracy, [cell for cell in wanted if cell.severity == s]) for s in SEVERITIES}
    return {severity: value for severity, value in found.items() if value is not None}


def mce(accuracy: Accuracies) -> float:
    """Return the mean over the 15 corruptions of the error relative to that of AlexNet; 1 is AlexNet's.

    Raises:
        KeyError: a cell of the benchmark is missing.
    """
    relative = [sum(1 - accuracy[Cell(n, s)] for s in SEVERITIES) / sum(ALEXNET_ERROR[n]) for n in BENCHMARK]
    return float(np.mean(relative))


def worst_case(right: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return (..., image), whether an image is classified correctly in every cell, from (..., cell, image)."""
    return np.asarray(right.all(axis=-2))


def levels(true_probability: Sequence[NDArray[np.float32]]) -> NDArray[np.uint8]:
    """Return how hard each answer is for other models: 0 for the easiest tenth of all answers, to 9 for the hardest.

    Args:
        true_probability: of each model, the probability (cell, image) that it gives to the label.

    Returns:
        (cell, image); ties go by cell and image.
    """
    easiness = np.mean(true_probability, axis=0)
    order = np.argsort(-easiness.ravel(), kind="stable")
    level = np.empty(easiness.size, np.uint8)
    level[order] = np.arange(easiness.size, dtype=np.int64) * LEVELS // easiness.size
    return level.reshape(easiness.shape)


def fifths(right: NDArray[np.bool_], level: NDArray[np.uint8]) -> tuple[float, ...]:
    """Return the accuracy of answers (..., cell, image) from the easiest fifth to the hardest, by their `levels`."""
    fifth = level // (LEVELS // 5)
    return tuple(float(right[..., fifth == i].mean()) for i in range(5))


def disagreement(votes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (image,), the entropy [nats] of how often people chose each class, (image, class)."""
    probability = votes / votes.sum(axis=1, keepdims=True)
    return np.asarray(-(probability * np.log(np.where(probability > 0, probability, 1))).sum(axis=1))


def uncertain(votes: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return (image,), which images are the tenth that people disagree about most, by their votes (image, class)."""
    entropy = disagreement(votes)
    hard = np.zeros(len(entropy), bool)
    hard[np.argsort(-entropy, kind="stable")[: round(HARDEST * len(entropy))]] = True
    return hard
